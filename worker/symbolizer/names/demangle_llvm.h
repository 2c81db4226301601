/* SPDX-License-Identifier: MIT
 * LLVM's demangler for C++, out of libc++abi; in the symbolizer. It unfolds a name in memory
 * without a limit, and ends the process where it gets none: so it gets its memory here.
 */
#ifndef FUZZSUP_DEMANGLE_LLVM_H
#define FUZZSUP_DEMANGLE_LLVM_H

#include <stddef.h>

/* @mangled as C++ has it, for free(); NULL if it is not mangled, would be longer than
 * @len_max bytes, or where the build is without this demangler. Not for several threads. */
char *demangle_llvm(const char *mangled, size_t len_max);

/* What the archive's calls of malloc() and the like are renamed to (Makefile.am). */
void *demangle_llvm_malloc(size_t size);
void *demangle_llvm_realloc(void *pointer, size_t size);
void demangle_llvm_free(void *pointer);
_Noreturn void demangle_llvm_abort(void);

#endif
