/* SPDX-License-Identifier: MIT
 * One function of a block table: its blocks, and the copies of others that begin in it; in the
 * symbolizer.
 */
#include "config.h"

#include "blocks_parts.h"
#include "banned.h"

static int
put_block(struct blocks_job *job, const struct code_graph *graph, uint32_t first,
    uint64_t start, uint32_t index, uint32_t *next_pc, uint32_t *last)
{
	const struct code_block *block = &graph->blocks[index];
	const uint32_t flags = (block->pc != CODE_NONE ? WIRE_BLOCK_PC : 0u) |
	    (block->is_entry ? WIRE_BLOCK_ENTRY : 0u) |
	    (block->leaves ? WIRE_BLOCK_LEAVES : 0u) |
	    (block->calls ? WIRE_BLOCK_CALLS : 0u) |
	    (block->throws ? WIRE_BLOCK_THROWS : 0u);
	uint32_t pc;
	int r = reserve_code(job, (size_t)LEB_MAX * (block->edges_len + 2));

	if (r < 0)
		return r;
	job->blocks++;
	put(job, block->edges_len << WIRE_BLOCK_FLAGS | flags);
	if (block->pc != CODE_NONE) {
		pc = job->sources.order[first + block->pc];
		put(job, zigzag(*next_pc, pc));
		*next_pc = pc + 1;
	}
	for (uint32_t i = 0; i < block->edges_len; i++)
		put(job, zigzag(index + 1, graph->edges[block->edges + i]));
	return block_lines_put(
	    job, graph, start, block, job->sources.order[first], last);
}

static int
add_function(struct blocks_job *job, const struct wire_blocks_function *function)
{
	struct wire_blocks_function *larger;
	uint32_t wanted = job->functions_size * 2 + 64;

	if (job->functions_len == job->functions_size) {
		larger = realloc(job->functions, wanted * sizeof(*larger));
		if (larger == NULL)
			return -ENOMEM;
		job->functions = larger;
		job->functions_size = wanted;
	}
	job->functions[job->functions_len++] = *function;
	return 0;
}

static int
first_line(struct blocks_job *job, uint64_t start, uint32_t *ret_line)
{
	struct row *row = &job->rows[blocks_row_at(job, start)];
	int r;

	*ret_line = WIRE_LINE_NONE;
	if (row->line == 0 || row->address > start)
		return 0;
	r = blocks_number_row(job, row);
	*ret_line = row->number;
	return r;
}

/* ---- copies ---- */

/* The block that has the code at @offset; CODE_NONE: none. */
static uint32_t
block_of(const struct blocks_job *job, uint64_t offset)
{
	uint32_t low = 0, high = job->stretches_len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (job->stretches[middle].start <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && offset < job->stretches[low - 1].end
	    ? job->stretches[low - 1].block
	    : CODE_NONE;
}

/* Gives the rows of the function at @range to the copies that they lie in. */
static int
find_copy_lines(struct blocks_job *job, const struct function_range *range)
{
	const struct inlined_range *copy;
	int r = block_copies_begin(&job->copy_lines, range->start, range->end);

	for (size_t i = blocks_row_at(job, range->start);
	    r == 0 && i < job->rows_len && job->rows[i].address < range->end; i++) {
		struct row *row = &job->rows[i];

		copy = block_copies_at(&job->copy_lines,
		    row->address > range->start ? row->address : range->start);
		if (row->line == 0 || copy == NULL)
			continue;
		r = blocks_number_row(job, row);
		if (r == 0 && row->number != WIRE_LINE_NONE)
			r = block_copies_row(&job->copy_lines, copy, row->number);
	}
	return r == 0 ? block_copies_end(&job->copy_lines) : r;
}

/* The lines of the copy @place, which begin at @at. */
static size_t
put_copy_lines(struct blocks_job *job, uint32_t place, size_t at)
{
	const struct number_list *lines = &job->copy_lines.lines;
	uint32_t line, last = 0;
	size_t end = at;

	while (end < lines->len && lines->list[end] >> 32 == place)
		end++;
	put(job, (uint32_t)(end - at));
	for (; at < end; at++) {
		line = (uint32_t)lines->list[at];
		put(job, line - last);
		last = line;
	}
	return end;
}

static int
put_copies(struct blocks_job *job, const struct function_range *range)
{
	const struct block_copies *copies = &job->copy_lines;
	uint32_t from = 0, len = 0;
	size_t line = 0;
	int r = find_copy_lines(job, range);

	if (r == 0)
		r = reserve_code(
		    job, LEB_MAX * (copies->lines.len + 3 * copies->begun_len + 1));
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < copies->begun_len; i++) {
		struct begun_copy *copy = &copies->begun[i];

		copy->block = block_of(job, copy->start - range->start);
		len += copy->block != CODE_NONE;
	}
	if (len == 0)
		return 0;
	put(job, len);
	for (uint32_t i = 0; i < copies->begun_len; i++) {
		const struct begun_copy *copy = &copies->begun[i];

		while (line < copies->lines.len && copies->lines.list[line] >> 32 < i)
			line++; /* of one in no block */
		if (copy->block == CODE_NONE)
			continue;
		put(job, zigzag(from, copy->block));
		put(job, copy->family);
		from = copy->block;
		line = put_copy_lines(job, i, line);
	}
	return 0;
}

/* ---- who counted first ---- */

/* Lists where the functions begin whose entry the one at hand counts. */
static int
list_counted(struct blocks_job *job, const struct code_graph *graph)
{
	const struct source_table *sources = &job->sources;
	int r = 0;

	job->counted.len = 0;
	for (uint32_t i = 0; i < graph->touches_len && r == 0; i++) {
		const uint32_t pc = graph->touches[i].counter;

		if (pc < sources->header->pcs_len && blocks_is_entry(job, pc))
			r = number_list_add(&job->counted, sources->pcs[pc]);
	}
	number_list_sort(&job->counted);
	return r;
}

/* Whether the function at @range counts for one that begins elsewhere: then counters were put in
 * before something was inlined. Copies that came before them count for nobody: those are listed. */
static int
find_counted(struct blocks_job *job, const struct code_graph *graph,
    const struct function_range *range)
{
	const struct inlined_copies *copies = &job->copies;
	int r = list_counted(job, graph);

	for (size_t i = 0; i < job->counted.len; i++)
		if (job->counted.list[i] < range->start ||
		    job->counted.list[i] >= range->end)
			job->counted_first = true;
	for (size_t i = inlined_copies_from(copies, range->start);
	    r == 0 && i < copies->len && copies->list[i].start < range->end; i++) {
		const uint64_t *function = &copies->list[i].function;

		if (*function != 0 && !number_list_has(&job->counted, *function))
			r = number_list_add(
			    &job->uncounted, blocks_place_of(job, *function));
	}
	return r;
}

int
block_function_write(struct blocks_job *job, const struct function_range *range,
    uint32_t first, uint32_t pcs_len)
{
	struct wire_blocks_function function = {
		.first = first,
		.pcs_len = pcs_len,
		.code = job->code_len,
		.pc = job->sources.order[first],
		.flags = inlined_copies_are_of(&job->copies, range->start)
		    ? WIRE_FUNCTION_INLINED
		    : 0,
	};
	const uint32_t entry = blocks_entry_among(job, first);
	const struct code_pcs pcs = {
		.addresses = job->sorted + first,
		.order = job->sources.order + first,
		.len = pcs_len,
		.entry = entry == CODE_NONE ? CODE_NONE : entry - first,
		.counters = job->counters,
	};
	const struct code_graph *graph;
	uint32_t next_pc = job->sources.order[first], last = 0;
	int r;

	r = code_grapher_run(job->grapher, range, &pcs, &graph);
	if (r == -ENOTSUP)
		return 0; /* its PCs speak for themselves */
	if (r == 0)
		r = first_line(job, range->start, &function.line);
	if (r == 0 && job->entries != NULL)
		r = find_counted(job, graph, range);
	if (r == 0)
		r = block_lines_begin(job, graph, range->start);
	for (uint32_t i = 0; r == 0 && i < graph->blocks_len; i++)
		r = put_block(job, graph, first, range->start, i, &next_pc, &last);
	if (r == 0)
		r = put_copies(job, range);
	if (r < 0)
		return r;
	function.blocks_len = graph->blocks_len;
	function.edges_len = graph->edges_len;
	function.code_len = job->code_len - function.code;
	job->blocks_max =
	    job->blocks_max > graph->blocks_len ? job->blocks_max : graph->blocks_len;
	job->edges_max =
	    job->edges_max > graph->edges_len ? job->edges_max : graph->edges_len;
	job->known_len += pcs_len;
	return add_function(job, &function);
}
