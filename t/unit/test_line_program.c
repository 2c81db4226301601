/* SPDX-License-Identifier: MIT
 * The decoder of line programs: every opcode, every version's header, hostile bytes.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "line_bytes.h"
#include "symbolizer/lines/line_program.h"

static struct line_table
read_table(const struct line_bytes *bytes)
{
	struct byte_reader section = byte_reader_over(bytes->data, bytes->len);
	struct line_table table;

	assert_int_equal(line_table_next(&section, bytes->data, 0, &table), 0);
	assert_int_equal(byte_reader_left(&section), 0);
	return table;
}

/* The next event, where rows up to @until are of no interest. */
static enum line_event
next_event(struct line_program *program, uint64_t until)
{
	uint32_t claimed = 0;
	struct line_answers answers = {
		.pcs = &until, .claimed = &claimed, .pcs_len = 1
	};
	enum line_event event = line_program_next(program, &answers);

	assert_int_equal(answers.len, 0); /* there is no other question */
	return event;
}

static void
expect_row(const struct line_row *row, uint64_t address, uint32_t file, uint32_t line,
    uint32_t column)
{
	assert_int_equal(row->address, address);
	assert_int_equal(row->file, file);
	assert_int_equal(row->line, line);
	assert_int_equal(row->column, column);
}

static void
test_every_opcode_counts(void **state)
{
	struct line_bytes bytes = { 0 };
	struct line_program program;
	struct line_table table;

	(void)state;
	begin_table(&bytes, 4, 1);
	put(&bytes, 0, 2); /* no directories, no files */
	end_header(&bytes);
	set_address(&bytes, 0x1000);
	put(&bytes, DW_LNS_set_file | 3 << 8, 2);
	put(&bytes, DW_LNS_set_column | 0x81 << 8 | 0x01 << 16, 3);
	put(&bytes, DW_LNS_advance_line | 9 << 8, 2);
	put(&bytes, DW_LNS_copy, 1);
	put(&bytes, DW_LNS_advance_pc | 0x10 << 8, 2);
	put(&bytes, DW_LNS_negate_stmt | DW_LNS_set_basic_block << 8, 2);
	put(&bytes, DW_LNS_set_prologue_end | DW_LNS_set_epilogue_begin << 8, 2);
	put(&bytes, DW_LNS_set_isa | 5 << 8, 2);
	put(&bytes, 0x05040200, 4); /* discriminator 5 */
	step(&bytes, 2, -3);
	put(&bytes, DW_LNS_const_add_pc, 1); /* (255 - 13) / 12 */
	put(&bytes, DW_LNS_fixed_advance_pc | 0x100 << 8, 3);
	put(&bytes, DW_LNS_advance_line | 0x7f << 8, 2); /* -1 */
	step(&bytes, 0, 8);
	put(&bytes, DW_LNS_advance_pc | 4 << 8, 2);
	end_sequence(&bytes);
	end_table(&bytes);
	table = read_table(&bytes);
	line_program_start(&program, &table);
	assert_int_equal(next_event(&program, 0), LINE_FIRST);
	expect_row(&program.row, 0x1000, 3, 10, 129);
	assert_int_equal(next_event(&program, 0x1000), LINE_PASSED);
	expect_row(&program.before, 0x1000, 3, 10, 129);
	expect_row(&program.row, 0x1012, 3, 7, 129);
	assert_int_equal(next_event(&program, 0x1012), LINE_PASSED);
	expect_row(&program.row, 0x1012 + 20 + 0x100, 3, 14, 129);
	assert_int_equal(next_event(&program, 0x2000), LINE_LAST);
	expect_row(&program.before, 0x1126, 3, 14, 129);
	assert_int_equal(program.row.address, 0x112a);
	assert_int_equal(next_event(&program, 0), LINE_DONE);
}

static void
test_rows_nobody_asks_about_are_silent(void **state)
{
	struct line_bytes bytes = { 0 };
	struct line_program program;
	struct line_table table;

	(void)state;
	begin_table(&bytes, 3, 1);
	put(&bytes, 0, 2);
	end_header(&bytes);
	set_address(&bytes, 0x1000);
	for (int i = 0; i < 10; i++)
		step(&bytes, 4, 1);
	step(&bytes, 0, 5); /* the last of two rows at one address wins */
	step(&bytes, 4, 1);
	end_sequence(&bytes);
	end_table(&bytes);
	table = read_table(&bytes);
	line_program_start(&program, &table);
	assert_int_equal(next_event(&program, 0), LINE_FIRST);
	assert_int_equal(next_event(&program, 0x1028), LINE_PASSED);
	expect_row(&program.before, 0x1028, 1, 16, 0);
	expect_row(&program.row, 0x102c, 1, 17, 0);
	assert_int_equal(next_event(&program, UINT64_MAX), LINE_LAST);
}

static void
test_answers_are_gathered(void **state)
{
	const uint64_t pcs[] = { 0x1004, 0x1008, 0x100c, 0x100d, 0x1014, 0x1018 };
	const uint32_t claimed[6] = { 0, 0, 0, 0, 0, 1 };
	struct line_answers answers = { .pcs = pcs, .claimed = claimed, .pcs_len = 6 };
	struct line_bytes bytes = { 0 };
	struct line_program program;
	struct line_table table;

	(void)state;
	begin_table(&bytes, 4, 1);
	put(&bytes, 0, 2);
	end_header(&bytes);
	set_address(&bytes, 0x1000);
	for (int i = 0; i < 40; i++)
		step(&bytes, 4, 1);
	end_sequence(&bytes);
	end_table(&bytes);
	table = read_table(&bytes);
	line_program_start(&program, &table);
	assert_int_equal(line_program_next(&program, &answers), LINE_FIRST);
	assert_int_equal(answers.len, 0);
	/* Two PCs each have a row of their own; the next two share one. Behind the one
	 * after that stands one that somebody has answered. */
	assert_int_equal(line_program_next(&program, &answers), LINE_PASSED);
	assert_int_equal(answers.len, 4);
	assert_int_equal(answers.place, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(answers.answers[i].place, i);
	expect_row(&answers.answers[0].row, 0x1004, 1, 2, 0);
	expect_row(&answers.answers[1].row, 0x1008, 1, 3, 0);
	expect_row(&answers.answers[2].row, 0x100c, 1, 4, 0);
	expect_row(&answers.answers[3].row, 0x100c, 1, 4, 0);
	expect_row(&program.before, 0x1014, 1, 6, 0);
}

static void
test_sequences_start_anew(void **state)
{
	struct line_bytes bytes = { 0 };
	struct line_program program;
	struct line_table table;

	(void)state;
	begin_table(&bytes, 4, 1);
	put(&bytes, 0, 2);
	end_header(&bytes);
	end_sequence(&bytes); /* without rows: says nothing */
	set_address(&bytes, 0x2000);
	put(&bytes, DW_LNS_set_column | 9 << 8, 2);
	step(&bytes, 0, 4);
	end_sequence(&bytes);
	step(&bytes, 1, 0);
	set_address(&bytes, 0); /* falls back without an end */
	step(&bytes, 0, 0);
	end_sequence(&bytes);
	end_table(&bytes);
	table = read_table(&bytes);
	line_program_start(&program, &table);
	assert_int_equal(next_event(&program, 0), LINE_FIRST);
	expect_row(&program.row, 0x2000, 1, 5, 9);
	assert_int_equal(next_event(&program, 0), LINE_LAST);
	assert_int_equal(next_event(&program, 0), LINE_FIRST);
	expect_row(&program.row, 1, 1, 1, 0);
	assert_int_equal(next_event(&program, UINT64_MAX), LINE_FIRST);
	expect_row(&program.row, 0, 1, 1, 0);
	assert_int_equal(next_event(&program, UINT64_MAX), LINE_LAST);
	assert_int_equal(next_event(&program, UINT64_MAX), LINE_DONE);
}

static void
test_bundled_operations(void **state)
{
	struct line_bytes bytes = { 0 };
	struct line_program program;
	struct line_table table;

	(void)state;
	begin_table(&bytes, 4, 3);
	put(&bytes, 0, 2);
	end_header(&bytes);
	set_address(&bytes, 0x100);
	step(&bytes, 0, 0);
	step(&bytes, 2, 0); /* operation 2 of instruction 0 */
	step(&bytes, 5, 0); /* 7: operation 1 of instruction 2 */
	put(&bytes, DW_LNS_advance_pc | 2 << 8, 2); /* 9: instruction 3 */
	end_sequence(&bytes);
	end_table(&bytes);
	table = read_table(&bytes);
	line_program_start(&program, &table);
	assert_int_equal(next_event(&program, 0), LINE_FIRST);
	assert_int_equal(next_event(&program, 0x100), LINE_PASSED);
	assert_int_equal(program.row.address, 0x102);
	assert_int_equal(next_event(&program, 0x200), LINE_LAST);
	assert_int_equal(program.row.address, 0x103);
}

static void
test_headers_of_all_versions(void **state)
{
	(void)state;
	for (unsigned version = 1; version <= 6; version++) {
		for (int wide = 0; wide < 2; wide++) {
			struct line_bytes bytes = { .dwarf64 = wide };
			struct byte_reader section;
			struct line_table table;

			begin_table(&bytes, (uint16_t)version, 1);
			end_header(&bytes);
			step(&bytes, 1, 1);
			end_sequence(&bytes);
			end_table(&bytes);
			put(&bytes, 0, 8); /* padding */
			section = byte_reader_over(bytes.data, bytes.len);
			assert_int_equal(
			    line_table_next(&section, bytes.data, 0, &table),
			    version >= 2 && version <= 5 ? 0 : -ENOTSUP);
			assert_int_equal(
			    line_table_next(&section, bytes.data, 0, &table), -ENODATA);
			if (version < 2 || version > 5)
				continue;
			assert_int_equal(byte_reader_left(&table.program), 4);
			assert_int_equal(byte_reader_left(&table.names), 0);
			assert_int_equal(table.address_size, version == 5 ? 8 : 0);
		}
	}
}

static void
test_bad_headers_lose_only_their_table(void **state)
{
	struct line_bytes bytes = { 0 };
	struct byte_reader section;
	struct line_table table;
	size_t second;

	(void)state;
	begin_table(&bytes, 4, 1);
	put(&bytes, 0, 2);
	end_header(&bytes);
	end_table(&bytes);
	bytes.data[bytes.header] = 0xff; /* longer than the unit */
	second = bytes.len;
	begin_table(&bytes, 4, 1);
	put(&bytes, 0, 2);
	end_header(&bytes);
	end_table(&bytes);
	put(&bytes, 1000, 4); /* a unit that ends outside */
	put(&bytes, 4, 2);
	section = byte_reader_over(bytes.data, bytes.len);
	assert_int_equal(line_table_next(&section, bytes.data, 0, &table), -EBADMSG);
	assert_int_equal(table.offset, 0);
	assert_int_equal(line_table_next(&section, bytes.data, 0, &table), 0);
	assert_int_equal(table.offset, second);
	assert_int_equal(line_table_next(&section, bytes.data, 0, &table), -EPROTO);
	/* A range of no lines would be a division by zero. */
	bytes.data[second + 4 + 2 + 4 + 4] = 0;
	section = byte_reader_over(bytes.data + second, bytes.len - second);
	assert_int_equal(line_table_next(&section, bytes.data, 0, &table), -EBADMSG);
}

static void
test_bad_programs_are_said(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} programs[] = {
		{ "\x00", 1 },                     /* no length */
		{ "\x00\x00", 2 },                 /* an opcode of no bytes */
		{ "\x00\x09\x02\x01", 4 },         /* longer than the program */
		{ "\x00\x04\x02\x01\x02\x03", 6 }, /* an address of 3 bytes */
		{ "\x02\x80\x80", 3 },             /* a number without its end */
		{ "\x09\x01", 2 },                 /* half of a fixed advance */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		struct line_bytes bytes = { 0 };
		struct line_program program;
		struct line_table table;

		begin_table(&bytes, 4, 1);
		put(&bytes, 0, 2);
		end_header(&bytes);
		memcpy(bytes.data + bytes.len, programs[i].bytes, programs[i].len);
		bytes.len += programs[i].len;
		end_table(&bytes);
		table = read_table(&bytes);
		line_program_start(&program, &table);
		if (next_event(&program, 0) != LINE_BAD)
			fail_msg("program %zu was accepted", i);
	}
}

static void
test_unknown_opcodes_are_skipped(void **state)
{
	struct line_bytes bytes = { 0 };
	struct line_program program;
	struct line_table table;

	(void)state;
	begin_table(&bytes, 4, 1);
	/* One more standard opcode, 13, with two operands. */
	bytes.data[bytes.len - 13] = 14;
	put(&bytes, 2, 1);
	put(&bytes, 0, 2);
	end_header(&bytes);
	put(&bytes, 13 | 0x8081 << 8 | 0x01 << 24, 4);
	put(&bytes, 0x7f, 1);
	put(&bytes, 0x800300, 3); /* vendor's own, of three bytes */
	put(&bytes, 0xffff, 2);
	put(&bytes, DW_LNS_copy, 1);
	/* and the same within a sequence, with more behind it */
	put(&bytes, 13 | 0x05 << 8 | 0x01 << 16, 3);
	put(&bytes, DW_LNS_advance_line | 2 << 8, 2);
	put(&bytes, DW_LNS_copy, 1);
	for (int i = 0; i < 20; i++)
		put(&bytes, DW_LNS_negate_stmt, 1);
	end_sequence(&bytes);
	end_table(&bytes);
	table = read_table(&bytes);
	line_program_start(&program, &table);
	assert_int_equal(next_event(&program, 0), LINE_FIRST);
	expect_row(&program.row, 0, 1, 1, 0);
	assert_int_equal(next_event(&program, 0), LINE_LAST);
	expect_row(&program.before, 0, 1, 3, 0);
	assert_int_equal(next_event(&program, 0), LINE_DONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_opcode_counts),
		cmocka_unit_test(test_rows_nobody_asks_about_are_silent),
		cmocka_unit_test(test_answers_are_gathered),
		cmocka_unit_test(test_sequences_start_anew),
		cmocka_unit_test(test_bundled_operations),
		cmocka_unit_test(test_headers_of_all_versions),
		cmocka_unit_test(test_bad_headers_lose_only_their_table),
		cmocka_unit_test(test_bad_programs_are_said),
		cmocka_unit_test(test_unknown_opcodes_are_skipped),
	};

	return cmocka_run_group_tests_name("line program", tests, NULL, NULL);
}
