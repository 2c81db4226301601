/* SPDX-License-Identifier: MIT
 * Strings by their offset; in the symbolizer.
 */
#include "config.h"

#include "string_section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "banned.h"

/* Larger ones would take the memory that units need. */
#define LARGE (UINT64_C(1) << 29)
/* No name is longer. Most are found by the first, shorter look. */
#define NAME_MAX_LEN ((size_t)1 << 16)
#define FIRST_LOOK ((size_t)512)

bool
string_section_is_large(uint64_t size)
{
	return size >= LARGE;
}

int
string_section_open(struct string_section *strings, struct elf_image *image,
    const char *name, struct failure *failure)
{
	struct elf_section section;
	int r = elf_image_find_any(image, name, &section, failure);

	*strings = (struct string_section){ .image = image };
	if (r == 0 &&
	    ((section.header.sh_flags & SHF_COMPRESSED) != 0 ||
		!string_section_is_large(section.size)))
		r = elf_image_section(image, name, &section, failure);
	if (r == 0)
		strings->section = section;
	return r == -ENOENT ? 0 : r;
}

void
string_section_free(struct string_section *strings)
{
	free(strings->window);
	*strings = (struct string_section){ 0 };
}

struct byte_reader
string_section_bytes(const struct string_section *strings)
{
	if (strings->section.data == NULL)
		return (struct byte_reader){ 0 };
	return byte_reader_over(strings->section.data, strings->section.size);
}

/* Text of at most @len bytes with its NUL; NULL if that is not among them. */
static const char *
text_in(const void *bytes, size_t len)
{
	return memchr(bytes, '\0', MIN(len, NAME_MAX_LEN)) != NULL ? bytes : NULL;
}

/* Has the window begin at @offset. */
static bool
move(struct string_section *strings, uint64_t offset, size_t len)
{
	struct failure ignored;

	if (strings->window == NULL)
		strings->window = malloc(NAME_MAX_LEN);
	strings->from = offset;
	strings->len = 0;
	if (strings->window == NULL ||
	    elf_image_read(strings->image, &strings->section, offset, strings->window,
		len, &ignored) < 0)
		return false;
	strings->len = len;
	return true;
}

static const char *
in_window(struct string_section *strings, uint64_t offset)
{
	const uint64_t left = strings->section.size - offset;
	const char *text = NULL;

	if (offset >= strings->from && offset - strings->from < strings->len)
		text = text_in(strings->window + (offset - strings->from),
		    strings->len - (offset - strings->from));
	for (size_t len = FIRST_LOOK; text == NULL && len <= NAME_MAX_LEN;
	    len *= NAME_MAX_LEN / FIRST_LOOK) {
		if (!move(strings, offset, MIN(len, left)))
			return NULL;
		text = text_in(strings->window, strings->len);
	}
	return text;
}

const char *
string_section_at(struct string_section *strings, uint64_t offset)
{
	const struct elf_section *section = &strings->section;

	if (offset >= section->size)
		return NULL;
	if (section->data != NULL)
		return text_in(section->data + offset, section->size - offset);
	return in_window(strings, offset);
}
