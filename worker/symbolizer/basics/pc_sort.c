/* SPDX-License-Identifier: MIT
 * Sorting PCs, by radix; in the symbolizer.
 */
#include "config.h"

#include "pc_sort.h"

#include <string.h>

#include "banned.h"

/* As many counters as the nearest cache has room for. */
#define DIGIT_BITS_MAX 13

/* How many bits it takes to write @value. */
static unsigned
bits_of(uint64_t value)
{
	return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

/* One stable pass over the digit of @bits at @shift; outputs into @to. */
static void
pass(const uint64_t *from, uint64_t *to, uint32_t len, unsigned shift, unsigned bits)
{
	uint32_t starts[1u << DIGIT_BITS_MAX], start = 0, count;
	const uint32_t digits = UINT32_C(1) << bits;

	memset(starts, 0, digits * sizeof(*starts));
	for (uint32_t i = 0; i < len; i++)
		starts[from[i] >> shift & (digits - 1)]++;
	for (uint32_t digit = 0; digit < digits; digit++) {
		count = starts[digit];
		starts[digit] = start;
		start += count;
	}
	for (uint32_t i = 0; i < len; i++)
		to[starts[from[i] >> shift & (digits - 1)]++] = from[i];
}

/* Sorts @keys by @bits of them from @low on, stable, in as few passes as possible. */
static void
sort_keys(uint64_t *keys, uint64_t *spare, uint32_t len, unsigned low, unsigned bits)
{
	const unsigned passes = (bits + DIGIT_BITS_MAX - 1) / DIGIT_BITS_MAX;
	const unsigned digit = passes > 0 ? (bits + passes - 1) / passes : 0;
	uint64_t *from = keys, *to = spare, *swap;

	for (unsigned done = 0; done < bits; done += digit) {
		pass(from, to, len, low + done,
		    digit < bits - done ? digit : bits - done);
		swap = from;
		from = to;
		to = swap;
	}
	if (from != keys)
		memcpy(keys, from, len * sizeof(*keys));
}

/* Sorts by the 32 bits of each PC - @min that begin at @shift, keeping @order's order
 * of equals; the index rides along in the low bits of each key. */
static void
sort_half(const uint64_t *pcs, uint32_t len, uint64_t min, unsigned shift,
    uint64_t *keys, uint32_t *order, uint64_t *spare)
{
	const unsigned index_bits = bits_of(len - 1);

	for (uint32_t i = 0; i < len; i++)
		keys[i] = ((pcs[order[i]] - min) >> shift & UINT32_MAX) << index_bits |
		    order[i];
	sort_keys(keys, spare, len, index_bits, 32);
	for (uint32_t i = 0; i < len; i++)
		order[i] = (uint32_t)(keys[i] & ((UINT64_C(1) << index_bits) - 1));
}

void
pc_sort(const uint64_t *pcs, uint32_t len, uint64_t *ret_sorted, uint32_t *ret_order,
    uint64_t *spare)
{
	uint64_t min = UINT64_MAX, max = 0, *const keys = ret_sorted;
	unsigned index_bits, span_bits;

	if (len == 0)
		return;
	for (uint32_t i = 0; i < len; i++) {
		min = pcs[i] < min ? pcs[i] : min;
		max = pcs[i] > max ? pcs[i] : max;
	}
	index_bits = bits_of(len - 1);
	span_bits = bits_of(max - min);
	if (span_bits + index_bits < 64) {
		for (uint32_t i = 0; i < len; i++)
			keys[i] = (pcs[i] - min) << index_bits | i;
		sort_keys(keys, spare, len, index_bits, span_bits);
		for (uint32_t i = 0; i < len; i++) {
			ret_order[i] =
			    (uint32_t)(keys[i] & ((UINT64_C(1) << index_bits) - 1));
			ret_sorted[i] = min + (keys[i] >> index_bits);
		}
		return;
	}
	/* No executable's own PCs, but a hostile list may span all addresses. */
	for (uint32_t i = 0; i < len; i++)
		ret_order[i] = i;
	sort_half(pcs, len, min, 0, keys, ret_order, spare);
	sort_half(pcs, len, min, 32, keys, ret_order, spare);
	for (uint32_t i = 0; i < len; i++)
		ret_sorted[i] = pcs[ret_order[i]];
}
