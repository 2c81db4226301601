/* SPDX-License-Identifier: MIT
 * Which of many numbered ranges an address lies in; in the symbolizer.
 */
#ifndef FUZZSUP_RANGE_LIST_H
#define FUZZSUP_RANGE_LIST_H

#include <stddef.h>
#include <stdint.h>

struct range {
	uint64_t start, end;
	size_t number;
};

/* Zeroed is empty. */
struct range_list {
	struct range *list;
	size_t len, size;
};

/* Returns 0 or -ENOMEM. A range that ends where it begins, or before, is left out. */
int range_list_add(
    struct range_list *ranges, uint64_t start, uint64_t end, size_t number);
void range_list_free(struct range_list *ranges);

/* Sorts; what several claim goes to who begins first, of these to the lowest number. To be
 * called once, between adding and finding. */
void range_list_settle(struct range_list *ranges);

/* Outputs the number of the range that @address lies in. Returns 0 or -ENOENT. */
int range_list_find(
    const struct range_list *ranges, uint64_t address, size_t *ret_number);

#endif
