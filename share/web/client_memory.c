/* SPDX-License-Identifier: MIT
 * The memory of the page's client: taken, and given back all at once.
 */
#include "client.h"

#ifdef __wasm__
#define PAGE_SIZE UINT64_C(65536)
#define MEMORY_MAX (UINT64_C(2) << 30)

extern unsigned char __heap_base;
static uint64_t heap_next;

/* The compiler may call these three for copies and zeroing of structs. */
EXPORT void *
memset(void *to, int byte, size_t size)
{
	unsigned char *at = to;
	while (size--)
		*at++ = (unsigned char)byte;
	return to;
}

EXPORT void *
memcpy(void *restrict to, const void *restrict from, size_t size)
{
	unsigned char *at = to;
	const unsigned char *source = from;
	while (size--)
		*at++ = *source++;
	return to;
}

SHARED void *
heap_take(uint64_t size)
{
	if (!heap_next)
		heap_next = ((uintptr_t)&__heap_base + 15) & ~(uint64_t)15;
	uint64_t end = heap_next + ((size + 15) & ~(uint64_t)15);
	uint64_t have = __builtin_wasm_memory_size(0) * PAGE_SIZE;
	if (size > MEMORY_MAX || end > MEMORY_MAX)
		return NULL;
	if (end > have &&
	    __builtin_wasm_memory_grow(0, (end - have + PAGE_SIZE - 1) / PAGE_SIZE) ==
		SIZE_MAX)
		return NULL;
	uint64_t *at = (uint64_t *)(uintptr_t)heap_next;
	heap_next = end;
	for (uint64_t i = 0; i < (size + 7) / 8; i++)
		at[i] = 0;
	return at;
}

SHARED void
heap_reset(void)
{
	heap_next = 0;
}
#else
#include <stdlib.h>

/* One allocation each, so that AddressSanitizer sees every step over an edge. */
static void **heap_blocks;
static size_t heap_blocks_len;

SHARED void *
heap_take(uint64_t size)
{
	void **blocks = realloc(heap_blocks, (heap_blocks_len + 1) * sizeof(*blocks));
	if (!blocks)
		return NULL;
	heap_blocks = blocks;
	void *block = size < (UINT64_C(1) << 31) ? calloc(1, size ? size : 1) : NULL;
	if (block)
		heap_blocks[heap_blocks_len++] = block;
	return block;
}

SHARED void
heap_reset(void)
{
	for (size_t i = 0; i < heap_blocks_len; i++)
		free(heap_blocks[i]);
	free(heap_blocks);
	heap_blocks = NULL;
	heap_blocks_len = 0;
}
#endif
