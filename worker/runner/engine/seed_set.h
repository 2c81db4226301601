/* SPDX-License-Identifier: MIT
 * A set of hashes, of files that an engine was given already.
 */
#ifndef FUZZSUP_SEED_SET_H
#define FUZZSUP_SEED_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seed_set {
	uint64_t *slots; /* 0: free */
	size_t size;     /* a power of two */
	size_t len;
};

/* Returns 0 or -ENOMEM. */
int seed_set_add(struct seed_set *set, uint64_t hash);
bool seed_set_has(const struct seed_set *set, uint64_t hash);
void seed_set_clear(struct seed_set *set);

#endif
