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

/* Writes "?" over what must not be shown of @text (plain_text.h), and returns it; NULL is fine. */
char *demangle_make_printable(char *text);

#endif
