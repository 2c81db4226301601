/* SPDX-License-Identifier: MIT
 * The formats that line coverage is exported in; in the front-end.
 */
#ifndef FUZZSUP_EXPORT_FORMAT_H
#define FUZZSUP_EXPORT_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "line_job.h"

struct block_table;
struct evbuffer;

/* What is exported, as far as formats ask. */
struct export_view {
	struct evbuffer *out;
	const struct block_table *blocks;
	const char *target;
	struct line_count lines; /* of a known state, of all files */
	/* of the file at hand; of all so far */
	struct line_count file_functions, functions;
	/* ways out of lines of a known state: of the file at hand; of all files */
	struct line_count file_branches, branches;
	int64_t now_ms;      /* Unix */
	uint32_t *last_line; /* a format's own: of the file at hand; 0: none yet */
};

struct export_function {
	const char *name; /* as its symbol has it */
	uint32_t line;
	bool entered;
};

struct export_line {
	uint32_t line;
	bool reached;
	const bool *
	    taken; /* each way out of it, by where it leads; none where there is one alone */
	uint32_t taken_len;
};

/* What comes one after the other; each writes to @view->out. A file is its number in the block
 * table, with its lines of a known state; functions come before lines. NULL: nothing. */
struct export_format {
	const char *content_type;
	const char *blank; /* says nothing before the beginning; not empty */
	void (*begin)(const struct export_view *view);
	void (*begin_file)(const struct export_view *view, uint32_t file,
	    struct line_count lines, bool is_first);
	void (*function)(
	    const struct export_view *view, const struct export_function *function);
	void (*end_functions)(
	    const struct export_view *view, struct line_count functions);
	void (*line)(const struct export_view *view, const struct export_line *line);
	void (*end_file)(const struct export_view *view, struct line_count lines);
	void (*end)(const struct export_view *view);
};

extern const struct export_format export_lcov, export_json, export_cobertura;

/* Its directory and name, at the end of which @file lies on the disk that it was built from. */
void export_path(const struct export_view *view, uint32_t file,
    const char **ret_directory, const char **ret_name);

#endif
