/* SPDX-License-Identifier: MIT
 * The collector's diff of bitmaps and the runtime's scan of counters, against a bit at a
 * time; every length around a vector, every place.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "collector/coverage/bitmap_diff.h"
#include "runtime/rt_scan.h"

static void
test_next(void **state)
{
	(void)state;
	for (size_t len = 0; len < 20; len++) {
		/* Of its own length, so that a read behind it is seen by AddressSanitizer. */
		uint64_t *read = calloc(len + 1, 8), *known = calloc(len + 1, 8);
		uint64_t *a = read + 1, *b = known + 1;

		assert_non_null(read);
		assert_non_null(known);
		assert_int_equal(bitmap_diff_next(a, b, 0, len), len);
		for (size_t at = 0; at < len; at++) {
			a[at] = UINT64_C(1) << (at * 11 % 64);
			for (size_t from = 0; from <= len; from++)
				assert_int_equal(bitmap_diff_next(a, b, from, len),
				    from <= at ? at : len);
			b[at] = a[at] | UINT64_C(1) << 63;
			assert_int_equal(bitmap_diff_next(a, b, 0, len), len);
			a[at] = 0; /* known alone is no news */
			assert_int_equal(bitmap_diff_next(a, b, 0, len), len);
			b[at] = 0;
		}
		free(read);
		free(known);
	}
}

static void
check_scan(rt_scan_fn *scan, size_t len)
{
	/* Of its own length, as above. */
	uint8_t *counters = calloc(len, 1);
	uint64_t *words = calloc(len / 64 + 1, 8);
	size_t set = 0;

	assert_non_null(counters);
	assert_non_null(words);
	assert_int_equal(scan(counters, len, words), 0);
	for (size_t i = 0; i < len; i += 1 + i % 5, set++) {
		memset(counters, 0, len);
		counters[i] = (uint8_t)(1U << i % 8);
		assert_int_equal(scan(counters, len, words), 1);
		assert_true((words[i / 64] >> i % 64 & 1) == 1);
		assert_int_equal(scan(counters, len, words), 0);
	}
	memset(counters, 255, len);
	assert_int_equal(scan(counters, len, words), len - set);
	for (size_t i = 0; i < len; i++)
		assert_true((words[i / 64] >> i % 64 & 1) == 1);
	if (len % 64 != 0)
		assert_true(words[len / 64] >> len % 64 == 0);
	free(counters);
	free(words);
}

static void
test_scan(void **state)
{
	rt_scan_fn *scan;
	const char *name;

	(void)state;
	for (size_t i = 0; (scan = fuzzsup_rt_scan_choose(i, &name)) != NULL; i++)
		for (size_t len = 1; len < 1200; len += len < 300 ? 1 : 37)
			check_scan(scan, len);
	assert_string_equal(name, "words");
}

/* What another process has set is not new; what it takes away is. */
static void
test_scan_shared(void **state)
{
	uint8_t counters[100] = { [3] = 1, [70] = 9 };
	uint64_t words[2];
	rt_scan_fn *scan;
	const char *name;

	(void)state;
	for (size_t i = 0; (scan = fuzzsup_rt_scan_choose(i, &name)) != NULL; i++) {
		words[0] = 1U << 3;
		words[1] = 0;
		assert_int_equal(scan(counters, 100, words), 1);
		assert_int_equal(words[1], 1U << 6);
		words[0] = 0;
		assert_int_equal(scan(counters, 100, words), 1);
		assert_int_equal(words[0], 1U << 3);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_scan_shared),
	};

	return cmocka_run_group_tests_name("bitmap_diff", tests, NULL, NULL);
}
