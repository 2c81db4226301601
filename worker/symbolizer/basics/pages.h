/* SPDX-License-Identifier: MIT
 * Large blocks of memory that are about to be filled; in the symbolizer.
 *
 * The kernel hands all pages of a block over at once: touching a million PCs' arrays page
 * by page costs as much as sorting them.
 */
#ifndef FUZZSUP_PAGES_H
#define FUZZSUP_PAGES_H

#include <stddef.h>

/* @size bytes, zeroed; NULL: out of memory, or @size is 0. Free with pages_free() and
 * the same @size. */
void *pages_new(size_t size);
void pages_free(void *pages, size_t size);

#endif
