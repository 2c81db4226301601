/* SPDX-License-Identifier: MIT
 * Sorting PCs, by radix; in the symbolizer.
 */
#include "config.h"

#include "pc_sort.h"

#include <errno.h>
#include <string.h>

#include "pages.h"
#include "banned.h"

#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)

/* How many bits it takes to write @value. */
static unsigned
bits_of(uint64_t value)
{
	return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

/* One stable pass over the digit at @shift; outputs into @to. */
static void
pass(const uint64_t *from, uint64_t *to, uint32_t len, unsigned shift)
{
	uint32_t starts[DIGITS] = { 0 }, start = 0, count;

	for (uint32_t i = 0; i < len; i++)
		starts[from[i] >> shift & (DIGITS - 1)]++;
	for (unsigned digit = 0; digit < DIGITS; digit++) {
		count = starts[digit];
		starts[digit] = start;
		start += count;
	}
	for (uint32_t i = 0; i < len; i++)
		to[starts[from[i] >> shift & (DIGITS - 1)]++] = from[i];
}

/* Sorts @keys by their bits from @low up to @high, stable. */
static void
sort_keys(uint64_t *keys, uint64_t *spare, uint32_t len, unsigned low, unsigned high)
{
	uint64_t *from = keys, *to = spare, *swap;

	for (; low < high; low += DIGIT_BITS) {
		pass(from, to, len, low);
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
    uint64_t *keys, uint32_t *order)
{
	const unsigned index_bits = bits_of(len - 1);

	for (uint32_t i = 0; i < len; i++)
		keys[i] = ((pcs[order[i]] - min) >> shift & UINT32_MAX) << index_bits |
		    order[i];
	sort_keys(keys, keys + len, len, index_bits, index_bits + 32);
	for (uint32_t i = 0; i < len; i++)
		order[i] = (uint32_t)(keys[i] & ((UINT64_C(1) << index_bits) - 1));
}

int
pc_sort(const uint64_t *pcs, uint32_t len, uint64_t *ret_sorted, uint32_t *ret_order)
{
	uint64_t min = UINT64_MAX, max = 0, *keys;
	unsigned index_bits, span_bits;

	if (len == 0)
		return 0;
	for (uint32_t i = 0; i < len; i++) {
		min = pcs[i] < min ? pcs[i] : min;
		max = pcs[i] > max ? pcs[i] : max;
		ret_order[i] = i;
	}
	keys = pages_new(2 * (size_t)len * sizeof(*keys));
	if (keys == NULL)
		return -ENOMEM;
	index_bits = bits_of(len - 1);
	span_bits = bits_of(max - min);
	if (span_bits + index_bits <= 64) {
		for (uint32_t i = 0; i < len; i++)
			keys[i] = (pcs[i] - min) << index_bits | i;
		sort_keys(keys, keys + len, len, index_bits, index_bits + span_bits);
		for (uint32_t i = 0; i < len; i++)
			ret_order[i] =
			    (uint32_t)(keys[i] & ((UINT64_C(1) << index_bits) - 1));
	} else {
		/* No executable's own PCs, but a hostile list may span all addresses. */
		sort_half(pcs, len, min, 0, keys, ret_order);
		sort_half(pcs, len, min, 32, keys, ret_order);
	}
	for (uint32_t i = 0; i < len; i++)
		ret_sorted[i] = pcs[ret_order[i]];
	pages_free(keys, 2 * (size_t)len * sizeof(*keys));
	return 0;
}
