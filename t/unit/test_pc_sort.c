/* SPDX-License-Identifier: MIT
 * Sorting PCs, against qsort.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "symbolizer/basics/pc_sort.h"

struct pair {
	uint64_t pc;
	uint32_t index;
};

static int
compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->pc != y->pc)
		return x->pc < y->pc ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void
check(const uint64_t *pcs, uint32_t len)
{
	struct pair *pairs = malloc((len + 1) * sizeof(*pairs));
	uint64_t *sorted = malloc((len + 1) * sizeof(*sorted));
	uint32_t *order = malloc((len + 1) * sizeof(*order));
	uint64_t *spare = malloc((len + 1) * sizeof(*spare));

	for (uint32_t i = 0; i < len; i++)
		pairs[i] = (struct pair){ pcs[i], i };
	qsort(pairs, len, sizeof(*pairs), compare);
	pc_sort(pcs, len, sorted, order, spare);
	for (uint32_t i = 0; i < len; i++) {
		assert_int_equal(sorted[i], pairs[i].pc);
		assert_int_equal(order[i], pairs[i].index);
	}
	free(pairs);
	free(sorted);
	free(order);
	free(spare);
}

static uint64_t
random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void
test_random_of_every_width(void **state)
{
	static const uint32_t lens[] = { 1, 2, 3, 255, 256, 257, 5000 };
	uint64_t pcs[5000], seed = 88172645463325252;

	(void)state;
	for (unsigned width = 0; width <= 64; width++) {
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			for (uint32_t k = 0; k < lens[i]; k++)
				pcs[k] =
				    width == 0 ? 5 : random_next(&seed) >> (64 - width);
			check(pcs, lens[i]);
		}
	}
}

static void
test_edges(void **state)
{
	const uint64_t ends[] = { UINT64_MAX, 0, UINT64_MAX, 1, 0, UINT64_MAX - 1 };
	const uint64_t high[] = { UINT64_MAX, UINT64_MAX - 3, UINT64_MAX - 1 };
	const uint64_t halves[] = { 1ULL << 32, 1, (1ULL << 32) | 1, 0, 1ULL << 63, 2 };

	(void)state;
	check(ends, 6);
	check(high, 3);
	check(halves, 6);
	check(ends, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_of_every_width),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests_name("pc sort", tests, NULL, NULL);
}
