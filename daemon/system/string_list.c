/* SPDX-License-Identifier: MIT
 * Lists of strings; in the supervisor.
 */
#include "config.h"

#include "string_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

int
string_list_add(struct string_list *list, const char *text)
{
	char **items = reallocarray(list->items, list->len + 1, sizeof(*items));

	if (items == NULL)
		return -ENOMEM;
	list->items = items;
	items[list->len] = strdup(text);
	if (items[list->len] == NULL)
		return -ENOMEM;
	list->len++;
	return 0;
}

int
string_list_copy(struct string_list *list, const struct string_list *from)
{
	int r = 0;

	for (size_t i = 0; i < from->len && r == 0; i++)
		r = string_list_add(list, from->items[i]);
	return r;
}

bool
string_list_equal(const struct string_list *a, const struct string_list *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

void
string_list_clear(struct string_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct string_list){ 0 };
}
