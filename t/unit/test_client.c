/* SPDX-License-Identifier: MIT
 * The page's client (share/web/client.c), compiled natively: what it counts, and that
 * no input makes it read or write outside (AddressSanitizer sees each of its
 * allocations).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#pragma GCC diagnostic ignored \
    "-Wconversion" /* not compiled with it for the browser \
					       */
#include "client.c"
#include "client_lines.c"
#include "client_memory.c"
#include "client_feed.h"

/* Two files below one root and one outside; PCs are in no order. Line 20 of a.c has two
 * places, the second of them two PCs; PC 7 has no line, PC 8 no location; the linker dropped
 * the code of PC 9. */
static const char strings[] = "root/src\0/usr/include\0a.c\0b.c\0v.h";
enum { SRC = 0, USR = 9, A = 22, B = 26, V = 30 };
static const uint32_t directories[] = { SRC, USR };
static const struct wire_file files[] = { { 0, A }, { 0, B }, { 1, V } };
static const struct wire_location locations[] = {
	{ 0, 20, 9 },
	{ 1, 5, 1 },
	{ 0, 10, 3 },
	{ 0, 20, 2 },
	{ 0, 20, 9 },
	{ 2, 7, 7 },
	{ 0, 11, 1 },
	{ 0, 0, 0 },
	{ WIRE_FILE_UNKNOWN, 0, 0 },
	{ WIRE_FILE_UNKNOWN, 0, WIRE_COLUMN_DROPPED },
};
#define PCS 10
#define COUNTED 9

static struct buffer
index_message(void)
{
	struct buffer buffer = { .len = 0 };
	struct wire_source_index head = { WIRE_SOURCE_INDEX, 2, 3, PCS, sizeof(strings),
		0 };
	put(&buffer, &head, sizeof(head));
	put(&buffer, directories, sizeof(directories));
	put(&buffer, files, sizeof(files));
	put(&buffer, locations, sizeof(locations));
	put(&buffer, strings, sizeof(strings));
	return buffer;
}

static struct buffer
full_message(uint64_t version, uint64_t bits)
{
	struct buffer buffer = { .len = 0 };
	struct wire_coverage_full full = { { WIRE_COVERAGE_FULL, { 0 }, 1 }, version,
		PCS, 0, 1000 };
	put(&buffer, &full, sizeof(full));
	put(&buffer, &bits, sizeof(bits));
	return buffer;
}

static struct buffer
delta_message(uint64_t from, uint32_t bits_len, uint32_t encoding, const char *numbers,
    size_t size)
{
	struct buffer buffer = { .len = 0 };
	struct wire_coverage_delta delta = { { WIRE_COVERAGE_DELTA, { 0 }, 1 }, from,
		from + 1, bits_len, encoding, 500, 0 };
	put(&buffer, &delta, sizeof(delta));
	put(&buffer, numbers, size);
	return buffer;
}

static int
set_up(void **state)
{
	(void)state;
	struct buffer index = index_message();
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
counts_files_and_folders(void **state)
{
	(void)state;
	struct buffer full = full_message(1, 0x1 | 0x2 | 0x100);
	assert_int_equal(feed(client_full, &full), CLIENT_OK);
	assert_int_equal(client_summary()->covered, 3);
	assert_int_equal(client.files[0].total, 6);
	assert_int_equal(client.files[0].covered, 1);
	assert_int_equal(client.files[1].covered, 1);
	assert_int_equal(client.files[3].covered, 1); /* without a location */
	assert_int_equal(client.files[3].total, 1);
	assert_int_equal(client.nodes[0].total, COUNTED);
	assert_int_equal(client.nodes[0].covered, 3);
	const struct node *src =
	    &client.nodes[client.nodes[client.files[0].node].parent];
	assert_int_equal(src->total, 7);
	assert_int_equal(src->covered, 2);
	assert_string_equal(client_file_name(0), "root/src/a.c");
	assert_string_equal(client_file_name(2), "/usr/include/v.h");
	assert_null(client_file_name(3));
}

static void
excluded_files_count_apart(void **state)
{
	(void)state;
	struct buffer full = full_message(1, 0x2 | 0x4);
	client_exclude(1);
	client_exclude(77);
	assert_int_equal(feed(client_full, &full), CLIENT_OK);
	assert_int_equal(client.nodes[0].total, COUNTED - 1);
	assert_int_equal(client.nodes[0].covered, 1);
	assert_int_equal(client.nodes[0].excluded_total, 1);
	assert_int_equal(client.nodes[0].excluded_covered, 1);
}

static void
lines_are_hit_missed_partly(void **state)
{
	(void)state;
	struct buffer full =
	    full_message(1, 1 << 2 | 1 << 4); /* 10:3 and one of 20:9 */
	feed(client_full, &full);
	assert_int_equal(client_open(0), CLIENT_OK);
	const struct summary *summary = client_summary();
	assert_int_equal(summary->lines_len, 3);
	assert_int_equal(summary->no_line, 1);
	assert_int_equal(client.lines[0].line, 10);
	assert_int_equal(client.lines[0].reached, 1);
	assert_int_equal(client.lines[0].places, 1);
	assert_int_equal(client.lines[1].line, 11);
	assert_int_equal(client.lines[1].reached, 0);
	assert_int_equal(client.lines[1].first_time, NONE);
	assert_int_equal(client.lines[2].line, 20);
	assert_int_equal(client.lines[2].places, 2);
	assert_int_equal(client.lines[2].reached, 1);
	const struct place *place = &client.places[client.lines[2].place];
	assert_int_equal(place[0].column, 2);
	assert_int_equal(place[0].reached, 0);
	assert_int_equal(place[1].column, 9);
	assert_int_equal(place[1].pcs, 2);
	assert_int_equal(place[1].reached, 1);
	assert_int_equal(client_next_missed(0), 11);
	assert_int_equal(client_next_missed(11), 20);
	assert_int_equal(client_next_missed(20), 11);
	assert_int_equal(client_next_missed(NONE), 11);
	assert_int_equal(client_open(3), CLIENT_RANGE);
}

static void
delta_touches_open_lines(void **state)
{
	(void)state;
	struct buffer full = full_message(1, 0);
	struct buffer gaps =
	    delta_message(1, 2, WIRE_DELTA_GAPS, "\x02\x00", 2); /* 2, 3 */
	struct buffer runs =
	    delta_message(2, 3, WIRE_DELTA_RUNS, "\x03\x03", 2); /* 3, 4, 5 */
	feed(client_full, &full);
	client_open(0);
	assert_int_equal(feed(client_delta, &gaps), CLIENT_OK);
	assert_int_equal(client_summary()->dirty, 1);
	assert_int_equal(client_summary()->dirty, 0);
	assert_int_equal(client.lines[0].changed, client.update);
	assert_int_equal(client.lines[0].first_time, 500);
	assert_int_equal(client.lines[1].changed, 0);
	assert_int_equal(feed(client_delta, &runs), CLIENT_OK);
	assert_int_equal(client_summary()->covered, 4); /* 3 was there already */
	assert_int_equal(client.lines[2].reached, 2);
	assert_int_equal(client.nodes[0].covered, 4);
	assert_int_equal(client.nodes[0].newest, 500);
}

static void
hit_times_go_to_the_full_frames_bits(void **state)
{
	(void)state;
	struct buffer full = full_message(8, 1 << 2 | 1 << 6), times = { .len = 0 };
	struct buffer delta = delta_message(8, 1, WIRE_DELTA_GAPS, "\x00", 1);
	struct wire_hit_times head = { { WIRE_HIT_TIMES, { 0 }, 1 }, 8, 2, 0 };
	uint32_t values[] = { 70, 90 };
	put(&times, &head, sizeof(head));
	put(&times, values, sizeof(values));
	feed(client_full, &full);
	assert_int_equal(feed(client_delta, &delta), CLIENT_OK);
	assert_int_equal(feed(client_hit_times, &times), CLIENT_OK);
	assert_int_equal(client.times[2], 70);
	assert_int_equal(client.times[6], 90);
	assert_int_equal(client.times[0], 500);
	assert_int_equal(client_growth(0, 100, 10), CLIENT_OK);
	assert_int_equal(client.growth[6], 0);
	assert_int_equal(client.growth[7], 1);
	assert_int_equal(client.growth[9], 2);
	assert_int_equal(client_growth(0, 100, GROWTH_MAX + 1), CLIENT_RANGE);
}

static void
refuses_what_does_not_fit(void **state)
{
	(void)state;
	struct buffer delta = delta_message(1, 1, WIRE_DELTA_GAPS, "\x00", 1);
	assert_int_equal(
	    feed(client_delta, &delta), CLIENT_STALE); /* before a full one */
	struct buffer full = full_message(1, 1);
	feed(client_full, &full);
	struct buffer outside = delta_message(1, 2, WIRE_DELTA_GAPS, "\x01\x08", 2);
	assert_int_equal(feed(client_delta, &outside), CLIENT_RANGE);
	assert_int_equal(client_summary()->covered, 1); /* nothing of it was taken */
	struct buffer early = delta_message(1, 3, WIRE_DELTA_GAPS, "\x01", 1);
	assert_int_equal(feed(client_delta, &early), CLIENT_SHORT);
	struct buffer endless = delta_message(1, 9, WIRE_DELTA_RUNS, "\x00\x00", 2);
	assert_int_equal(feed(client_delta, &endless), CLIENT_MALFORMED);
	struct buffer wide =
	    delta_message(1, 1, WIRE_DELTA_GAPS, "\xff\xff\xff\xff\xff\x01", 6);
	assert_int_equal(feed(client_delta, &wide), CLIENT_SHORT);
	struct buffer stale = delta_message(5, 1, WIRE_DELTA_GAPS, "\x01", 1);
	assert_int_equal(feed(client_delta, &stale), CLIENT_STALE);
	full.bytes[16] = PCS + 1;
	assert_int_equal(feed(client_full, &full), CLIENT_MISMATCH);
	full.bytes[16] = PCS;
	full.len -= 8;
	assert_int_equal(feed(client_full, &full), CLIENT_SHORT);
}

static void
bits_past_the_end_do_not_count(void **state)
{
	(void)state;
	struct buffer full = full_message(1, UINT64_MAX);
	assert_int_equal(feed(client_full, &full), CLIENT_OK);
	assert_int_equal(client_summary()->covered, COUNTED);
}

static void
entries_outside_are_left_out(void **state)
{
	(void)state;
	struct buffer entries = { .len = 0 };
	struct wire_entries head = { { WIRE_ENTRIES, { 0 }, 1 }, 3 };
	uint32_t pcs[] = { 4, PCS, 0xffffffff };
	put(&entries, &head, sizeof(head));
	put(&entries, pcs, sizeof(pcs));
	assert_int_equal(feed(client_entries, &entries), CLIENT_OK);
	assert_int_equal(client_summary()->entries_len, 1);
	entries.len -= 4;
	assert_int_equal(feed(client_entries, &entries), CLIENT_SHORT);
}

static void
a_short_index_is_refused(void **state)
{
	(void)state;
	struct buffer index = index_message();
	for (uint32_t len = index.len; len-- > 0;) {
		index.len = len;
		client_reset();
		assert_true(feed(client_load_index, &index) < 0);
		assert_int_equal(feed(client_full, &index), CLIENT_NO_INDEX);
		assert_int_equal(client_summary()->pcs_len, 0);
	}
}

/* Every number of the index is set to values that hurt; whatever loads must then stand
 * everything that the page does. */
static void
hostile_indexes_do_no_harm(void **state)
{
	(void)state;
	static const uint32_t values[] = { 0, 1, 2, 8, 255, 65536, 0x7fffffff,
		0xfffffffe, 0xffffffff };
	struct buffer good = index_message();
	for (uint32_t at = 0; at + 4 <= good.len; at++) {
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			struct buffer bad = good, full = full_message(1, 0x155);
			memcpy(bad.bytes + at, &values[v], 4);
			client_reset();
			if (feed(client_load_index, &bad))
				continue;
			full.bytes[16] = (unsigned char)client.pcs_len;
			feed(client_full, &full);
			for (uint32_t file = 0; file < client.files_len; file++) {
				assert_non_null(client_file_name(file));
				client_open(file);
				client_next_missed(values[v]);
				client_line_at(values[v]);
			}
			client_growth(0, values[v], 16);
			uint32_t counted = 0;
			for (uint32_t pc = 0; pc < client.pcs_len; pc++)
				counted += (uint32_t)is_counted(pc);
			assert_int_equal(client.nodes[0].total, counted);
		}
	}
}

static void
random_messages_do_no_harm(void **state)
{
	(void)state;
	uint64_t random = 88172645463325252u;
	struct buffer full = full_message(1, 0x11);
	feed(client_full, &full);
	for (int round = 0; round < 20000; round++) {
		struct buffer noise = { .len = (uint32_t)(round % 97) };
		for (uint32_t i = 0; i < noise.len; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			noise.bytes[i] = (unsigned char)random;
		}
		noise.bytes[0] = (unsigned char)(WIRE_COVERAGE_FULL + round % 4);
		memset(noise.bytes + 8, round & 4 ? 0 : 1,
		    8); /* sometimes the right version */
		noise.bytes[28] &= 1;
		memset(noise.bytes + 29, 0, 3);
		feed(client_full, &noise);
		feed(client_delta, &noise);
		feed(client_hit_times, &noise);
		feed(client_entries, &noise);
		assert_true(client_summary()->covered <= PCS);
		assert_int_equal(client.nodes[0].covered, client.covered);
		if (round % 100 == 0) { /* gives the memory back */
			set_up(NULL);
			feed(client_full, &full);
			client_open(0);
		}
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(counts_files_and_folders),
		TEST(excluded_files_count_apart),
		TEST(lines_are_hit_missed_partly),
		TEST(delta_touches_open_lines),
		TEST(hit_times_go_to_the_full_frames_bits),
		TEST(refuses_what_does_not_fit),
		TEST(bits_past_the_end_do_not_count),
		TEST(entries_outside_are_left_out),
		TEST(a_short_index_is_refused),
		TEST(hostile_indexes_do_no_harm),
		TEST(random_messages_do_no_harm),
	};
	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
