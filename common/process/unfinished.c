/* SPDX-License-Identifier: MIT
 * Whether a file may be one that a linker or a copy still writes.
 */
#include "config.h"

#include "unfinished.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banned.h"

static off_t
elf_end(uint64_t offset, uint64_t size)
{
	return offset > INT64_MAX / 2 || size > INT64_MAX / 2 ? INT64_MAX
							      : (off_t)(offset + size);
}

/* What both classes of ELF file say in their heads, where they say it in other places. */
struct elf_head {
	uint64_t sections, sections_len, section_size;
	uint64_t segments, segments_len, segment_size;
};

/* Of one segment, whose header is @size bytes long; INT64_MAX if there is none. */
static off_t
segment_end(int fd, off_t at, size_t size)
{
	union {
		Elf32_Phdr small;
		Elf64_Phdr large;
	} segment;

	if (pread(fd, &segment, size, at) != (ssize_t)size)
		return INT64_MAX;
	if (size == sizeof(segment.large))
		return segment.large.p_type != PT_LOAD
		    ? 0
		    : elf_end(segment.large.p_offset, segment.large.p_filesz);
	return segment.small.p_type != PT_LOAD
	    ? 0
	    : elf_end(segment.small.p_offset, segment.small.p_filesz);
}

/* Section headers stand behind all else, and segments are what is mapped. */
static off_t
elf_size(int fd, const struct elf_head *head, size_t segment_size)
{
	off_t size = elf_end(head->sections, head->sections_len * head->section_size);

	if (head->segments_len > 0 && head->segment_size != segment_size)
		return INT64_MAX;
	for (uint64_t i = 0; i < head->segments_len; i++)
		size = MAX(size,
		    segment_end(
			fd, elf_end(head->segments, i * segment_size), segment_size));
	return size;
}

#define ELF_HEAD(of) \
	{ .sections = (of).e_shoff, \
		.sections_len = (of).e_shnum, \
		.section_size = (of).e_shentsize, \
		.segments = (of).e_phoff, \
		.segments_len = (of).e_phnum, \
		.segment_size = (of).e_phentsize }

/* By its own headers; 0 for what is no ELF file of this machine's byte order, or too damaged
 * to say. */
static off_t
whole_elf_size(int fd)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr small;
		Elf64_Ehdr large;
	} head = { 0 };
	const unsigned char order =
	    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;

	if (pread(fd, &head, sizeof(head), 0) < (ssize_t)sizeof(head.small) ||
	    memcmp(head.ident, ELFMAG, SELFMAG) != 0 || head.ident[EI_DATA] != order)
		return 0;
	if (head.ident[EI_CLASS] == ELFCLASS64)
		return elf_size(
		    fd, &(struct elf_head)ELF_HEAD(head.large), sizeof(Elf64_Phdr));
	return elf_size(fd, &(struct elf_head)ELF_HEAD(head.small), sizeof(Elf32_Phdr));
}

/* A lease for reading is refused with EAGAIN while somebody can write, and with another error
 * where there are no leases. */
static bool
has_writer(int fd)
{
	bool has;

	/* Who opens it for writing meanwhile has the kernel signal us. */
	if (fcntl(fd, F_SETSIG, SIGURG) != 0)
		return false;
	has = fcntl(fd, F_SETLEASE, F_RDLCK) != 0 && errno == EAGAIN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return has;
}

int
unfinished_file(const char *path, const char **ret_why)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), r = 0;
	struct stat st;

	if (fd < 0)
		return 0; /* a program need not be readable */
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		r = 0;
	} else if (has_writer(fd)) {
		r = -ETXTBSY;
		*ret_why = "its writer still has it open";
	} else if (st.st_size < whole_elf_size(fd)) {
		r = -ENOEXEC;
		*ret_why = "it is shorter than its ELF headers say";
	}
	close(fd);
	return r;
}
