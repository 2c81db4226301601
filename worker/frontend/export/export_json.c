/* SPDX-License-Identifier: MIT
 * What `llvm-cov export -format=text` writes, version 2.0.1 of it; in the front-end.
 *
 * A segment says what count holds from its place on. Of a line we know whether it ran, and
 * nothing of columns: a line is a segment of its own, and one that counts nothing stands before
 * lines of which nothing is told.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>

#include "export_format.h"
#include "json_text.h"
#include "banned.h"

/* With quotes. */
static void
add_text(struct evbuffer *out, const char *text)
{
	json_t *value = json_text(text);
	char *dumped = json_dumps(value, JSON_ENCODE_ANY);

	evbuffer_add_printf(out, "%s", dumped != NULL ? dumped : "\"\"");
	free(dumped);
	json_decref(value);
}

static void
add_path(const struct export_view *view, uint32_t file)
{
	const char *directory, *name;
	char path[8192];

	export_path(view, file, &directory, &name);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	add_text(view->out, path);
}

static void
add_counts(struct evbuffer *out, const char *name, struct line_count count)
{
	evbuffer_add_printf(out,
	    "\"%s\":{\"count\":%" PRIu32 ",\"covered\":%" PRIu32
	    ",\"notcovered\":%" PRIu32 ",\"percent\":%.6g}",
	    name, count.found, count.hit, count.found - count.hit,
	    count.found > 0 ? 100.0 * count.hit / count.found : 0.0);
}

/* What llvm-cov always has, though nothing is known of it. */
static void
add_summary(struct evbuffer *out, struct line_count lines, struct line_count functions,
    struct line_count branches)
{
	static const char *const none[] = { "instantiations", "mcdc", "regions" };

	evbuffer_add_printf(out, "{");
	add_counts(out, "lines", lines);
	evbuffer_add_printf(out, ",");
	add_counts(out, "functions", functions);
	evbuffer_add_printf(out, ",");
	add_counts(out, "branches", branches);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		evbuffer_add_printf(out,
		    ",\"%s\":{\"count\":0,\"covered\":0,\"notcovered\":0,\"percent\":"
		    "0}",
		    none[i]);
	evbuffer_add_printf(out, "}");
}

static void
begin(const struct export_view *view)
{
	evbuffer_add_printf(view->out, "{\"data\":[{\"files\":[");
}

static void
begin_file(const struct export_view *view, uint32_t file, struct line_count lines,
    bool is_first)
{
	(void)lines;
	evbuffer_add_printf(view->out,
	    "%s\n{\"branches\":[],\"expansions\":[],\"filename\":",
	    is_first ? "" : ",");
	add_path(view, file);
	evbuffer_add_printf(view->out, ",\"segments\":[");
	*view->last_line = 0;
}

static void
line(const struct export_view *view, const struct export_line *line)
{
	if (*view->last_line != 0 && line->line != *view->last_line + 1)
		evbuffer_add_printf(view->out, ",[%" PRIu32 ",1,0,false,false,false]",
		    *view->last_line + 1);
	evbuffer_add_printf(view->out, "%s[%" PRIu32 ",1,%d,true,true,false]",
	    *view->last_line != 0 ? "," : "", line->line, line->reached);
	*view->last_line = line->line;
}

static void
end_file(const struct export_view *view, struct line_count lines)
{
	if (*view->last_line != 0)
		evbuffer_add_printf(view->out, ",[%" PRIu32 ",1,0,false,false,false]",
		    *view->last_line + 1);
	evbuffer_add_printf(view->out, "],\"summary\":");
	add_summary(view->out, lines, view->file_functions, view->file_branches);
	evbuffer_add_printf(view->out, "}");
}

static void
end(const struct export_view *view)
{
	evbuffer_add_printf(view->out, "\n],\"functions\":[],\"totals\":");
	add_summary(view->out, view->lines, view->functions, view->branches);
	evbuffer_add_printf(view->out,
	    "}],\"type\":\"llvm.coverage.json.export\",\"version\":\"2.0.1\"}\n");
}

const struct export_format export_json = {
	.content_type = "application/json",
	.blank = "\n",
	.begin = begin,
	.begin_file = begin_file,
	.line = line,
	.end_file = end_file,
	.end = end,
};
