/* SPDX-License-Identifier: MIT
 * The lines of each block of a function; in the symbolizer.
 */
#include "config.h"

#include <string.h>

#include "blocks_parts.h"
#include "banned.h"

uint32_t
blocks_place_of(const struct blocks_job *job, uint64_t address)
{
	uint32_t low = 0, high = job->sources.header->pcs_len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (job->sorted[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t
blocks_row_at(const struct blocks_job *job, uint64_t address)
{
	size_t low = 0, high = job->rows_len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (job->rows[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? low - 1 : 0;
}

static int
add_picked(struct blocks_job *job, uint32_t number)
{
	const uint32_t wanted = job->picked_size * 2 + 64;
	uint32_t *larger;

	if (job->picked_len == job->picked_size) {
		larger = realloc(job->picked, wanted * sizeof(*larger));
		if (larger == NULL)
			return -ENOMEM;
		job->picked = larger;
		job->picked_size = wanted;
	}
	job->picked[job->picked_len++] = number;
	return 0;
}

/* Notes line @number for the block at hand, once. */
static int
pick_number(struct blocks_job *job, uint32_t number)
{
	if (job->lines.marks[number].block == job->blocks)
		return 0;
	job->lines.marks[number].block = job->blocks;
	return add_picked(job, number);
}

static int
pick_line(struct blocks_job *job, struct wire_line line)
{
	uint32_t number;
	int r = line_set_add(&job->lines, line, &number);

	return r < 0 ? r : pick_number(job, number);
}

int
blocks_number_row(struct blocks_job *job, struct row *row)
{
	struct wire_line line = { .line = row->line };
	int r;

	if (row->number != ROW_NEW)
		return 0;
	r = line_files_find(&job->files, row->file, &line.file);
	row->number = WIRE_LINE_NONE;
	if (r < 0 || line.file == WIRE_FILE_UNKNOWN)
		return r;
	return line_set_add(&job->lines, line, &row->number);
}

/* What compilers make one of several places may end in the jump of any of them: where the function
 * has @row's line by more than that, it is not known whether a jump alone is the line's. */
static bool
is_jump(uint64_t start, const struct code_part *part, const struct row *row)
{
	const uint64_t from = start + part->start;

	return part->jump < part->end &&
	    (row->address > from ? row->address : from) == start + part->jump;
}

static int
pick_row(struct blocks_job *job, struct row *row, bool jumps)
{
	int r = blocks_number_row(job, row);
	const uint32_t number = row->number;

	if (r < 0 || number == WIRE_LINE_NONE)
		return r;
	if (jumps && job->lines.marks[number].function == job->graphs)
		return number_list_add(&job->weak, number);
	job->branch_line = number;
	return pick_number(job, number);
}

bool
blocks_is_entry(const struct blocks_job *job, uint32_t pc)
{
	uint64_t flags;

	if (job->entries == NULL)
		return false;
	memcpy(&flags, job->entries + pc * (size_t)CLANG_ENTRY + sizeof(uint64_t),
	    sizeof(flags));
	return (flags & 1) != 0;
}

#define LOOKED_AT 64 /* PCs of one address */

uint32_t
blocks_entry_among(const struct blocks_job *job, uint32_t place)
{
	const uint32_t len = job->sources.header->pcs_len;

	for (uint32_t i = place;
	    i < len && i - place < LOOKED_AT && job->sorted[i] == job->sorted[place];
	    i++)
		if (blocks_is_entry(job, job->sources.order[i]))
			return i;
	return CODE_NONE;
}

uint32_t
blocks_pc_at(const struct blocks_job *job, uint64_t address)
{
	const struct source_table *sources = &job->sources;
	const uint32_t place = blocks_place_of(job, address);
	uint32_t entry;

	if (place >= sources->header->pcs_len || job->sorted[place] != address)
		return CODE_NONE;
	entry = blocks_entry_among(job, place);
	return sources->order[entry != CODE_NONE ? entry : place];
}

/* The first line of a function of which a copy begins in the block: it was called. */
static int
pick_function(struct blocks_job *job, uint64_t address)
{
	const uint32_t pc = blocks_pc_at(job, address);
	const struct wire_location *location;

	if (pc == CODE_NONE)
		return 0;
	location = &job->sources.locations[pc];
	if (location->file == WIRE_FILE_UNKNOWN || location->line == 0)
		return 0;
	return pick_line(job, (struct wire_line){ location->file, location->line });
}

/* The last instruction's line comes last: it has the branch, if there is one. The first one's
 * stays where it is, too. */
static int
put_branch_last(struct blocks_job *job)
{
	uint32_t i = job->picked_len;

	while (i > 0 && job->picked[i - 1] != job->branch_line)
		i--;
	if (i == 1 && job->picked_len > 1)
		return add_picked(job, job->branch_line);
	for (; i > 0 && i < job->picked_len; i++) {
		job->picked[i - 1] = job->picked[i];
		job->picked[i] = job->branch_line;
	}
	return 0;
}

/* The line that called for a copy that begins in the block. Where calls were made one, the copy
 * begins in what several places share: of a line that has more in the function it tells little. */
static int
pick_call(struct blocks_job *job, const struct inlined_copy *copy)
{
	struct wire_line line = { .line = copy->line };
	uint32_t number;
	int r;

	if (copy->line == 0)
		return 0;
	r = line_files_find(&job->files, copy->file, &line.file);
	if (r < 0 || line.file == WIRE_FILE_UNKNOWN)
		return r;
	r = line_set_add(&job->lines, line, &number);
	if (r < 0)
		return r;
	return job->lines.marks[number].function == job->graphs
	    ? number_list_add(&job->weak, number)
	    : pick_number(job, number);
}

static int
pick_copies(struct blocks_job *job, uint64_t start, uint64_t end)
{
	const struct inlined_copies *copies = &job->copies;
	int r = 0;

	for (size_t i = inlined_copies_from(copies, start);
	    r == 0 && i < copies->len && copies->list[i].start < end; i++) {
		if (copies->list[i].table != job->table.offset)
			continue;
		if (copies->list[i].function != 0)
			r = pick_function(job, copies->list[i].function);
		if (r == 0)
			r = pick_call(job, &copies->list[i]);
	}
	return r;
}

static int
compare_stretches(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int
reserve_parts(struct blocks_job *job, uint32_t len)
{
	struct part_place *places;
	struct stretch *stretches;

	if (len <= job->parts_size)
		return 0;
	places = realloc(job->parts, len * sizeof(*places));
	if (places != NULL)
		job->parts = places;
	stretches = realloc(job->stretches, len * sizeof(*stretches));
	if (stretches != NULL)
		job->stretches = stretches;
	if (places == NULL || stretches == NULL)
		return -ENOMEM;
	job->parts_size = len;
	return 0;
}

/* Lists the code of all blocks. What moved_pcs.c made of shared ones stands at the end. */
static void
list_stretches(struct blocks_job *job, const struct code_graph *graph)
{
	bool ascends = true;

	job->stretches_len = 0;
	for (uint32_t i = 0; i < graph->parts_len; i++) {
		const struct code_part *part = &graph->parts[i];
		struct stretch *next = &job->stretches[job->stretches_len];

		if (part->start >= part->end || job->parts[i].block == CODE_NONE)
			continue;
		*next = (struct stretch){ part->start, part->end, job->parts[i].block };
		ascends = ascends &&
		    (job->stretches_len == 0 || next[-1].start < next->start);
		job->stretches_len++;
	}
	if (!ascends)
		qsort(job->stretches, job->stretches_len, sizeof(*job->stretches),
		    compare_stretches);
}

/* Finds where each part of @graph belongs. */
static int
place_parts(struct blocks_job *job, const struct code_graph *graph, uint64_t start)
{
	size_t row = blocks_row_at(job, start);
	uint32_t before = 0;
	int r = reserve_parts(job, graph->parts_len);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < graph->parts_len; i++) {
		const uint64_t at = start + graph->parts[i].start;

		if (graph->parts[i].start < before)
			row = blocks_row_at(job, at);
		while (row + 1 < job->rows_len && job->rows[row + 1].address <= at)
			row++;
		before = graph->parts[i].start;
		job->parts[i] = (struct part_place){ CODE_NONE, (uint32_t)row };
	}
	for (uint32_t i = 0; i < graph->blocks_len; i++)
		for (uint32_t p = graph->blocks[i].part; p != CODE_NONE;
		    p = graph->parts[p].next)
			job->parts[p].block = i;
	list_stretches(job, graph);
	return 0;
}

/* Marks the lines of which part @at has more than a jump. */
static int
mark_lines(
    struct blocks_job *job, const struct code_graph *graph, uint64_t start, uint32_t at)
{
	const struct code_part *part = &graph->parts[at];
	int r = 0;

	for (size_t i = job->parts[at].row; r == 0 && part->start < part->end &&
	    i < job->rows_len && job->rows[i].address < start + part->end;
	    i++) {
		if (job->rows[i].line == 0 || is_jump(start, part, &job->rows[i]))
			continue;
		r = blocks_number_row(job, &job->rows[i]);
		if (r == 0 && job->rows[i].number != WIRE_LINE_NONE)
			job->lines.marks[job->rows[i].number].function = job->graphs;
	}
	return r;
}

int
block_lines_begin(
    struct blocks_job *job, const struct code_graph *graph, uint64_t start)
{
	int r = place_parts(job, graph, start);

	job->graphs++;
	for (uint32_t i = 0; r == 0 && i < graph->parts_len; i++)
		if (job->parts[i].block != CODE_NONE)
			r = mark_lines(job, graph, start, i);
	return r;
}

int
block_lines_put(struct blocks_job *job, const struct code_graph *graph, uint64_t start,
    const struct code_block *block, uint32_t pc, uint32_t *last)
{
	uint32_t part = block->part, callee, len; /* len: of what is weak, in the end */
	int r = 0;

	job->picked_len = 0;
	job->weak.len = 0;
	for (; r == 0 && part != CODE_NONE; part = graph->parts[part].next) {
		const struct code_part *at = &graph->parts[part];

		for (size_t i = job->parts[part].row; r == 0 && at->start < at->end &&
		    i < job->rows_len && job->rows[i].address < start + at->end;
		    i++)
			if (job->rows[i].line != 0)
				r = pick_row(job, &job->rows[i],
				    is_jump(start, at, &job->rows[i]));
	}
	for (uint32_t p = block->part; r == 0 && p != CODE_NONE;
	    p = graph->parts[p].next)
		r = pick_copies(
		    job, start + graph->parts[p].start, start + graph->parts[p].end);
	if (r == 0)
		r = put_branch_last(job);
	len = job->picked_len;
	for (size_t i = 0; r == 0 && i < job->weak.len; i++)
		r = pick_number(job, (uint32_t)job->weak.list[i]);
	len = job->picked_len - len;
	if (r == 0)
		r = reserve_code(job, (size_t)LEB_MAX * (job->picked_len + 3));
	if (r < 0)
		return r;
	callee = block->pc == CODE_NONE ? blocks_pc_at(job, block->callee) : CODE_NONE;
	put(job,
	    job->picked_len << WIRE_LINES_FLAGS |
		(block->is_cleanup ? WIRE_LINES_CLEANUP : 0u) |
		(len > 0 ? WIRE_LINES_WEAK : 0u) |
		(callee != CODE_NONE ? WIRE_LINES_CALLEE : 0u));
	if (callee != CODE_NONE)
		put(job, zigzag(pc, callee));
	if (len > 0)
		put(job, len);
	for (uint32_t i = 0; i < job->picked_len; i++) {
		put(job, zigzag(*last, job->picked[i]));
		*last = job->picked[i];
	}
	return 0;
}
