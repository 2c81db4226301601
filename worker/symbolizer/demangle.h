/* SPDX-License-Identifier: MIT
 * Names as a programmer wrote them, from those that the linker knows: C++ and Rust; in the
 * symbolizer.
 */
#ifndef FUZZSUP_DEMANGLE_H
#define FUZZSUP_DEMANGLE_H

#include <stddef.h>

/* @name (@len bytes) for free(): demangled where it is mangled and that can be undone,
 * else a copy. Control characters, of which no name has any, become "?". NULL when out
 * of memory. */
char *demangle(const char *name, size_t len);

/* Writes "?" over the control characters of @text, and returns it. */
char *demangle_make_printable(char *text);

#endif
