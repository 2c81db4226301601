/* SPDX-License-Identifier: MIT
 * Numbers, as many as come; in the symbolizer.
 */
#ifndef FUZZSUP_NUMBER_LIST_H
#define FUZZSUP_NUMBER_LIST_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "grow.h"

/* Zeroed is empty; its list is to be freed. */
struct number_list {
	uint64_t *list;
	size_t len, size;
};

/* Returns 0 or -ENOMEM. */
static inline int
number_list_add(struct number_list *numbers, uint64_t number)
{
	if (!grow((void **)&numbers->list, numbers->len, &numbers->size,
		sizeof(*numbers->list)))
		return -ENOMEM;
	numbers->list[numbers->len++] = number;
	return 0;
}

static inline int
number_list_compare(const void *a, const void *b)
{
	const uint64_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static inline void
number_list_sort(struct number_list *numbers)
{
	if (numbers->len > 1)
		qsort(numbers->list, numbers->len, sizeof(*numbers->list),
		    number_list_compare);
}

/* Of a sorted one. */
static inline bool
number_list_has(const struct number_list *numbers, uint64_t number)
{
	return numbers->len > 0 &&
	    bsearch(&number, numbers->list, numbers->len, sizeof(number),
		number_list_compare) != NULL;
}

#endif
