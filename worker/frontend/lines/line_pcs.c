/* SPDX-License-Identifier: MIT
 * From a line to the PCs that tell of it; in the front-end.
 */
#include "config.h"

#include "line_pcs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source_index.h"
#include "target.h"
#include "banned.h"

/* Bytes of blocks' code that one question may look at, and conclude from: some milliseconds each. */
#define SCANNED_MAX (4 << 20)
#define PROVED_MAX (1 << 20)

/* ---- names ---- */

static bool
ends_with(const char *directory, const char *name, const char *wanted)
{
	const size_t len = strlen(wanted), name_len = strlen(name),
		     directory_len = strlen(directory);
	const char *slash = strrchr(wanted, '/');
	const size_t above = slash != NULL ? (size_t)(slash - wanted) : 0;

	if (name_len != len - (slash != NULL ? above + 1 : 0) ||
	    strcmp(slash != NULL ? slash + 1 : wanted, name) != 0)
		return false;
	if (slash == NULL)
		return true;
	return directory_len >= above &&
	    memcmp(directory + directory_len - above, wanted, above) == 0 &&
	    (directory_len == above || directory[directory_len - above - 1] == '/');
}

static bool
is_exactly(const char *directory, const char *name, const char *wanted)
{
	const size_t len = strlen(directory);

	return strncmp(wanted, directory, len) == 0 && wanted[len] == '/' &&
	    strcmp(wanted + len + 1, name) == 0;
}

int64_t
line_pcs_file(struct target *target, const char *wanted, char **ret_several)
{
	struct frame *index = target_index(target);
	const uint32_t len = target_files(target);
	const char *directory, *name, *other, *other_name;
	int64_t found = -ENOENT;

	*ret_several = NULL;
	if (target->table == NULL)
		return -EAGAIN;
	if (index == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < len; i++) {
		source_index_file_name(index, i, &directory, &name);
		if (is_exactly(directory, name, wanted))
			return i;
	}
	for (uint32_t i = 0; i < len; i++) {
		source_index_file_name(index, i, &directory, &name);
		if (!ends_with(directory, name, wanted))
			continue;
		if (found >= 0) {
			source_index_file_name(
			    index, (uint32_t)found, &other, &other_name);
			return asprintf(ret_several, "%s/%s and %s/%s", other,
				   other_name, directory, name) < 0
			    ? -ENOMEM
			    : -ENOTUNIQ;
		}
		found = i;
	}
	return found;
}

/* ---- PCs ---- */

struct search {
	const struct source_table *table;
	const uint64_t *bits;
	uint32_t file, line;
	uint32_t *pcs;
	int len;
	uint64_t proved; /* bytes of code */
};

static bool
is_reached(const struct search *search, uint32_t pc)
{
	return (search->bits[pc / 64] >> (pc % 64) & 1) != 0;
}

static void
add(struct search *search, uint32_t pc)
{
	if (search->len < LINE_PCS_MAX)
		search->pcs[search->len++] = pc;
}

static void
find_direct(struct search *search)
{
	for (uint32_t pc = 0; pc < search->table->header->pcs_len; pc++)
		if (search->table->locations[pc].line == search->line &&
		    search->table->locations[pc].file == search->file &&
		    is_reached(search, pc))
			add(search, pc);
}

struct wanted_line {
	uint32_t line; /* index */
	bool seen;
};

static void
line_cb(void *context, uint32_t line)
{
	struct wanted_line *wanted = context;

	wanted->seen = wanted->seen || line == wanted->line;
}

uint32_t
line_pcs_line(const struct block_table *blocks, uint32_t file, uint32_t number)
{
	uint32_t low = 0, high = blocks->header->lines_len;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const struct wire_line *line = &blocks->lines[blocks->order[middle]];

		if (line->file < file || (line->file == file && line->line < number))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == blocks->header->lines_len)
		return WIRE_LINE_NONE;
	return blocks->lines[blocks->order[low]].file == file &&
		blocks->lines[blocks->order[low]].line == number
	    ? blocks->order[low]
	    : WIRE_LINE_NONE;
}

/* Of the whole file those that stand nearest above the line. */
static void
find_above(struct search *search)
{
	uint32_t best = 0;

	for (uint32_t pc = 0; pc < search->table->header->pcs_len; pc++) {
		const struct wire_location *at = &search->table->locations[pc];

		if (at->file != search->file || at->line > search->line ||
		    at->line < best || !is_reached(search, pc))
			continue;
		if (at->line > best)
			search->len = 0;
		best = at->line;
		add(search, pc);
	}
}

/* Those of function @index of which each alone proves line @line; or, with @near, that stand
 * nearest above it. */
static void
find_in_function(struct search *search, const struct line_blocks_view *view,
    uint32_t index, uint32_t line, bool near, uint64_t *one,
    struct line_scratch *scratch, uint8_t *states)
{
	const struct wire_blocks_function *function = &view->functions[index];
	uint32_t best = 0;

	for (uint32_t i = 0; i < function->pcs_len; i++) {
		const uint32_t pc = search->table->order[function->first + i];
		const struct wire_location *at = &search->table->locations[pc];

		if (!is_reached(search, pc))
			continue;
		if (near) {
			if (at->file != search->file || at->line > search->line ||
			    at->line < best)
				continue;
			if (at->line > best)
				search->len = 0;
			best = at->line;
			add(search, pc);
			continue;
		}
		if (search->proved > PROVED_MAX)
			return;
		search->proved += function->code_len + 1;
		one[pc / 64] = UINT64_C(1) << (pc % 64);
		states[line] = LINE_NONE;
		line_states_function(view, index, one, scratch, states);
		one[pc / 64] = 0;
		if (states[line] >= LINE_PARTLY)
			add(search, pc);
	}
}

static void
find_by_blocks(struct search *search, const struct line_blocks_view *view,
    uint32_t line, uint64_t *one, struct line_scratch *scratch, uint8_t *states)
{
	for (int near = 0; near < 2 && search->len == 0; near++) {
		uint64_t scanned = 0;

		for (uint32_t i = 0;
		    i < view->header->functions_len && scanned < SCANNED_MAX; i++) {
			struct wanted_line wanted = { .line = line };

			scanned += view->functions[i].code_len + 1;
			line_blocks_lines(view, i, scratch, line_cb, &wanted);
			if (wanted.seen)
				find_in_function(search, view, i, line, near != 0, one,
				    scratch, states);
		}
	}
}

int
line_pcs_find(const struct line_pcs_of *of, uint32_t file, uint32_t line,
    uint32_t ret_pcs[LINE_PCS_MAX])
{
	struct search search = { .table = of->table,
		.bits = of->bits,
		.file = file,
		.line = line,
		.pcs = ret_pcs };
	const struct block_table *blocks = of->blocks;
	uint64_t *one = NULL;
	uint8_t *states = NULL;
	void *memory = NULL;
	uint32_t index;
	int r = 0;

	find_direct(&search);
	index = search.len == 0 && blocks != NULL ? line_pcs_line(blocks, file, line)
						  : WIRE_LINE_NONE;
	if (index != WIRE_LINE_NONE) {
		const struct line_blocks_view view = block_table_view(blocks);
		const size_t size = line_scratch_size(blocks->header);

		one = calloc(of->table->header->pcs_len / 64 + 1, sizeof(*one));
		states = calloc(blocks->header->lines_len, 1);
		memory = size > 0 ? malloc(size) : NULL;
		if (one == NULL || states == NULL || memory == NULL)
			r = -ENOMEM;
		else
			find_by_blocks(&search, &view, index, one,
			    line_scratch_lay(memory, blocks->header), states);
		if (r == 0 && search.len == 0)
			find_above(&search);
	}
	free(memory);
	free(states);
	free(one);
	return r < 0 ? r : search.len;
}
