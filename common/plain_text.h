/* SPDX-License-Identifier: MIT
 * What others wrote, as plain text: terminals, logs and pages show it, and must not obey
 * it. Well-formed UTF-8 stays readable; controls (also those of ISO 6429's second set,
 * U+0080 to U+009F), characters that turn the direction of what follows, and broken bytes
 * become "?".
 */
#ifndef FUZZSUP_PLAIN_TEXT_H
#define FUZZSUP_PLAIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The first character of @text (@len bytes, at least 1). Returns how many bytes it has, 0
 * if they are no UTF-8, or -1 if the rest of it is missing; outputs whether it may be
 * shown. */
int plain_character(const void *text, size_t len, bool *ret_shown);

/* One line: takes all that must not be shown out of @text, in place; a tab becomes a space.
 * Returns how many bytes are left. */
size_t plain_line(char *text, size_t len);

/* The same for a string; and for one whose newlines and tabs stay. Both return @text. */
char *plain_string(char *text);
char *plain_lines(char *text);

#define PLAIN_TEXT_HELD 3 /* bytes of a character that may wait for its rest */

/* Zeroed at the start of a text of many lines, which may come in parts. */
struct plain_text {
	enum {
		PLAIN_TEXT,
		PLAIN_RETURN,  /* behind a carriage return */
		PLAIN_ESCAPE,  /* behind an escape */
		PLAIN_CONTROL, /* in a control sequence (colours, cursor) */
		PLAIN_COMMAND, /* in an operating system command (titles) */
	} state;
	unsigned char held[PLAIN_TEXT_HELD + 1];
	size_t held_len;
};

/* Copies the next part of a text to @to, which has room for PLAIN_TEXT_HELD bytes more,
 * without sequences for terminals (ECMA-48). A carriage return ends its line; newlines and
 * tabs stay. Returns how many bytes were written. */
size_t plain_text(struct plain_text *plain, const char *text, size_t len, char *to);

/* At the end of a text: what is left of a character without its rest, likewise. */
size_t plain_text_end(struct plain_text *plain, char *to);

#endif
