/* SPDX-License-Identifier: MIT
 * Demangling by libiberty, which knows both of Rust's ways besides C++'s; in the
 * symbolizer.
 */
#include "config.h"

#include "demangle.h"

#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>

#include "banned.h"

/* Longer ones stay as they are: what they can unfold to grows with them. */
#define MANGLED_MAX 16384

char *
demangle_make_printable(char *text)
{
	for (char *at = text; at != NULL && *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	return text;
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
		plain = cplus_demangle(copy, DMGL_PARAMS | DMGL_ANSI | DMGL_AUTO);
	if (plain == NULL)
		return demangle_make_printable(copy);
	free(copy);
	join_brackets(plain);
	return demangle_make_printable(plain);
}
