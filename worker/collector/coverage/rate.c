/* SPDX-License-Identifier: MIT
 * A window of samples that slides; in the collector.
 */
#include "config.h"

#include "rate.h"

#include "banned.h"

#define WINDOW_MS 5000

void
rate_add(struct rate *rate, int64_t now_ms, uint64_t total)
{
	unsigned next;

	if (rate->len > 0 && now_ms - rate->at_ms[rate->newest] < RATE_SPACING_MS)
		return;
	next = rate->len == 0 ? 0 : (rate->newest + 1) % RATE_SAMPLES;
	rate->at_ms[next] = now_ms;
	rate->total[next] = total;
	rate->newest = next;
	if (rate->len < RATE_SAMPLES)
		rate->len++;
}

uint64_t
rate_milli_per_second(const struct rate *rate, int64_t now_ms)
{
	unsigned oldest = rate->newest;
	int64_t passed;

	/* The oldest sample that is still inside of the window. */
	for (unsigned i = 1; i < rate->len; i++) {
		unsigned at = (rate->newest + RATE_SAMPLES - i) % RATE_SAMPLES;

		if (now_ms - rate->at_ms[at] > WINDOW_MS)
			break;
		oldest = at;
	}
	passed = rate->len == 0 ? 0 : rate->at_ms[rate->newest] - rate->at_ms[oldest];
	if (passed <= 0 || now_ms - rate->at_ms[rate->newest] > WINDOW_MS)
		return 0;
	return (uint64_t)((double)(rate->total[rate->newest] - rate->total[oldest]) *
	    1e6 / (double)passed);
}
