/* SPDX-License-Identifier: MIT
 * Compares bitmaps, with AVX2 where the processor has it; in the collector.
 */
#include "config.h"

#include "bitmap_diff.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "banned.h"

static size_t
next_by_words(const uint64_t *read, const uint64_t *known, size_t from, size_t len)
{
	while (from < len && (read[from] & ~known[from]) == 0)
		from++;
	return from;
}

#if defined(__x86_64__)
/* testc is 1 where (~known & read) is 0: four words a step. */
static __attribute__((target("avx2"))) size_t
next_by_avx2(const uint64_t *read, const uint64_t *known, size_t from, size_t len)
{
	for (; from + 4 <= len; from += 4) {
		__m256i r = _mm256_loadu_si256((const __m256i *)(read + from));
		__m256i k = _mm256_loadu_si256((const __m256i *)(known + from));

		if (!_mm256_testc_si256(k, r))
			break;
	}
	return next_by_words(read, known, from, len);
}
#endif

size_t
bitmap_diff_next(const uint64_t *read, const uint64_t *known, size_t from, size_t len)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		return next_by_avx2(read, known, from, len);
#endif
	return next_by_words(read, known, from, len);
}
