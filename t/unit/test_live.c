/* SPDX-License-Identifier: MIT
 * What the collector writes into a live segment, as its readers see it.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "collector/coverage/live.h"

#define PCS 130

static void
test_bits(void **state)
{
	uint64_t words[3] = { 5, 0, 2 };
	struct live live;
	struct live_map map;

	(void)state;
	assert_int_equal(live_open(PCS, 1000, -1, &live), 0);
	assert_int_equal(live_segment_map(live.fd, &map), 0);
	assert_false(live_publish(&live));
	assert_int_equal(live_add_bits(&live, words, 1000, true), 3);
	assert_int_equal(map.times[0] + map.times[2] + map.times[129], 0);
	assert_int_equal(map.head->last_find_ms, 0);
	assert_true(live_publish(&live));
	assert_int_equal(map.head->sequence, 1);
	assert_int_equal(live_add_bits(&live, words, 2000, false), 0);
	assert_false(live_publish(&live));
	words[0] = 8; /* what is not there any more is not taken back */
	assert_int_equal(live_add_bits(&live, words, 1000, false), 1);
	assert_int_equal(map.times[3], 1); /* a find is never 0 */
	words[1] = 1;
	assert_int_equal(live_add_bits(&live, words, 3000, false), 1);
	assert_int_equal(map.times[64], 200);
	words[1] = 3;
	assert_int_equal(
	    live_add_bits(&live, words, 10, false), 1); /* the clock went back */
	assert_int_equal(map.times[65], 1);
	assert_int_equal(map.bits[0], 13);
	assert_int_equal(map.head->covered, 6);
	assert_int_equal(map.head->bits_version, 4);
	live_segment_unmap(&map);
	live_close(&live);
}

static void
test_numbers(void **state)
{
	struct live live;

	(void)state;
	assert_int_equal(live_open(PCS, 1000, -1, &live), 0);
	live_set_runs(&live, 100, 10, 5, 2000, true);
	live_set_runs(&live, 90, 9, 0, 3000, false);
	assert_int_equal(live.map.head->n_runs, 100);
	assert_int_equal(live.map.head->unique_runs, 10);
	assert_int_equal(live.map.head->milli_runs_per_second, 0);
	assert_int_equal(live.map.head->last_run_ms, 2000);
	for (uint32_t i = 0; i < 3 * LIVE_ENTRIES_MAX; i++)
		live_add_entry(&live, i % PCS);
	live_add_entry(&live, PCS);
	assert_int_equal(live.map.head->entries_len, PCS);
	live_close(&live);
}

static void
test_seed(void **state)
{
	const uint64_t words[3] = { 1, 2, 1 }, more[3] = { 3, 0, 0 };
	struct live old, new;

	(void)state;
	assert_int_equal(live_open(PCS, 1000, -1, &old), 0);
	live_add_bits(&old, words, 5000, false);
	live_set_runs(&old, 77, 7, 1, 5000, true);
	live_add_entry(&old, 9);
	/* As of one that died between a bit and its count. */
	old.map.head->covered = 1;
	assert_int_equal(live_open(PCS, 9000, old.fd, &new), 0);
	assert_int_equal(new.map.head->base_ms, 1000);
	assert_int_equal(new.map.head->covered, 3);
	assert_int_equal(new.map.head->n_runs, 77);
	assert_int_equal(new.seed_runs, 77);
	assert_int_equal(new.map.head->unique_runs, 7);
	assert_true(new.map.head->bits_version > old.map.head->bits_version);
	assert_int_equal(new.map.times[65], 400);
	assert_int_equal(new.map.entries[0], 9);
	assert_int_equal(live_add_bits(&new, more, 11000, false), 1);
	assert_int_equal(new.map.times[1], 1000);
	live_close(&new);
	assert_int_equal(live_open(PCS + 1, 9000, old.fd, &new), -EPROTO);
	live_close(&old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_seed),
	};

	return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
