/* SPDX-License-Identifier: MIT
 * The writing side of a target's live segment; in the collector, its only writer.
 */
#ifndef FUZZSUP_LIVE_H
#define FUZZSUP_LIVE_H

#include <stdbool.h>

#include "live_segment.h"

struct live {
	struct live_map map;
	int fd;
	bool changed; /* since the last live_publish() */
	bool seeded;
	uint64_t seed_runs, seed_unique; /* what a dead collector had counted */
};

/* A new segment for @pcs_len PCs; @seed_fd: segment of a collector that died, whose
 * content it starts from, or -1. Returns 0, or a negative errno. */
int live_open(uint32_t pcs_len, int64_t now_ms, int seed_fd, struct live *ret_live);
void live_close(struct live *live);

/* Sets the bits of @words (as many as the segment has) that are not set yet, with the time
 * of their first hit; @before: they were set before we looked for the first time. Returns
 * how many became set. */
uint32_t live_add_bits(
    struct live *live, const uint64_t *words, int64_t now_ms, bool before);

/* Numbers that only grow, but for the rate; @ran: n_runs has just been seen to grow. */
void live_set_runs(struct live *live, uint64_t n_runs, uint64_t unique_runs,
    uint64_t milli_per_second, int64_t now_ms, bool ran);

/* Adds an entry point by its index; doubles and more than LIVE_ENTRIES_MAX are dropped. */
void live_add_entry(struct live *live, uint32_t index);

/* Lets readers know; true if there was something to know. */
bool live_publish(struct live *live);

#endif
