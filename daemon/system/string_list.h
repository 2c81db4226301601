/* SPDX-License-Identifier: MIT
 * A list of strings that it owns, as configuration keys have them.
 */
#ifndef FUZZSUP_STRING_LIST_H
#define FUZZSUP_STRING_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct string_list {
	char **items;
	size_t len;
};

/* Appends a copy of @text. Returns 0 or -ENOMEM. */
int string_list_add(struct string_list *list, const char *text);

/* Appends copies of all of @from. Returns 0 or -ENOMEM. */
int string_list_copy(struct string_list *list, const struct string_list *from);
bool string_list_equal(const struct string_list *a, const struct string_list *b);
void string_list_clear(struct string_list *list);

#endif
