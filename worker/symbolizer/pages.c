/* SPDX-License-Identifier: MIT
 * Large blocks of memory that are about to be filled; in the symbolizer.
 */
#include "config.h"

#include "pages.h"

#include <sys/mman.h>

#include "banned.h"

void *
pages_new(size_t size)
{
	void *pages;

	if (size == 0)
		return NULL;
	pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return pages != MAP_FAILED ? pages : NULL;
}

void
pages_free(void *pages, size_t size)
{
	if (pages != NULL)
		munmap(pages, size);
}
