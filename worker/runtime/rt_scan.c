/* SPDX-License-Identifier: MIT
 * The hot loop, in the fuzzed process after every run. Nearly all counters are 0 or were
 * seen long ago, so what is looked for is a counter that is not 0 where the shared word
 * lacks its bit: a processor with masks answers that for hundreds of counters on one
 * branch, which is hardly ever taken.
 */
#include "rt_scan.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

/* Bits of XCR0: SSE, AVX; and opmask, upper halves, upper registers. */
#define SAVES_AVX 0x6U
#define SAVES_AVX512 0xe6U
#endif

/* As many counters as a word of seen bits has bits. */
#define BLOCK 64

/* Blocks without a branch between them. */
#define BLOCKS 8

struct rt_news fuzzsup_rt_news;

/* A bit for each of BLOCK counters that is not 0. */
typedef uint64_t reached_fn(const uint8_t *counters);

/* What the tests let through; rare once a fuzzer has warmed up. */
static __attribute__((noinline, cold)) size_t
mark(const uint8_t *counters, size_t len, uint64_t *words)
{
	struct rt_news *news = &fuzzsup_rt_news;
	size_t new = 0;

	for (size_t i = 0; i < len; i++) {
		uint64_t bit = UINT64_C(1) << (i % 64);

		if (counters[i] == 0 || (words[i / 64] & bit) != 0)
			continue;
		if ((__atomic_fetch_or(&words[i / 64], bit, __ATOMIC_RELAXED) & bit) !=
		    0)
			continue;
		new ++;
		if (news->len < news->size)
			news->bits[news->len++] =
			    (uint64_t)(uintptr_t)&words[i / 64] * 8 + i % 64;
	}
	return new;
}

/* Inlined, with @reached, into each variant. The last block is looked at from its end, so
 * that nothing behind the counters is read. */
static inline __attribute__((always_inline)) size_t
scan_blocks(const uint8_t *counters, size_t len, uint64_t *words, reached_fn *reached)
{
	size_t new = 0, i = 0, rest = len % BLOCK;
	uint64_t news;

	for (; i + BLOCK * BLOCKS <= len; i += BLOCK * BLOCKS) {
		news = 0;
#pragma GCC unroll 8
		for (size_t j = 0; j < BLOCKS; j++)
			news |=
			    reached(counters + i + BLOCK * j) & ~words[i / BLOCK + j];
		if (__builtin_expect(news != 0, 0))
			new += mark(counters + i, BLOCK * BLOCKS, &words[i / BLOCK]);
	}
	for (; i + BLOCK <= len; i += BLOCK)
		if (__builtin_expect(
			(reached(counters + i) & ~words[i / BLOCK]) != 0, 0))
			new += mark(counters + i, BLOCK, &words[i / BLOCK]);
	if (rest == 0)
		return new;
	if (len < BLOCK ||
	    (reached(counters + len - BLOCK) >> (BLOCK - rest) & ~words[i / BLOCK]) !=
		0)
		new += mark(counters + i, rest, &words[i / BLOCK]);
	return new;
}

static inline uint64_t
reached_words(const uint8_t *counters)
{
	const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
	uint64_t eight[BLOCK / 8], bits = 0;

	memcpy(eight, counters, BLOCK);
	if (__builtin_expect((eight[0] | eight[1] | eight[2] | eight[3] | eight[4] |
				 eight[5] | eight[6] | eight[7]) == 0,
		1))
		return 0;
	for (size_t i = 0; i < BLOCK / 8; i++) {
		uint64_t high = (((eight[i] & low) + low) | eight[i]) & ~low;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		high = __builtin_bswap64(high);
#endif
		/* Gathers the highest bits of all bytes in the highest byte. */
		bits |= ((high >> 7) * UINT64_C(0x0102040810204080) >> 56) << (8 * i);
	}
	return bits;
}

static size_t
scan_words(const uint8_t *counters, size_t len, uint64_t *words)
{
	return scan_blocks(counters, len, words, reached_words);
}

#if defined(__x86_64__)
static inline __attribute__((target("avx2"))) uint64_t
reached_avx2(const uint8_t *counters)
{
	__m256i none = _mm256_setzero_si256();
	__m256i a = _mm256_loadu_si256((const __m256i *)counters);
	__m256i b = _mm256_loadu_si256((const __m256i *)(counters + 32));
	uint32_t low = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, none));
	uint32_t high = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, none));

	return ~(low | (uint64_t)high << 32);
}

static __attribute__((target("avx2"))) size_t
scan_avx2(const uint8_t *counters, size_t len, uint64_t *words)
{
	return scan_blocks(counters, len, words, reached_avx2);
}

static inline __attribute__((target("avx512bw"))) uint64_t
reached_avx512(const uint8_t *counters)
{
	__m512i block = _mm512_loadu_si512(counters);

	return _mm512_test_epi8_mask(block, block);
}

static __attribute__((target("avx512bw"))) size_t
scan_avx512(const uint8_t *counters, size_t len, uint64_t *words)
{
	return scan_blocks(counters, len, words, reached_avx512);
}
#endif

#if defined(__x86_64__)
/* What the processor has and the kernel saves. GCC's builtin for that is in a part of
 * libgcc that Rust's compiler names before us. */
static void
look_at_processor(bool *ret_avx2, bool *ret_avx512)
{
	unsigned int a, b, c, d, saved = 0, unused;

	*ret_avx2 = *ret_avx512 = false;
	if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0)
		return;
	__asm__("xgetbv" : "=a"(saved), "=d"(unused) : "c"(0));
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0)
		return;
	*ret_avx2 = (saved & SAVES_AVX) == SAVES_AVX && (b & bit_AVX2) != 0;
	/* VBMI2 is not needed: processors without it run slower for long after they used
	 * 512 bits. */
	*ret_avx512 = (saved & SAVES_AVX512) == SAVES_AVX512 &&
	    (b & bit_AVX512BW) != 0 && (c & bit_AVX512VBMI2) != 0;
}
#endif

rt_scan_fn *
fuzzsup_rt_scan_choose(size_t i, const char **ret_name)
{
#if defined(__x86_64__)
	bool avx2, avx512;

	look_at_processor(&avx2, &avx512);
	if (avx512 && i-- == 0) {
		*ret_name = "AVX-512";
		return scan_avx512;
	}
	if (avx2 && i-- == 0) {
		*ret_name = "AVX2";
		return scan_avx2;
	}
#endif
	if (i > 0)
		return NULL;
	*ret_name = "words";
	return scan_words;
}
