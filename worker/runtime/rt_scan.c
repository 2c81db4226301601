/* SPDX-License-Identifier: MIT
 * The hot loop: nearly all of a run's counters are 0 or were seen long ago, so whole
 * blocks are skipped on two tests. In the fuzzed process, after every run.
 */
#include "rt_scan.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* What the tests let through; rare once a fuzzer has warmed up. */
static __attribute__((noinline, cold)) size_t
mark(const uint8_t *counters, uint8_t *unseen, size_t from, size_t to, uint64_t *words)
{
	size_t new = 0;

	for (size_t i = from; i < to; i++) {
		uint64_t bit = UINT64_C(1) << (i % 64);

		if (counters[i] == 0 || unseen[i] == 0)
			continue;
		unseen[i] = 0;
		if ((__atomic_fetch_or(&words[i / 64], bit, __ATOMIC_RELAXED) & bit) ==
		    0)
			new ++;
	}
	return new;
}

size_t
fuzzsup_rt_scan_words(
    const uint8_t *counters, uint8_t *unseen, size_t len, uint64_t *words)
{
	size_t new = 0, i = 0;
	uint64_t a, b;

	for (; i + 8 <= len; i += 8) {
		memcpy(&a, counters + i, 8);
		if (__builtin_expect(a == 0, 1))
			continue;
		memcpy(&b, unseen + i, 8);
		if (__builtin_expect((a & b) != 0, 0))
			new += mark(counters, unseen, i, i + 8, words);
	}
	return new + mark(counters, unseen, i, len, words);
}

#if defined(__x86_64__)
static __attribute__((target("avx2"))) size_t
scan_avx2(const uint8_t *counters, uint8_t *unseen, size_t len, uint64_t *words)
{
	size_t new = 0, i = 0;

	for (; i + 64 <= len; i += 64) {
		__m256i a = _mm256_loadu_si256((const __m256i *)(counters + i));
		__m256i b = _mm256_loadu_si256((const __m256i *)(counters + i + 32));
		__m256i either = _mm256_or_si256(a, b), c, d;

		if (__builtin_expect(_mm256_testz_si256(either, either), 1))
			continue;
		c = _mm256_loadu_si256((const __m256i *)(unseen + i));
		d = _mm256_loadu_si256((const __m256i *)(unseen + i + 32));
		either =
		    _mm256_or_si256(_mm256_and_si256(a, c), _mm256_and_si256(b, d));
		if (__builtin_expect(!_mm256_testz_si256(either, either), 0))
			new += mark(counters, unseen, i, i + 64, words);
	}
	return new +
	    fuzzsup_rt_scan_words(counters + i, unseen + i, len - i, words + i / 64);
}
#endif

rt_scan_fn *
fuzzsup_rt_scan_choose(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		return scan_avx2;
#endif
	return fuzzsup_rt_scan_words;
}
