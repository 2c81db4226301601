/* SPDX-License-Identifier: MIT
 * Numbers, as many as come; in the symbolizer.
 */
#ifndef FUZZSUP_NUMBER_LIST_H
#define FUZZSUP_NUMBER_LIST_H

#include <errno.h>
#include <stdint.h>

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

#endif
