/* SPDX-License-Identifier: MIT
 * Demangling by libiberty, which knows both of Rust's ways besides C++'s, and by LLVM's
 * where that is too old for a name; in the symbolizer.
 */
#include "config.h"

#include "demangle.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>

#include "demangle_llvm.h"
#include "plain_text.h"
#include "banned.h"

/* Longer ones stay as they are, as do those that unfold to more: substitutions let a name
 * double with every few bytes. */
#define MANGLED_MAX 16384
#define DEMANGLED_MAX 65536

/* What has come out so far. libiberty cannot be told to stop, only left. */
struct unfolded {
	char *text; /* terminated */
	size_t len, capacity;
	jmp_buf enough;
};

enum unfolding { UNFOLDING_DONE, UNFOLDING_UNKNOWN, UNFOLDING_TOO_MUCH };

char *
demangle_make_printable(char *text)
{
	return text != NULL ? plain_string(text) : NULL;
}

/* "> >", as before C++11, becomes ">>"; but "operator> >" stays. */
static void
join_brackets(char *text)
{
	static const char operator_greater[] = "operator>";
	const size_t len = sizeof(operator_greater) - 1;
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (from[0] == ' ' && from[1] == '>' && from > text &&
		    from[-1] == '>' &&
		    !((size_t)(from - text) >= len &&
			memcmp(from - len, operator_greater, len) == 0))
			continue;
		*to++ = *from;
	}
	*to = '\0';
}

static void
unfold_cb(const char *part, size_t len, void *arg)
{
	struct unfolded *unfolded = arg;
	size_t capacity = unfolded->capacity;
	char *grown;

	while (capacity < unfolded->len + len + 1)
		capacity = capacity != 0 ? 2 * capacity : 256;
	if (capacity > DEMANGLED_MAX)
		longjmp(unfolded->enough, 1);
	if (capacity != unfolded->capacity) {
		grown = realloc(unfolded->text, capacity);
		if (grown == NULL)
			longjmp(unfolded->enough, 1);
		unfolded->text = grown;
		unfolded->capacity = capacity;
	}
	memcpy(unfolded->text + unfolded->len, part, len);
	unfolded->len += len;
	unfolded->text[unfolded->len] = '\0';
}

/* Rust first: its old names pass as C++'s. Whoever calls the callback holds no memory but
 * the stack's; of Rust names with letters beyond ASCII one buffer, which is lost. */
static enum unfolding
unfold_into(const char *mangled, struct unfolded *unfolded)
{
	const int options = DMGL_PARAMS | DMGL_ANSI;

	if (setjmp(unfolded->enough) != 0)
		return UNFOLDING_TOO_MUCH;
	if (rust_demangle_callback(mangled, options, unfold_cb, unfolded) != 0)
		return UNFOLDING_DONE;
	unfolded->len = 0;
	return cplus_demangle_v3_callback(mangled, options, unfold_cb, unfolded) != 0
	    ? UNFOLDING_DONE
	    : UNFOLDING_UNKNOWN;
}

/* NULL: it is not mangled, or would be too much. */
static char *
unfold(const char *mangled)
{
	struct unfolded unfolded = { .text = NULL };
	const enum unfolding result = unfold_into(mangled, &unfolded);

	if (result == UNFOLDING_DONE)
		return unfolded.text;
	free(unfolded.text);
	return result == UNFOLDING_UNKNOWN && mangled[1] != 'R'
	    ? demangle_llvm(mangled, DEMANGLED_MAX)
	    : NULL;
}

char *
demangle(const char *name, size_t len)
{
	char *copy = strndup(name, len), *plain = NULL;

	if (copy == NULL)
		return NULL;
	/* Only what is mangled: a C function "f" would pass as the type float. */
	if (len <= MANGLED_MAX &&
	    (strncmp(copy, "_Z", 2) == 0 || strncmp(copy, "_R", 2) == 0 ||
		strncmp(copy, "___Z", 4) == 0))
		plain = unfold(copy);
	if (plain == NULL)
		return demangle_make_printable(copy);
	free(copy);
	join_brackets(plain);
	return demangle_make_printable(plain);
}
