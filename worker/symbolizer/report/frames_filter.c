/* SPDX-License-Identifier: MIT
 * Addresses and reports to frames; in the symbolizer.
 */
#include "config.h"

#include "frames_filter.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "report_line.h"
#include "report_write.h"
#include "sandbox.h"
#include "banned.h"

/* Longer lines are no frames. */
#define LINE_ROOM 16384

#define HELD_MAX 256
#define HELD_ROOM 65536

/* Lines of a stack that names no module, until it ends: all of them together may tell where
 * the executable was loaded. */
struct held {
	uint64_t pcs[HELD_MAX];
	size_t pcs_len;
	char text[HELD_ROOM]; /* strings, each with its NUL */
	size_t text_len;
};

struct filter {
	struct frames *frames;
	struct report_modules
	    *modules; /* NULL: each line that can be an address is one */
	FILE *out;
	bool is_text;        /* something else than addresses was seen */
	bool is_inside;      /* of a line that is too long */
	unsigned long shift; /* frames more than before in the current stack */
	unsigned long next;  /* number of its next frame, as the report counts */
	struct held held;
	char call[LINE_ROOM];  /* of UBSan, whose function the next line tells, or "" */
	char line[LINE_ROOM];  /* as it came */
	char plain[LINE_ROOM]; /* without terminals' sequences */
};

/* frames_find(), where what is cut is said and no failure. */
static int
find(struct frames *frames, uint64_t address, const struct frame **ret_found,
    size_t *ret_len)
{
	int r = frames_find(frames, address, ret_found, ret_len);
	const char *remark = frames_remark(frames);

	if (remark != NULL)
		fprintf(stderr, "fuzzsupctl: %s\n", remark);
	if (r != -EOVERFLOW)
		return r;
	fprintf(stderr,
	    "fuzzsupctl: 0x%" PRIx64 ": calls are nested too deep there, only the "
	    "outermost function is told: build it again\n",
	    address);
	return 0;
}

int
frames_filter_address(struct frames *frames, uint64_t address, FILE *out)
{
	const struct frame *found;
	size_t len;
	int r = find(frames, address, &found, &len);

	if (r < 0)
		return r;
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%s\n%s:%" PRIu64 ":%" PRIu64 "\n",
		    report_write_known(found[i].function),
		    report_write_known(found[i].file), found[i].line, found[i].column);
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}

int
frames_filter_read_address(const char *word, uint64_t *ret_address)
{
	uint64_t address;
	char *end;

	if (word[0] == '0' && (word[1] == 'x' || word[1] == 'X'))
		word += 2;
	if (!isxdigit((unsigned char)word[0]))
		return -EINVAL;
	errno = 0;
	address = strtoull(word, &end, 16);
	if (errno != 0 || *end != '\0')
		return -EINVAL;
	*ret_address = address;
	return 0;
}

/* ---- reports ---- */

/* Frames that follow each other are one stack; anything else begins a new one. */
static void
follow_stack(struct filter *filter, const struct report_line *line)
{
	if (!line->is_numbered)
		return;
	if (line->number == 0 || line->number != filter->next)
		filter->shift = 0;
	filter->next = line->number + 1;
}

/* UBSan says what was called before it says where that is. */
static const char unknown_call[] = "call to function (unknown) through pointer";

/* Writes the line that waits for a function's name. @name: NULL: nobody knows. */
static void
write_call(struct filter *filter, const char *name)
{
	const size_t before = sizeof("call to function ") - 1;
	const size_t len = sizeof("(unknown)") - 1;
	const char *call = strstr(filter->call, unknown_call);

	if (name != NULL && call != NULL)
		fprintf(filter->out, "%.*s%s%s", (int)(call + before - filter->call),
		    filter->call, name, call + before + len);
	else
		fputs(filter->call, filter->out);
	filter->call[0] = '\0';
}

static void
pass(struct filter *filter, const struct report_source *source)
{
	write_call(filter, NULL);
	if (strstr(source->raw, unknown_call) != NULL) {
		memcpy(filter->call, source->raw, strlen(source->raw) + 1);
		return;
	}
	if (source->line->is_numbered && filter->shift > 0)
		report_write_number(
		    source, source->line->number + filter->shift, filter->out);
	else
		fputs(source->raw, filter->out);
}

/* A variable, of which only the symbol table tells here. */
static void
take_global(struct filter *filter, const struct report_source *source,
    const struct report_spot *spot)
{
	const struct symbol *symbol =
	    symbols_find(frames_symbols(spot->frames), spot->address);
	char *name = symbol != NULL && symbol->name.text != NULL
	    ? demangle(symbol->name.text, symbol->name.len)
	    : NULL;

	write_call(filter, NULL);
	report_modules_count(filter->modules, name != NULL);
	if (name != NULL)
		report_write_global(source, name, symbol->size, filter->out);
	else
		fputs(source->raw, filter->out);
	free(name);
}

/* All of a stack's frames are written; elsewhere the innermost one says where it is. */
static bool
shows_inlined(const struct report_line *line)
{
	return line->is_numbered || line->form == REPORT_TRACE ||
	    line->form == REPORT_HONGGFUZZ || line->form == REPORT_LOGGED;
}

static int
take_spot(struct filter *filter, const struct report_source *source,
    const struct report_spot *spot)
{
	const unsigned long number = source->line->number + filter->shift;
	const struct frame *found;
	bool is_told;
	size_t len;
	int r = find(spot->frames, spot->address, &found, &len);

	if (r < 0)
		return r;
	is_told = found[0].function != NULL || found[0].file != NULL;
	report_modules_count(filter->modules, is_told);
	if (!is_told) {
		pass(filter, source);
		return 0;
	}
	write_call(
	    filter, source->line->form == REPORT_NOTE ? found[0].function : NULL);
	if (!shows_inlined(source->line))
		len = 1;
	for (size_t i = 0; i < len; i++)
		report_write_frame(
		    source, &found[i], number + i, i + 1 < len, filter->out);
	if (source->line->is_numbered)
		filter->shift += len - 1;
	return 0;
}

static int
take_read(struct filter *filter, const struct report_source *source)
{
	const struct report_line *line = source->line;
	struct report_spot spot;

	follow_stack(filter, line);
	if (line->form == REPORT_NUMBERED)
		report_modules_pass(filter->modules);
	if (line->form == REPORT_TEXT || line->form == REPORT_NUMBERED ||
	    !report_modules_find(filter->modules, line, &spot))
		pass(filter, source);
	else if (line->form == REPORT_GLOBAL)
		take_global(filter, source, &spot);
	else
		return take_spot(filter, source, &spot);
	return 0;
}

/* Reads @raw; texts of @ret_line live until the next call. */
static void
read_line(struct filter *filter, const char *raw, struct report_line *ret_line)
{
	const bool is_plain = strchr(raw, '\033') == NULL;

	if (!is_plain)
		report_line_strip(raw, filter->plain);
	report_line_read(is_plain ? raw : filter->plain, ret_line);
}

static bool
hold(struct filter *filter, const struct report_source *source)
{
	struct held *held = &filter->held;
	const size_t size = strlen(source->raw) + 1;

	if (!report_modules_misses_base(filter->modules, source->line) ||
	    held->pcs_len == HELD_MAX || size > HELD_ROOM - held->text_len)
		return false;
	write_call(filter, NULL);
	held->pcs[held->pcs_len++] = source->line->address;
	memcpy(held->text + held->text_len, source->raw, size);
	held->text_len += size;
	return true;
}

/* Writes what was held. */
static int
let_go(struct filter *filter)
{
	struct held *held = &filter->held;
	struct report_line line;
	const char *raw;
	int r = 0;

	if (held->pcs_len == 0)
		return 0;
	report_modules_conclude_base(filter->modules, held->pcs, held->pcs_len);
	for (size_t at = 0; at < held->text_len && r == 0; at += strlen(raw) + 1) {
		raw = held->text + at;
		read_line(filter, raw, &line);
		r = take_read(filter, &(struct report_source){ raw, &line });
	}
	held->pcs_len = held->text_len = 0;
	return r;
}

static int
take_report(struct filter *filter, const char *raw)
{
	struct report_line line;
	const struct report_source source = { raw, &line };
	int r;

	read_line(filter, raw, &line);
	if (hold(filter, &source))
		return 0;
	r = let_go(filter);
	if (r < 0)
		return r;
	read_line(filter, raw, &line);
	return take_read(filter, &source);
}

/* ---- lines ---- */

/* A word that a program may print, too, is an address only if it looks like one: 0x, or as
 * many digits as nm prints. */
static bool
looks_like_address(const char *word, size_t len)
{
	return strncmp(word, "0x", 2) == 0 || strncmp(word, "0X", 2) == 0 || len == 16;
}

static bool
read_address(const struct filter *filter, const char *line, uint64_t *ret_address)
{
	char word[32];
	size_t start = strspn(line, " \t"), len = strcspn(line + start, " \t\r\n");

	if (len == 0 || len >= sizeof(word) ||
	    line[start + len + strspn(line + start + len, " \t\r\n")] != '\0')
		return false;
	memcpy(word, line + start, len);
	word[len] = '\0';
	if (filter->modules != NULL &&
	    (filter->is_text || !looks_like_address(word, len)))
		return false;
	return frames_filter_read_address(word, ret_address) == 0;
}

static int
take_line(struct filter *filter, const char *line)
{
	uint64_t address;

	if (read_address(filter, line, &address)) {
		if (filter->modules != NULL)
			report_modules_count(filter->modules, true);
		return frames_filter_address(filter->frames, address, filter->out);
	}
	if (line[strspn(line, " \t\r\n")] != '\0')
		filter->is_text = true;
	if (filter->modules != NULL)
		return take_report(filter, line);
	fputs(line, filter->out);
	return 0;
}

/* @len bytes that end with a line feed, the end of what is read, or where there is no more
 * room. Bytes that are no text, and what is too long, go through. */
static int
take_bytes(struct filter *filter, size_t len)
{
	const bool ends = len > 0 && filter->line[len - 1] == '\n';
	int r = 0;

	filter->line[len] = '\0';
	if (filter->is_inside || len == LINE_ROOM - 1 ||
	    memchr(filter->line, '\0', len) != NULL) {
		filter->is_text = true;
		filter->is_inside = !ends && len == LINE_ROOM - 1;
		r = filter->modules != NULL ? let_go(filter) : 0;
		write_call(filter, NULL);
		fwrite(filter->line, 1, len, filter->out);
	} else if (len > 0) {
		r = take_line(filter, filter->line);
	}
	/* Somebody may wait for the answer before he asks on. */
	if (r == 0 && fflush(filter->out) != 0)
		r = -errno;
	sandbox_go_on();
	return r;
}

static int
take_all(struct filter *filter, FILE *in)
{
	size_t len = 0;
	int c, r = 0;

	while (r == 0 && (c = getc_unlocked(in)) != EOF) {
		filter->line[len++] = (char)c;
		if (c == '\n' || len == LINE_ROOM - 1) {
			r = take_bytes(filter, len);
			len = 0;
		}
	}
	if (r == 0 && ferror(in))
		return errno != 0 ? -errno : -EIO;
	if (r == 0)
		r = take_bytes(filter, len);
	if (r == 0 && filter->modules != NULL)
		r = let_go(filter);
	write_call(filter, NULL);
	return r == 0 && fflush(filter->out) != 0 ? -errno : r;
}

static int
run(struct frames *frames, struct report_modules *modules, FILE *in, FILE *out)
{
	struct filter *filter = calloc(1, sizeof(*filter));
	int r;

	if (filter == NULL)
		return -ENOMEM;
	filter->frames = frames;
	filter->modules = modules;
	filter->out = out;
	r = take_all(filter, in);
	free(filter);
	return r;
}

int
frames_filter(
    struct frames *frames, struct report_modules *modules, FILE *in, FILE *out)
{
	return run(frames, modules, in, out);
}

int
frames_filter_addresses(struct frames *frames, FILE *in, FILE *out)
{
	return run(frames, NULL, in, out);
}
