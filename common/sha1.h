/* SPDX-License-Identifier: MIT
 * SHA-1 as FIPS 180-4 describes it: fuzzers name inputs by it, and the WebSocket handshake asks for
 * it (RFC 6455, 4.2.2). Secrets have no business here. A header alone: the runtime, which is linked into
 * others' programs, adds no names to them.
 */
#ifndef FUZZSUP_SHA1_H
#define FUZZSUP_SHA1_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SHA1_BYTES 20

static inline uint32_t
sha1_rotate(uint32_t value, int by)
{
	return value << by | value >> (32 - by);
}

static inline void
sha1_compress(uint32_t state[5], const unsigned char *block)
{
	uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3],
			e = state[4];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		    (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 80; i++)
		w[i] = sha1_rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (int i = 0; i < 80; i++) {
		uint32_t f, k, next;

		if (i < 20) {
			f = (b & c) | (~b & d);
			k = 0x5a827999;
		} else if (i < 40 || i >= 60) {
			f = b ^ c ^ d;
			k = i < 40 ? 0x6ed9eba1 : 0xca62c1d6;
		} else {
			f = (b & c) | (b & d) | (c & d);
			k = 0x8f1bbcdc;
		}
		next = sha1_rotate(a, 5) + f + e + k + w[i];
		e = d;
		d = c;
		c = sha1_rotate(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

static inline void
sha1(const void *data, size_t len, unsigned char ret_digest[SHA1_BYTES])
{
	uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
		0xc3d2e1f0 };
	unsigned char tail[128] = { 0 };
	const unsigned char *bytes = data;
	size_t left = len, tail_len;

	for (; left >= 64; left -= 64, bytes += 64)
		sha1_compress(state, bytes);
	if (left > 0) /* @data of nothing may be NULL */
		memcpy(tail, bytes, left);
	tail[left] = 0x80;
	tail_len = left < 56 ? 64 : 128;
	for (int i = 0; i < 8; i++)
		tail[tail_len - 1 - i] = (unsigned char)((uint64_t)len * 8 >> (8 * i));
	for (size_t i = 0; i < tail_len; i += 64)
		sha1_compress(state, tail + i);
	for (int i = 0; i < SHA1_BYTES; i++)
		ret_digest[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
}

#endif
