/* SPDX-License-Identifier: MIT
 * Carries what a run reached from counters to seen bits; in the fuzzed process.
 */
#ifndef FUZZSUP_RT_SCAN_H
#define FUZZSUP_RT_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* Bits that scans set and nobody had set before, as addresses of bits (8 × that of the word's first byte + the
 * bit), for whoever gives room for them (rt_finds.c); full, it takes no more. */
struct rt_news {
	uint64_t *bits;
	size_t len, size;
};
extern struct rt_news fuzzsup_rt_news;

/* Sets the bits of all counters that are not 0, atomically, in words that other processes
 * write, too. Counters of @len bytes are read, none beyond. Returns how many bits nobody
 * had set before. */
typedef size_t rt_scan_fn(const uint8_t *counters, size_t len, uint64_t *words);

/* The @i-th fastest one that this processor has, and its name; NULL behind the last,
 * which every processor has. */
rt_scan_fn *fuzzsup_rt_scan_choose(size_t i, const char **ret_name);

#endif
