/* SPDX-License-Identifier: MIT
 * Text without what terminals would obey (ECMA-48, Unicode's bidirectional controls).
 */
#include "config.h"

#include "plain_text.h"

#include <stdint.h>
#include <string.h>

#include "banned.h"

#define ESCAPE 0x1b
#define BELL 0x07

/* ---- characters ---- */

/* Bytes of a character that begins with @c, 0 if none does. */
static size_t
length_of(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Is @c a second byte that may follow @first? Leaves out what is longer than it needs
 * to be, surrogates, and what lies behind the last character. */
static bool
may_follow(unsigned char first, unsigned char c)
{
	const unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	const unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	return c >= low && c <= high;
}

static bool
is_shown(uint32_t character)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0x00, 0x1f },     /* controls */
		{ 0x7f, 0x9f },     /* delete; the second set of controls */
		{ 0x61c, 0x61c },   /* marks of direction */
		{ 0x200e, 0x200f }, /* likewise */
		{ 0x2028, 0x202e }, /* ends of lines; embedding, override */
		{ 0x2066, 0x2069 }, /* isolates */
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (character >= hidden[i].first && character <= hidden[i].last)
			return false;
	return true;
}

int
plain_character(const void *text, size_t len, bool *ret_shown)
{
	const unsigned char *bytes = text;
	const size_t need = length_of(bytes[0]);
	uint32_t character = need == 1 ? bytes[0] : bytes[0] & (0x7fu >> need);

	if (need == 0)
		return 0;
	for (size_t i = 1; i < need; i++) {
		if (i == len)
			return -1;
		if (i == 1 ? !may_follow(bytes[0], bytes[1])
			   : (bytes[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (bytes[i] & 0x3f);
	}
	*ret_shown = is_shown(character);
	return (int)need;
}

/* Copies the character at @text, or "?" for it. Adds to @used, returns how many bytes of
 * @text that was. */
static size_t
copy_character(const char *text, size_t len, char *to, size_t *used)
{
	bool shown = false;
	const int n = plain_character(text, len, &shown);

	if (n > 0 && shown) {
		memmove(to + *used, text, (size_t)n);
		*used += (size_t)n;
	} else {
		to[(*used)++] = '?';
	}
	return n > 0 ? (size_t)n : 1;
}

/* ---- lines ---- */

size_t
plain_line(char *text, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < len;) {
		if (text[i] == '\t')
			text[i] = ' ';
		i += copy_character(text + i, len - i, text, &used);
	}
	return used;
}

char *
plain_string(char *text)
{
	text[plain_line(text, strlen(text))] = '\0';
	return text;
}

char *
plain_lines(char *text)
{
	const size_t len = strlen(text);
	size_t used = 0, i = 0;

	while (i < len)
		if (text[i] == '\n' || text[i] == '\t')
			text[used++] = text[i++];
		else
			i += copy_character(text + i, len - i, text, &used);
	text[used] = '\0';
	return text;
}

/* ---- texts ---- */

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

/* What waits, as far as it is decided: with @at_end all of it. */
static size_t
release_held(struct plain_text *plain, bool at_end, char *to)
{
	size_t used = 0, n = 0;
	bool shown;

	while (n < plain->held_len &&
	    (at_end ||
		plain_character(plain->held + n, plain->held_len - n, &shown) >= 0))
		n += copy_character(
		    (char *)plain->held + n, plain->held_len - n, to, &used);
	plain->held_len -= n;
	memmove(plain->held, plain->held + n, plain->held_len);
	return used;
}

size_t
plain_text(struct plain_text *plain, const char *text, size_t len, char *to)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)text[i];
		const bool after_return = plain->state == PLAIN_RETURN;
		const bool left_out =
		    is_sequence(plain, c) || (after_return && c == '\n');

		if (left_out || c < 0x80)
			used += release_held(plain, true, to + used);
		if (left_out)
			continue;
		if (c == '\r') {
			plain->state = PLAIN_RETURN;
			to[used++] = '\n';
		} else if (c == '\n' || c == '\t') {
			to[used++] = text[i];
		} else {
			plain->held[plain->held_len++] = c;
			used += release_held(plain, false, to + used);
		}
	}
	return used;
}

size_t
plain_text_end(struct plain_text *plain, char *to)
{
	return release_held(plain, true, to);
}
