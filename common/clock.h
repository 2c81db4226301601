/* SPDX-License-Identifier: MIT
 * Clocks as one number.
 */
#ifndef FUZZSUP_CLOCK_H
#define FUZZSUP_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds, microseconds, milliseconds of @clock: CLOCK_MONOTONIC to measure with,
 * CLOCK_REALTIME for Unix time. */
static inline int64_t
clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t
clock_us(clockid_t clock)
{
	return clock_ns(clock) / 1000;
}

static inline int64_t
clock_ms(clockid_t clock)
{
	return clock_ns(clock) / 1000000;
}

#endif
