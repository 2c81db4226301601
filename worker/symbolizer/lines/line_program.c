/* SPDX-License-Identifier: MIT
 * Streaming decoder of .debug_line; in the symbolizer.
 */
#include "config.h"

#include "line_program.h"

#include <dwarf.h>
#include <errno.h>
#include <sys/param.h>

#include "banned.h"

/* ---- headers ---- */

/* Bytes of a unit's length. */
#define UNIT_LENGTH_MAX 12

/* @rest bytes of the unit are behind @unit. */
static int
read_header(struct byte_reader *unit, uint64_t rest, struct line_table *table)
{
	const int cut = rest > 0 ? -EAGAIN : -EBADMSG;
	uint64_t header_length;
	struct byte_reader header;

	table->version = byte_reader_u16(unit);
	if (unit->bad || table->version < 2 || table->version > 5)
		return unit->bad ? cut : -ENOTSUP;
	if (table->version >= 5) {
		table->address_size = byte_reader_u8(unit);
		byte_reader_u8(
		    unit); /* segment selectors: none on any system of ours */
	}
	header_length = byte_reader_offset(unit, table->dwarf64);
	if (!unit->bad && header_length > byte_reader_left(unit) + rest)
		return -EBADMSG;
	header = byte_reader_cut(unit, header_length);
	if (unit->bad)
		return cut;
	table->program = *unit;
	table->min_instruction = byte_reader_u8(&header);
	table->max_operations = table->version >= 4 ? byte_reader_u8(&header) : 1;
	byte_reader_u8(&header); /* default_is_stmt: every row counts here */
	table->line_base = (int8_t)byte_reader_u8(&header);
	table->line_range = byte_reader_u8(&header);
	table->opcode_base = byte_reader_u8(&header);
	table->opcode_lengths = header.at;
	if (table->opcode_base > 0)
		byte_reader_skip(&header, table->opcode_base - 1u);
	table->names = header;
	if (header.bad || table->opcode_base == 0 || table->line_range == 0)
		return -EBADMSG;
	return 0;
}

/* The next unit that is not empty: zeros between them are padding. */
static int
next_unit(struct byte_reader *section, const unsigned char *start, uint64_t behind,
    struct byte_reader *ret_unit, struct line_table *table)
{
	uint64_t length = 0, left = 0;

	while (length == 0) {
		table->offset = (uint64_t)(section->at - start);
		if (byte_reader_left(section) < UNIT_LENGTH_MAX && behind > 0)
			return -EAGAIN;
		if (byte_reader_left(section) == 0)
			return -ENODATA;
		length = byte_reader_unit_length(section, &table->dwarf64);
		left = byte_reader_left(section);
		if (section->bad || (length > left && length - left > behind))
			return -EPROTO;
	}
	table->rest = length > left ? length - left : 0;
	*ret_unit = byte_reader_cut(section, length - table->rest);
	return 0;
}

int
line_table_next(struct byte_reader *section, const unsigned char *start,
    uint64_t behind, struct line_table *ret_table)
{
	struct line_table table = { 0 };
	struct byte_reader unit;
	int r = next_unit(section, start, behind, &unit, &table);

	if (r == 0)
		r = read_header(&unit, table.rest, &table);
	if (r == 0) {
		*ret_table = table;
		return 0;
	}
	if (r == -EAGAIN) { /* all of it is to come again */
		section->at = start + table.offset;
		table.rest = 0;
	}
	ret_table->offset = table.offset;
	ret_table->rest = table.rest;
	return r;
}

/* ---- programs ---- */

void
line_program_start(struct line_program *program, const struct line_table *table)
{
	unsigned advance = 0;
	int line = 0;

	program->table = table;
	program->code = table->program;
	program->rest = table->rest;
	program->row = (struct line_row){ .file = 1, .line = 1 };
	program->before = program->row;
	program->op_index = 0;
	program->in_sequence = false;
	program->row_is_out = false;
	program->row_goes_on = false;
	program->stretch = 0;
	/* Counted up: a division takes longer than many a table. */
	for (unsigned opcode = table->opcode_base; opcode < 256; opcode++) {
		program->steps[opcode] =
		    (struct line_step){ .address = advance * table->min_instruction,
			    .line = table->line_base + line };
		if (++line == table->line_range) {
			line = 0;
			advance++;
		}
	}
	line_blocks_start(&program->blocks, program->steps, table->opcode_base,
	    table->line_base, table->min_instruction);
}

void
line_program_go_on(struct line_program *program, struct byte_reader code, uint64_t rest)
{
	program->code = code;
	program->rest = rest;
}

/* Moves on by @operations: instructions, but for machines that bundle several into one. */
static inline void
advance(struct line_program *program, struct line_row *row, uint64_t operations)
{
	const struct line_table *table = program->table;

	if (table->max_operations <= 1) {
		row->address += operations * table->min_instruction;
		return;
	}
	operations += program->op_index;
	row->address += operations / table->max_operations * table->min_instruction;
	program->op_index = (uint32_t)(operations % table->max_operations);
}

/* Most numbers are one byte. The copies keep the decoder's own variables in registers:
 * nothing that is not inlined ever sees their addresses. */
static inline uint64_t
uleb(struct byte_reader *code)
{
	struct byte_reader copy = *code;
	uint64_t value;

	if (code->at < code->end && *code->at < 0x80)
		return *code->at++;
	value = byte_reader_uleb(&copy);
	*code = copy;
	return value;
}

static inline int64_t
sleb(struct byte_reader *code)
{
	struct byte_reader copy = *code;
	int64_t value;

	if (code->at < code->end && *code->at < 0x80)
		return (int64_t)((*code->at++ ^ 0x40u) & 0x7f) - 0x40;
	value = byte_reader_sleb(&copy);
	*code = copy;
	return value;
}

static inline uint32_t
clamp(uint64_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* What an opcode leads to. */
enum step { STEP_NONE, STEP_ROW, STEP_END, STEP_BAD };

static __attribute__((noinline)) enum step
extended(struct line_program *program, struct byte_reader *code, struct line_row *row)
{
	uint64_t len = byte_reader_uleb(code);
	struct byte_reader operands = byte_reader_cut(code, len);
	unsigned opcode = len > 0 ? byte_reader_u8(&operands) : 0;

	if (code->bad || len == 0)
		return STEP_BAD;
	switch (opcode) {
	case DW_LNE_end_sequence:
		return STEP_END;
	case DW_LNE_set_address:
		program->op_index = 0;
		if (byte_reader_left(&operands) == 8)
			row->address = byte_reader_u64(&operands);
		else if (byte_reader_left(&operands) == 4)
			row->address = byte_reader_u32(&operands);
		else
			return STEP_BAD;
		return STEP_NONE;
	default: /* discriminators, vendors' own; DW_LNE_define_file is nobody's any more */
		return STEP_NONE;
	}
}

/* An opcode that we do not know says in the header how many operands it has. */
static void
skip_unknown(const struct line_table *table, struct byte_reader *code, unsigned opcode)
{
	struct byte_reader copy = *code;

	for (unsigned i = 0; i < table->opcode_lengths[opcode - 1]; i++)
		byte_reader_uleb(&copy);
	*code = copy;
}

static inline __attribute__((always_inline)) enum step
standard(struct line_program *program, struct byte_reader *code, struct line_row *row,
    unsigned opcode)
{
	const struct line_table *table = program->table;
	struct byte_reader code_copy;
	struct line_row row_copy;
	enum step step;

	switch (opcode) {
	case 0:
		code_copy = *code;
		row_copy = *row;
		step = extended(program, &code_copy, &row_copy);
		*code = code_copy;
		*row = row_copy;
		return step;
	case DW_LNS_copy:
		return STEP_ROW;
	case DW_LNS_advance_pc:
		advance(program, row, uleb(code));
		break;
	case DW_LNS_advance_line:
		row->line += (uint32_t)sleb(code);
		break;
	case DW_LNS_set_file:
		row->file = clamp(uleb(code));
		break;
	case DW_LNS_set_column:
		row->column = clamp(uleb(code));
		break;
	case DW_LNS_negate_stmt:
	case DW_LNS_set_basic_block:
	case DW_LNS_set_prologue_end:
	case DW_LNS_set_epilogue_begin:
		break;
	case DW_LNS_const_add_pc:
		advance(program, row, (255u - table->opcode_base) / table->line_range);
		break;
	case DW_LNS_fixed_advance_pc:
		row->address += byte_reader_u16(code);
		program->op_index = 0;
		break;
	default: /* DW_LNS_set_isa among them */
		skip_unknown(table, code, opcode);
		break;
	}
	return STEP_NONE;
}

static inline __attribute__((always_inline)) enum step
special(struct line_program *program, struct line_row *row, unsigned opcode)
{
	const struct line_table *table = program->table;

	if (table->max_operations <= 1)
		row->address += program->steps[opcode].address;
	else
		advance(
		    program, row, (opcode - table->opcode_base) / table->line_range);
	row->line += (uint32_t)program->steps[opcode].line;
	return STEP_ROW;
}

/* ---- the fast path ---- */

/* Bytes that one opcode of the fast path can take, and more. */
#define SLACK 16

/* Most bytes between two looks whether blocks may go on. */
#define STRETCH_MAX 1024

/* The state of a row in few registers. */
struct fast_row {
	uint64_t address;
	uint64_t place; /* file << 32 | column */
	uint32_t line;
};

static inline struct fast_row
fast_row(const struct line_row *row)
{
	return (struct fast_row){
		.address = row->address,
		.place = (uint64_t)row->file << 32 | row->column,
		.line = row->line,
	};
}

static inline struct line_row
slow_row(const struct fast_row *row)
{
	return (struct line_row){
		.address = row->address,
		.file = (uint32_t)(row->place >> 32),
		.line = row->line,
		.column = (uint32_t)row->place,
	};
}

/* Reads a LEB128 of up to three bytes at @at, all of which are there; its length, or 0
 * for a longer one. */
static inline __attribute__((always_inline)) unsigned
short_leb(const unsigned char *at, uint32_t *ret_value)
{
	uint32_t value = at[0];

	if (value < 0x80) {
		*ret_value = value;
		return 1;
	}
	value = (value & 0x7f) | (uint32_t)at[1] << 7;
	if (value < 0x80 << 7) {
		*ret_value = value;
		return 2;
	}
	value = (value & 0x3fff) | (uint32_t)at[2] << 14;
	*ret_value = value;
	return value < 0x80 << 14 ? 3 : 0;
}

static inline uint32_t
sign_extend(uint32_t value, unsigned len)
{
	const unsigned unused = 32 - 7 * len;

	return (uint32_t)((int32_t)(value << unused) >> unused);
}

/* Runs the current sequence for as long as nothing happens but common opcodes, and rows
 * that answer one question or none; returns the first opcode that is more, with nothing
 * of it done. Nearly all time goes by here. */
static const unsigned char *
run_quietly(const struct line_program *program, const unsigned char *at,
    const unsigned char *end, struct line_answers *answers, struct line_row *row,
    struct line_row *before, bool *ret_row_is_new)
{
	const struct line_step *const steps = program->steps;
	const unsigned opcode_base = program->table->opcode_base;
	const unsigned min_instruction = program->table->min_instruction;
	const uint64_t const_add_pc = steps[255].address;
	struct fast_row now = fast_row(row), last = fast_row(before);
	struct line_row told;
	uint64_t address, until = line_answers_question(answers);
	const unsigned char *const limit = end - SLACK;
	/* Where blocks may go on, which they do behind a row. */
	const unsigned char *const enough =
	    program->blocks.usable && limit - at > program->stretch
	    ? at + program->stretch
	    : limit;
	static const void *const handlers[] = { &&extended, &&copy, &&advance_pc,
		&&advance_line, &&set_file, &&set_column, &&flag, &&flag,
		&&const_add_pc, &&out, &&flag, &&flag, &&out };
	uint32_t value;
	unsigned opcode, len;

	/* Each opcode jumps to the next by itself: one jump for all would be guessed badly. */
#define NEXT \
	do { \
		if (at > limit) \
			goto out; \
		opcode = *at; \
		if (opcode >= opcode_base) \
			goto special; \
		goto *handlers[opcode]; \
	} while (0)
#define OPERAND(sign) \
	do { \
		len = short_leb(at + 1, &value); \
		if (len == 0) \
			goto out; \
		at += 1 + len; \
	} while (0)
	*ret_row_is_new = false;
	if (end - at < SLACK)
		return at;
	NEXT;
special:
	address = now.address + steps[opcode].address;
	if (address < last.address)
		goto out;
	if (address > until) {
		told = slow_row(&last);
		if (!line_answers_give(answers, &told, address))
			goto out;
		until = line_answers_question(answers);
	}
	now.address = address;
	now.line += (uint32_t)steps[opcode].line;
	last = now;
	at++;
	if (at > enough)
		goto row_is_new;
	NEXT;
extended: /* only discriminators */
	if (at[1] > SLACK - 2 || at[2] != DW_LNE_set_discriminator)
		goto out;
	at += 2 + at[1];
	NEXT;
copy:
	if (now.address < last.address)
		goto out;
	if (now.address > until) {
		told = slow_row(&last);
		if (!line_answers_give(answers, &told, now.address))
			goto out;
		until = line_answers_question(answers);
	}
	last = now;
	at++;
	if (at > enough)
		goto row_is_new;
	NEXT;
advance_line:
	OPERAND();
	now.line += sign_extend(value, len);
	NEXT;
set_column:
	OPERAND();
	now.place = (now.place & ~(uint64_t)UINT32_MAX) | value;
	NEXT;
set_file:
	OPERAND();
	now.place = (uint64_t)value << 32 | (uint32_t)now.place;
	NEXT;
advance_pc:
	OPERAND();
	now.address += (uint64_t)value * min_instruction;
	NEXT;
const_add_pc:
	now.address += const_add_pc;
	at++;
	NEXT;
flag:
	at++;
	NEXT;
row_is_new:
	*ret_row_is_new = true;
out:
	*row = slow_row(&now);
	*before = slow_row(&last);
	return at;
}

/* Leaves the loop below with an event: what was in registers goes back into @program. */
static enum line_event
report(struct line_program *program, const struct byte_reader *code,
    const struct line_row *row, const struct line_row *before, enum line_event event)
{
	program->code = *code;
	program->row = *row;
	program->before = *before;
	program->in_sequence = event == LINE_FIRST || event == LINE_PASSED;
	program->row_is_out = program->in_sequence;
	return event;
}

/* The same where the code there is may be too short for an opcode. */
static enum line_event
want_more(struct line_program *program, const struct byte_reader *code,
    const struct line_row *row, const struct line_row *before, bool in_sequence)
{
	program->code = *code;
	program->row = *row;
	program->before = *before;
	program->in_sequence = in_sequence;
	program->row_is_out = false;
	program->row_goes_on = true;
	return LINE_MORE;
}

enum line_event
line_program_next(struct line_program *program, struct line_answers *answers)
{
	const unsigned opcode_base = program->table->opcode_base;
	struct byte_reader code = program->code;
	struct line_row row = program->row, before = program->before;
	/* run_quietly() knows the standard opcodes of DWARF 2, which end at 9, to 5. */
	const bool is_plain = opcode_base >= DW_LNS_fixed_advance_pc + 1 &&
	    opcode_base <= DW_LNS_set_isa + 1 && program->table->max_operations <= 1;
	bool in_sequence = program->in_sequence;
	bool row_is_new = program->row_is_out; /* nothing was done since it was made */
	const unsigned char *at;
	enum step step;
	unsigned opcode;

	if (program->row_is_out)
		before = row;
	else if (!in_sequence && !program->row_goes_on)
		row = (struct line_row){ .file = 1, .line = 1 };
	program->row_goes_on = false;
	while (code.at < code.end || program->rest > 0) {
		if (in_sequence && is_plain && row_is_new && program->blocks.usable) {
			at = code.at;
			code.at = line_blocks_run(
			    &program->blocks, code.at, code.end, answers, &before);
			row = before;
			/* In vain, as in programs of which most rows are not common. */
			program->stretch = code.at - at > program->stretch
			    ? 0
			    : MIN(2 * program->stretch + 16, STRETCH_MAX);
		}
		row_is_new = false;
		if (in_sequence && is_plain)
			code.at = run_quietly(program, code.at, code.end, answers, &row,
			    &before, &row_is_new);
		if (row_is_new && program->blocks.usable)
			continue;
		if (program->rest > 0 && code.end - code.at < SLACK)
			return want_more(program, &code, &row, &before, in_sequence);
		if (code.at == code.end)
			break;
		at = code.at;
		opcode = *code.at++;
		step = opcode >= opcode_base ? special(program, &row, opcode)
					     : standard(program, &code, &row, opcode);
		if (code.bad && program->rest > 0) {
			/* A long one: of what is cut operands are 0, and it is done again. */
			code = (struct byte_reader){ .at = at, .end = code.end };
			return want_more(program, &code, &row, &before, in_sequence);
		}
		if (step == STEP_NONE)
			continue;
		if (step == STEP_ROW && in_sequence && row.address >= before.address &&
		    row.address <= line_answers_question(answers)) {
			before = row;
			row_is_new = true;
			continue;
		}
		if (step == STEP_END)
			program->op_index = 0;
		if (step == STEP_END && in_sequence)
			return report(program, &code, &row, &before, LINE_LAST);
		if (step == STEP_END) { /* of a sequence without rows */
			row = (struct line_row){ .file = 1, .line = 1 };
			continue;
		}
		if (step == STEP_BAD)
			return report(program, &code, &row, &before, LINE_BAD);
		return report(program, &code, &row, &before,
		    in_sequence && row.address >= before.address ? LINE_PASSED
								 : LINE_FIRST);
	}
	return report(program, &code, &row, &before, code.bad ? LINE_BAD : LINE_DONE);
}
