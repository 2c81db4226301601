/* SPDX-License-Identifier: MIT
 * Reading a block table; in the front-end.
 */
#include "config.h"

#include "block_table.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "coverage_map.h"
#include "shared_memory.h"
#include "banned.h"

static bool
header_is_sound(const struct wire_blocks *h, uint64_t size)
{
	return h->magic == WIRE_BLOCKS_MAGIC && h->version == WIRE_BLOCKS_VERSION &&
	    h->size == size && h->pcs_len <= COVERAGE_MAP_PCS_MAX &&
	    h->functions_len <= h->pcs_len && h->unknown_len <= h->pcs_len &&
	    h->lines_len < WIRE_LINE_NONE && h->string_bytes_len > 0 &&
	    shared_memory_fits(h->functions, h->functions_len,
		sizeof(struct wire_blocks_function), size) &&
	    shared_memory_fits(
		h->lines, h->lines_len, sizeof(struct wire_line), size) &&
	    shared_memory_fits(h->order, h->lines_len, 4, size) &&
	    shared_memory_fits(
		h->files, h->files_len, sizeof(struct wire_file), size) &&
	    shared_memory_fits(h->directories, h->directories_len, 4, size) &&
	    shared_memory_fits(h->strings, h->string_bytes_len, 1, size) &&
	    shared_memory_fits(h->code, h->code_len, 1, size) &&
	    h->families_len < UINT32_MAX &&
	    shared_memory_fits(h->families, (uint64_t)h->families_len + 1, 4, size) &&
	    shared_memory_fits(h->family_lines, h->family_lines_len, 4, size);
}

/* Ascending, no PC of them twice, and none larger than the header says. */
static bool
functions_are_sound(const struct block_table *t)
{
	const struct wire_blocks *h = t->header;
	uint32_t place = 0;
	uint64_t code = 0;

	for (uint32_t i = 0; i < h->functions_len; i++) {
		const struct wire_blocks_function *function = &t->functions[i];

		/* None twice: that would be work without end. */
		code += function->code_len;
		if (code > h->code_len || function->first < place ||
		    function->pcs_len == 0 || function->first > h->pcs_len ||
		    function->pcs_len > h->pcs_len - function->first ||
		    function->blocks_len > h->blocks_max ||
		    function->edges_len > h->edges_max ||
		    function->code > h->code_len ||
		    function->code_len > h->code_len - function->code ||
		    (function->line >= h->lines_len &&
			function->line != WIRE_LINE_NONE))
			return false;
		place = function->first + function->pcs_len;
	}
	return true;
}

static bool
lines_are_sound(const struct block_table *t)
{
	const struct wire_blocks *h = t->header;
	const struct wire_line *before = NULL, *line;

	for (uint32_t i = 0; i < h->lines_len; i++) {
		if (t->order[i] >= h->lines_len)
			return false;
		line = &t->lines[t->order[i]];
		if (line->file >= h->files_len || line->line == 0)
			return false;
		/* So that no line is named twice, and none is left out. */
		if (before != NULL &&
		    (before->file > line->file ||
			(before->file == line->file && before->line >= line->line)))
			return false;
		before = line;
	}
	return true;
}

static bool
names_are_sound(const struct block_table *t)
{
	const struct wire_blocks *h = t->header;

	for (uint32_t i = 0; i < h->files_len; i++)
		if (t->files[i].directory >= h->directories_len ||
		    t->files[i].basename >= h->string_bytes_len)
			return false;
	for (uint32_t i = 0; i < h->directories_len; i++)
		if (t->directories[i] >= h->string_bytes_len)
			return false;
	return t->strings[h->string_bytes_len - 1] == '\0';
}

int
block_table_map(int fd, struct block_table *ret_table)
{
	const struct wire_blocks *h;
	struct block_table table;
	struct line_blocks_view view;
	const char *bytes;
	const void *data;
	size_t size;
	int r;

	r = shared_memory_map_sealed(fd, &data, &size);
	if (r < 0)
		return r;
	h = table.header = data;
	bytes = data;
	if (size < sizeof(*h) || !header_is_sound(h, size))
		goto bad;
	table.functions = (const void *)(bytes + h->functions);
	table.lines = (const void *)(bytes + h->lines);
	table.order = (const void *)(bytes + h->order);
	table.files = (const void *)(bytes + h->files);
	table.directories = (const void *)(bytes + h->directories);
	table.strings = bytes + h->strings;
	table.code = (const void *)(bytes + h->code);
	table.families = (const void *)(bytes + h->families);
	table.family_lines = (const void *)(bytes + h->family_lines);
	view = block_table_view(&table);
	if (!functions_are_sound(&table) || !lines_are_sound(&table) ||
	    !names_are_sound(&table) || !line_families_are_sound(&view))
		goto bad;
	*ret_table = table;
	return 0;
bad:
	if (data != NULL)
		munmap((void *)data, size);
	return -EPROTO;
}

void
block_table_unmap(struct block_table *table)
{
	if (table->header != NULL)
		munmap((void *)table->header, table->header->size);
	table->header = NULL;
}

static bool
same_name(
    const struct block_table *table, const struct source_table *sources, uint32_t i)
{
	const struct wire_file *ours = &table->files[i], *theirs = &sources->files[i];

	return strcmp(table->strings + ours->basename,
		   sources->strings + theirs->basename) == 0 &&
	    strcmp(table->strings + table->directories[ours->directory],
		sources->strings + sources->directories[theirs->directory]) == 0;
}

bool
block_table_matches(const struct block_table *table, const struct source_table *sources)
{
	if (table->header->pcs_len != sources->header->pcs_len ||
	    table->header->files_len < sources->header->files_len)
		return false;
	for (uint32_t i = 0; i < sources->header->files_len; i++)
		if (!same_name(table, sources, i))
			return false;
	return true;
}

struct line_blocks_view
block_table_view(const struct block_table *table)
{
	return (struct line_blocks_view){ table->header, table->functions, table->code,
		table->lines, table->order, table->families, table->family_lines };
}
