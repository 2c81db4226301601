/* SPDX-License-Identifier: MIT
 * Units for stack traces; in the symbolizer.
 */
#include "config.h"

#include "frame_unit.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "banned.h"

static int
read_lines(const struct frame_unit_sources *sources, struct frame_unit *unit)
{
	Dwarf_Attribute attribute;
	Dwarf_Word offset;
	int r;

	if (dwarf_formudata(
		dwarf_attr(&unit->first, DW_AT_stmt_list, &attribute), &offset) != 0)
		return 0;
	r = unit_lines_read(
	    sources->image, &sources->lines, &sources->strings, offset, &unit->lines);
	return r == -ENOMEM ? r : 0;
}

/* Where libdw has not got the strings. */
static void
open_strings(struct frame_unit_sources *sources, struct frame_unit *unit)
{
	struct byte_reader offsets = sources->str_offsets;
	Dwarf_Attribute attribute;
	uint8_t offset_size = 4;
	Dwarf_Word base = 0;

	if (sources->str.section.size == 0)
		return;
	dwarf_formudata(
	    dwarf_attr(&unit->first, DW_AT_str_offsets_base, &attribute), &base);
	byte_reader_skip(&offsets, base);
	dwarf_cu_info(unit->first.cu, NULL, NULL, NULL, NULL, NULL, NULL, &offset_size);
	unit->strings = (struct die_strings){ .str = &sources->str,
		.offsets = offsets,
		.all_offsets = sources->str_offsets,
		.first = &unit->first,
		.end = sources->info.end,
		.dwarf64 = offset_size == 8 };
}

/* Functions lie in the split unit where there is one. */
static int
read_functions(struct frame_unit_sources *sources, struct frame_unit *unit)
{
	struct unit_functions_sources functions = sources->functions;
	Dwarf_Die *first = &unit->first;
	int r = split_units_find(
	    sources->splits, &unit->first, &unit->strings, &unit->split);

	if (r < 0)
		return r;
	if (unit->split != NULL) {
		first = &unit->split->first;
		functions.abbrev = unit->split->abbrev;
		functions.rnglists = unit->split->rnglists;
		functions.skeleton = &unit->first;
		*functions.budget += unit->split->size;
	}
	return unit_functions_read(first, &functions, &unit->functions);
}

int
frame_unit_read(
    struct frame_unit_sources *sources, Dwarf_Off place, struct frame_unit *unit)
{
	int r;

	if (dwarf_offdie(sources->dwarf, place, &unit->first) == NULL)
		return 0;
	open_strings(sources, unit);
	unit->directory =
	    die_strings_of_unit(&unit->strings, &unit->first, DW_AT_comp_dir, 0);
	r = read_lines(sources, unit);
	return r == 0 ? read_functions(sources, unit) : r;
}

void
frame_unit_forget(struct frame_unit *unit)
{
	unit_functions_free(unit->functions);
	unit_lines_free(unit->lines);
	split_unit_free(unit->split);
	free(unit->directory);
	*unit = (struct frame_unit){ 0 };
}

size_t
frame_unit_len(const struct frame_unit *unit)
{
	size_t len = 0;

	if (unit->functions != NULL)
		len += unit_functions_len(unit->functions);
	if (unit->lines != NULL)
		len += unit_lines_len(unit->lines);
	if (unit->split != NULL)
		len += unit->split->held / sizeof(struct line_row);
	return len;
}

const struct die_strings *
frame_unit_strings(const struct frame_unit *unit)
{
	return unit->split != NULL ? &unit->split->strings : &unit->strings;
}
