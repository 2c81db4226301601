/* SPDX-License-Identifier: MIT
 * One line of a report; in the symbolizer. Lines come with anything before them (time
 * stamps, log levels, a container's name): a frame is known by what follows its number.
 */
#include "config.h"

#include "report_line.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

/* Places and numbers that are looked at in a line: more are somebody's joke. */
#define TRIES_MAX 16

#define HEX "0123456789abcdefABCDEF"
#define DIGITS "0123456789"

static struct byte_text
between(const char *start, const char *end)
{
	return (struct byte_text){ start, (size_t)(end - start) };
}

static struct byte_text
from(const char *start)
{
	return (struct byte_text){ start, strlen(start) };
}

static const char *
skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

static bool
is_end(char c)
{
	return c == '\0' || c == '\n' || c == '\r';
}

/* Reads hexadecimal digits, at most 16, with 0x before them. */
static bool
read_hex(const char *at, uint64_t *ret_value, const char **ret_end)
{
	size_t len;

	if (at[0] != '0' || at[1] != 'x')
		return false;
	len = strspn(at + 2, HEX);
	if (len == 0 || len > 16)
		return false;
	*ret_value = strtoull(at + 2, NULL, 16);
	*ret_end = at + 2 + len;
	return true;
}

/* ---- places ---- */

/* Reads " (BuildId: HEX)" behind a place. */
static const char *
read_build_id(const char *at, struct report_line *line)
{
	static const char word[] = "(BuildId: ";
	const char *start = skip_blanks(at);
	size_t len;

	if (strncmp(start, word, sizeof(word) - 1) != 0)
		return at;
	start += sizeof(word) - 1;
	len = strspn(start, "0123456789abcdef");
	if (len == 0 || start[len] != ')')
		return at;
	line->build_id = between(start, start + len);
	return start + len + 1;
}

/* The bracket before @plus that begins the place: a module may hold brackets itself, but
 * its path begins with a slash; one without a folder is the last that is opened. */
static const char *
opening_of(const char *text, const char *plus)
{
	const char *open = NULL;

	for (const char *at = text; at < plus; at++) {
		if (at[0] != '(' || (at > text && at[-1] != ' ' && at[-1] != '\t'))
			continue;
		open = at;
		if (at[1] == '/')
			break;
	}
	return open;
}

/* Finds the first place in @text. */
static bool
read_place(const char *text, struct report_line *line)
{
	const char *end, *open, *behind;
	uint64_t offset;
	int tries = 0;

	for (const char *at = text; (at = strchr(at, '+')) != NULL; at++) {
		const bool is_spaced = at > text && at[-1] == ' ' && at[1] == ' ';

		if (!read_hex(at + (is_spaced ? 2 : 1), &offset, &end) || *end != ')')
			continue;
		if (++tries > TRIES_MAX)
			return false;
		behind = at - (is_spaced ? 1 : 0);
		open = opening_of(text, behind);
		if (open == NULL || open + 1 == behind)
			continue;
		line->module = between(open + 1, behind);
		line->offset = offset;
		line->has_offset = true;
		line->is_from_start = line->is_return = is_spaced;
		behind = read_build_id(end + 1, line);
		line->place = between(open, behind);
		line->tail = from(behind);
		return true;
	}
	return false;
}

/* Whether what stands between PC and place ends with a line's number. */
static bool
is_told(struct byte_text text)
{
	size_t len = text.len, digits;

	while (len > 0 && isspace((unsigned char)text.text[len - 1]))
		len--;
	for (digits = 0;
	    digits < len && isdigit((unsigned char)text.text[len - 1 - digits]);
	    digits++)
		;
	return digits > 0 && digits < len && text.text[len - 1 - digits] == ':';
}

/* "in FUNCTION", or the function alone; "n/a" is none. */
static struct byte_text
function_in(struct byte_text text)
{
	while (text.len > 0 && isspace((unsigned char)text.text[text.len - 1]))
		text.len--;
	while (text.len > 0 && isspace((unsigned char)text.text[0])) {
		text.text++;
		text.len--;
	}
	if (text.len > 3 && memcmp(text.text, "in ", 3) == 0) {
		text.text += 3;
		text.len -= 3;
	}
	if (text.len == 0 || text.text[0] == '<' ||
	    (text.len == 3 && memcmp(text.text, "n/a", 3) == 0))
		return (struct byte_text){ 0 };
	return text;
}

/* ---- backtrace_symbols() ---- */

/* Reads what stands in the brackets of MODULE(…): SYMBOL+0xOFFSET, +0xOFFSET, nothing. */
static bool
read_symbol(struct byte_text text, struct report_line *line)
{
	const char *plus = text.len > 0 ? memrchr(text.text, '+', text.len) : NULL;
	const char *end;

	if (text.len == 0)
		return true;
	if (plus == NULL)
		return false;
	if (!read_hex(plus + 1, &line->offset, &end)) {
		/* glibc prints an offset of none so. */
		if (plus[1] != '0')
			return false;
		line->offset = 0;
		end = plus + 2;
	}
	line->symbol = between(text.text, plus);
	line->has_offset = true;
	return end == text.text + text.len;
}

/* Reads "MODULE(…) [0xPC]", which begins at @start or, where that is NULL, behind the last
 * blank of @text. */
static bool
read_trace(const char *text, const char *start, struct report_line *line)
{
	const char *bracket = strstr(text, "[0x"), *end, *module_end, *close;

	if (bracket == NULL || bracket == text ||
	    !read_hex(bracket + 1, &line->address, &end) || *end != ']' ||
	    !is_end(end[1 + strspn(end + 1, " \t")]))
		return false;
	line->pc = between(bracket + 1, end);
	line->tail = from(end + 1);
	module_end = bracket[-1] == ' ' ? bracket - 1 : bracket;
	if (module_end > text && module_end[-1] == ')') {
		close = module_end - 1;
		module_end = memrchr(text, '(', (size_t)(close - text));
		if (module_end == NULL ||
		    !read_symbol(between(module_end + 1, close), line))
			return false;
	}
	if (start == NULL)
		for (start = module_end;
		    start > text && start[-1] != ' ' && start[-1] != '\t'; start--)
			;
	if (start >= module_end)
		return false;
	line->module = between(start, module_end);
	line->head = between(text, start);
	line->place = between(start, end + 1);
	line->form = REPORT_TRACE;
	line->is_return = line->offset != 0 || line->symbol.len == 0;
	return true;
}

/* ---- frames with a number ---- */

/* Android's "pc OFFSET  MODULE (FUNCTION+N) (BuildId: HEX)"; an archive's libraries are
 * another file's. */
static bool
read_android(const char *at, struct report_line *line)
{
	const char *start, *end, *behind;
	size_t digits;

	if (strncmp(at, "pc ", 3) != 0)
		return false;
	start = skip_blanks(at + 3);
	digits = strspn(start + (strncmp(start, "0x", 2) == 0 ? 2 : 0), HEX);
	end = start + (strncmp(start, "0x", 2) == 0 ? 2 : 0) + digits;
	if (digits == 0 || digits > 16 || *end != ' ')
		return false;
	line->gap.len = (size_t)(start - line->gap.text);
	line->pc = between(start, end);
	line->offset = strtoull(start, NULL, 16);
	start = skip_blanks(end);
	for (end = start; !is_end(*end) && strncmp(end, " (", 2) != 0; end++)
		;
	if (end == start || start[0] != '/' || strncmp(end, " (offset ", 9) == 0)
		return false;
	line->module = between(start, end);
	line->has_offset = true;
	behind = strstr(end, "(BuildId: ");
	end = behind != NULL ? read_build_id(behind, line) : end + strcspn(end, "\r\n");
	line->place = between(start, end);
	line->tail = from(end);
	line->form = REPORT_FRAME;
	return true;
}

/* Behind the words of gdb and Chromium for a function that they don't know. */
static const char *
skip_unknown(const char *at)
{
	static const char *const words[] = { " in ?? ()", " <unknown>" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(at, words[i], strlen(words[i])) == 0)
			return at + strlen(words[i]);
	return at;
}

/* "0xPC …" */
static void
read_frame(const char *at, struct report_line *line)
{
	const char *end, *behind;

	if (!read_hex(at, &line->address, &end))
		return;
	line->pc = between(at, end);
	behind = skip_unknown(end);
	if (is_end(*skip_blanks(behind))) {
		/* Nothing but the PC. */
		line->form = REPORT_FRAME;
		line->is_return = true;
		line->tail = from(behind);
		return;
	}
	if (!read_place(end, line))
		return;
	line->told = between(end, line->place.text);
	line->function = function_in(line->told);
	if (!is_told(line->told))
		line->form = REPORT_FRAME;
}

/* "FUNCTION <null> PLACE", of old "FUNCTION <null>:0 PLACE" */
static void
read_thread(const char *at, struct report_line *line)
{
	static const char null[] = "<null>";
	const char *word = NULL, *behind = NULL;

	for (const char *next = at; (next = strstr(next, null)) != NULL;
	    next += sizeof(null) - 1) {
		word = next;
		behind = next + sizeof(null) - 1;
	}
	if (word == NULL)
		return;
	behind += strncmp(behind, ":0", 2) == 0 ? 2 : 0;
	if (strncmp(behind, " (", 2) != 0 || !read_place(behind, line))
		return;
	line->told = between(at, word);
	line->function = function_in(line->told);
	line->form = REPORT_THREAD;
}

/* Reads what begins with a number's "#" at @hash. */
static bool
read_numbered(const char *text, const char *hash, struct report_line *line)
{
	struct report_line other;
	const char *at = hash + 1 + strspn(hash + 1, DIGITS), *behind;

	if (at == hash + 1 || at - hash > 9 || (*at != ' ' && *at != '\t'))
		return false;
	behind = skip_blanks(at);
	if (is_end(*behind))
		return false;
	*line = (struct report_line){
		.head = between(text, hash),
		.is_numbered = true,
		.number = strtoul(hash + 1, NULL, 10),
		.digits = (int)(at - hash - 1),
		.gap = between(at, behind),
	};
	other = *line;
	if (read_hex(behind, &line->address, &at)) {
		read_frame(behind, line);
	} else if (read_android(behind, &other)) {
		*line = other;
	} else if (read_trace(behind, behind, &other)) {
		other.head = line->head;
		*line = other;
	} else {
		read_thread(behind, line);
	}
	/* Else a word is behind it: a frame that is told, where a stack runs. */
	if (line->form == REPORT_TEXT)
		line->form = REPORT_NUMBERED;
	return true;
}

/* A number that is a frame's: at its start, or with something before it. The first that
 * says where its code lies counts, else the first of all. */
static bool
read_any_numbered(const char *text, struct report_line *ret_line)
{
	struct report_line line;
	bool found = false;
	int tries = 0;

	for (const char *at = text; (at = strchr(at, '#')) != NULL && tries < TRIES_MAX;
	    at++) {
		if (at > text && isalnum((unsigned char)at[-1]))
			continue;
		tries++;
		if (!read_numbered(text, at, &line) ||
		    (found && line.form == REPORT_NUMBERED))
			continue;
		*ret_line = line;
		if (line.form != REPORT_NUMBERED)
			return true;
		found = true;
	}
	return found;
}

/* ---- frames that name no module ---- */

/* "N:  0xPC - FUNCTION", or "<unknown>" */
static bool
read_rust(const char *text, struct report_line *line)
{
	static const char unknown[] = "<unknown>";
	const char *word = strstr(text, " - "), *hex, *colon, *number, *end;

	if (word == NULL)
		return false;
	for (hex = word; hex > text && hex[-1] != ' '; hex--)
		;
	if (!read_hex(hex, &line->address, &end) || end != word)
		return false;
	for (colon = hex; colon > text && colon[-1] == ' '; colon--)
		;
	if (colon == hex || colon == text || colon[-1] != ':')
		return false;
	for (number = colon - 1; number > text && isdigit((unsigned char)number[-1]);
	    number--)
		;
	if (number == colon - 1 || colon - number > 9)
		return false;
	while (number > text && number[-1] == ' ')
		number--;
	line->head = between(text, number);
	line->is_numbered = line->is_rust = line->is_return = true;
	line->digits = (int)(colon - 1 - number); /* with its blanks */
	line->number = strtoul(number, NULL, 10);
	line->form = REPORT_NUMBERED;
	word += 3;
	if (strncmp(word, unknown, sizeof(unknown) - 1) != 0 ||
	    !is_end(word[sizeof(unknown) - 1]))
		return true;
	line->gap = between(colon, hex);
	line->pc = between(hex, end);
	line->tail = from(word + sizeof(unknown) - 1);
	line->form = REPORT_RUST;
	return true;
}

/* Folly prints all 16 digits, and no 0x. */
static bool
read_logged_hex(const char *at, uint64_t *ret_value, const char **ret_end)
{
	if (strspn(at, HEX) != 16)
		return read_hex(at, ret_value, ret_end);
	*ret_value = strtoull(at, NULL, 16);
	*ret_end = at + 16;
	return true;
}

/* "@ 0xPC  SIZE  (unknown)"; TCMalloc prints the PC alone. */
static bool
read_logged(const char *text, struct report_line *line)
{
	static const char mark[] = "(unknown)";
	const char *word, *at = NULL, *end, *next = text;
	int tries = 0;

	while ((next = strchr(next, '@')) != NULL && tries++ < TRIES_MAX)
		at = next++;
	if (at == NULL || (at > text && at[-1] != ' ' && at[-1] != '\t'))
		return false;
	at = skip_blanks(at + 1);
	if (!read_logged_hex(at, &line->address, &end))
		return false;
	word = end + strspn(end, " \t" DIGITS);
	if (strncmp(word, mark, sizeof(mark) - 1) == 0)
		line->tail = from(word + sizeof(mark) - 1);
	else if (is_end(*skip_blanks(end)))
		line->tail = from(word = end);
	else
		return false;
	line->head = between(text, word);
	line->pc = between(at, end);
	line->place = between(word, line->tail.text);
	line->is_return = true;
	line->form = REPORT_LOGGED;
	return true;
}

/* "[0xPC]", alone: V8's */
static bool
read_bracketed(const char *text, struct report_line *line)
{
	const char *at = skip_blanks(text), *end;

	if (at[0] != '[' || !read_hex(at + 1, &line->address, &end) || *end != ']' ||
	    !is_end(*skip_blanks(end + 1)))
		return false;
	line->head = between(text, end + 1);
	line->pc = between(at + 1, end);
	line->tail = from(end + 1);
	line->is_return = true;
	line->form = REPORT_LOGGED;
	return true;
}

/* "<0xPC> [func:F file:F line:N module:M]", where no line is told */
static bool
read_honggfuzz(const char *text, struct report_line *line)
{
	static const char mark[] = " line:0 module:";
	const char *word = strstr(text, mark), *open = strstr(text, "> [func:");
	const char *at, *end;

	if (word == NULL || open == NULL || open > word)
		return false;
	for (at = open; at > text && at[-1] != '<'; at--)
		;
	end = strchr(word, ']');
	if (end == NULL || !read_hex(at, &line->address, &line->tail.text) ||
	    line->tail.text != open)
		return false;
	word += sizeof(mark) - 1;
	if (word == end)
		return false;
	line->head = between(text, open + 2);
	line->pc = between(at, open);
	line->module = between(word, end);
	line->place = between(open + 2, end + 1);
	line->tail = from(end + 1);
	line->is_return = true;
	line->form = REPORT_HONGGFUZZ;
	return true;
}

/* ---- places in text ---- */

/* Reads "0xPC" or "0xPC in FUNCTION" before the place, which the function's name will
 * follow anew; false if a line is told there. */
static bool
read_before_place(const char *text, struct report_line *line)
{
	const char *place = line->place.text, *blank = place, *pc, *in, *end = place;

	while (blank > text && (blank[-1] == ' ' || blank[-1] == '\t'))
		blank--;
	for (pc = blank; pc > text && isxdigit((unsigned char)pc[-1]); pc--)
		;
	if (blank < place && pc > text + 1 && pc[-1] == 'x' &&
	    read_hex(pc - 2, &line->address, &end) && end == blank) {
		line->pc = between(pc - 2, end);
	} else if ((in = strstr(text, " in ")) != NULL && in < place) {
		for (pc = in; pc > text && isxdigit((unsigned char)pc[-1]); pc--)
			;
		if (pc > text + 1 && pc[-1] == 'x' &&
		    read_hex(pc - 2, &line->address, &end) && end == in)
			line->pc = between(pc - 2, end);
	}
	if (line->pc.len > 0) {
		line->told = between(end, place);
		line->head = between(text, end);
		line->function = function_in(line->told);
	}
	return !is_told(line->told);
}

/* What stands around a place says what it is. */
static bool
read_text(const char *text, struct report_line *line)
{
	static const char note[] = ": note: ", global[] = "global '<null>' at ";
	const char *word;

	if (!read_place(text, line))
		return false;
	line->head = between(text, line->place.text);
	line->form = REPORT_PLACE;
	word = strstr(text, global);
	if (word != NULL && word < line->place.text) {
		line->head = between(text, word + sizeof("global ") - 1);
		line->told =
		    between(word + sizeof("global '<null>'") - 1, line->place.text);
		line->form = REPORT_GLOBAL;
		return true;
	}
	if (strncmp(line->tail.text, note, sizeof(note) - 1) == 0) {
		line->form = REPORT_NOTE;
		return true;
	}
	word = strstr(text, "SUMMARY: ");
	if (word != NULL && word < line->place.text) {
		line->form = REPORT_SUMMARY;
		return true;
	}
	return read_before_place(text, line);
}

void
report_line_read(const char *text, struct report_line *ret_line)
{
	static bool (*const readers[])(const char *, struct report_line *) = {
		read_any_numbered,
		read_rust,
		read_honggfuzz,
		read_logged,
		read_bracketed,
		read_text,
	};
	struct report_line line;

	*ret_line = (struct report_line){ .form = REPORT_TEXT };
	if (strstr(text, "0x") == NULL && strpbrk(text, "#@") == NULL)
		return;
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		line = (struct report_line){ .form = REPORT_TEXT };
		if (readers[i](text, &line)) {
			*ret_line = line;
			return;
		}
	}
	line = (struct report_line){ .form = REPORT_TEXT };
	if (read_trace(text, NULL, &line))
		*ret_line = line;
}

/* ---- escape sequences ---- */

/* Those of ECMA-48: control sequences, operating system commands, and all others. */
size_t
report_line_escape(const char *at)
{
	size_t len = 1;

	if (at[0] != '\033')
		return 0;
	if (at[1] == '[') {
		len = 2 + strspn(at + 2, "0123456789:;<=>?!\"#$%&'()*+,-./ ");
		return at[len] >= '@' && at[len] <= '~' ? len + 1 : len;
	}
	if (at[1] == ']') {
		len = 2 + strcspn(at + 2, "\a\033\r\n");
		if (at[len] == '\a')
			return len + 1;
		return at[len] == '\033' && at[len + 1] == '\\' ? len + 2 : len;
	}
	return is_end(at[1]) ? 1 : 2;
}

void
report_line_strip(const char *line, char *to)
{
	size_t len;

	while (*line != '\0')
		if ((len = report_line_escape(line)) > 0)
			line += len;
		else
			*to++ = *line++;
	*to = '\0';
}
