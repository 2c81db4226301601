/* SPDX-License-Identifier: MIT
 * A target's live segment; made by the collector, mapped by the front-end.
 */
#include "config.h"

#include "live_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coverage_map.h"
#include "shared_memory.h"
#include "banned.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

/* Where the arrays of a segment for @pcs_len PCs lie; returns its size. */
static uint64_t
layout(uint32_t pcs_len, uint64_t *ret_bits, uint64_t *ret_times, uint64_t *ret_entries)
{
	*ret_bits = sizeof(struct live_segment);
	*ret_times = *ret_bits + 8 * coverage_map_words(pcs_len);
	*ret_entries = *ret_times + (UINT64_C(4) * pcs_len + 7) / 8 * 8;
	return *ret_entries + 4 * LIVE_ENTRIES_MAX;
}

/* @head: a copy, or our own. */
static void
point_into(struct live_map *map, void *start, const struct live_segment *head)
{
	uint64_t bits, times, entries;

	map->size = layout(head->pcs_len, &bits, &times, &entries);
	map->head = start;
	map->bits = (_Atomic uint64_t *)((char *)start + bits);
	map->times = (_Atomic uint32_t *)((char *)start + times);
	map->entries = (_Atomic uint32_t *)((char *)start + entries);
	map->base_ms = head->base_ms;
	map->pcs_len = head->pcs_len;
}

int
live_segment_create(
    uint32_t pcs_len, int64_t base_ms, int *ret_fd, struct live_map *ret_map)
{
	uint64_t size, bits, times, entries;
	struct live_segment *head;
	int fd, r;

	if (pcs_len > COVERAGE_MAP_PCS_MAX)
		return -EOVERFLOW;
	size = layout(pcs_len, &bits, &times, &entries);
	fd = shared_memory_create("fuzzsupd-live");
	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)size) != 0)
		goto fail;
	head = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (head == MAP_FAILED)
		goto fail;
	/* From here on nobody can map it writable; our own map stays as it is. */
	if (fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) != 0) {
		r = -errno;
		munmap(head, size);
		close(fd);
		return r;
	}
	head->magic = LIVE_SEGMENT_MAGIC;
	head->version = LIVE_SEGMENT_VERSION;
	head->size = size;
	head->pcs_len = pcs_len;
	head->base_ms = base_ms;
	head->bits = bits;
	head->times = times;
	head->entries = entries;
	*ret_fd = fd;
	point_into(ret_map, head, head);
	return 0;
fail:
	r = -errno;
	close(fd);
	return r;
}

/* Of the header, which was copied: its writer may change it at any time. */
static bool
is_sound(const struct live_segment *head, uint64_t size)
{
	uint64_t wanted, bits, times, entries;

	if (head->magic != LIVE_SEGMENT_MAGIC ||
	    head->version != LIVE_SEGMENT_VERSION ||
	    head->pcs_len > COVERAGE_MAP_PCS_MAX)
		return false;
	wanted = layout(head->pcs_len, &bits, &times, &entries);
	return head->size == wanted && size == wanted && head->bits == bits &&
	    head->times == times && head->entries == entries;
}

int
live_segment_check(int fd)
{
	return shared_memory_has_seals(fd, SEALS);
}

int
live_segment_map(int fd, struct live_map *ret_map)
{
	struct live_segment *start, head;
	struct stat st;
	int r = live_segment_check(fd);

	if (r < 0)
		return r;
	if (fstat(fd, &st) != 0)
		return -errno;
	if ((uint64_t)st.st_size < sizeof(head))
		return -EPROTO;
	start = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (start == MAP_FAILED)
		return -errno;
	memcpy(&head, start, sizeof(head));
	/* The compiler must not read the original again instead of the copy. */
	__asm__ volatile("" : : "r"(&head) : "memory");
	if (!is_sound(&head, (uint64_t)st.st_size)) {
		munmap(start, (size_t)st.st_size);
		return -EPROTO;
	}
	point_into(ret_map, start, &head);
	return 0;
}

void
live_segment_unmap(struct live_map *map)
{
	if (map->head != NULL)
		munmap(map->head, map->size);
	map->head = NULL;
}
