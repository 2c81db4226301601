/* SPDX-License-Identifier: MIT
 * Cobertura's XML, after its coverage-04.dtd; in the front-end.
 *
 * Its paths are relative to a source folder, which is the root of the disk. What it calls a
 * package is the target, a class is a file. There is no XML declaration, before which nothing might
 * stand: without one it is XML 1.0 in UTF-8.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>
#include <event2/buffer.h>

#include "export_format.h"
#include "banned.h"

/* As an attribute's value. What XML cannot hold at all becomes "?". */
static void
add_text(struct evbuffer *out, const char *text)
{
	static const char special[] = "&<>\"'";
	static const char *const names[] = { "&amp;", "&lt;", "&gt;", "&quot;",
		"&apos;" };
	const char *found;

	for (; *text != '\0'; text++) {
		found = strchr(special, *text);
		if (found != NULL)
			evbuffer_add_printf(out, "%s", names[found - special]);
		else
			evbuffer_add(out, (unsigned char)*text < 0x20 ? "?" : text, 1);
	}
}

static double
rate(struct line_count lines)
{
	return lines.found > 0 ? (double)lines.hit / lines.found : 0;
}

static void
begin(const struct export_view *view)
{
	evbuffer_add_printf(view->out,
	    "<!DOCTYPE coverage SYSTEM "
	    "\"http://cobertura.sourceforge.net/xml/coverage-04.dtd\">\n"
	    "<coverage line-rate=\"%.6g\" branch-rate=\"%.6g\" lines-covered=\"%" PRIu32
	    "\" lines-valid=\"%" PRIu32 "\" branches-covered=\"%" PRIu32
	    "\" branches-valid=\"%" PRIu32 "\" complexity=\"0\" "
	    "version=\"" PACKAGE_STRING "\" timestamp=\"%" PRId64 "\">\n"
	    "<sources><source>/</source></sources>\n"
	    "<packages><package name=\"",
	    rate(view->lines), rate(view->branches), view->lines.hit, view->lines.found,
	    view->branches.hit, view->branches.found, view->now_ms);
	add_text(view->out, view->target);
	evbuffer_add_printf(view->out,
	    "\" line-rate=\"%.6g\" branch-rate=\"%.6g\" complexity=\"0\"><classes>\n",
	    rate(view->lines), rate(view->branches));
}

static void
begin_file(const struct export_view *view, uint32_t file, struct line_count lines,
    bool is_first)
{
	const char *directory, *name;

	(void)is_first;
	export_path(view, file, &directory, &name);
	evbuffer_add_printf(view->out, "<class name=\"");
	add_text(view->out, name);
	evbuffer_add_printf(view->out, "\" filename=\"");
	add_text(view->out, directory + strspn(directory, "/"));
	evbuffer_add_printf(
	    view->out, "%s", directory[strspn(directory, "/")] != '\0' ? "/" : "");
	add_text(view->out, name);
	evbuffer_add_printf(view->out,
	    "\" line-rate=\"%.6g\" branch-rate=\"%.6g\" "
	    "complexity=\"0\"><methods/><lines>\n",
	    rate(lines), rate(view->file_branches));
}

static void
line(const struct export_view *view, const struct export_line *line)
{
	uint32_t taken = 0;

	evbuffer_add_printf(view->out, "<line number=\"%" PRIu32 "\" hits=\"%d\" ",
	    line->line, line->reached);
	if (line->taken_len == 0) {
		evbuffer_add_printf(view->out, "branch=\"false\"/>\n");
		return;
	}
	for (uint32_t i = 0; i < line->taken_len; i++)
		taken += line->taken[i];
	evbuffer_add_printf(view->out,
	    "branch=\"true\" condition-coverage=\"%" PRIu32 "%% (%" PRIu32 "/%" PRIu32
	    ")\"/>\n",
	    taken * 100 / line->taken_len, taken, line->taken_len);
}

static void
end_file(const struct export_view *view, struct line_count lines)
{
	(void)lines;
	evbuffer_add_printf(view->out, "</lines></class>\n");
}

static void
end(const struct export_view *view)
{
	evbuffer_add_printf(
	    view->out, "</classes></package></packages>\n</coverage>\n");
}

const struct export_format export_cobertura = {
	.content_type = "application/xml",
	.blank = "\n",
	.begin = begin,
	.begin_file = begin_file,
	.line = line,
	.end_file = end_file,
	.end = end,
};
