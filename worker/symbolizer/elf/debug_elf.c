/* SPDX-License-Identifier: MIT
 * Debug sections for libdw; in the symbolizer. Not the file itself: libelf would trust its
 * headers, knows no zstd, and inflates without a limit.
 */
#include "config.h"

#include "debug_elf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "string_section.h"
#include "banned.h"

/* Strings end in a NUL whatever the file says, by one byte more. */
struct wanted {
	const char *name;
	size_t more;
};

static const struct wanted wanted_whole[] = {
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

/* Of a file for split units; strings are found by our own hands. */
static const struct wanted wanted_split[] = {
	{ ".debug_info.dwo", 0 },
	{ ".debug_abbrev.dwo", 0 },
	{ ".debug_rnglists.dwo", 0 },
};

#define LEN(list) (sizeof(list) / sizeof((list)[0]))
#define WANTED_MAX LEN(wanted_whole)
#define NAMES_SIZE 256

struct debug_elf {
	Elf *elf;
	Dwarf *dwarf;
	unsigned char *bytes;
	size_t size;
	const struct wanted *wanted;
	size_t len;
	struct byte_reader sections[WANTED_MAX]; /* in bytes */
};

struct draft {
	struct debug_elf *elf;
	struct elf_section sections[WANTED_MAX]; /* size 0: there is none */
	Elf64_Shdr headers[WANTED_MAX + 2];      /* none, wanted, names */
	char names[NAMES_SIZE];
	size_t names_len;
};

/* Sections that are compressed are inflated; of others only where they are is known. */
static int
find_section(struct elf_image *image, const char *name, struct elf_section *ret_section,
    struct failure *failure)
{
	uint64_t size;
	int r;

	*ret_section = (struct elf_section){ 0 };
	if (strcmp(name, ".debug_str") == 0 && elf_image_has(image, name, &size) &&
	    string_section_is_large(size))
		return 0;
	r = elf_image_find(image, name, ret_section, failure);
	if (r == 0 && (ret_section->header.sh_flags & SHF_COMPRESSED) != 0)
		r = elf_image_section(image, name, ret_section, failure);
	return r == -ENOENT ? 0 : r;
}

static int
find_sections(struct draft *draft, struct elf_image *image, struct failure *failure)
{
	int r = 0;

	for (size_t i = 0; i < draft->elf->len && r == 0; i++)
		r = find_section(
		    image, draft->elf->wanted[i].name, &draft->sections[i], failure);
	return r;
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
	struct debug_elf *elf = draft->elf;
	Elf64_Shdr *header;
	size_t len;

	elf->size = round_up(sizeof(Elf64_Ehdr));
	draft->names_len = 1;
	for (size_t i = 0; i < elf->len; i++) {
		header = &draft->headers[i + 1];
		len = strlen(elf->wanted[i].name) + 1;
		memcpy(draft->names + draft->names_len, elf->wanted[i].name, len);
		header->sh_name = (Elf64_Word)draft->names_len;
		draft->names_len += len;
		header->sh_type = SHT_PROGBITS;
		header->sh_addralign = 1;
		header->sh_offset = elf->size;
		header->sh_size = draft->sections[i].size;
		if (header->sh_size > 0)
			header->sh_size += elf->wanted[i].more;
		elf->size += round_up(header->sh_size);
	}
	header = &draft->headers[elf->len + 1];
	header->sh_type = SHT_STRTAB;
	header->sh_addralign = 1;
	header->sh_offset = elf->size;
	header->sh_size = NAMES_SIZE;
	elf->size += NAMES_SIZE + sizeof(draft->headers);
}

/* Reads the sections to their places. */
static int
fill(struct draft *draft, struct elf_image *image, struct failure *failure)
{
	struct debug_elf *elf = draft->elf;
	const struct elf_section *section;
	unsigned char *to;
	int r = 0;

	elf->bytes = calloc(1, elf->size);
	if (elf->bytes == NULL)
		return failure_say(failure, ENOMEM,
		    "out of memory for %zu MB of debug information: build with "
		    "-gline-tables-only",
		    elf->size >> 20);
	for (size_t i = 0; i < elf->len && r == 0; i++) {
		section = &draft->sections[i];
		to = elf->bytes + draft->headers[i + 1].sh_offset;
		elf->sections[i] = byte_reader_over(to, section->size);
		if (section->data != NULL)
			memcpy(to, section->data, section->size);
		else if (section->size > 0)
			r = elf_image_read(
			    image, section, 0, to, section->size, failure);
	}
	return r;
}

static void
write_headers(const struct draft *draft, unsigned machine)
{
	const struct debug_elf *elf = draft->elf;
	const Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
		    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB
							      : ELFDATA2MSB,
		    EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = (Elf64_Half)machine,
		.e_version = EV_CURRENT,
		.e_shoff = elf->size - sizeof(draft->headers),
		.e_ehsize = sizeof(header),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = (Elf64_Half)(elf->len + 2),
		.e_shstrndx = (Elf64_Half)(elf->len + 1),
	};

	memcpy(elf->bytes, &header, sizeof(header));
	memcpy(elf->bytes + draft->headers[elf->len + 1].sh_offset, draft->names,
	    draft->names_len);
	memcpy(elf->bytes + header.e_shoff, draft->headers, sizeof(draft->headers));
}

static int
open_dwarf(struct debug_elf *elf, struct failure *failure)
{
	elf->elf = elf_memory((char *)elf->bytes, elf->size);
	if (elf->elf != NULL)
		elf->dwarf = dwarf_begin_elf(elf->elf, DWARF_C_READ, NULL);
	if (elf->dwarf == NULL)
		return failure_say(failure, ENOEXEC,
		    "its debug information cannot be read (%s): build it again",
		    elf->elf == NULL ? elf_errmsg(-1) : dwarf_errmsg(-1));
	return 0;
}

/* What a file of one kind wants, and what is done to it. */
struct kind {
	const struct wanted *wanted;
	size_t len;
	const char *none; /* said where the first one is not there */
	void (*prepare)(void *context, unsigned char *info, size_t len);
	void *context;
};

static int
make(struct draft *draft, struct elf_image *image, const struct kind *kind,
    struct failure *failure)
{
	int r = find_sections(draft, image, failure);

	if (r == 0 && draft->sections[0].size == 0)
		r = failure_say(failure, ENOENT, "%s", kind->none);
	if (r < 0)
		return r;
	plan(draft);
	r = fill(draft, image, failure);
	if (r < 0)
		return r;
	if (kind->prepare != NULL)
		kind->prepare(kind->context,
		    draft->elf->bytes + draft->headers[1].sh_offset,
		    draft->sections[0].size);
	write_headers(draft, elf_image_machine(image));
	return open_dwarf(draft->elf, failure);
}

static int
open_kind(struct elf_image *image, const struct kind *kind, struct debug_elf **ret_elf,
    struct failure *failure)
{
	struct debug_elf *elf = calloc(1, sizeof(*elf));
	struct draft draft = { .elf = elf };
	int r;

	if (elf == NULL)
		return failure_say(failure, ENOMEM, "out of memory");
	elf->wanted = kind->wanted;
	elf->len = kind->len;
	r = make(&draft, image, kind, failure);
	if (r < 0)
		debug_elf_free(elf);
	else
		*ret_elf = elf;
	return r;
}

int
debug_elf_open(
    struct elf_image *image, struct debug_elf **ret_elf, struct failure *failure)
{
	const struct kind kind = {
		.wanted = wanted_whole,
		.len = LEN(wanted_whole),
		.none = elf_image_is_zdebug(image)
		    ? ELF_IMAGE_ZDEBUG "; until then names come from its symbols and "
				       "there are no lines"
		    : "no .debug_info, so names come from its symbols and there are no "
		      "lines: build with -g (or -gline-tables-only) and do not strip, "
		      "or "
		      "put its separate debug file beside it or below a folder that -d "
		      "names",
	};

	return open_kind(image, &kind, ret_elf, failure);
}

int
debug_elf_open_split(struct elf_image *image,
    void (*prepare)(void *context, unsigned char *info, size_t len), void *context,
    struct debug_elf **ret_elf, struct failure *failure)
{
	const struct kind kind = {
		.wanted = wanted_split,
		.len = LEN(wanted_split),
		.none = "no .debug_info.dwo is in it",
		.prepare = prepare,
		.context = context,
	};

	return open_kind(image, &kind, ret_elf, failure);
}

struct byte_reader
debug_elf_bytes(const struct debug_elf *elf, const char *name)
{
	for (size_t i = 0; i < elf->len; i++)
		if (strcmp(elf->wanted[i].name, name) == 0)
			return elf->sections[i];
	return (struct byte_reader){ 0 };
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
