/* SPDX-License-Identifier: MIT
 * LLVM's demangler; in the symbolizer.
 */
#include "config.h"

#include "demangle_llvm.h"

#ifdef WITH_LLVM_DEMANGLER

#include <setjmp.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

/* Its parser and printer recurse, a level for each letter or two. */
#define MANGLED_MAX 8192

/* What it may have at one time, for the name's tree besides its text. */
#define MEMORY_MAX ((size_t)4 << 20)

/* ABI of C++, which has no header for C. */
extern char *__cxa_demangle(
    const char *mangled, char *buffer, size_t *len, int *ret_status);

struct block {
	struct block *next, *before;
	size_t size;
	alignas(max_align_t) unsigned char bytes[];
};

/* A name that is being demangled. All that it took is given back at the end, be it that it
 * left by longjmp(): so there is no other state. */
static struct {
	bool is_running;
	size_t used;
	struct block *blocks;
	jmp_buf enough;
} work;

static struct block *
block_of(void *pointer)
{
	return (
	    struct block *)((unsigned char *)pointer - offsetof(struct block, bytes));
}

static void
put_in(struct block *block)
{
	block->before = NULL;
	block->next = work.blocks;
	if (block->next != NULL)
		block->next->before = block;
	work.blocks = block;
}

static void
take_out(struct block *block)
{
	if (block->before != NULL)
		block->before->next = block->next;
	else
		work.blocks = block->next;
	if (block->next != NULL)
		block->next->before = block->before;
}

void
demangle_llvm_abort(void)
{
	if (work.is_running)
		longjmp(work.enough, 1);
	abort();
}

void *
demangle_llvm_malloc(size_t size)
{
	return demangle_llvm_realloc(NULL, size);
}

void *
demangle_llvm_realloc(void *pointer, size_t size)
{
	struct block *block = pointer != NULL ? block_of(pointer) : NULL, *grown;
	const size_t had = block != NULL ? block->size : 0;

	/* Whoever throws exceptions asks without us; nobody does. */
	if (!work.is_running)
		abort();
	if (size > MEMORY_MAX || work.used - had + size > MEMORY_MAX)
		longjmp(work.enough, 1);
	if (block != NULL)
		take_out(block);
	grown = realloc(block, sizeof(*grown) + size);
	if (grown == NULL) {
		free(block);
		longjmp(work.enough, 1);
	}
	work.used = work.used - had + size;
	grown->size = size;
	put_in(grown);
	return grown->bytes;
}

void
demangle_llvm_free(void *pointer)
{
	struct block *block = pointer != NULL ? block_of(pointer) : NULL;

	if (block == NULL)
		return;
	take_out(block);
	work.used -= block->size;
	free(block);
}

static char *
run(const char *mangled, size_t len_max)
{
	char *text;
	int status = -1;

	if (setjmp(work.enough) != 0)
		return NULL;
	text = __cxa_demangle(mangled, NULL, NULL, &status);
	return status == 0 && text != NULL && strlen(text) <= len_max ? strdup(text)
								      : NULL;
}

char *
demangle_llvm(const char *mangled, size_t len_max)
{
	struct block *block;
	char *text;

	if (strlen(mangled) > MANGLED_MAX)
		return NULL;
	work.is_running = true;
	work.used = 0;
	text = run(mangled, len_max);
	while ((block = work.blocks) != NULL) {
		work.blocks = block->next;
		free(block);
	}
	work.is_running = false;
	return text;
}

#else

char *
demangle_llvm(const char *mangled, size_t len_max)
{
	(void)mangled;
	(void)len_max;
	return NULL;
}

#endif
