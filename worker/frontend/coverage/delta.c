/* SPDX-License-Identifier: MIT
 * Encoding of changed bits; in the front-end.
 */
#include "config.h"

#include "delta.h"

#include <errno.h>
#include <stdlib.h>

#include "wire.h"
#include "banned.h"

#define VARINT_MAX 5 /* bytes of a 32-bit number */

int
delta_add(struct delta *delta, uint32_t index)
{
	size_t capacity = delta->capacity != 0 ? 2 * delta->capacity : 64;
	uint32_t *grown;

	if (delta->len == delta->capacity) {
		grown = reallocarray(delta->indexes, capacity, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		delta->indexes = grown;
		delta->capacity = capacity;
	}
	delta->indexes[delta->len++] = index;
	return 0;
}

void
delta_free(struct delta *delta)
{
	free(delta->indexes);
	*delta = (struct delta){ 0 };
}

static size_t
put_varint(unsigned char *to, uint32_t value)
{
	size_t len = 0;

	for (; value >= 0x80; value >>= 7)
		to[len++] = (unsigned char)(value | 0x80);
	to[len++] = (unsigned char)value;
	return len;
}

static size_t
encode_gaps(const struct delta *delta, unsigned char *to)
{
	uint32_t behind = 0;
	size_t len = 0;

	for (size_t i = 0; i < delta->len; i++) {
		len += put_varint(to + len, delta->indexes[i] - behind);
		behind = delta->indexes[i] + 1;
	}
	return len;
}

static size_t
encode_runs(const struct delta *delta, unsigned char *to)
{
	uint32_t behind = 0, run;
	size_t len = 0;

	for (size_t i = 0; i < delta->len; i += run) {
		for (run = 1; i + run < delta->len; run++)
			if (delta->indexes[i + run] != delta->indexes[i] + run)
				break;
		len += put_varint(to + len, delta->indexes[i] - behind);
		len += put_varint(to + len, run);
		behind = delta->indexes[i] + run;
	}
	return len;
}

int
delta_encode(const struct delta *delta, unsigned char **ret_bytes, size_t *ret_len,
    uint32_t *ret_encoding)
{
	unsigned char *gaps, *runs;
	size_t gaps_len, runs_len;

	gaps = reallocarray(NULL, delta->len + 1, VARINT_MAX);
	runs = reallocarray(NULL, delta->len + 1, 2 * VARINT_MAX);
	if (gaps == NULL || runs == NULL) {
		free(gaps);
		free(runs);
		return -ENOMEM;
	}
	gaps_len = encode_gaps(delta, gaps);
	runs_len = encode_runs(delta, runs);
	*ret_encoding = runs_len < gaps_len ? WIRE_DELTA_RUNS : WIRE_DELTA_GAPS;
	*ret_bytes = runs_len < gaps_len ? runs : gaps;
	*ret_len = runs_len < gaps_len ? runs_len : gaps_len;
	free(runs_len < gaps_len ? gaps : runs);
	return 0;
}
