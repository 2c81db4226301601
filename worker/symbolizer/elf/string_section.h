/* SPDX-License-Identifier: MIT
 * Strings by their offset in a section, which is not loaded where it is large; in the
 * symbolizer.
 */
#ifndef FUZZSUP_STRING_SECTION_H
#define FUZZSUP_STRING_SECTION_H

#include "elf_image.h"

/* Zeroed is empty. */
struct string_section {
	struct elf_image *image;
	struct elf_section section; /* data NULL: it goes by in a window */
	char *window;
	uint64_t from; /* offset of the window */
	size_t len;
};

/* True for a section of @size bytes, as stored, that is not loaded. */
bool string_section_is_large(uint64_t size);

/* Opens the section @name of @image, which must live as long; without one there are no
 * strings. Returns 0, or a negative errno with @failure said. */
int string_section_open(struct string_section *strings, struct elf_image *image,
    const char *name, struct failure *failure);
void string_section_free(struct string_section *strings);

/* All of it; empty where it is not loaded. */
struct byte_reader string_section_bytes(const struct string_section *strings);

/* The string at @offset, up to a NUL, until the next call; NULL if there is none, or it is
 * longer than any name. */
const char *string_section_at(struct string_section *strings, uint64_t offset);

#endif
