/* SPDX-License-Identifier: MIT
 * Reading a source-location table; in the supervisor, the collector and the front-end.
 */
#include "config.h"

#include "source_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "coverage_map.h"
#include "shared_memory.h"
#include "banned.h"

static bool
header_is_sound(const struct source_table_header *h, uint64_t size)
{
	return h->magic == SOURCE_TABLE_MAGIC && h->version == SOURCE_TABLE_VERSION &&
	    h->size == size && h->pcs_len <= COVERAGE_MAP_PCS_MAX &&
	    h->unknown_len <= h->pcs_len && h->build_id_len <= sizeof(h->build_id) &&
	    shared_memory_fits(h->pcs, h->pcs_len, 8, size) &&
	    shared_memory_fits(h->order, h->pcs_len, 4, size) &&
	    shared_memory_fits(h->directories, h->directories_len, 4, size) &&
	    shared_memory_fits(
		h->files, h->files_len, sizeof(struct wire_file), size) &&
	    shared_memory_fits(
		h->locations, h->pcs_len, sizeof(struct wire_location), size) &&
	    shared_memory_fits(h->strings, h->string_bytes_len, 1, size) &&
	    shared_memory_fits(h->entries, h->entries_len, 8, size);
}

/* Every offset starts a string that ends: the last byte of all strings is NUL. */
static bool
names_are_sound(const struct source_table *t)
{
	const struct source_table_header *h = t->header;

	if (h->string_bytes_len > 0 && t->strings[h->string_bytes_len - 1] != '\0')
		return false;
	for (uint32_t i = 0; i < h->directories_len; i++)
		if (t->directories[i] >= h->string_bytes_len)
			return false;
	for (uint32_t i = 0; i < h->files_len; i++)
		if (t->files[i].directory >= h->directories_len ||
		    t->files[i].basename >= h->string_bytes_len)
			return false;
	return true;
}

static bool
locations_are_sound(const struct source_table *t)
{
	const struct source_table_header *h = t->header;
	uint32_t unknown = 0, dropped = 0;

	for (uint32_t i = 0; i < h->pcs_len; i++) {
		dropped += (uint32_t)wire_location_is_dropped(&t->locations[i]);
		if (t->locations[i].file == WIRE_FILE_UNKNOWN)
			unknown++;
		else if (t->locations[i].file >= h->files_len)
			return false;
	}
	return unknown == h->unknown_len && dropped == h->dropped_len;
}

/* A permutation, ascending by PC: strict order of (PC, index) excludes doubles. */
static bool
order_is_sound(const struct source_table *t)
{
	uint32_t len = t->header->pcs_len, before, here;

	for (uint32_t i = 0; i < len; i++) {
		here = t->order[i];
		if (here >= len)
			return false;
		if (i == 0)
			continue;
		before = t->order[i - 1];
		if (t->pcs[before] > t->pcs[here] ||
		    (t->pcs[before] == t->pcs[here] && before >= here))
			return false;
	}
	return true;
}

int
source_table_map(int fd, struct source_table *ret_table)
{
	const struct source_table_header *h;
	struct source_table table;
	const void *data;
	size_t size;
	int r;

	r = shared_memory_map_sealed(fd, &data, &size);
	if (r < 0)
		return r;
	if (size < sizeof(*h)) {
		if (data != NULL)
			munmap((void *)data, size);
		return -EPROTO;
	}
	h = data;
	table.header = h;
	if (!header_is_sound(h, size))
		goto bad;
	table.pcs = (const uint64_t *)((const char *)data + h->pcs);
	table.order = (const uint32_t *)((const char *)data + h->order);
	table.directories = (const uint32_t *)((const char *)data + h->directories);
	table.files = (const struct wire_file *)((const char *)data + h->files);
	table.locations =
	    (const struct wire_location *)((const char *)data + h->locations);
	table.strings = (const char *)data + h->strings;
	table.entries = (const uint64_t *)((const char *)data + h->entries);
	if (!names_are_sound(&table) || !locations_are_sound(&table) ||
	    !order_is_sound(&table))
		goto bad;
	*ret_table = table;
	return 0;
bad:
	munmap((void *)data, size);
	return -EPROTO;
}

void
source_table_unmap(struct source_table *table)
{
	if (table->header != NULL)
		munmap((void *)table->header, table->header->size);
	table->header = NULL;
}

int64_t
source_table_nearest(const struct source_table *table, uint64_t address)
{
	uint32_t low = 0, high = table->header->pcs_len, middle;
	uint64_t pc;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (table->pcs[table->order[middle]] <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return -ENOENT;
	/* Equal PCs stand in order of their index: step back to the first of them. */
	pc = table->pcs[table->order[--low]];
	for (high = low, low = 0; low < high;) {
		middle = low + (high - low) / 2;
		if (table->pcs[table->order[middle]] < pc)
			low = middle + 1;
		else
			high = middle;
	}
	return table->order[low];
}
