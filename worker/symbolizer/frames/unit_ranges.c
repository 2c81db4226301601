/* SPDX-License-Identifier: MIT
 * Index of units by address; in the symbolizer.
 */
#include "config.h"

#include "unit_ranges.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "grow.h"
#include "line_program.h"
#include "range_list.h"
#include "banned.h"

/* Of all units: they may share one long list, and each would read all of it. */
#define RANGES_MAX (UINT32_C(1) << 24)

struct unit_place {
	Dwarf_Off at, die; /* in .debug_info: of its header, of its first DIE */
};

/* Whose a line table is. */
struct owner {
	uint64_t lines; /* offset of the table */
	size_t unit;
};

struct unit_ranges {
	struct unit_ranges_sources sources;
	struct unit_place *units;
	size_t units_len, units_size;
	struct range_list own;
	struct range_list others; /* empty until somebody asks */
	bool others_are_read;
	uint32_t read;
};

/* ---- what units say of themselves ---- */

static int
add_unit(struct unit_ranges *ranges, Dwarf_Off at, Dwarf_Off die)
{
	if (!grow((void **)&ranges->units, ranges->units_len, &ranges->units_size,
		sizeof(*ranges->units)))
		return -ENOMEM;
	ranges->units[ranges->units_len++] = (struct unit_place){ at, die };
	return 0;
}

static int
read_unit(struct unit_ranges *ranges, Dwarf_Die *die, Dwarf_Off at)
{
	const size_t unit = ranges->units_len;
	Dwarf_Addr base, start, end;
	ptrdiff_t next = 0;
	int r = 0;

	while (r == 0 && ranges->read < RANGES_MAX &&
	    (next = dwarf_ranges(die, next, &base, &start, &end)) > 0) {
		ranges->read++;
		if (elf_image_is_code(ranges->sources.image, start))
			r = range_list_add(&ranges->own, start, end, unit);
	}
	return r == 0 ? add_unit(ranges, at, dwarf_dieoffset(die)) : r;
}

static int
read_units(struct unit_ranges *ranges)
{
	Dwarf *dwarf = ranges->sources.dwarf;
	Dwarf_Off at = 0, next;
	size_t header;
	Dwarf_Die die;
	int r = 0;

	while (r == 0 &&
	    dwarf_next_unit(
		dwarf, at, &next, &header, NULL, NULL, NULL, NULL, NULL, NULL) == 0 &&
	    next > at) {
		if (dwarf_offdie(dwarf, at + header, &die) != NULL &&
		    dwarf_tag(&die) != DW_TAG_partial_unit)
			r = read_unit(ranges, &die, at);
		at = next;
	}
	return r;
}

int
unit_ranges_read(
    const struct unit_ranges_sources *sources, struct unit_ranges **ret_ranges)
{
	struct unit_ranges *ranges = calloc(1, sizeof(*ranges));
	int r;

	if (ranges == NULL)
		return -ENOMEM;
	ranges->sources = *sources;
	r = read_units(ranges);
	if (r < 0) {
		unit_ranges_free(ranges);
		return r;
	}
	range_list_settle(&ranges->own);
	*ret_ranges = ranges;
	return 0;
}

void
unit_ranges_free(struct unit_ranges *ranges)
{
	if (ranges == NULL)
		return;
	range_list_free(&ranges->own);
	range_list_free(&ranges->others);
	free(ranges->units);
	free(ranges);
}

size_t
unit_ranges_units(const struct unit_ranges *ranges)
{
	return ranges->units_len;
}

Dwarf_Off
unit_ranges_die(const struct unit_ranges *ranges, size_t unit)
{
	return ranges->units[unit].die;
}

int
unit_ranges_find(const struct unit_ranges *ranges, uint64_t address, size_t *ret_unit)
{
	return range_list_find(&ranges->own, address, ret_unit);
}

/* ---- what others say of them ---- */

/* Number of the unit whose header is at @at in .debug_info; false if there is none. */
static bool
unit_at(const struct unit_ranges *ranges, uint64_t at, size_t *ret_unit)
{
	size_t low = 0, high = ranges->units_len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (ranges->units[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_unit = low;
	return low < ranges->units_len && ranges->units[low].at == at;
}

/* Adds what begins in code that no unit claims. Where one does its own ranges are better: a
 * sequence also covers what fills up a section behind the last function. */
static int
add_other(struct unit_ranges *ranges, uint64_t start, uint64_t end, size_t unit)
{
	size_t claimant;

	if (!elf_image_is_code(ranges->sources.image, start) ||
	    range_list_find(&ranges->own, start, &claimant) == 0)
		return 0;
	return range_list_add(&ranges->others, start, end, unit);
}

/* One set of .debug_aranges: pairs of start and length, aligned to a pair. */
static int
read_set(struct unit_ranges *ranges, struct byte_reader *set, bool dwarf64)
{
	const unsigned header = dwarf64 ? 24 : 12;
	uint64_t at, start, len;
	unsigned version, address_size, segment_size;
	size_t unit;
	int r = 0;

	version = byte_reader_u16(set);
	at = byte_reader_offset(set, dwarf64);
	address_size = byte_reader_u8(set);
	segment_size = byte_reader_u8(set);
	byte_reader_skip(set, 2 * sizeof(start) - header % (2 * sizeof(start)));
	if (set->bad || version != 2 || address_size != sizeof(start) ||
	    segment_size != 0 || !unit_at(ranges, at, &unit))
		return 0;
	while (r == 0 && byte_reader_left(set) > 0) {
		start = byte_reader_u64(set);
		len = byte_reader_u64(set);
		if (len <= UINT64_MAX - start)
			r = add_other(ranges, start, start + len, unit);
	}
	return r;
}

static int
read_aranges(struct unit_ranges *ranges)
{
	struct byte_reader aranges = ranges->sources.aranges, set;
	uint64_t length;
	bool dwarf64;
	int r = 0;

	while (r == 0 && byte_reader_left(&aranges) > 0) {
		length = byte_reader_unit_length(&aranges, &dwarf64);
		set = byte_reader_cut(&aranges, length);
		r = read_set(ranges, &set, dwarf64);
	}
	return r;
}

static int
compare_owners(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	if (x->lines != y->lines)
		return x->lines < y->lines ? -1 : 1;
	return x->unit < y->unit ? -1 : x->unit > y->unit;
}

/* Outputs the units that have line tables, sorted by these, for free(). */
static int
read_owners(struct unit_ranges *ranges, struct owner **ret_owners, size_t *ret_len)
{
	struct owner *owners = calloc(ranges->units_len + 1, sizeof(*owners));
	Dwarf_Attribute attribute;
	Dwarf_Word lines;
	size_t len = 0;
	Dwarf_Die die;

	if (owners == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ranges->units_len; i++)
		if (dwarf_offdie(ranges->sources.dwarf, ranges->units[i].die, &die) !=
			NULL &&
		    dwarf_formudata(
			dwarf_attr(&die, DW_AT_stmt_list, &attribute), &lines) == 0)
			owners[len++] = (struct owner){ lines, i };
	qsort(owners, len, sizeof(*owners), compare_owners);
	*ret_owners = owners;
	*ret_len = len;
	return 0;
}

/* Adds the sequences of the line table @table, which is that of @unit. */
static int
read_sequences(struct unit_ranges *ranges, const struct line_table *table, size_t unit)
{
	struct line_answers nothing_is_asked = { 0 };
	struct line_program program;
	enum line_event event;
	uint64_t start = 0;
	bool live = false;
	int r = 0;

	line_program_start(&program, table);
	while (r == 0) {
		event = line_program_next(&program, &nothing_is_asked);
		if (live && event == LINE_LAST)
			r = add_other(ranges, start, program.row.address, unit);
		else if (live && event == LINE_FIRST) /* the one before has no end */
			r = add_other(ranges, start, program.before.address, unit);
		if (event == LINE_DONE || event == LINE_BAD)
			break;
		start = program.row.address;
		live = event == LINE_FIRST;
	}
	return r;
}

static int
read_lines(struct unit_ranges *ranges)
{
	struct byte_reader lines = ranges->sources.lines;
	const unsigned char *start = lines.at;
	struct owner *owners;
	struct line_table table;
	size_t len, at = 0;
	int r = read_owners(ranges, &owners, &len);

	if (r < 0)
		return r;
	while (r == 0) {
		r = line_table_next(&lines, start, 0, &table);
		if (r == -ENODATA || r == -EPROTO)
			break;
		while (at < len && owners[at].lines < table.offset)
			at++;
		if (r == 0 && at < len && owners[at].lines == table.offset)
			r = read_sequences(ranges, &table, owners[at].unit);
		else if (r == -EBADMSG || r == -ENOTSUP)
			r = 0;
	}
	free(owners);
	return r == -ENOMEM ? r : 0;
}

static int
read_others(struct unit_ranges *ranges)
{
	int r;

	if (ranges->others_are_read)
		return 0;
	r = read_aranges(ranges);
	if (r == 0)
		r = read_lines(ranges);
	if (r < 0)
		return r;
	range_list_settle(&ranges->others);
	ranges->others_are_read = true;
	return 0;
}

int
unit_ranges_find_elsewhere(
    struct unit_ranges *ranges, uint64_t address, size_t *ret_unit)
{
	int r;

	if (!elf_image_is_code(ranges->sources.image, address))
		return -ENOENT;
	r = read_others(ranges);
	return r < 0 ? r : range_list_find(&ranges->others, address, ret_unit);
}

bool
unit_ranges_are_empty(struct unit_ranges *ranges)
{
	return ranges->own.len == 0 &&
	    (read_others(ranges) < 0 || ranges->others.len == 0);
}
