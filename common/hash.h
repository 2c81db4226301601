/* SPDX-License-Identifier: MIT
 * One hash of bytes for tables and ids. Not for secrets.
 */
#ifndef FUZZSUP_HASH_H
#define FUZZSUP_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_SEED UINT64_C(0x9e3779b97f4a7c15)

/* Mixes @len bytes at @data into @state (begin with HASH_SEED). Reads eight bytes at a
 * time; the finalizer is that of MurmurHash3 (public domain), so that low bits are good
 * enough to index a power-of-two table. Native-endian: never store it across machines. */
static inline uint64_t
hash_bytes(uint64_t state, const void *data, size_t len)
{
	const unsigned char *bytes = data;
	uint64_t word;

	state ^= (uint64_t)len * UINT64_C(0xff51afd7ed558ccd);
	while (len > 0) {
		size_t part = len < sizeof(word) ? len : sizeof(word);

		word = 0;
		memcpy(&word, bytes, part);
		state = (state ^ word) * UINT64_C(0xc4ceb9fe1a85ec53);
		state ^= state >> 32;
		bytes += part;
		len -= part;
	}
	state ^= state >> 33;
	state *= UINT64_C(0xff51afd7ed558ccd);
	return state ^ state >> 29;
}

#endif
