/* SPDX-License-Identifier: MIT
 * Numbered ranges of addresses; in the symbolizer.
 */
#include "config.h"

#include "range_list.h"

#include <errno.h>
#include <stdlib.h>

#include "grow.h"
#include "banned.h"

int
range_list_add(struct range_list *ranges, uint64_t start, uint64_t end, size_t number)
{
	if (start >= end)
		return 0;
	if (!grow((void **)&ranges->list, ranges->len, &ranges->size,
		sizeof(*ranges->list)))
		return -ENOMEM;
	ranges->list[ranges->len++] = (struct range){ start, end, number };
	return 0;
}

void
range_list_free(struct range_list *ranges)
{
	free(ranges->list);
	*ranges = (struct range_list){ 0 };
}

static int
compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

void
range_list_settle(struct range_list *ranges)
{
	struct range *list = ranges->list;
	uint64_t end = 0;
	size_t kept = 0;

	if (ranges->len == 0)
		return;
	qsort(list, ranges->len, sizeof(*list), compare);
	for (size_t i = 0; i < ranges->len; i++) {
		struct range range = list[i];

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
range_list_find(const struct range_list *ranges, uint64_t address, size_t *ret_number)
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
	*ret_number = ranges->list[low - 1].number;
	return 0;
}
