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
#include <stddef.h>
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
	uint64_t rest; /* bytes of the program behind `program`, which was cut there */
};

struct line_program {
	const struct line_table *table;
	struct byte_reader code;
	uint64_t rest;          /* bytes of it behind `code` */
	struct line_row row;    /* the newest one */
	struct line_row before; /* the one before it, in the same sequence */
	uint32_t op_index;
	bool in_sequence;
	bool row_is_out;             /* row was reported, and goes to before next */
	bool row_goes_on;            /* no row yet, but what was done to it counts */
	ptrdiff_t stretch;           /* bytes until blocks may try again */
	struct line_step steps[256]; /* by opcode, for special opcodes */
	struct line_blocks blocks;
};

enum line_event {
	LINE_FIRST,  /* row begins a sequence */
	LINE_PASSED, /* row lies above the PC in question, before does not */
	LINE_LAST,   /* row ends the sequence: its address is the first behind it */
	LINE_MORE,   /* what is left of code is too short: see line_program_go_on() */
	LINE_DONE,   /* no more code */
	LINE_BAD,    /* malformed */
};

/* Reads the header of the next table of @section (whose whole is @start) and moves
 * behind the table. @behind it there are more bytes, 0 if it reaches to the end: then a
 * table may be cut there, but for its header. Returns 0; -ENODATA at the end; -ENOTSUP
 * for a version that is not known and -EBADMSG for a malformed header, after which the
 * next table may be read; -EPROTO if the next table cannot be found; -EAGAIN if the
 * header is cut: then @section is where that begins. Outputs offset and rest in any case. */
int line_table_next(struct byte_reader *section, const unsigned char *start,
    uint64_t behind, struct line_table *ret_table);

/* Prepares to run @table's program; what @table points to must live as long. */
void line_program_start(struct line_program *program, const struct line_table *table);

/* Runs to the next event; rows of the current sequence at addresses up to and including
 * that of the question (place behind pcs_len: any address) are passed over in silence.
 * The caller takes what @answers gathered before it looks at the event, and empties it.
 * Rows whose address falls back begin a new sequence, without the end of the old one. */
enum line_event line_program_next(
    struct line_program *program, struct line_answers *answers);

/* After LINE_MORE: @code begins with what was left of the code and has at least one byte
 * more; @rest bytes are behind it. */
void line_program_go_on(
    struct line_program *program, struct byte_reader code, uint64_t rest);

#endif
