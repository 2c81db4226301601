/* SPDX-License-Identifier: MIT
 * What programs say for terminals, as plain text: logs are shown in places that do not
 * obey, or should not obey, what a fuzzer prints.
 */
#ifndef FUZZSUP_PLAIN_TEXT_H
#define FUZZSUP_PLAIN_TEXT_H

#include <stddef.h>

/* Zeroed at the start of a text, which may come in parts. */
struct plain_text {
	enum {
		PLAIN_TEXT,
		PLAIN_RETURN,  /* behind a carriage return */
		PLAIN_ESCAPE,  /* behind an escape */
		PLAIN_CONTROL, /* in a control sequence (colours, cursor) */
		PLAIN_COMMAND, /* in an operating system command (titles) */
	} state;
};

/* Takes sequences for terminals out of the next part of a text, in place. A carriage return
 * ends its line; other control characters but newline and tab become "?". Returns how many
 * bytes are left. */
size_t plain_text(struct plain_text *plain, char *text, size_t len);

#endif
