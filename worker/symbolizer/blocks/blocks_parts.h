/* SPDX-License-Identifier: MIT
 * What blocks.c, block_function.c, block_lines.c and block_write.c share: a block table that is being made.
 */
#ifndef FUZZSUP_BLOCKS_PARTS_H
#define FUZZSUP_BLOCKS_PARTS_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "block_copies.h"
#include "blocks.h"
#include "code_graph.h"
#include "function_ranges.h"
#include "inlined_copies.h"
#include "line_files.h"
#include "line_program.h"
#include "line_set.h"
#include "line_window.h"
#include "path_table.h"
#include "source_table.h"

/* Bytes of the code of all functions. */
#define CODE_MAX (UINT32_C(1) << 31)
#define CLANG_ENTRY 16 /* bytes of an entry of __sancov_pcs: a PC, flags */

/* A row as it is kept: neighbours of one line are one. */
struct row {
	uint64_t address;
	uint32_t file; /* register of the line table */
	uint32_t line; /* 0: none */
	uint32_t
	    number; /* in the set of lines; WIRE_LINE_NONE: in no file that is known; ROW_NEW */
};

#define ROW_NEW (WIRE_LINE_NONE - 1) /* nobody asked for it */

/* Where a part of a function's code belongs. */
struct part_place {
	uint32_t block; /* CODE_NONE: none */
	uint32_t row;   /* the last that begins at or before it, or the first */
};

/* Code that a block has. */
struct stretch {
	uint32_t start, end; /* bytes from the function's start */
	uint32_t block;
};

struct blocks_job {
	const struct blocks_request *request;
	struct function_ranges ranges;
	unsigned char *done; /* by range */
	struct source_table sources;
	uint64_t *sorted;             /* PCs in order of address */
	const unsigned char *entries; /* Clang's PC table; NULL: it has none */
	uint64_t counters;            /* address of the first PC's; 0: not known */
	struct inlined_copies copies;
	struct block_copies copy_lines;
	struct part_place *parts;  /* of the function at hand */
	struct stretch *stretches; /* the same that have code, ascending */
	uint32_t parts_size, stretches_len;
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
	uint32_t branch_line;    /* of the row that was noted last, new or not */
	struct number_list weak; /* lines of the block at hand that little tells of */
	struct wire_blocks_function *functions;
	uint32_t functions_len, functions_size;
	bool counted_first; /* a function of the unit at hand counts for another */
	struct number_list
	    counted; /* where those begin that the function at hand counts */
	struct number_list
	    uncounted; /* first of functions of which a copy does not count */
	uint32_t blocks_max, edges_max, known_len;
	unsigned char *code;
	uint32_t code_len, code_size;
};

/* ---- bytes of the code ---- */

static inline int
reserve_code(struct blocks_job *job, size_t len)
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
static inline void
put(struct blocks_job *job, uint32_t value)
{
	while (value >= 0x80) {
		job->code[job->code_len++] = (unsigned char)(value | 0x80);
		value >>= 7;
	}
	job->code[job->code_len++] = (unsigned char)value;
}

static inline uint32_t
zigzag(uint32_t from, uint32_t to)
{
	const uint32_t step = to - from;

	return step << 1 ^ (uint32_t)-(int32_t)(step >> 31);
}

/* ---- parts ---- */

/* What follows, up to the next name of a file: block_lines.c.
 * The first place of @sorted at or above @address. */
uint32_t blocks_place_of(const struct blocks_job *job, uint64_t address);

/* Whether Clang says that a function begins at PC @pc of the table. */
bool blocks_is_entry(const struct blocks_job *job, uint32_t pc);

/* Of the PCs that have the same address as the one at @place the place of that at which a function
 * begins; CODE_NONE: nobody knows. */
uint32_t blocks_entry_among(const struct blocks_job *job, uint32_t place);

/* Index of the PC at @address, where a function begins; CODE_NONE: there is none. */
uint32_t blocks_pc_at(const struct blocks_job *job, uint64_t address);

/* The last row at or below @address; the first if there is none. */
size_t blocks_row_at(const struct blocks_job *job, uint64_t address);

/* Gives @row its number. Returns 0 or a negative errno, as all below. */
int blocks_number_row(struct blocks_job *job, struct row *row);

/* Begins with the function that is at @start: where its parts belong, and which lines it has by more than a
 * jump. */
int block_lines_begin(
    struct blocks_job *job, const struct code_graph *graph, uint64_t start);

/* Writes the lines of @block, of all its parts. @pc: the first of its function's; @last: line
 * that was written last. */
int block_lines_put(struct blocks_job *job, const struct code_graph *graph,
    uint64_t start, const struct code_block *block, uint32_t pc, uint32_t *last);

/* Writes the function at @range, whose @pcs_len PCs begin at place @first. block_function.c */
int block_function_write(struct blocks_job *job, const struct function_range *range,
    uint32_t first, uint32_t pcs_len);

/* Writes the finished table. Outputs TABLE_OK's descriptor; else tells @text. block_write.c */
int block_write_table(struct blocks_job *job, int *ret_blocks, struct failure *text);
int blocks_out_of_memory(struct failure *text);

#endif
