/* SPDX-License-Identifier: MIT
 * Index of units by address; in the symbolizer.
 */
#include "config.h"

#include "unit_ranges.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

#include "banned.h"

/* Of all units: they may share one long list, and each would read all of it. */
#define RANGES_MAX (UINT32_C(1) << 24)

struct unit_range {
	uint64_t start, end;
	size_t unit;
};

struct unit_ranges {
	struct unit_range *list; /* sorted, disjoint */
	size_t len, size;
	Dwarf_Off *dies;
	size_t dies_len, dies_size;
	uint32_t read;
};

static int
add_range(struct unit_ranges *ranges, uint64_t start, uint64_t end, size_t unit)
{
	size_t size;
	void *larger;

	if (ranges->len == ranges->size) {
		size = ranges->size * 2 + 64;
		larger = realloc(ranges->list, size * sizeof(*ranges->list));
		if (larger == NULL)
			return -ENOMEM;
		ranges->list = larger;
		ranges->size = size;
	}
	ranges->list[ranges->len++] = (struct unit_range){ start, end, unit };
	return 0;
}

static int
add_die(struct unit_ranges *ranges, Dwarf_Off die)
{
	size_t size;
	void *larger;

	if (ranges->dies_len == ranges->dies_size) {
		size = ranges->dies_size * 2 + 64;
		larger = realloc(ranges->dies, size * sizeof(*ranges->dies));
		if (larger == NULL)
			return -ENOMEM;
		ranges->dies = larger;
		ranges->dies_size = size;
	}
	ranges->dies[ranges->dies_len++] = die;
	return 0;
}

static int
read_unit(struct unit_ranges *ranges, Dwarf_Die *die, const struct elf_image *image)
{
	const size_t unit = ranges->dies_len, before = ranges->len;
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;
	int r = 0;

	while (r == 0 && ranges->read < RANGES_MAX &&
	    (at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		ranges->read++;
		if (start < end && elf_image_is_code(image, start))
			r = add_range(ranges, start, end, unit);
	}
	if (r == 0 && ranges->len > before)
		r = add_die(ranges, dwarf_dieoffset(die));
	return r;
}

static int
read_units(struct unit_ranges *ranges, Dwarf *dwarf, const struct elf_image *image)
{
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
			r = read_unit(ranges, &die, image);
		at = next;
	}
	return r;
}

static int
compare_ranges(const void *a, const void *b)
{
	const struct unit_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->unit < y->unit ? -1 : x->unit > y->unit;
}

/* Sorts, and gives what several claim to who begins first. */
static void
make_disjoint(struct unit_ranges *ranges)
{
	struct unit_range *list = ranges->list;
	uint64_t end = 0;
	size_t kept = 0;

	if (ranges->len == 0)
		return;
	qsort(list, ranges->len, sizeof(*list), compare_ranges);
	for (size_t i = 0; i < ranges->len; i++) {
		struct unit_range range = list[i];

		if (range.start < end)
			range.start = end;
		if (range.start >= range.end)
			continue;
		end = range.end;
		list[kept++] = range;
	}
	ranges->len = kept;
}

int
unit_ranges_read(
    Dwarf *dwarf, const struct elf_image *image, struct unit_ranges **ret_ranges)
{
	struct unit_ranges *ranges = calloc(1, sizeof(*ranges));
	int r;

	if (ranges == NULL)
		return -ENOMEM;
	r = read_units(ranges, dwarf, image);
	if (r < 0) {
		unit_ranges_free(ranges);
		return r;
	}
	make_disjoint(ranges);
	*ret_ranges = ranges;
	return 0;
}

void
unit_ranges_free(struct unit_ranges *ranges)
{
	if (ranges == NULL)
		return;
	free(ranges->list);
	free(ranges->dies);
	free(ranges);
}

size_t
unit_ranges_units(const struct unit_ranges *ranges)
{
	return ranges->dies_len;
}

Dwarf_Off
unit_ranges_die(const struct unit_ranges *ranges, size_t unit)
{
	return ranges->dies[unit];
}

int
unit_ranges_find(const struct unit_ranges *ranges, uint64_t address, size_t *ret_unit)
{
	size_t low = 0, high = ranges->len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (ranges->list[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address >= ranges->list[low - 1].end)
		return -ENOENT;
	*ret_unit = ranges->list[low - 1].unit;
	return 0;
}
