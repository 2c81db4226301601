/* SPDX-License-Identifier: MIT
 * A set that only grows: which inputs were run; in the replay driver.
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

/* Adds what @fields, @fields_len numbers, say of an input; false if it was there. What
 * memory cannot be had for is forgotten, and so run again when it is met again. Kept is a
 * hash of 64 bits: of a million inputs one is taken for another once in 30 million times. */
bool replay_seen_add(
    struct replay_seen *seen, const uint64_t *fields, size_t fields_len);

#endif
