/* SPDX-License-Identifier: MIT
 * A set of numbers that only grows: which inputs were run; in the replay driver.
 */
#ifndef FUZZSUP_REPLAY_SEEN_H
#define FUZZSUP_REPLAY_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replay_seen {
	uint64_t *slots; /* 0: free */
	size_t len, size;
};

/* Adds @number; false if it was there. What memory cannot be had for is forgotten, and so
 * run again when it is met again. */
bool replay_seen_add(struct replay_seen *seen, uint64_t number);

#endif
