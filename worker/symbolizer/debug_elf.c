/* SPDX-License-Identifier: MIT
 * Debug sections for libdw; in the symbolizer. Not the file itself: libelf would trust its
 * headers, knows no zstd, and inflates without a limit.
 */
#include "config.h"

#include "debug_elf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

/* Strings end in a NUL whatever the file says, by one byte more. */
static const struct {
	const char *name;
	size_t more;
} wanted[] = {
	{ ".debug_info", 0 },
	{ ".debug_abbrev", 0 },
	{ ".debug_str", 1 },
	{ ".debug_line_str", 1 },
	{ ".debug_str_offsets", 0 },
	{ ".debug_addr", 0 },
	{ ".debug_ranges", 0 },
	{ ".debug_line", 0 }, /* else libdw gives out no offset in it */
	{ ".debug_rnglists", 0 },
};

#define WANTED_LEN (sizeof(wanted) / sizeof(wanted[0]))
#define HEADERS_LEN (WANTED_LEN + 2) /* none, wanted, names */
#define NAMES_SIZE 256

struct debug_elf {
	Elf *elf;
	Dwarf *dwarf;
	unsigned char *bytes;
};

struct draft {
	struct elf_section sections[WANTED_LEN]; /* data NULL: there is none */
	Elf64_Shdr headers[HEADERS_LEN];
	char names[NAMES_SIZE];
	size_t names_len;
	size_t size;
};

static int
load(struct elf_image *image, struct draft *draft, struct failure *failure)
{
	int r;

	for (size_t i = 0; i < WANTED_LEN; i++) {
		r = elf_image_section(
		    image, wanted[i].name, &draft->sections[i], failure);
		if (r == -ENOENT)
			draft->sections[i] = (struct elf_section){ 0 };
		else if (r < 0)
			return r;
	}
	if (draft->sections[0].size == 0)
		return failure_say(failure, ENOENT,
		    "no .debug_info, so names come from its symbols and there are no "
		    "lines: build with -g (or -gline-tables-only) and do not strip, or "
		    "put "
		    "its separate debug file beside it or below a folder that -d "
		    "names");
	return 0;
}

static size_t
round_up(size_t size)
{
	return (size + 15) & ~(size_t)15;
}

/* Places for all: the header, the sections, their names, their headers. */
static void
plan(struct draft *draft)
{
	Elf64_Shdr *header;
	size_t len;

	draft->size = round_up(sizeof(Elf64_Ehdr));
	draft->names_len = 1;
	for (size_t i = 0; i < WANTED_LEN; i++) {
		header = &draft->headers[i + 1];
		len = strlen(wanted[i].name) + 1;
		memcpy(draft->names + draft->names_len, wanted[i].name, len);
		header->sh_name = (Elf64_Word)draft->names_len;
		draft->names_len += len;
		header->sh_type = SHT_PROGBITS;
		header->sh_addralign = 1;
		header->sh_offset = draft->size;
		header->sh_size = draft->sections[i].size;
		if (header->sh_size > 0)
			header->sh_size += wanted[i].more;
		draft->size += round_up(header->sh_size);
	}
	header = &draft->headers[HEADERS_LEN - 1];
	header->sh_type = SHT_STRTAB;
	header->sh_addralign = 1;
	header->sh_offset = draft->size;
	header->sh_size = NAMES_SIZE;
	draft->size += NAMES_SIZE + sizeof(draft->headers);
}

static void
write_bytes(const struct draft *draft, unsigned machine, unsigned char *bytes)
{
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
		    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB
							      : ELFDATA2MSB,
		    EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = (Elf64_Half)machine,
		.e_version = EV_CURRENT,
		.e_shoff = draft->size - sizeof(draft->headers),
		.e_ehsize = sizeof(header),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = HEADERS_LEN,
		.e_shstrndx = HEADERS_LEN - 1,
	};

	memcpy(bytes, &header, sizeof(header));
	for (size_t i = 0; i < WANTED_LEN; i++)
		if (draft->sections[i].size > 0)
			memcpy(bytes + draft->headers[i + 1].sh_offset,
			    draft->sections[i].data, draft->sections[i].size);
	memcpy(bytes + draft->headers[HEADERS_LEN - 1].sh_offset, draft->names,
	    draft->names_len);
	memcpy(bytes + header.e_shoff, draft->headers, sizeof(draft->headers));
}

static int
open_dwarf(struct debug_elf *elf, size_t size, struct failure *failure)
{
	elf->elf = elf_memory((char *)elf->bytes, size);
	if (elf->elf != NULL)
		elf->dwarf = dwarf_begin_elf(elf->elf, DWARF_C_READ, NULL);
	if (elf->dwarf == NULL)
		return failure_say(failure, ENOEXEC,
		    "its debug information cannot be read (%s): build it again",
		    elf->elf == NULL ? elf_errmsg(-1) : dwarf_errmsg(-1));
	return 0;
}

int
debug_elf_open(
    struct elf_image *image, struct debug_elf **ret_elf, struct failure *failure)
{
	struct draft draft = { 0 };
	struct debug_elf *elf;
	int r = load(image, &draft, failure);

	if (r < 0)
		return r;
	plan(&draft);
	elf = calloc(1, sizeof(*elf));
	if (elf != NULL)
		elf->bytes = calloc(1, draft.size);
	if (elf == NULL || elf->bytes == NULL) {
		debug_elf_free(elf);
		return failure_say(failure, ENOMEM,
		    "out of memory for %zu bytes of debug information", draft.size);
	}
	write_bytes(&draft, elf_image_machine(image), elf->bytes);
	r = open_dwarf(elf, draft.size, failure);
	if (r < 0) {
		debug_elf_free(elf);
		return r;
	}
	*ret_elf = elf;
	return 0;
}

void
debug_elf_free(struct debug_elf *elf)
{
	if (elf == NULL)
		return;
	dwarf_end(elf->dwarf);
	elf_end(elf->elf);
	free(elf->bytes);
	free(elf);
}

Dwarf *
debug_elf_dwarf(const struct debug_elf *elf)
{
	return elf->dwarf;
}
