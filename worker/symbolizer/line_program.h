/* SPDX-License-Identifier: MIT
 * Streaming decoder of .debug_line, DWARF 2 to 5, 32-bit and 64-bit; in the symbolizer.
 *
 * Nothing is stored: a caller hops from table to table and runs each program from event
 * to event. It says up to which address it has no question, so that most rows cost a few
 * instructions and no call. No relocation is applied: for linked files.
 */
#ifndef FUZZSUP_LINE_PROGRAM_H
#define FUZZSUP_LINE_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "byte_reader.h"
#include "line_answers.h"
#include "line_blocks.h"

/* Header of one table; points into the section. */
struct line_table {
	uint64_t offset; /* in the section */
	bool dwarf64;
	uint8_t address_size; /* 0 before DWARF 5: not said there */
	uint8_t min_instruction;
	uint8_t max_operations;
	int8_t line_base;
	uint8_t line_range;
	uint8_t opcode_base;
	uint16_t version;
	const unsigned char *opcode_lengths; /* opcode_base - 1 */
	struct byte_reader names; /* directories and files; see line_names.h */
	struct byte_reader program;
};

/* What a special opcode adds. */
struct line_step {
	uint32_t address;
	int32_t line;
};

struct line_program {
	const struct line_table *table;
	struct byte_reader code;
	struct line_row row;    /* the newest one */
	struct line_row before; /* the one before it, in the same sequence */
	uint32_t op_index;
	bool in_sequence;
	bool row_is_out;             /* row was reported, and goes to before next */
	struct line_step steps[256]; /* by opcode, for special opcodes */
	struct line_blocks blocks;
};

enum line_event {
	LINE_FIRST,  /* row begins a sequence */
	LINE_PASSED, /* row lies above the PC in question, before does not */
	LINE_LAST,   /* row ends the sequence: its address is the first behind it */
	LINE_DONE,   /* no more code */
	LINE_BAD,    /* malformed at line_program_place() */
};

/* Reads the header of the next table of @section (whose whole is @start) and moves
 * behind the table. Returns 0; -ENODATA at the end; -ENOTSUP for a version that is not
 * known and -EBADMSG for a malformed header, after which the next table may be read;
 * -EPROTO if the next table cannot be found. Outputs offset in any case. */
int line_table_next(struct byte_reader *section, const unsigned char *start,
    struct line_table *ret_table);

/* Prepares to run @table's program; @table must live as long. */
void line_program_start(struct line_program *program, const struct line_table *table);

/* Runs to the next event; rows of the current sequence at addresses up to and including
 * that of the question (place behind pcs_len: any address) are passed over in silence.
 * The caller takes what @answers gathered before it looks at the event, and empties it.
 * Rows whose address falls back begin a new sequence, without the end of the old one. */
enum line_event line_program_next(
    struct line_program *program, struct line_answers *answers);

/* Where decoding stands, as an offset from @start. */
uint64_t line_program_place(
    const struct line_program *program, const unsigned char *start);

#endif
