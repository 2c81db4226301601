/* SPDX-License-Identifier: MIT
 * Arrays that grow by one element; in the symbolizer.
 */
#ifndef FUZZSUP_GROW_H
#define FUZZSUP_GROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* Makes room for one more element of @each bytes in *@array, which has @len and room for
 * *@size; false when out of memory, and nothing has changed then. */
static inline bool
grow(void **array, size_t len, size_t *size, size_t each)
{
	size_t wanted = *size * 2 + 16;
	void *larger;

	if (len < *size)
		return true;
	larger = realloc(*array, wanted * each);
	if (larger == NULL)
		return false;
	*array = larger;
	*size = wanted;
	return true;
}

#endif
