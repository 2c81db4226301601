/* SPDX-License-Identifier: MIT
 * Line programs by blocks, and in parts, against the same by opcodes and as a whole, which
 * test_line_program.c covers: all tell the same of programs as compilers write them, and
 * of random ones.
 */
#include "config.h"

#include <dwarf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "symbolizer/lines/line_program.h"

#define CODE_MAX 3000
#define PCS 400
#define BASE UINT64_C(0x400000)

struct random {
	uint64_t state;
};

static uint32_t
draw(struct random *random, uint32_t below)
{
	random->state ^= random->state << 13;
	random->state ^= random->state >> 7;
	random->state ^= random->state << 17;
	return (uint32_t)(random->state >> 20) % below;
}

struct code {
	unsigned char bytes[CODE_MAX + 64];
	size_t len;
};

static void
add(struct code *code, unsigned byte)
{
	code->bytes[code->len++] = (unsigned char)byte;
}

/* A number of @len bytes. */
static void
add_leb(struct random *random, struct code *code, unsigned len)
{
	for (; len > 1; len--)
		add(code, 0x80 | draw(random, 0x80));
	add(code, draw(random, 0x80));
}

static void
begin_sequence(struct random *random, struct code *code)
{
	const uint64_t address = BASE + draw(random, 4000);

	add(code, 0);
	add(code, 9);
	add(code, DW_LNE_set_address);
	memcpy(code->bytes + code->len, &address, 8);
	code->len += 8;
}

/* One row as Clang writes it, now and then with what it seldom writes. */
static void
add_row(struct random *random, struct code *code, unsigned opcode_base)
{
	if (draw(random, 3) == 0) {
		add(code, DW_LNS_set_file);
		add_leb(random, code, 1 + (draw(random, 20) == 0));
	}
	if (draw(random, 4) != 0) {
		add(code, DW_LNS_set_column);
		add_leb(random, code,
		    draw(random, 200) == 0 ? 1 + draw(random, 5)
					   : 1 + (draw(random, 30) == 0));
	}
	if (draw(random, 60) == 0) {
		add(code, 0);
		add(code, 2);
		add(code, DW_LNE_set_discriminator);
		add(code, draw(random, 0x80));
	}
	if (draw(random, 2) == 0)
		add(code, DW_LNS_negate_stmt);
	if (draw(random, 30) == 0)
		add(code,
		    opcode_base > 10 ? DW_LNS_set_prologue_end
				     : DW_LNS_set_basic_block);
	if (draw(random, 2) == 0) {
		add(code, DW_LNS_advance_line);
		add_leb(random, code,
		    draw(random, 200) == 0 ? 4 + draw(random, 3) : 1 + draw(random, 3));
	}
	if (draw(random, 5) == 0)
		add(code, DW_LNS_const_add_pc);
	else if (draw(random, 20) == 0) {
		add(code, DW_LNS_advance_pc);
		add_leb(random, code, 1 + (draw(random, 20) == 0));
	}
	add(code,
	    draw(random, 30) == 0 ? DW_LNS_copy
				  : opcode_base + draw(random, 256 - opcode_base));
}

/* As many advances of the line as fit. */
static void
add_dense_row(struct random *random, struct code *code, unsigned opcode_base)
{
	add(code, DW_LNS_advance_line);
	add_leb(random, code, 1);
	add(code, opcode_base + draw(random, 256 - opcode_base));
}

static void
write_program(struct random *random, struct code *code, unsigned opcode_base)
{
	const bool wild = draw(random, 4) == 0, dense = draw(random, 8) == 0;

	code->len = 0;
	while (code->len < CODE_MAX - 500) {
		begin_sequence(random, code);
		for (unsigned i = draw(random, 80); i > 0; i--)
			if (dense)
				add_dense_row(random, code, opcode_base);
			else
				add_row(random, code, opcode_base);
		if (wild)
			for (unsigned i = draw(random, 80); i > 0; i--)
				add(code, draw(random, draw(random, 2) ? 16 : 256));
		add(code, 0);
		add(code, 1);
		add(code, DW_LNE_end_sequence);
	}
}

/* What is told of a program, in order. */
struct story {
	char *text;
	size_t len;
	FILE *file;
};

static void
tell(struct story *story, const char *what, uint32_t place, const struct line_row *row)
{
	fprintf(story->file, "%s %u: %llx %u:%u:%u\n", what, place,
	    (unsigned long long)row->address, row->file, row->line, row->column);
}

/* The first place from @place on whose PC is not below @address and not claimed. */
static uint32_t
first_from(uint32_t place, const struct line_answers *answers, uint64_t address)
{
	while (place < PCS &&
	    (answers->pcs[place] < address || answers->claimed[place] != 0))
		place++;
	return place;
}

/* As the resolver does: what was not answered on the way is at an event. */
static void
tell_event(struct story *story, enum line_event event, struct line_answers *answers,
    const struct line_program *program)
{
	uint32_t place = answers->place;

	if (event == LINE_FIRST)
		place = 0;
	while (event != LINE_FIRST && place < PCS &&
	    answers->pcs[place] < program->row.address) {
		if (answers->claimed[place] == 0)
			tell(story, "answer", place, &program->before);
		place++;
	}
	answers->place = first_from(place, answers, program->row.address);
	if (event == LINE_PASSED)
		return;
	fprintf(story->file, "event %d\n", (int)event);
	tell(story, "row", answers->place, &program->row);
	if (event == LINE_LAST)
		answers->place = PCS;
}

/* As much of a program as there is at a time: an allocation of its own, so that nothing
 * behind it can be read unnoticed. */
struct part {
	unsigned char *bytes;
	size_t size;
};

/* The part of the program that begins at @from, a byte longer than what was left if that
 * was all of it. */
static struct byte_reader
next_part(struct part *part, const struct line_table *table, size_t from, size_t left)
{
	const size_t behind = byte_reader_left(&table->program) - from;

	if (left >= part->size)
		part->size = left + 1;
	free(part->bytes);
	part->bytes = malloc(part->size);
	assert_non_null(part->bytes);
	left = behind < part->size ? behind : part->size;
	memcpy(part->bytes, table->program.at + from, left);
	/* Against the end of the allocation. */
	memmove(part->bytes + part->size - left, part->bytes, left);
	return byte_reader_over(part->bytes + part->size - left, left);
}

static void
go_on(struct line_program *program, struct part *part, const struct line_table *table)
{
	const size_t left = byte_reader_left(&program->code);
	const size_t from = byte_reader_left(&table->program) - left - program->rest;
	const struct byte_reader code = next_part(part, table, from, left);

	assert_true(program->rest > 0);
	line_program_go_on(
	    program, code, program->rest + left - byte_reader_left(&code));
}

/* @part_size: 0: all of it at once. */
static struct story
run(const struct line_table *table, const uint64_t *pcs, const uint32_t *claimed,
    bool blocks, size_t part_size)
{
	struct part part = { .size = part_size };
	struct line_answers answers = {
		.pcs = pcs, .claimed = claimed, .pcs_len = PCS, .place = PCS
	};
	struct story story = { 0 };
	struct line_program program;
	enum line_event event;

	story.file = open_memstream(&story.text, &story.len);
	assert_non_null(story.file);
	line_program_start(&program, table);
	program.blocks.usable &= blocks;
	if (part_size > 0) {
		program.rest = byte_reader_left(&program.code);
		program.code.end = program.code.at;
	}
	do {
		event = line_program_next(&program, &answers);
		for (uint32_t i = 0; i < answers.len; i++)
			tell(&story, "answer", answers.answers[i].place,
			    &answers.answers[i].row);
		answers.len = 0;
		if (event == LINE_MORE)
			go_on(&program, &part, table);
		else if (event != LINE_DONE && event != LINE_BAD)
			tell_event(&story, event, &answers, &program);
	} while (event != LINE_DONE && event != LINE_BAD);
	fprintf(story.file, "event %d\n", (int)event);
	fclose(story.file);
	free(part.bytes);
	return story;
}

static void
compare(struct random *random, unsigned opcode_base, unsigned min_instruction)
{
	static const unsigned char lengths[] = { 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1 };
	uint64_t pcs[PCS], pc = BASE;
	uint32_t claimed[PCS] = { 0 };
	struct code code;
	struct line_table table = {
		.version = 5,
		.min_instruction = (uint8_t)min_instruction,
		.max_operations = 1,
		.line_base = (int8_t)(draw(random, 12) - 10),
		.line_range = (uint8_t)(1 + draw(random, 20)),
		.opcode_base = (uint8_t)opcode_base,
		.opcode_lengths = lengths,
	};
	struct story fast, slow, parts;

	write_program(random, &code, opcode_base);
	table.program = byte_reader_over(code.bytes, code.len);
	for (int i = 0; i < PCS; i++) {
		pcs[i] = pc;
		pc += draw(random, 4) == 0 ? 0 : draw(random, 60);
		claimed[i] = draw(random, 50) == 0;
	}
	fast = run(&table, pcs, claimed, true, 0);
	slow = run(&table, pcs, claimed, false, 0);
	parts = run(&table, pcs, claimed, draw(random, 4) != 0, 1 + draw(random, 700));
	assert_string_equal(fast.text, slow.text);
	assert_string_equal(parts.text, slow.text);
	free(fast.text);
	free(slow.text);
	free(parts.text);
}

static void
test_blocks_tell_what_opcodes_tell(void **state)
{
	struct random random = { 88172645463325252 };

	(void)state;
	for (int i = 0; i < 3000; i++)
		compare(&random, 13, 1);
	for (unsigned base = 10; base <= 13; base++)
		for (int i = 0; i < 200; i++)
			compare(&random, base, 1u << draw(&random, 4));
}

static void
test_unusual_headers_have_no_blocks(void **state)
{
	static const struct line_step steps[256];
	struct line_blocks blocks;

	(void)state;
	line_blocks_start(&blocks, steps, 9, -5, 1); /* no DW_LNS_fixed_advance_pc */
	assert_false(blocks.usable);
	line_blocks_start(&blocks, steps, 14, -5, 1); /* an opcode that nobody knows */
	assert_false(blocks.usable);
	line_blocks_start(&blocks, steps, 13, -5, 3);
	assert_false(blocks.usable);
	line_blocks_start(&blocks, steps, 13, -5, 0);
	assert_false(blocks.usable);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks_tell_what_opcodes_tell),
		cmocka_unit_test(test_unusual_headers_have_no_blocks),
	};
	static const struct line_step steps[256];
	struct line_blocks blocks;

	line_blocks_start(&blocks, steps, 13, -5, 1);
	if (!blocks.usable) {
		puts("1..0 # SKIP this processor has no AVX-512 VBMI2");
		return 0;
	}
	return cmocka_run_group_tests_name("line blocks", tests, NULL, NULL);
}
