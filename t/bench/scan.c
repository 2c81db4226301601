/* SPDX-License-Identifier: MIT
 * What the runtime's scan costs a run, each variant that this processor has: imitates what
 * libFuzzer does around a run (clears all counters; the target counts; reads them all)
 * with the scan in between, and without.
 *
 *   t/bench/scan [ROUNDS]
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/rt_scan.h"

/* Runs that differ, so that no branch is learned by heart. */
#define INPUTS 61
#define WORK_BYTES 32768 /* of a target's own data */

struct imitation {
	uint8_t *counters;
	uint64_t *words;
	uint32_t *touched; /* INPUTS lists of @touched_len counters */
	size_t len, touched_len;
	uint8_t work[WORK_BYTES];
};

static volatile uint64_t sink;

/* Counters lie in the order of the code: a run reaches some functions, half of each. */
static void
choose_touched(struct imitation *imitation)
{
	uint64_t random = 88172645463325252;
	uint32_t at = 0;

	for (size_t i = 0; i < INPUTS * imitation->touched_len; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		at = i % 12 == 0 ? (uint32_t)random : at + 1 + (uint32_t)(random & 1);
		imitation->touched[i] = (uint32_t)(at % imitation->len);
	}
}

static void
run(struct imitation *imitation, size_t input)
{
	const uint32_t *touched =
	    &imitation->touched[input % INPUTS * imitation->touched_len];

	memset(imitation->counters, 0, imitation->len);
	for (size_t i = 0; i < imitation->touched_len; i++)
		imitation->counters[touched[i]]++;
	for (size_t i = 0; i < WORK_BYTES; i += 64)
		imitation->work[i]++;
}

static uint64_t
read_counters(const struct imitation *imitation)
{
	uint64_t sum = 0, eight;

	for (size_t i = 0; i + 8 <= imitation->len; i += 8) {
		memcpy(&eight, imitation->counters + i, 8);
		if (eight != 0)
			sum += eight;
	}
	return sum;
}

static double
nanoseconds(struct imitation *imitation, rt_scan_fn *scan, size_t runs)
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (size_t i = 0; i < runs; i++) {
		run(imitation, i);
		if (scan != NULL)
			sink +=
			    scan(imitation->counters, imitation->len, imitation->words);
		sink += read_counters(imitation);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 +
		   (double)(to.tv_nsec - from.tv_nsec)) /
	    (double)runs;
}

/* The least of all rounds: what else runs here only ever adds. */
static double
least(struct imitation *imitation, rt_scan_fn *scan, size_t rounds)
{
	double found = nanoseconds(imitation, scan, INPUTS), here;

	for (size_t i = 0; i < rounds; i++) {
		here = nanoseconds(imitation, scan, INPUTS + 20000000 / imitation->len);
		found = here < found ? here : found;
	}
	return found;
}

static int
measure(size_t len, size_t rounds)
{
	struct imitation *imitation = calloc(1, sizeof(*imitation));
	const char *name;
	rt_scan_fn *scan;
	double without;

	if (imitation == NULL)
		return -1;
	imitation->len = len;
	imitation->touched_len = len / 30;
	imitation->counters = calloc(len, 1);
	imitation->words = calloc(len / 64 + 1, 8);
	imitation->touched = calloc(INPUTS * imitation->touched_len, 4);
	if (imitation->counters == NULL || imitation->words == NULL ||
	    imitation->touched == NULL)
		return -1;
	choose_touched(imitation);
	without = least(imitation, NULL, rounds);
	for (size_t i = 0; (scan = fuzzsup_rt_scan_choose(i, &name)) != NULL; i++)
		printf("%8zu counters, %-8s %9.1f ns a run, besides the %9.1f ns of "
		       "libFuzzer's part\n",
		    len, name, least(imitation, scan, rounds) - without, without);
	free(imitation->counters);
	free(imitation->words);
	free(imitation->touched);
	free(imitation);
	return 0;
}

int
main(int argc, char **argv)
{
	const size_t lens[] = { 1000, 60000, 1000000 };
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 20;

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		if (measure(lens[i], rounds) != 0)
			return 1;
	return 0;
}
