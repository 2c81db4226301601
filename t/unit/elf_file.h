/* SPDX-License-Identifier: MIT
 * Makes small ELF files in memory, for tests.
 */
#ifndef ELF_FILE_H
#define ELF_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct elf_part {
	const char *name;
	uint32_t type;
	uint64_t flags;
	uint64_t address;
	const void *data;
	uint64_t size;
	uint32_t link; /* index of another section; the first part is 1 */
};

static inline void
elf_file_need(bool condition)
{
	if (!condition)
		abort();
}

/* A memfd with the parts as sections, and their names as the last one. */
static inline int
elf_file_of(uint16_t machine, uint16_t type, const struct elf_part *parts, size_t len)
{
	Elf64_Ehdr header = { .e_type = type,
		.e_machine = machine,
		.e_version = 1,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = (uint16_t)(len + 2),
		.e_shstrndx = (uint16_t)(len + 1) };
	Elf64_Shdr sections[16] = { 0 };
	char names[512] = "";
	size_t names_len = 1;
	uint64_t at = sizeof(header);
	int fd = memfd_create("elf", MFD_CLOEXEC);

	elf_file_need(fd >= 0 && len + 2 <= 16);
	memcpy(header.e_ident, ELFMAG "\2\1\1", 7);
	for (size_t i = 0; i <= len; i++) {
		const struct elf_part strings = { .name = ".shstrtab",
			.type = SHT_STRTAB,
			.data = names,
			.size = sizeof(names) };
		const struct elf_part *part = i < len ? &parts[i] : &strings;
		size_t n = strlen(part->name) + 1;

		elf_file_need(names_len + n < sizeof(names));
		memcpy(names + names_len, part->name, n);
		sections[i + 1] = (Elf64_Shdr){ .sh_name = (uint32_t)names_len,
			.sh_type = part->type,
			.sh_flags = part->flags,
			.sh_addr = part->address,
			.sh_offset = at,
			.sh_size = part->size,
			.sh_link = part->link };
		names_len += n;
		if (part->type != SHT_NOBITS) {
			elf_file_need(pwrite(fd, part->data, part->size, (off_t)at) ==
			    (ssize_t)part->size);
			at += (part->size + 7) & ~UINT64_C(7);
		}
	}
	header.e_shoff = at;
	elf_file_need(
	    pwrite(fd, sections, (len + 2) * sizeof(*sections), (off_t)at) > 0);
	elf_file_need(pwrite(fd, &header, sizeof(header), 0) == sizeof(header));
	return fd;
}

static inline int
elf_file(uint16_t type, const struct elf_part *parts, size_t len)
{
	return elf_file_of(EM_X86_64, type, parts, len);
}

#endif
