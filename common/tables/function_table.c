/* SPDX-License-Identifier: MIT
 * Reading a function table; in the front-end.
 */
#include "config.h"

#include "function_table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "coverage_map.h"
#include "shared_memory.h"
#include "banned.h"

static bool
header_is_sound(const struct wire_functions *h, uint64_t size)
{
	return h->magic == FUNCTION_TABLE_MAGIC &&
	    h->version == FUNCTION_TABLE_VERSION && h->size == size &&
	    h->pcs_len <= COVERAGE_MAP_PCS_MAX && h->functions_len <= h->pcs_len &&
	    h->unknown_len <= h->pcs_len && h->string_bytes_len > 0 &&
	    shared_memory_fits(
		h->functions, h->functions_len, sizeof(struct wire_function), size) &&
	    shared_memory_fits(h->owners, h->pcs_len, 4, size) &&
	    shared_memory_fits(h->strings, h->string_bytes_len, 1, size);
}

/* Ascending, in addresses and in PCs, and nothing of them twice. */
static bool
functions_are_sound(const struct function_table *t)
{
	const struct wire_functions *h = t->header;
	uint64_t end = 0;
	uint32_t place = 0;

	for (uint32_t i = 0; i < h->functions_len; i++) {
		const struct wire_function *function = &t->functions[i];

		if (function->start < end || function->end <= function->start ||
		    function->first < place || function->pcs_len == 0 ||
		    function->first > h->pcs_len ||
		    function->pcs_len > h->pcs_len - function->first ||
		    function->name >= h->string_bytes_len ||
		    function->raw >= h->string_bytes_len || function->pc >= h->pcs_len)
			return false;
		end = function->end;
		place = function->first + function->pcs_len;
	}
	return t->strings[0] == '\0' && t->strings[h->string_bytes_len - 1] == '\0';
}

/* As many PCs name a function as it says, and its location is one of them. */
static bool
owners_are_sound(const struct function_table *t)
{
	const struct wire_functions *h = t->header;
	uint32_t *counts = calloc((size_t)h->functions_len + 1, sizeof(*counts));
	uint32_t unknown = 0;
	bool sound = counts != NULL;

	for (uint32_t i = 0; sound && i < h->pcs_len; i++) {
		if (t->owners[i] == WIRE_FUNCTION_NONE)
			unknown++;
		else if (t->owners[i] < h->functions_len)
			counts[t->owners[i]]++;
		else
			sound = false;
	}
	for (uint32_t i = 0; sound && i < h->functions_len; i++)
		sound = counts[i] == t->functions[i].pcs_len &&
		    t->owners[t->functions[i].pc] == i;
	free(counts);
	return sound && unknown == h->unknown_len;
}

int
function_table_map(int fd, struct function_table *ret_table)
{
	const struct wire_functions *h;
	struct function_table table;
	const void *data;
	size_t size;
	int r;

	r = shared_memory_map_sealed(fd, &data, &size);
	if (r < 0)
		return r;
	h = table.header = data;
	if (size < sizeof(*h) || !header_is_sound(h, size))
		goto bad;
	table.functions =
	    (const struct wire_function *)((const char *)data + h->functions);
	table.owners = (const uint32_t *)((const char *)data + h->owners);
	table.strings = (const char *)data + h->strings;
	if (!functions_are_sound(&table) || !owners_are_sound(&table))
		goto bad;
	*ret_table = table;
	return 0;
bad:
	if (data != NULL)
		munmap((void *)data, size);
	return -EPROTO;
}

void
function_table_unmap(struct function_table *table)
{
	if (table->header != NULL)
		munmap((void *)table->header, table->header->size);
	table->header = NULL;
}

bool
function_table_matches(
    const struct function_table *table, const struct source_table *sources)
{
	const struct wire_functions *h = table->header;

	if (h->pcs_len != sources->header->pcs_len)
		return false;
	for (uint32_t i = 0; i < h->functions_len; i++) {
		const struct wire_function *function = &table->functions[i];

		for (uint32_t k = 0; k < function->pcs_len; k++) {
			uint32_t pc = sources->order[function->first + k];

			if (table->owners[pc] != i ||
			    sources->pcs[pc] < function->start ||
			    sources->pcs[pc] >= function->end)
				return false;
		}
	}
	return true;
}
