/* SPDX-License-Identifier: MIT
 * Large blocks of memory that are about to be filled; in the symbolizer.
 */
#include "config.h"

#include "pages.h"

#include <stdint.h>
#include <sys/mman.h>

#include "banned.h"

#define HUGE_PAGE ((size_t)2 << 20)

#ifndef MADV_POPULATE_WRITE /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

/* Maps @size bytes that begin where a huge page may. */
static unsigned char *
map_aligned(size_t size)
{
	unsigned char *map;
	size_t before;

	if (size > SIZE_MAX - 2 * HUGE_PAGE)
		return NULL;
	size = (size + 4095) & ~(size_t)4095;
	map = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	before = (HUGE_PAGE - (uintptr_t)map % HUGE_PAGE) % HUGE_PAGE;
	if (before > 0)
		munmap(map, before);
	map += before;
	munmap(map + size, HUGE_PAGE - before);
	return map;
}

void *
pages_new(size_t size)
{
	void *pages;

	if (size == 0)
		return NULL;
	if (size < HUGE_PAGE) {
		pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		return pages != MAP_FAILED ? pages : NULL;
	}
	pages = map_aligned(size);
	if (pages != NULL) {
		/* Both only make it faster. */
		madvise(pages, size, MADV_HUGEPAGE);
		madvise(pages, size, MADV_POPULATE_WRITE);
	}
	return pages;
}

void
pages_free(void *pages, size_t size)
{
	if (pages != NULL)
		munmap(pages, size);
}
