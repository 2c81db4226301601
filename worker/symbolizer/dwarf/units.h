/* SPDX-License-Identifier: MIT
 * What line tables before DWARF 5 leave to .debug_info: the directory that each unit was
 * compiled in; in the symbolizer.
 */
#ifndef FUZZSUP_UNITS_H
#define FUZZSUP_UNITS_H

#include <stdint.h>

#include "byte_reader.h"
#include "string_section.h"

struct units;

struct units_sections {
	struct byte_reader info;        /* .debug_info */
	struct byte_reader abbrev;      /* .debug_abbrev */
	struct byte_reader str;         /* .debug_str */
	struct string_section *far_str; /* the same where it is not loaded; else NULL */
	struct byte_reader alternate_str; /* that of the alternate file; empty: none */
};

/* Reads the first DIE of each unit. A unit that is malformed or has no directory is left
 * out; where the chain of units breaks the rest is. Texts point into the sections, or live as
 * long as the units.
 * Returns 0 or -ENOMEM. */
int units_read(const struct units_sections *sections, struct units **ret_units);
void units_free(struct units *units);

/* Directory of the first unit whose line table begins at @offset in .debug_line; absent
 * if there is none. */
struct byte_text units_directory(const struct units *units, uint64_t offset);

/* How many units name a directory that lies in an alternate file (.gnu_debugaltlink),
 * which was not there. */
uint32_t units_elsewhere(const struct units *units);

#endif
