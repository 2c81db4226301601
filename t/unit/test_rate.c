/* SPDX-License-Identifier: MIT
 * Executions per second over a window that slides.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "collector/coverage/rate.h"

static void
test_nothing(void **state)
{
	struct rate rate = { 0 };

	(void)state;
	assert_int_equal(rate_milli_per_second(&rate, 1000), 0);
	rate_add(&rate, 1000, 500);
	assert_int_equal(rate_milli_per_second(&rate, 1000), 0);
}

static void
test_steady(void **state)
{
	struct rate rate = { 0 };
	int64_t now = 5000000;
	uint64_t total = 1000000, said;

	(void)state;
	for (int i = 0; i < 3000; i++, now += 10, total += 7) {
		rate_add(&rate, now, total);
		said = rate_milli_per_second(&rate, now);
		if (i >= 100)
			assert_in_range(said, 699000, 701000);
	}
	/* It goes down as the window slides, and to 0 when that is over. */
	for (int i = 0; i < 520; i++, now += 10) {
		rate_add(&rate, now, total);
		assert_true(rate_milli_per_second(&rate, now) <= said);
		said = rate_milli_per_second(&rate, now);
	}
	assert_int_equal(said, 0);
}

static void
test_nobody_came(void **state)
{
	struct rate rate = { 0 };

	(void)state;
	rate_add(&rate, 1000, 0);
	rate_add(&rate, 2000, 100);
	assert_int_equal(rate_milli_per_second(&rate, 2000), 100000);
	assert_int_equal(rate_milli_per_second(&rate, 60000), 0);
	rate_add(&rate, 60000, 200);
	assert_int_equal(rate_milli_per_second(&rate, 60000), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_nobody_came),
	};

	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
