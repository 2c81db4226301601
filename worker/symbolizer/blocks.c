/* SPDX-License-Identifier: MIT
 * The third job: which lines are executed with each PC; in the symbolizer.
 *
 * Line tables are run once, sequence by sequence; what is kept of them is one sequence. Its
 * functions are cut into blocks (code_graph.h), of which what is kept is the bytes that the
 * finished table holds of them.
 */
#include "config.h"

#include "blocks.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alternate.h"
#include "block_table.h"
#include "code_graph.h"
#include "code_memory.h"
#include "function_ranges.h"
#include "inlined_copies.h"
#include "landing_pads.h"
#include "line_files.h"
#include "line_program.h"
#include "line_set.h"
#include "line_shapes.h"
#include "line_window.h"
#include "never_returns.h"
#include "path_table.h"
#include "pc_sort.h"
#include "shared_memory.h"
#include "source_table.h"
#include "banned.h"

/* Bytes of the code of all functions. */
#define CODE_MAX (UINT32_C(1) << 31)
#define CLANG_ENTRY 16 /* bytes of an entry of __sancov_pcs: a PC, flags */

/* A row as it is kept: neighbours of one line are one. */
struct row {
	uint64_t address;
	uint32_t file; /* register of the line table */
	uint32_t line; /* 0: none */
};

struct job {
	const struct blocks_request *request;
	struct function_ranges ranges;
	unsigned char *done; /* by range */
	struct source_table sources;
	uint64_t *sorted;             /* PCs in order of address */
	const unsigned char *entries; /* Clang's PC table; NULL: it has none */
	uint64_t counters;            /* address of the first PC's; 0: not known */
	struct inlined_copies copies;
	struct elf_image *alternate;
	struct code_memory *memory;
	struct never_returns *never;
	struct landing_pads *pads;
	struct code_grapher *grapher;
	struct path_table *paths;
	struct line_files files;
	struct line_window *window;
	struct line_table table;
	struct line_program program;
	struct row *rows; /* of the sequence at hand */
	size_t rows_len, rows_size;
	struct line_set lines; /* marks: who named it last, counted from 1 */
	uint32_t blocks;       /* that were written, in all */
	uint32_t graphs;       /* of functions, in all */
	uint32_t *picked;      /* lines of the block at hand */
	uint32_t picked_len, picked_size;
	uint32_t branch_line; /* of the row that was noted last, new or not */
	uint32_t jump_line;   /* of a jump alone; WIRE_LINE_NONE */
	struct wire_blocks_function *functions;
	uint32_t functions_len, functions_size;
	uint32_t blocks_max, edges_max, known_len;
	unsigned char *code;
	uint32_t code_len, code_size;
};

/* ---- bytes of the code ---- */

static int
reserve_code(struct job *job, size_t len)
{
	uint64_t wanted = (uint64_t)job->code_len + len;
	unsigned char *larger;

	if (wanted <= job->code_size)
		return 0;
	if (wanted > CODE_MAX)
		return -ENOSPC;
	wanted = wanted * 2 + 65536;
	larger = realloc(job->code, wanted);
	if (larger == NULL)
		return -ENOMEM;
	job->code = larger;
	job->code_size = (uint32_t)wanted;
	return 0;
}

#define LEB_MAX 5 /* bytes of a number of 32 bits */

/* There is room. */
static void
put(struct job *job, uint32_t value)
{
	while (value >= 0x80) {
		job->code[job->code_len++] = (unsigned char)(value | 0x80);
		value >>= 7;
	}
	job->code[job->code_len++] = (unsigned char)value;
}

static uint32_t
zigzag(uint32_t from, uint32_t to)
{
	const uint32_t step = to - from;

	return step << 1 ^ (uint32_t)-(int32_t)(step >> 31);
}

/* ---- one function ---- */

/* The first place of @sorted at or above @address. */
static uint32_t
place_of(const struct job *job, uint64_t address)
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

/* The last row at or below @address; the first if there is none. */
static size_t
row_at(const struct job *job, uint64_t address)
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
add_picked(struct job *job, uint32_t number)
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
pick_number(struct job *job, uint32_t number)
{
	if (job->lines.marks[number].block == job->blocks)
		return 0;
	job->lines.marks[number].block = job->blocks;
	return add_picked(job, number);
}

static int
pick_line(struct job *job, struct wire_line line)
{
	uint32_t number;
	int r = line_set_add(&job->lines, line, &number);

	return r < 0 ? r : pick_number(job, number);
}

/* Outputs WIRE_LINE_NONE if it is of no file that is known. */
static int
number_row(struct job *job, const struct row *row, uint32_t *ret_number)
{
	struct wire_line line = { .line = row->line };
	int r = line_files_find(&job->files, row->file, &line.file);

	*ret_number = WIRE_LINE_NONE;
	if (r < 0 || line.file == WIRE_FILE_UNKNOWN)
		return r;
	return line_set_add(&job->lines, line, ret_number);
}

/* What compilers make one of several places may end in the jump of any of them: where the function
 * has @row's line by more than that, it is not known whether a jump alone is the line's. */
static bool
is_jump(uint64_t start, const struct code_part *part, const struct row *row)
{
	return part->jump < part->end && row->address == start + part->jump;
}

static int
pick_row(struct job *job, const struct row *row, bool jumps)
{
	uint32_t number;
	int r = number_row(job, row, &number);

	if (r < 0 || number == WIRE_LINE_NONE)
		return r;
	if (jumps && job->lines.marks[number].function == job->graphs) {
		job->jump_line = number;
		return 0;
	}
	job->branch_line = number;
	return pick_number(job, number);
}

#define LOOKED_AT 64 /* PCs of one address */

/* Of the PCs that have the same address as the one at @place the place of that at which a function
 * begins; CODE_NONE: nobody knows. */
static uint32_t
entry_among(const struct job *job, uint32_t place)
{
	const uint32_t len = job->sources.header->pcs_len;
	uint64_t flags;

	for (uint32_t i = place; job->entries != NULL && i < len &&
	    i - place < LOOKED_AT && job->sorted[i] == job->sorted[place];
	    i++) {
		memcpy(&flags,
		    job->entries + job->sources.order[i] * (size_t)CLANG_ENTRY + 8,
		    sizeof(flags));
		if ((flags & 1) != 0)
			return i;
	}
	return CODE_NONE;
}

/* Index of the PC at @address, where a function begins; CODE_NONE: there is none. */
static uint32_t
pc_at(const struct job *job, uint64_t address)
{
	const struct source_table *sources = &job->sources;
	const uint32_t place = place_of(job, address);
	uint32_t entry;

	if (place >= sources->header->pcs_len || job->sorted[place] != address)
		return CODE_NONE;
	entry = entry_among(job, place);
	return sources->order[entry != CODE_NONE ? entry : place];
}

/* The first line of a function of which a copy begins in the block: it was called. */
static int
pick_function(struct job *job, uint64_t address)
{
	const uint32_t pc = pc_at(job, address);
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
put_branch_last(struct job *job)
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

/* The line that called for a copy that begins in the block. */
static int
pick_call(struct job *job, const struct inlined_copy *copy)
{
	struct wire_line line = { .line = copy->line };
	int r;

	if (copy->line == 0)
		return 0;
	r = line_files_find(&job->files, copy->file, &line.file);
	if (r < 0 || line.file == WIRE_FILE_UNKNOWN)
		return r;
	return pick_line(job, line);
}

static int
pick_copies(struct job *job, uint64_t start, uint64_t end)
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

/* Marks the lines of which a part has more than a jump. */
static int
mark_lines(struct job *job, uint64_t start, const struct code_part *part)
{
	uint32_t number;
	int r = 0;

	for (size_t i = row_at(job, start + part->start);
	    r == 0 && part->start < part->end && i < job->rows_len &&
	    job->rows[i].address < start + part->end;
	    i++) {
		if (job->rows[i].line == 0 || is_jump(start, part, &job->rows[i]))
			continue;
		r = number_row(job, &job->rows[i], &number);
		if (r == 0 && number != WIRE_LINE_NONE)
			job->lines.marks[number].function = job->graphs;
	}
	return r;
}

static int
mark_function(struct job *job, const struct code_graph *graph, uint64_t start)
{
	int r = 0;

	job->graphs++;
	for (uint32_t i = 0; r == 0 && i < graph->blocks_len; i++)
		for (uint32_t part = graph->blocks[i].part; r == 0 && part != CODE_NONE;
		    part = graph->parts[part].next)
			r = mark_lines(job, start, &graph->parts[part]);
	return r;
}

/* Of all parts of a block. */
static int
put_lines(struct job *job, const struct code_graph *graph, uint64_t start,
    const struct code_block *block, uint32_t pc, uint32_t *last)
{
	uint32_t part = block->part, callee, len;
	bool jumps;
	int r = 0;

	job->picked_len = 0;
	job->jump_line = WIRE_LINE_NONE;
	for (; r == 0 && part != CODE_NONE; part = graph->parts[part].next) {
		const struct code_part *at = &graph->parts[part];

		for (size_t i = row_at(job, start + at->start);
		    r == 0 && at->start < at->end && i < job->rows_len &&
		    job->rows[i].address < start + at->end;
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
	if (r == 0 && job->jump_line != WIRE_LINE_NONE)
		r = pick_number(job, job->jump_line);
	jumps = job->picked_len > len;
	if (r == 0)
		r = reserve_code(job, (size_t)LEB_MAX * (job->picked_len + 2));
	if (r < 0)
		return r;
	callee = block->pc == CODE_NONE ? pc_at(job, block->callee) : CODE_NONE;
	put(job,
	    job->picked_len << WIRE_LINES_FLAGS |
		(block->is_cleanup ? WIRE_LINES_CLEANUP : 0u) |
		(jumps ? WIRE_LINES_JUMP : 0u) |
		(callee != CODE_NONE ? WIRE_LINES_CALLEE : 0u));
	if (callee != CODE_NONE)
		put(job, zigzag(pc, callee));
	for (uint32_t i = 0; i < job->picked_len; i++) {
		put(job, zigzag(*last, job->picked[i]));
		*last = job->picked[i];
	}
	return 0;
}

static int
put_block(struct job *job, const struct code_graph *graph, uint32_t first,
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
	return put_lines(job, graph, start, block, job->sources.order[first], last);
}

static int
add_function(struct job *job, const struct wire_blocks_function *function)
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
first_line(struct job *job, uint64_t start, uint32_t *ret_line)
{
	const struct row *row = &job->rows[row_at(job, start)];
	struct wire_line line = { .line = row->line };
	int r;

	*ret_line = WIRE_LINE_NONE;
	if (row->line == 0 || row->address > start)
		return 0;
	r = line_files_find(&job->files, row->file, &line.file);
	if (r < 0 || line.file == WIRE_FILE_UNKNOWN)
		return r;
	return line_set_add(&job->lines, line, ret_line);
}

static int
write_function(struct job *job, const struct function_range *range, uint32_t first,
    uint32_t pcs_len)
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
	const uint32_t entry = entry_among(job, first);
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
	if (r == 0)
		r = mark_function(job, graph, range->start);
	for (uint32_t i = 0; r == 0 && i < graph->blocks_len; i++)
		r = put_block(job, graph, first, range->start, i, &next_pc, &last);
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

/* ---- sequences ---- */

/* Writes the functions that begin in the sequence at hand, which ends at @end. */
static int
end_sequence(struct job *job, uint64_t end)
{
	uint32_t first, behind;
	int r = 0;

	if (job->rows_len == 0)
		return 0;
	for (size_t i = function_ranges_from(&job->ranges, job->rows[0].address);
	    r == 0 && i < job->ranges.len && job->ranges.list[i].start < end; i++) {
		struct function_range range = job->ranges.list[i];

		if (job->done[i])
			continue;
		job->done[i] = true;
		range.end = range.end < end ? range.end : end;
		first = place_of(job, range.start);
		behind = place_of(job, range.end);
		if (behind > first)
			r = write_function(job, &range, first, behind - first);
	}
	job->rows_len = 0;
	return r;
}

static int
add_row(struct job *job, const struct line_row *row)
{
	struct row *last = job->rows_len > 0 ? &job->rows[job->rows_len - 1] : NULL;
	size_t wanted = job->rows_size * 2 + 4096;
	struct row *larger;

	if (last != NULL && last->file == row->file && last->line == row->line)
		return 0;
	/* One that covers nothing is none. */
	if (last != NULL && last->address == row->address) {
		*last = (struct row){ row->address, row->file, row->line };
		return 0;
	}
	if (job->rows_len == job->rows_size) {
		larger = realloc(job->rows, wanted * sizeof(*larger));
		if (larger == NULL)
			return -ENOMEM;
		job->rows = larger;
		job->rows_size = wanted;
	}
	job->rows[job->rows_len++] = (struct row){ row->address, row->file, row->line };
	return 0;
}

/* Runs the current table's program. Returns 0, also if it is malformed (what came before that
 * counts), or a negative errno if all is lost. */
static int
run_program(struct job *job)
{
	/* A question that every row passes, and none behind it: all rows are told. */
	const uint64_t lowest = 0;
	const uint32_t free_place = 0;
	struct line_answers answers = {
		.pcs = &lowest, .claimed = &free_place, .pcs_len = 1
	};
	enum line_event event;
	bool live = false;
	int r = 0;

	line_program_start(&job->program, &job->table);
	while (r == 0) {
		event = line_program_next(&job->program, &answers);
		if (event == LINE_MORE) {
			r = line_window_go_on(job->window, &job->program);
			continue;
		}
		if (event == LINE_DONE || event == LINE_BAD)
			break;
		if (event == LINE_LAST) {
			r = end_sequence(job, job->program.row.address);
			live = false;
			continue;
		}
		if (event == LINE_FIRST) {
			r = end_sequence(job, job->program.before.address);
			live = elf_image_is_code(
			    job->ranges.image, job->program.row.address);
		}
		if (r == 0 && live)
			r = add_row(job, &job->program.row);
	}
	job->rows_len = 0;
	return r;
}

static int
run_tables(struct job *job)
{
	int r = 0;

	while (r == 0) {
		r = line_window_next(job->window, &job->table);
		if (r == -ENODATA || r == -EPROTO)
			return 0;
		if (r == 0) {
			line_files_turn(&job->files, &job->table);
			r = run_program(job);
		}
		r = r == -EBADMSG || r == -ENOTSUP ? 0 : r; /* the first job says so */
	}
	return r;
}

/* ---- the finished table ---- */

static int
out_of_memory(struct failure *text)
{
	return failure_say(text, ENOMEM, "out of memory for its blocks");
}

static int
compare_functions(const void *a, const void *b)
{
	const struct wire_blocks_function *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static uint64_t
lay(uint64_t *offset, uint64_t at, uint64_t size)
{
	*offset = at;
	return at + shared_memory_aligned(size);
}

/* Indexes of the lines by file and line; to be freed. */
static uint32_t *
order_lines(const struct line_set *lines)
{
	const size_t len = (size_t)lines->len + 1;
	uint32_t *order = calloc(len, sizeof(*order));
	uint64_t *keys = calloc(len, sizeof(*keys)),
		 *sorted = calloc(len, sizeof(*sorted)),
		 *spare = calloc(len, sizeof(*spare));

	for (uint32_t i = 0; keys != NULL && i < lines->len; i++)
		keys[i] = (uint64_t)lines->lines[i].file << 32 | lines->lines[i].line;
	if (order != NULL && keys != NULL && sorted != NULL && spare != NULL)
		pc_sort(keys, lines->len, sorted, order, spare);
	if (keys == NULL || sorted == NULL || spare == NULL) {
		free(order);
		order = NULL;
	}
	free(keys);
	free(sorted);
	free(spare);
	return order;
}

static int
write_all(const struct job *job, const uint32_t *order, int fd)
{
	struct wire_blocks h = {
		.magic = WIRE_BLOCKS_MAGIC,
		.version = WIRE_BLOCKS_VERSION,
		.pcs_len = job->sources.header->pcs_len,
		.functions_len = job->functions_len,
		.lines_len = job->lines.len,
		.code_len = job->code_len,
		.blocks_max = job->blocks_max,
		.edges_max = job->edges_max,
	};
	const struct wire_file *files = path_table_files(job->paths, &h.files_len);
	const uint32_t *directories =
	    path_table_directories(job->paths, &h.directories_len);
	const char *strings = path_table_strings(job->paths, &h.string_bytes_len);
	const struct {
		const void *data;
		uint64_t *offset, size;
	} parts[] = {
		{ job->functions, &h.functions,
		    (uint64_t)h.functions_len * sizeof(*job->functions) },
		{ job->lines.lines, &h.lines,
		    (uint64_t)h.lines_len * sizeof(*job->lines.lines) },
		{ order, &h.order, (uint64_t)h.lines_len * sizeof(*order) },
		{ files, &h.files, (uint64_t)h.files_len * sizeof(*files) },
		{ directories, &h.directories,
		    (uint64_t)h.directories_len * sizeof(*directories) },
		{ strings, &h.strings, h.string_bytes_len },
		{ job->code, &h.code, job->code_len },
	};
	int r;

	h.unknown_len = h.pcs_len - job->known_len;
	h.size = sizeof(h);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		h.size = lay(parts[i].offset, h.size, parts[i].size);
	r = shared_memory_append(fd, &h, sizeof(h));
	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		r = shared_memory_append_aligned(fd, parts[i].data, parts[i].size);
	return r < 0 ? r : shared_memory_seal(fd);
}

/* Of copies of what is one piece of code nothing may be left. Rust's are doubted by their sources,
 * which tell more of them (line_shapes.h). */
static void
mark_folding(const struct job *job)
{
	uint32_t files_len, strings_len;
	const struct wire_file *files = path_table_files(job->paths, &files_len);
	const char *strings = path_table_strings(job->paths, &strings_len);

	for (uint32_t i = 0; i < job->functions_len; i++) {
		struct wire_blocks_function *function = &job->functions[i];

		if ((function->flags & WIRE_FUNCTION_INLINED) == 0 ||
		    function->blocks_len != 1 || function->line == WIRE_LINE_NONE)
			continue;
		const uint32_t file = job->lines.lines[function->line].file;

		if (source_language_of(strings + files[file].basename) == SOURCE_C)
			function->flags |= WIRE_FUNCTION_FOLDS;
	}
}

static int
write_table(const struct job *job, int *ret_blocks, struct failure *text)
{
	uint32_t *order = order_lines(&job->lines);
	int fd, r;

	if (order == NULL)
		return out_of_memory(text);
	if (job->functions_len > 0)
		qsort(job->functions, job->functions_len, sizeof(*job->functions),
		    compare_functions);
	mark_folding(job);
	fd = shared_memory_create("block-table");
	r = fd < 0 ? fd : write_all(job, order, fd);
	free(order);
	if (r == 0)
		*ret_blocks = fd;
	else if (fd >= 0)
		close(fd);
	return r == 0 ? 0
		      : failure_say(text, -r, "the block table cannot be written: %s",
			    strerror(-r));
}

/* ---- the job ---- */

/* The files of the source-location table have the same numbers here. */
static int
take_files(struct job *job)
{
	const struct source_table *sources = &job->sources;
	uint32_t number;
	int r = path_table_new(&job->paths);

	for (uint32_t i = 0; r == 0 && i < sources->header->files_len; i++) {
		const char *directory = sources->strings +
		    sources->directories[sources->files[i].directory];
		const char *name = sources->strings + sources->files[i].basename;
		const struct byte_text parts[] = {
			{ *directory != '\0' ? directory : "/",
			    *directory != '\0' ? strlen(directory) : 1 },
			{ name, strlen(name) },
		};

		r = path_table_file(job->paths, parts, 2, &number);
		if (r == 0 && number != i)
			r = -EPROTO;
	}
	return r;
}

/* Where Clang's PC table and its counters are, if they are those of our PCs. */
static void
find_counters(struct job *job)
{
	static const char *const names[] = { "__sancov_cntrs", "__sancov_bools" };
	const uint32_t len = job->sources.header->pcs_len;
	struct elf_section section;
	struct failure ignored;

	if (elf_image_section(job->ranges.image, "__sancov_pcs", &section, &ignored) ==
		0 &&
	    section.size == len * (uint64_t)CLANG_ENTRY)
		job->entries = section.data;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (elf_image_find(job->ranges.image, names[i], &section, &ignored) ==
			0 &&
		    section.size == len)
			job->counters = section.header.sh_addr;
}

static int
prepare(struct job *job, struct failure *text)
{
	const struct source_table *sources = &job->sources;
	const struct code_machine *machine =
	    code_machine_find(elf_image_machine(job->ranges.image));
	int r;

	if (machine == NULL)
		return failure_say(text, ENOTSUP,
		    "its machine code is of a kind that is not known (x86-64 and "
		    "AArch64 are): lines are known by their PCs alone");
	job->sorted = malloc(((size_t)sources->header->pcs_len + 1) * sizeof(uint64_t));
	job->done = calloc(job->ranges.len + 1, 1);
	if (job->sorted == NULL || job->done == NULL)
		return out_of_memory(text);
	for (uint32_t i = 0; i < sources->header->pcs_len; i++)
		job->sorted[i] = sources->pcs[sources->order[i]];
	find_counters(job);
	r = code_memory_new(job->ranges.image, &job->memory);
	if (r == 0)
		r = never_returns_new(&job->ranges, job->memory, machine, &job->never);
	if (r == 0)
		r = landing_pads_new(job->ranges.image, job->memory, &job->pads);
	if (r == 0)
		r = code_grapher_new(
		    job->memory, machine, job->never, job->pads, &job->grapher);
	if (r == 0)
		r = take_files(job);
	return r == 0 ? 0 : failure_say(text, -r, "its blocks: %s", strerror(-r));
}

/* Where lines are. */
static int
open_debug(struct job *job, struct elf_image **ret_image, struct failure *text)
{
	const struct blocks_request *request = job->request;
	uint64_t size;
	int r;

	*ret_image = job->ranges.image;
	if (request->debug >= 0 &&
	    !(elf_image_has(job->ranges.image, ".debug_line", &size) && size > 0)) {
		/* Symbols may have been in the executable. */
		if (job->ranges.split == NULL) {
			r = elf_image_open(request->debug, &job->ranges.split, text);
			if (r < 0)
				return r;
		}
		*ret_image = job->ranges.split;
	}
	return request->alternate < 0
	    ? 0
	    : alternate_open(request->alternate, *ret_image, &job->alternate, text);
}

static bool
is_known_pc(void *context, uint64_t address)
{
	return pc_at(context, address) != CODE_NONE;
}

static int
run(struct job *job, int *ret_blocks, struct failure *text)
{
	struct elf_image *image = NULL;
	int r = source_table_map(job->request->table, &job->sources);

	if (r < 0)
		return failure_say(
		    text, -r, "its table cannot be mapped: %s", strerror(-r));
	r = function_ranges_read(
	    job->request->executable, job->request->debug, &job->ranges, text);
	if (r == 0)
		r = prepare(job, text);
	if (r == 0)
		r = open_debug(job, &image, text);
	if (r == 0)
		r = line_window_new(image, 0, &job->window, text);
	if (r < 0)
		return r;
	if (inlined_copies_read(image, is_known_pc, job, &job->copies) < 0)
		return out_of_memory(text);
	line_files_open(&job->files, image, job->alternate, job->paths);
	r = run_tables(job);
	if (r < 0)
		return failure_say(text, -r, "its blocks, at .debug_line+0x%llx: %s",
		    (unsigned long long)job->table.offset, strerror(-r));
	return write_table(job, ret_blocks, text);
}

enum table_status
blocks_make(const struct blocks_request *request, int *ret_blocks, struct failure *text)
{
	struct job job = { .request = request };
	int r;

	text->text[0] = '\0';
	r = run(&job, ret_blocks, text);
	free(job.code);
	free(job.functions);
	free(job.picked);
	free(job.rows);
	free(job.sorted);
	free(job.done);
	line_set_free(&job.lines);
	line_files_free(&job.files);
	line_window_free(job.window);
	path_table_free(job.paths);
	code_grapher_free(job.grapher);
	landing_pads_free(job.pads);
	never_returns_free(job.never);
	code_memory_free(job.memory);
	inlined_copies_free(&job.copies);
	elf_image_free(job.alternate);
	function_ranges_free(&job.ranges);
	source_table_unmap(&job.sources);
	return r == 0 ? TABLE_OK : TABLE_FAILED;
}
