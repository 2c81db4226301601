/* SPDX-License-Identifier: MIT
 * Strings that DIEs of one unit name; in the symbolizer.
 */
#ifndef FUZZSUP_DIE_STRINGS_H
#define FUZZSUP_DIE_STRINGS_H

#include <stdbool.h>
#include <elfutils/libdw.h>

#include "byte_reader.h"
#include "string_section.h"

/* Zeroed: libdw finds all of them. It does not where .debug_str is too large to be loaded, and
 * version 0.188 not in packages of split units. */
struct die_strings {
	struct string_section *str; /* NULL: libdw finds them */
	struct byte_reader offsets; /* the unit's part of .debug_str_offsets */
	/* All of it; empty where units do not name each other's DIEs. */
	struct byte_reader all_offsets;
	const Dwarf_Die *first;   /* of the unit */
	const unsigned char *end; /* of .debug_info, in which values stand */
	bool dwarf64;
};

/* The text of @attribute (NULL: none), until the next call; NULL if there is none. */
const char *die_strings_find(
    const struct die_strings *strings, Dwarf_Attribute *attribute);

/* That of the attribute @name, or else @other_name (0: none), of the unit's first DIE, for
 * free(). */
char *die_strings_of_unit(const struct die_strings *strings, Dwarf_Die *first,
    unsigned name, unsigned other_name);

#endif
