/* SPDX-License-Identifier: MIT
 * What fuzzers, sanitizers, loaders and shells say when they cannot go on; in the
 * collector.
 */
#include "config.h"

#include "job_telling.h"

#include <string.h>

#include "banned.h"

#define LOOK_AT 1024     /* bytes of a line */
#define SAME_REPORT 4096 /* bytes: of two lines as telling the first is the cause */

/* Below, it may be a target's own chatter: it must stand near to the end. */
#define SURE 60
#define UNSURE_WINDOW 2048

/* What comes behind a line and belongs to it. */
enum follows {
	FOLLOWS_NOTHING,
	FOLLOWS_NEXT, /* any line: Rust's message stands below its place */
	FOLLOWS_OS,   /* AFL++: "OS message : No space left on device" */
	FOLLOWS_WHAT, /* C++: "  what():  vector::at" */
};

enum part { WHOLE, FROM_NEEDLE, BEHIND_CALL };

/* The higher, the nearer to the cause; the first that fits counts. */
static const struct sign {
	const char *needle;
	uint8_t score;
	enum part part;
	enum follows follows;
} signs[] = {
	{ "PROGRAM ABORT : ", 90, FROM_NEEDLE, FOLLOWS_NOTHING },
	{ "SYSTEM ERROR : ", 90, FROM_NEEDLE, FOLLOWS_OS },
	{ "' panicked at ", 88, WHOLE, FOLLOWS_NEXT },
	{ " panic: ", 87, WHOLE, FOLLOWS_NOTHING }, /* Zig, Go */
	{ "error while loading shared libraries: ", 86, WHOLE, FOLLOWS_NOTHING },
	{ "Assertion `", 86, WHOLE, FOLLOWS_NOTHING },
	{ "Assertion failed", 86, WHOLE, FOLLOWS_NOTHING },
	{ "Check failed: ", 85, WHOLE, FOLLOWS_NOTHING },
	{ ": runtime error: ", 84, WHOLE, FOLLOWS_NOTHING },
	{ "terminate called after throwing", 83, WHOLE, FOLLOWS_WHAT },
	{ "SUMMARY: libFuzzer: ", 60, FROM_NEEDLE, FOLLOWS_NOTHING },
	{ "SUMMARY: ", 82, FROM_NEEDLE, FOLLOWS_NOTHING },
	{ "ERROR: ", 66, FROM_NEEDLE, FOLLOWS_NOTHING },
	{ "ParseDictionaryFile: ", 66, WHOLE, FOLLOWS_NOTHING }, /* libFuzzer */
	{ "][F][", 64, BEHIND_CALL, FOLLOWS_NOTHING },           /* honggfuzz */
	{ "][E][", 62, BEHIND_CALL, FOLLOWS_NOTHING },
	{ "No space left on device", 58, WHOLE, FOLLOWS_NOTHING },
	{ "Cannot allocate memory", 57, WHOLE, FOLLOWS_NOTHING },
	{ "Too many open files", 57, WHOLE, FOLLOWS_NOTHING },
	{ "Read-only file system", 57, WHOLE, FOLLOWS_NOTHING },
	{ "Permission denied", 56, WHOLE, FOLLOWS_NOTHING },
	{ "Text file busy", 56, WHOLE, FOLLOWS_NOTHING },
	{ "Exec format error", 56, WHOLE, FOLLOWS_NOTHING },
	{ "No such file or directory", 55, WHOLE, FOLLOWS_NOTHING },
	{ "not found", 54, WHOLE, FOLLOWS_NOTHING },
	{ "atal", 44, WHOLE, FOLLOWS_NOTHING },
	{ "FATAL", 44, WHOLE, FOLLOWS_NOTHING },
	{ "rror: ", 42, WHOLE, FOLLOWS_NOTHING }, /* compilers, Zig, Python, … */
	{ "rror(", 40, WHOLE, FOLLOWS_NOTHING },
	{ "nvalid ", 20, WHOLE, FOLLOWS_NOTHING },
	{ "nknown ", 20, WHOLE, FOLLOWS_NOTHING },
	{ "annot ", 20, WHOLE, FOLLOWS_NOTHING },
	{ "an't ", 20, WHOLE, FOLLOWS_NOTHING },
	{ "nable to ", 20, WHOLE, FOLLOWS_NOTHING },
	{ "ailed", 20, WHOLE, FOLLOWS_NOTHING },
};

/* ---- clean text ---- */

/* Bytes of the UTF-8 character at the front of @text, 0 if there is none; and its code. */
static size_t
decode(const struct job_text *text, uint32_t *ret_code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *at = (const unsigned char *)text->at;
	const size_t len = at[0] < 0x80 ? 1
	    : (at[0] & 0xe0) == 0xc0    ? 2
	    : (at[0] & 0xf0) == 0xe0    ? 3
	    : (at[0] & 0xf8) == 0xf0    ? 4
					: 0;
	uint32_t code = len == 1 ? at[0] : at[0] & (0xffU >> (len + 1));

	if (len == 0 || len > text->len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return len;
}

/* What is no letter to be seen: controls, and what turns the text around it. */
static bool
is_hidden(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
	    (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

static void
skip(struct job_text *text, size_t len)
{
	text->at += len;
	text->len -= len;
}

/* Takes a sequence for terminals, from behind its escape. */
static void
skip_escape(struct job_text *text)
{
	const char *ends;

	if (text->len == 0)
		return;
	if (text->at[0] == '[') {
		skip(text, 1);
		while (text->len > 0 && (text->at[0] < 0x40 || text->at[0] > 0x7e))
			skip(text, 1);
	} else if (text->at[0] == ']') {
		ends = memchr(text->at, '\a', text->len);
		skip(text, ends != NULL ? (size_t)(ends - text->at) : text->len);
	} else if (text->at[0] == '(' || text->at[0] == ')') {
		skip(text, 1);
	}
	skip(text, text->len > 0 ? 1 : 0);
}

struct cleaned {
	char text[LOOK_AT + 1];
	size_t len;
};

/* Blanks are not begun with and not doubled. */
static void
put(struct cleaned *cleaned, const char *text, size_t len)
{
	if (text[0] == ' ' &&
	    (cleaned->len == 0 || cleaned->text[cleaned->len - 1] == ' '))
		return;
	memcpy(cleaned->text + cleaned->len, text, len);
	cleaned->len += len;
}

static void
clean(struct job_text text, struct cleaned *ret)
{
	uint32_t code;
	size_t len;

	ret->len = 0;
	while (text.len > 0) {
		len = decode(&text, &code);
		if (text.at[0] == '\033') {
			skip(&text, 1);
			skip_escape(&text);
		} else if (len == 0) {
			put(ret, "?", 1);
			skip(&text, 1);
		} else {
			/* AFL++ switches character sets by \016 and \017. */
			if (code == '\t' || code == '\r')
				put(ret, " ", 1);
			else if (!is_hidden(code))
				put(ret, text.at, len);
			skip(&text, len);
		}
	}
	while (ret->len > 0 && ret->text[ret->len - 1] == ' ')
		ret->len--;
	ret->text[ret->len] = '\0';
}

/* ---- which line ---- */

static const struct sign *
sign_of(const struct job_text *line)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (memmem(line->at, line->len, signs[i].needle,
			strlen(signs[i].needle)) != NULL)
			return &signs[i];
	return NULL;
}

/* Remarks of those who go on. */
static bool
is_remark(const struct job_text *line)
{
	static const char *const words[] = { "WARNING",
		"INFO: ", "arning: ", "fuzzsupd: " };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (memmem(line->at, line->len, words[i], strlen(words[i])) != NULL)
			return true;
	return false;
}

/* "[2026-01-01T00:00:00+0000][F][77] main():123 Couldn't …": from behind the place. */
static const char *
behind_call(const char *line)
{
	const char *call = strstr(line, "():"), *text;

	if (call == NULL)
		return line;
	text = strchr(call, ' ');
	return text != NULL && text[1] != '\0' ? text + 1 : line;
}

/* "[-] " of AFL++'s, "==77==" of sanitizers'. */
static const char *
behind_mark(const char *line)
{
	size_t digits;

	if (line[0] == '[' && line[1] != '\0' && line[2] == ']' && line[3] == ' ')
		return line + 4;
	if (strncmp(line, "==", 2) != 0)
		return line;
	digits = strspn(line + 2, "0123456789");
	return strncmp(line + 2 + digits, "==", 2) == 0 ? line + 4 + digits : line;
}

/* Appends as much as there is room for, "…" at its end if that is not all. */
static void
append(struct job_telling *telling, const char *text)
{
	static const char more[] = "…";
	size_t used = strlen(telling->line), len = strlen(text);
	const size_t room = sizeof(telling->line) - 1 - used;

	if (len > room) {
		if (room < sizeof(more) - 1)
			return;
		len = room - (sizeof(more) - 1);
		while (len > 0 && (text[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(telling->line + used, text, len);
	telling->line[used + len] = '\0';
	if (text[len] != '\0')
		memcpy(telling->line + used + len, more, sizeof(more));
}

static void
keep(struct job_telling *telling, const struct sign *sign, struct job_text line)
{
	struct cleaned cleaned;
	const char *text, *from;

	clean(line, &cleaned);
	text = behind_mark(cleaned.text);
	from = strstr(text, sign->needle);
	if (from == NULL)
		return; /* controls were within it, or it was in the mark */
	if (sign->part == FROM_NEEDLE)
		text = from;
	else if (sign->part == BEHIND_CALL)
		text = behind_call(text);
	telling->score = sign->score;
	telling->follows = (uint8_t)sign->follows;
	telling->patience = 4;
	telling->since = 0;
	telling->line[0] = '\0';
	append(telling, text);
	/* Older ones of Rust have it all in one line. */
	if (sign->follows == FOLLOWS_NEXT && text[strlen(text) - 1] != ':')
		telling->follows = FOLLOWS_NOTHING;
}

/* True if @line was what the line that is kept waited for. */
static bool
follow(struct job_telling *telling, struct job_text line)
{
	static const char *const openings[] = {
		[FOLLOWS_OS] = "OS message : ",
		[FOLLOWS_WHAT] = "what():",
	};
	struct cleaned cleaned;
	const char *text = cleaned.text;

	if (telling->follows == FOLLOWS_NOTHING)
		return false;
	clean(line, &cleaned);
	if (telling->follows != FOLLOWS_NEXT) {
		text = strstr(text, openings[telling->follows]);
		if (text != NULL)
			text += strlen(openings[telling->follows]);
	}
	if (text == NULL || text[0] == '\0') {
		if (--telling->patience == 0)
			telling->follows = FOLLOWS_NOTHING;
		return false;
	}
	append(telling, telling->follows == FOLLOWS_NEXT ? " " : ": ");
	append(telling, text + strspn(text, " "));
	telling->follows = FOLLOWS_NOTHING;
	return true;
}

void
job_telling_take(struct job_telling *telling, struct job_text line)
{
	const struct sign *sign;
	struct cleaned cleaned;

	telling->since +=
	    (uint32_t)(line.len < JOB_TELLING_WINDOW ? line.len : JOB_TELLING_WINDOW);
	if (line.len > LOOK_AT)
		line.len = LOOK_AT;
	if (telling->since >= JOB_TELLING_WINDOW)
		*telling = (struct job_telling){ 0 };
	/* Colours may stand within what is looked for. */
	if (memchr(line.at, '\033', line.len) != NULL) {
		clean(line, &cleaned);
		line = (struct job_text){ cleaned.text, cleaned.len };
	}
	if (follow(telling, line))
		return;
	sign = sign_of(&line);
	if (sign == NULL || sign->score < telling->score ||
	    (sign->score == telling->score && telling->since < SAME_REPORT) ||
	    is_remark(&line))
		return;
	keep(telling, sign, line);
}

const char *
job_telling_line(const struct job_telling *telling)
{
	return telling->score >= SURE || telling->since < UNSURE_WINDOW ? telling->line
									: "";
}
