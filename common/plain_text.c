/* SPDX-License-Identifier: MIT
 * Text without what is for terminals (ECMA-48).
 */
#include "config.h"

#include "plain_text.h"

#include <stdbool.h>

#include "banned.h"

#define ESCAPE 0x1b
#define BELL 0x07

/* Moves on by @c; true if it belongs to a sequence. A newline ends all of them. */
static bool
is_sequence(struct plain_text *plain, unsigned char c)
{
	const int before = plain->state;

	plain->state = PLAIN_TEXT;
	if (c == ESCAPE)
		plain->state = PLAIN_ESCAPE;
	else if (before == PLAIN_ESCAPE && c == '[')
		plain->state = PLAIN_CONTROL;
	else if (before == PLAIN_ESCAPE && c == ']')
		plain->state = PLAIN_COMMAND;
	else if (before == PLAIN_ESCAPE && c >= 0x20 && c < 0x30)
		plain->state = PLAIN_ESCAPE;
	else if (before == PLAIN_CONTROL && c >= 0x20 && c < 0x40)
		plain->state = PLAIN_CONTROL;
	else if (before == PLAIN_COMMAND && c != BELL && c != '\n')
		plain->state = PLAIN_COMMAND;
	return plain->state != PLAIN_TEXT ||
	    ((before == PLAIN_ESCAPE || before == PLAIN_CONTROL) && c >= 0x20) ||
	    (before == PLAIN_COMMAND && c == BELL);
}

size_t
plain_text(struct plain_text *plain, char *text, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)text[i];
		const bool after_return = plain->state == PLAIN_RETURN;

		if (is_sequence(plain, c) || (after_return && c == '\n'))
			continue;
		if (c == '\r') {
			plain->state = PLAIN_RETURN;
			text[used++] = '\n';
		} else {
			text[used++] =
			    c >= 0x20 || c == '\n' || c == '\t' ? text[i] : '?';
		}
	}
	return used;
}
