/* SPDX-License-Identifier: MIT
 * Carries what a run reached from counters to seen bits; in the fuzzed process.
 */
#ifndef FUZZSUP_RT_SCAN_H
#define FUZZSUP_RT_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* Looks for counters that are not 0 and whose byte in @unseen is still 0xff: sets their
 * bits in the shared words, atomically, and clears the byte. Counters of @len bytes may
 * be read, none beyond. Returns how many bits nobody had set before. */
typedef size_t rt_scan_fn(
    const uint8_t *counters, uint8_t *unseen, size_t len, uint64_t *words);

/* The fastest one that this processor has. */
rt_scan_fn *fuzzsup_rt_scan_choose(void);

/* The one that every processor has. */
rt_scan_fn fuzzsup_rt_scan_words;

#endif
