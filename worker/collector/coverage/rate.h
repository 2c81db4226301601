/* SPDX-License-Identifier: MIT
 * Executions per second, from what was seen to happen, over a few seconds; in the
 * collector.
 */
#ifndef FUZZSUP_RATE_H
#define FUZZSUP_RATE_H

#include <stdint.h>

#define RATE_SAMPLES 24
#define RATE_SPACING_MS 250

struct rate {
	int64_t at_ms[RATE_SAMPLES]; /* monotonic */
	uint64_t total[RATE_SAMPLES];
	unsigned len, newest;
};

/* Says that @total executions had been seen at @now_ms; neither may go back. */
void rate_add(struct rate *rate, int64_t now_ms, uint64_t total);

/* Executions in a thousand seconds over the last five seconds or so; 0 if nothing
 * happened, or while less than one spacing was seen. */
uint64_t rate_milli_per_second(const struct rate *rate, int64_t now_ms);

#endif
