/* SPDX-License-Identifier: MIT
 * Which lines each copy of an inlined function has; in the symbolizer.
 */
#include "config.h"

#include "block_copies.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "coverage_map.h"
#include "grow.h"
#include "pc_sort.h"
#include "banned.h"

/* Fewer are sorted in place. */
#define FEW 24
#define MANY ((size_t)1 << 20)

int
block_copies_open(struct block_copies *copies, const struct inlined_copies *all)
{
	*copies = (struct block_copies){ .copies = all };
	copies->places = calloc((size_t)all->copies_len + 1, sizeof(*copies->places));
	return copies->places != NULL ? 0 : -ENOMEM;
}

void
block_copies_free(struct block_copies *copies)
{
	free(copies->begun);
	free(copies->places);
	free(copies->lines.list);
	free(copies->fresh.list);
	free(copies->families.list);
	free(copies->sorted);
	free(copies->spare);
	free(copies->order);
}

/* ---- sorting ---- */

static uint64_t
pair(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

static int
make_room(struct block_copies *copies, size_t len)
{
	/* Once for all functions, and once for what they have together. */
	const size_t wanted = len < MANY ? len * 2 : len;

	if (len <= copies->room)
		return 0;
	free(copies->sorted);
	free(copies->spare);
	free(copies->order);
	copies->room = 0;
	copies->sorted = malloc(wanted * sizeof(*copies->sorted));
	copies->spare = malloc(wanted * sizeof(*copies->spare));
	copies->order = malloc(wanted * sizeof(*copies->order));
	if (copies->sorted == NULL || copies->spare == NULL || copies->order == NULL)
		return -ENOMEM;
	copies->room = wanted;
	return 0;
}

static void
sort_few(uint64_t *list, size_t len)
{
	for (size_t i = 1; i < len; i++) {
		const uint64_t number = list[i];
		size_t k = i;

		for (; k > 0 && list[k - 1] > number; k--)
			list[k] = list[k - 1];
		list[k] = number;
	}
}

/* Each once. */
static int
sort_numbers(struct block_copies *copies, struct number_list *numbers)
{
	uint64_t *list = numbers->list;
	size_t kept = 0;

	if (numbers->len < FEW) {
		sort_few(list, numbers->len);
	} else {
		if (make_room(copies, numbers->len) < 0)
			return -ENOMEM;
		pc_sort(list, (uint32_t)numbers->len, copies->sorted, copies->order,
		    copies->spare);
		memcpy(list, copies->sorted, numbers->len * sizeof(*list));
	}
	for (size_t i = 0; i < numbers->len; i++)
		if (kept == 0 || list[i] != list[kept - 1])
			list[kept++] = list[i];
	numbers->len = kept;
	return 0;
}

/* ---- one function ---- */

/* A copy of which a part lies elsewhere is none: what that has is not known here. */
static int
add_copy(struct block_copies *copies, const struct inlined_range *range, uint64_t start)
{
	const struct inlined_extent *extent = &copies->copies->extents[range->copy];

	if (copies->places[range->copy] != 0 || extent->low < start ||
	    extent->high > copies->end)
		return 0;
	if (!grow((void **)&copies->begun, copies->begun_len, &copies->begun_size,
		sizeof(*copies->begun)))
		return -ENOMEM;
	copies->begun[copies->begun_len++] = (struct begun_copy){
		.start = extent->first, .copy = range->copy, .family = range->family
	};
	copies->places[range->copy] = (uint32_t)copies->begun_len;
	return 0;
}

int
block_copies_begin(struct block_copies *copies, uint64_t start, uint64_t end)
{
	const struct inlined_copies *all = copies->copies;
	int r = 0;

	for (size_t i = 0; i < copies->begun_len; i++)
		copies->places[copies->begun[i].copy] = 0;
	copies->begun_len = copies->lines.len = copies->fresh.len = 0;
	copies->open_len = 0;
	copies->end = end;
	copies->next = inlined_ranges_from(all, start);
	/* Also those that have no row of their own. */
	for (size_t i = copies->next;
	    r == 0 && i < all->ranges_len && all->ranges[i].start < end; i++)
		if (all->ranges[i].copy != INLINED_OWN &&
		    all->ranges[i].family != INLINED_FAMILY_NONE)
			r = add_copy(copies, &all->ranges[i], start);
	return r;
}

const struct inlined_range *
block_copies_at(struct block_copies *copies, uint64_t address)
{
	const struct inlined_range *ranges = copies->copies->ranges, *found;

	for (; copies->next < copies->copies->ranges_len &&
	    ranges[copies->next].start <= address &&
	    ranges[copies->next].start < copies->end;
	    copies->next++) {
		while (copies->open_len > 0 &&
		    ranges[copies->open[copies->open_len - 1]].end <=
			ranges[copies->next].start)
			copies->open_len--;
		copies->open_len -= copies->open_len == COPIES_DEEP;
		copies->open[copies->open_len++] = (uint32_t)copies->next;
	}
	while (copies->open_len > 0 &&
	    ranges[copies->open[copies->open_len - 1]].end <= address)
		copies->open_len--;
	if (copies->open_len == 0)
		return NULL;
	found = &ranges[copies->open[copies->open_len - 1]];
	return found->family != INLINED_FAMILY_NONE ? found : NULL;
}

int
block_copies_row(
    struct block_copies *copies, const struct inlined_range *copy, uint32_t number)
{
	int r = number_list_add(&copies->fresh, pair(copy->family, number));

	if (r < 0 || copy->copy == INLINED_OWN || copies->places[copy->copy] == 0)
		return r;
	return number_list_add(
	    &copies->lines, pair(copies->places[copy->copy] - 1, number));
}

int
block_copies_end(struct block_copies *copies)
{
	int r = sort_numbers(copies, &copies->fresh);

	for (size_t i = 0; r == 0 && i < copies->fresh.len &&
	    copies->families.len <= COVERAGE_MAP_PCS_MAX;
	    i++)
		r = number_list_add(&copies->families, copies->fresh.list[i]);
	return r == 0 ? sort_numbers(copies, &copies->lines) : r;
}

int
block_copies_finish(struct block_copies *copies)
{
	if (copies->families.len > COVERAGE_MAP_PCS_MAX)
		copies->families.len = 0;
	return sort_numbers(copies, &copies->families);
}
