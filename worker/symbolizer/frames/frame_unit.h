/* SPDX-License-Identifier: MIT
 * What is kept of one compilation unit for stack traces; in the symbolizer.
 */
#ifndef FUZZSUP_FRAME_UNIT_H
#define FUZZSUP_FRAME_UNIT_H

#include <stddef.h>
#include <elfutils/libdw.h>

#include "die_strings.h"
#include "elf_image.h"
#include "line_names.h"
#include "split_units.h"
#include "string_section.h"
#include "unit_functions.h"
#include "unit_lines.h"

/* Where units are read from; all must live as long as they. */
struct frame_unit_sources {
	Dwarf *dwarf;
	const struct elf_image *image; /* where code is */
	struct byte_reader info;       /* .debug_info */
	struct byte_reader str_offsets;
	struct elf_section lines;
	struct line_strings strings;
	struct string_section str; /* where it is large; else empty, and libdw has it */
	struct unit_functions_sources functions;
	struct split_units *splits;
};

/* Zeroed is one that was not read yet. */
struct frame_unit {
	Dwarf_Die first;
	struct unit_functions *functions; /* NULL: not read yet */
	struct unit_lines *lines;         /* NULL: the same, or there are none */
	struct split_unit *split;         /* NULL: the same */
	struct die_strings strings;       /* of first */
	char *directory;
};

/* Reads the unit whose first DIE stands at @place of .debug_info. Damaged lines are no lines;
 * functions are still told. Returns 0 or -ENOMEM. */
int frame_unit_read(
    struct frame_unit_sources *sources, Dwarf_Off place, struct frame_unit *unit);
void frame_unit_forget(struct frame_unit *unit);

/* Elements that are held; more when somebody has asked. */
size_t frame_unit_len(const struct frame_unit *unit);

/* Strings of its functions. */
const struct die_strings *frame_unit_strings(const struct frame_unit *unit);

#endif
