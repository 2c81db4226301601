/* SPDX-License-Identifier: MIT
 * lcov's tracefiles, after geninfo(1); in the front-end.
 */
#include "config.h"

#include <inttypes.h>
#include <stddef.h>
#include <event2/buffer.h>

#include "export_format.h"
#include "banned.h"

static void
begin_file(const struct export_view *view, uint32_t file, struct line_count lines,
    bool is_first)
{
	const char *directory, *name;

	(void)lines;
	(void)is_first;
	export_path(view, file, &directory, &name);
	evbuffer_add_printf(view->out, "TN:\nSF:%s/%s\n", directory, name);
}

static void
function(const struct export_view *view, const struct export_function *function)
{
	evbuffer_add_printf(view->out, "FN:%" PRIu32 ",%s\nFNDA:%d,%s\n",
	    function->line, function->name, function->entered, function->name);
}

static void
end_functions(const struct export_view *view, struct line_count functions)
{
	evbuffer_add_printf(view->out, "FNF:%" PRIu32 "\nFNH:%" PRIu32 "\n",
	    functions.found, functions.hit);
}

static void
line(const struct export_view *view, const struct export_line *line)
{
	for (uint32_t i = 0; i < line->taken_len; i++)
		evbuffer_add_printf(view->out, "BRDA:%" PRIu32 ",0,%" PRIu32 ",%s\n",
		    line->line, i,
		    !line->reached       ? "-"
			: line->taken[i] ? "1"
					 : "0");
	evbuffer_add_printf(
	    view->out, "DA:%" PRIu32 ",%d\n", line->line, line->reached);
}

static void
end_file(const struct export_view *view, struct line_count lines)
{
	if (view->file_branches.found > 0)
		evbuffer_add_printf(view->out, "BRF:%" PRIu32 "\nBRH:%" PRIu32 "\n",
		    view->file_branches.found, view->file_branches.hit);
	evbuffer_add_printf(view->out,
	    "LF:%" PRIu32 "\nLH:%" PRIu32 "\nend_of_record\n", lines.found, lines.hit);
}

const struct export_format export_lcov = {
	.content_type = "text/plain; charset=utf-8",
	.blank = "TN:\n",
	.begin_file = begin_file,
	.function = function,
	.end_functions = end_functions,
	.line = line,
	.end_file = end_file,
};
