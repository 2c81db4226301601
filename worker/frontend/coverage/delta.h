/* SPDX-License-Identifier: MIT
 * Bits that became set between two versions, as WIRE_COVERAGE_DELTA carries them.
 */
#ifndef FUZZSUP_DELTA_H
#define FUZZSUP_DELTA_H

#include <stddef.h>
#include <stdint.h>

/* The indexes of set bits of one change, in ascending order. */
struct delta {
	uint32_t *indexes;
	size_t len, capacity;
};

/* Adds one index. Returns 0 or -ENOMEM. */
int delta_add(struct delta *delta, uint32_t index);
void delta_free(struct delta *delta);

/* Encodes @delta in the shorter of the two encodings. The caller frees *ret_bytes.
 * Returns 0 or -ENOMEM. */
int delta_encode(const struct delta *delta, unsigned char **ret_bytes, size_t *ret_len,
    uint32_t *ret_encoding);

#endif
