/* SPDX-License-Identifier: MIT
 * Lines in the page's client (share/web/client_lines.c): what they are, that they follow new bits,
 * and that no input makes it read or write outside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* It is not compiled with it for the browser. */
#pragma GCC diagnostic ignored "-Wconversion"
#include "client.c"
#include "client_lines.c"
#include "client_memory.c"
#include "client_feed.h"

/* f: 1 and 2 are its first block, whose branch goes to 3 or at once to 5; g is 7 and 8, and never
 * entered. Line 5 has no PC. */
#define PCS 4
#define LINES 6

static struct buffer
index_message(void)
{
	static const char strings[] = "src\0a.c";
	static const uint32_t directory = 0;
	static const struct wire_file file = { 0, 4 };
	static const struct wire_location locations[PCS] = { { 0, 1, 1 }, { 0, 3, 1 },
		{ 0, 3, 9 }, { 0, 7, 1 } };
	const struct wire_source_index head = { WIRE_SOURCE_INDEX, 1, 1, PCS,
		sizeof(strings), 0 };
	struct buffer buffer = { .len = 0 };

	put(&buffer, &head, sizeof(head));
	put(&buffer, &directory, sizeof(directory));
	put(&buffer, &file, sizeof(file));
	put(&buffer, locations, sizeof(locations));
	put(&buffer, strings, sizeof(strings));
	return buffer;
}

static struct buffer
full_message(uint64_t version, uint64_t bits)
{
	const struct wire_coverage_full full = { { WIRE_COVERAGE_FULL, { 0 }, 1 },
		version, PCS, 0, 1000 };
	struct buffer buffer = { .len = 0 };

	put(&buffer, &full, sizeof(full));
	put(&buffer, &bits, sizeof(bits));
	return buffer;
}

/* One bit more. */
static struct buffer
delta_message(uint64_t from, unsigned char bit)
{
	const struct wire_coverage_delta delta = { { WIRE_COVERAGE_DELTA, { 0 }, 1 },
		from, from + 1, 1, 0, 500, 0 };
	struct buffer buffer = { .len = 0 };

	put(&buffer, &delta, sizeof(delta));
	put(&buffer, &bit, 1);
	return buffer;
}

static struct buffer
blocks_message(void)
{
	/* head, PC, edges; lines: how many, steps */
	static const unsigned char code[] = {
		2 << WIRE_BLOCK_FLAGS | WIRE_BLOCK_PC | WIRE_BLOCK_ENTRY,
		0,
		0,
		2,
		2 << WIRE_LINES_FLAGS,
		0,
		2,
		1 << WIRE_BLOCK_FLAGS | WIRE_BLOCK_PC,
		0,
		0,
		1 << WIRE_LINES_FLAGS,
		2,
		WIRE_BLOCK_LEAVES,
		1 << WIRE_LINES_FLAGS,
		2,
		/* a copy: in block 0, of family 0, of which it has no line */
		1,
		0,
		0,
		0,
		WIRE_BLOCK_PC | WIRE_BLOCK_ENTRY | WIRE_BLOCK_LEAVES,
		0,
		2 << WIRE_LINES_FLAGS,
		8,
		2,
	};
	static const struct wire_line all[LINES] = { { 0, 1 }, { 0, 2 }, { 0, 3 },
		{ 0, 5 }, { 0, 7 }, { 0, 8 } };
	static const uint32_t order[LINES] = { 0, 1, 2, 3, 4, 5 },
			      families[2] = { 0, 1 }, family_lines[2] = { 5 };
	static const struct wire_blocks_function functions[] = {
		{ .pcs_len = 3, .blocks_len = 3, .edges_len = 3, .code_len = 19 },
		{ .first = 3,
		    .pcs_len = 1,
		    .blocks_len = 1,
		    .code = 19,
		    .code_len = 5,
		    .line = 4,
		    .pc = 3 },
	};
	struct wire_blocks h = { .magic = WIRE_BLOCKS_MAGIC,
		.version = WIRE_BLOCKS_VERSION,
		.pcs_len = PCS,
		.functions_len = 2,
		.lines_len = LINES,
		.files_len = 1,
		.code_len = sizeof(code),
		.blocks_max = 3,
		.edges_max = 3,
		.families_len = 1,
		.family_lines_len = 1 };
	struct buffer buffer = { .len = 0 };

	_Static_assert(sizeof(order) % 8 == 0, "offsets are multiples of 8");
	h.functions = sizeof(h);
	h.lines = h.functions + sizeof(functions);
	h.order = h.lines + sizeof(all);
	h.families = h.order + sizeof(order);
	h.family_lines = h.families + sizeof(families);
	h.code = h.family_lines + sizeof(family_lines);
	h.size = h.code + sizeof(code);
	put(&buffer, &h, sizeof(h));
	put(&buffer, functions, sizeof(functions));
	put(&buffer, all, sizeof(all));
	put(&buffer, order, sizeof(order));
	put(&buffer, families, sizeof(families));
	put(&buffer, family_lines, sizeof(family_lines));
	put(&buffer, code, sizeof(code));
	return buffer;
}

/* Line 3 ends the block that line 2 opens: odd, but what is wanted here. */
static struct buffer
shapes_message(void)
{
	static const unsigned char shapes[] = { 2, 16, 1, 1, 2 | 4 | 8, 1 };
	const struct wire_shapes head = { WIRE_SHAPES_MAGIC, 1 };
	const struct wire_shapes_of none = { WIRE_SHAPES_NONE, 0 },
				    of = { 0, sizeof(shapes) },
				    end = { WIRE_SHAPES_END, 0 };
	struct buffer buffer = { .len = 0 };

	put(&buffer, &head, sizeof(head));
	put(&buffer, &none, sizeof(none));
	put(&buffer, &of, sizeof(of));
	put(&buffer, shapes, sizeof(shapes));
	put(&buffer, &end, sizeof(end));
	return buffer;
}

static int
set_up(void **state)
{
	struct buffer index = index_message();

	(void)state;
	client_reset();
	return feed(client_load_index, &index);
}

static int
tear_down(void **state)
{
	(void)state;
	client_reset();
	return 0;
}

static void
work(void)
{
	for (int i = 0; i < 100 && client_lines_step(1, 1); i++)
		;
}

/* Of the open file's lines, as letters. */
static const char *
states(void)
{
	static char letters[LINES + 1];

	memset(letters, 0, sizeof(letters));
	client_summary();
	for (uint32_t i = 0; i < client.lines_len && i < LINES; i++)
		letters[i] = "-IMUPR"[client.lines[i].state];
	return letters;
}

static void
lines_follow_bits(void **state)
{
	struct buffer blocks = blocks_message(), full = full_message(1, 1),
		      second = delta_message(1, 1);

	(void)state;
	assert_int_equal(feed(client_load_blocks, &blocks), CLIENT_OK);
	assert_int_equal(client_lines_step(1000000, 1), 0); /* no bits yet */
	assert_int_equal(client_summary()->has_lines, 0);
	assert_int_equal(feed(client_full, &full), CLIENT_OK);
	assert_int_equal(client_lines_step(1, 1), 1);
	assert_int_equal(client.nodes[0].lines, 0);
	work();
	assert_int_equal(client_summary()->has_lines, 1);
	assert_int_equal(client.files[0].lines, 5); /* one is not known */
	assert_int_equal(client.files[0].lines_reached, 3);
	assert_int_equal(client.files[0].lines_partly, 1);
	assert_int_equal(client.nodes[0].lines, 5);
	assert_int_equal(client.nodes[0].lines_reached, 3);
	assert_int_equal(client_open(0), CLIENT_OK);
	assert_int_equal(client.lines_len, 6);
	assert_string_equal(states(), "RPMRIU");
	assert_int_equal(client.lines[2].places, 2);
	assert_int_equal(client_ways(1), 1);
	assert_int_equal(client_ways_lines()[0], 3);
	assert_int_equal(client_ways(0), 0);
	assert_int_equal(client_ways(99), 0);
	assert_int_equal(client_next_missed(0), 2);
	assert_int_equal(client_next_missed(2), 3);
	assert_int_equal(client_next_missed(3), 7);
	assert_int_equal(client_next_missed(7), 2);

	/* Line 3, and so both ways of line 2. */
	assert_int_equal(feed(client_delta, &second), CLIENT_OK);
	assert_int_equal(client_lines_step(1000000, 0), 0);
	assert_string_equal(states(), "RPMRIU"); /* not counted anew yet */
	assert_int_equal(client_lines_step(1000000, 1), 0);
	assert_string_equal(states(), "RRRRIU");
	assert_int_equal(client_ways(1), 0);
	assert_int_equal(client.lines[1].changed, client.update);
	assert_int_equal(client.lines[0].changed, 0);
	assert_int_equal(client.nodes[0].lines_reached, 4);
	assert_int_equal(client.files[0].lines_partly, 0);

	/* All anew, of less. */
	full = full_message(3, 0);
	assert_int_equal(feed(client_full, &full), CLIENT_OK);
	work();
	assert_string_equal(states(), "IIIIII");
	assert_int_equal(client.nodes[0].lines_reached, 0);
	assert_int_equal(client.nodes[0].lines, 6);
	client_exclude(0);
	client_recount();
	assert_int_equal(client.nodes[0].lines, 0);
	assert_int_equal(client.nodes[0].excluded_lines, 6);
}

/* f is lines 1 to 5, g is 7 and 8; the PC at place 2 begins nothing. */
static void
functions_count_lines(void **state)
{
	struct buffer blocks = blocks_message(), full = full_message(1, 1),
		      second = delta_message(1, 1);
	const struct line_sums *sums;
	uint32_t f, g, counts;

	(void)state;
	assert_int_equal(client_function_group(0), NONE);
	assert_int_equal(feed(client_load_blocks, &blocks), CLIENT_OK);
	assert_int_equal(feed(client_full, &full), CLIENT_OK);
	assert_int_equal(client_function_group(0), NONE);
	work();
	f = client_function_group(0);
	g = client_function_group(3);
	assert_int_equal(client_function_group(2), NONE);
	assert_int_equal(client_function_group(NONE), NONE);
	sums = lines_sums(&counts);
	assert_int_equal(client_summary()->line_counts, counts);
	assert_int_equal(sums[f].lines, 4);
	assert_int_equal(sums[f].reached, 3);
	assert_int_equal(sums[f].partly, 1);
	assert_int_equal(sums[g].lines, 1);
	assert_int_equal(sums[g].reached, 0);
	assert_int_equal(feed(client_delta, &second), CLIENT_OK);
	work();
	assert_int_equal(sums[f].reached, 4);
	assert_int_equal(sums[f].partly, 0);
	assert_true(client_summary()->line_counts > counts);
	full = full_message(3, 0);
	assert_int_equal(feed(client_full, &full), CLIENT_OK);
	work();
	assert_int_equal(sums[f].lines, 4);
	assert_int_equal(sums[f].reached, 0);
}

static void
shapes_count(void **state)
{
	struct buffer blocks = blocks_message(), full = full_message(1, 1),
		      shapes = shapes_message();

	(void)state;
	assert_int_equal(feed(client_load_shapes, &shapes), CLIENT_NO_INDEX);
	assert_int_equal(feed(client_load_blocks, &blocks), CLIENT_OK);
	assert_int_equal(feed(client_full, &full), CLIENT_OK);
	work();
	assert_int_equal(feed(client_load_shapes, &shapes), CLIENT_OK);
	work();
	assert_int_equal(client_open(0), CLIENT_OK);
	assert_string_equal(states(), "RPMRIU");
	assert_int_equal(lines.shapes_len[0], 6);
	for (uint32_t len = shapes.len; len-- > 0;) {
		shapes.len = len;
		assert_true(feed(client_load_shapes, &shapes) < 0);
	}
}

static void
another_build_is_refused(void **state)
{
	struct buffer blocks = blocks_message();

	(void)state;
	for (uint32_t len = blocks.len; len-- > 0;) {
		struct buffer cut = blocks;

		cut.len = len;
		assert_true(feed(client_load_blocks, &cut) < 0);
		assert_int_equal(client_lines_step(1000, 1), 0);
	}
	((struct wire_blocks *)blocks.bytes)->pcs_len = PCS + 1;
	assert_int_equal(feed(client_load_blocks, &blocks), CLIENT_MISMATCH);
	set_up(NULL);
}

/* Every number is set to values that hurt; whatever loads must then stand all that the page
 * does. */
static void
hostile_tables_do_no_harm(void **state)
{
	static const uint32_t values[] = { 0, 1, 2, 8, 255, 65536, 0x7fffffff,
		0xfffffffe, 0xffffffff };
	const struct buffer good = blocks_message(), shapes = shapes_message();

	(void)state;
	for (uint32_t at = 0; at + 4 <= good.len; at++) {
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			struct buffer bad = good, full = full_message(1, 1),
				      second = delta_message(1, 1), odd = shapes;

			memcpy(bad.bytes + at, &values[v], 4);
			set_up(NULL);
			feed(client_full, &full);
			if (feed(client_load_blocks, &bad))
				continue;
			memcpy(odd.bytes + at % (odd.len - 4), &values[v], 4);
			feed(client_load_shapes, &odd);
			work();
			feed(client_delta, &second);
			work();
			assert_int_equal(client_open(0), CLIENT_OK);
			client_summary();
			for (uint32_t i = 0; i < client.lines_len; i++)
				client_ways(i);
			for (uint32_t i = 0; i <= PCS; i++)
				client_function_group(i);
			assert_true(
			    client.nodes[0].lines_reached <= client.nodes[0].lines);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_follow_bits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    functions_count_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shapes_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    another_build_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    hostile_tables_do_no_harm, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
