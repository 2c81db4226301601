/* SPDX-License-Identifier: MIT
 * A report's line again, with functions and lines; in the symbolizer.
 */
#include "config.h"

#include "report_write.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "banned.h"

/* UBSan's word for a function, and what stands around it. */
#define UNKNOWN_NOTE ": note: (unknown)"

struct rewrite {
	const struct report_line *line;
	const struct frame *frame;
	FILE *out;
};

const char *
report_write_known(const char *text)
{
	return text != NULL ? text : "??";
}

/* A function as sanitizers call it: what they put before a libc function's name is none of
 * it. */
static const char *
function_of(const struct rewrite *rewrite)
{
	static const char *const prefixes[] = { "___interceptor_", "__interceptor_" };
	const char *name = report_write_known(rewrite->frame->function);
	size_t len;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		len = strlen(prefixes[i]);
		if (strncmp(name, prefixes[i], len) == 0)
			return name + len;
	}
	return name;
}

/* ---- parts ---- */

static void
put(const struct rewrite *rewrite, struct byte_text text)
{
	if (text.len > 0)
		fwrite(text.text, 1, text.len, rewrite->out);
}

/* Goes on by @plain_len bytes of plain text from @raw, and writes them unless only escape
 * sequences are wanted. Returns where that ends, behind the sequences that are there. */
static const char *
put_raw(const char *raw, size_t plain_len, bool only_escapes, FILE *out)
{
	size_t len;

	while ((len = report_line_escape(raw)) > 0 || plain_len > 0) {
		if (len > 0 || !only_escapes)
			fwrite(raw, 1, len > 0 ? len : 1, out);
		plain_len -= len > 0 ? 0 : 1;
		raw += len > 0 ? len : 1;
	}
	return raw;
}

static bool
has_place(const struct frame *frame)
{
	return frame->file != NULL && (frame->line > 0 || frame->function != NULL);
}

static void
put_place(const struct rewrite *rewrite)
{
	const struct frame *frame = rewrite->frame;

	fputs(frame->file, rewrite->out);
	if (frame->line > 0)
		fprintf(rewrite->out, ":%" PRIu64, frame->line);
	if (frame->line > 0 && frame->column > 0)
		fprintf(rewrite->out, ":%" PRIu64, frame->column);
}

/* Where no line is known the module stays. */
static void
put_place_or_module(const struct rewrite *rewrite)
{
	if (has_place(rewrite->frame))
		put_place(rewrite);
	else
		put(rewrite, rewrite->line->place);
}

/* ---- forms ---- */

static void
put_frame(const struct rewrite *rewrite)
{
	const struct report_line *line = rewrite->line;

	put(rewrite, line->gap);
	put(rewrite, line->pc);
	fprintf(rewrite->out, " in %s", function_of(rewrite));
	if (!has_place(rewrite->frame) && line->place.len == 0)
		return;
	fputc(' ', rewrite->out);
	if (line->form == REPORT_TRACE && !has_place(rewrite->frame))
		fprintf(
		    rewrite->out, "(%.*s)", (int)line->module.len, line->module.text);
	else
		put_place_or_module(rewrite);
}

static void
put_thread_frame(const struct rewrite *rewrite)
{
	put(rewrite, rewrite->line->gap);
	fprintf(rewrite->out, "%s ", function_of(rewrite));
	if (has_place(rewrite->frame))
		put_place(rewrite);
	else
		fputs("<null>", rewrite->out);
	fputc(' ', rewrite->out);
	put(rewrite, rewrite->line->place);
}

/* What stood there stays, unless a number makes it a sanitizer's frame. */
static void
put_trace(const struct rewrite *rewrite)
{
	if (rewrite->line->is_numbered) {
		put_frame(rewrite);
		return;
	}
	put(rewrite, rewrite->line->place);
	fprintf(rewrite->out, " in %s", function_of(rewrite));
	if (has_place(rewrite->frame)) {
		fputc(' ', rewrite->out);
		put_place(rewrite);
	}
}

static void
put_text(const struct rewrite *rewrite)
{
	const struct byte_text *head = &rewrite->line->head;

	if (head->len > 0 && !isspace((unsigned char)head->text[head->len - 1]))
		fputc(' ', rewrite->out);
	fprintf(rewrite->out, "in %s ", function_of(rewrite));
	put_place_or_module(rewrite);
}

static void
put_summary(const struct rewrite *rewrite)
{
	put_place_or_module(rewrite);
	fprintf(rewrite->out, " in %s", function_of(rewrite));
}

static bool
is_unknown_note(const struct report_line *line)
{
	return strncmp(line->tail.text, UNKNOWN_NOTE, sizeof(UNKNOWN_NOTE) - 1) == 0;
}

static void
put_note(const struct rewrite *rewrite)
{
	put_place_or_module(rewrite);
	if (is_unknown_note(rewrite->line))
		fprintf(rewrite->out, ": note: %s", function_of(rewrite));
}

static void
put_rust(const struct rewrite *rewrite)
{
	fputc(':', rewrite->out);
	put(rewrite, rewrite->line->gap);
	put(rewrite, rewrite->line->pc);
	fprintf(rewrite->out, " - %s", function_of(rewrite));
	if (!has_place(rewrite->frame))
		return;
	fputs("\n                               at ", rewrite->out);
	put_place(rewrite);
}

static void
put_logged(const struct rewrite *rewrite)
{
	if (rewrite->line->place.len == 0)
		fputs("  ", rewrite->out);
	fputs(function_of(rewrite), rewrite->out);
	if (has_place(rewrite->frame)) {
		fputc(' ', rewrite->out);
		put_place(rewrite);
	}
}

static void
put_honggfuzz(const struct rewrite *rewrite)
{
	const struct frame *frame = rewrite->frame;

	fprintf(rewrite->out, "[func:%s file:%s line:%" PRIu64 " module:%.*s]",
	    function_of(rewrite), frame->file != NULL ? frame->file : "", frame->line,
	    (int)rewrite->line->module.len, rewrite->line->module.text);
}

/* ---- lines ---- */

/* What is replaced of that which stands behind the place. */
static size_t
lost_tail(const struct report_line *line)
{
	if (line->form == REPORT_SUMMARY)
		return strcspn(line->tail.text, "\r\n");
	return line->form == REPORT_NOTE && is_unknown_note(line)
	    ? sizeof(UNKNOWN_NOTE) - 1
	    : 0;
}

/* Writes what stands behind the part that was replaced; colours that were switched in
 * there, too. */
static void
put_tail(const struct report_source *source, const char *raw, FILE *out)
{
	const struct report_line *line = source->line;
	const char *tail = line->tail.text + lost_tail(line);

	raw =
	    put_raw(raw, (size_t)(tail - line->head.text) - line->head.len, true, out);
	fputs(raw, out);
}

static void
put_number(const struct report_line *line, unsigned long number, FILE *out)
{
	if (line->is_rust)
		fprintf(out, "%*lu", line->digits, number);
	else if (line->is_numbered)
		fprintf(out, "#%0*lu", line->digits, number);
}

void
report_write_frame(const struct report_source *source, const struct frame *frame,
    unsigned long number, bool follows, FILE *out)
{
	static void (*const writers[])(const struct rewrite *) = {
		[REPORT_FRAME] = put_frame,
		[REPORT_THREAD] = put_thread_frame,
		[REPORT_TRACE] = put_trace,
		[REPORT_PLACE] = put_text,
		[REPORT_SUMMARY] = put_summary,
		[REPORT_NOTE] = put_note,
		[REPORT_RUST] = put_rust,
		[REPORT_LOGGED] = put_logged,
		[REPORT_HONGGFUZZ] = put_honggfuzz,
	};
	const struct report_line *line = source->line;
	const struct rewrite rewrite = { line, frame, out };
	const char *raw = put_raw(source->raw, line->head.len, false, out);

	put_number(line, number, out);
	writers[line->form](&rewrite);
	put_tail(source, raw, out);
	if (follows && strchr(line->tail.text, '\n') == NULL)
		fputc('\n', out);
}

void
report_write_number(const struct report_source *source, unsigned long number, FILE *out)
{
	const struct report_line *line = source->line;
	const char *raw = put_raw(source->raw, line->head.len, false, out);

	put_number(line, number, out);
	/* "#" and its digits are one piece of text. */
	fputs(raw + line->digits + (line->is_rust ? 0 : 1), out);
}

void
report_write_global(
    const struct report_source *source, const char *name, uint64_t size, FILE *out)
{
	const struct report_line *line = source->line;
	const struct rewrite rewrite = { .line = line, .out = out };
	const char *raw = put_raw(source->raw, line->head.len, false, out);

	fprintf(out, "'%s'", name);
	if (size > 0)
		fprintf(out, " of size %" PRIu64, size);
	put(&rewrite, line->told);
	put(&rewrite, line->place);
	put_tail(source, raw, out);
}
