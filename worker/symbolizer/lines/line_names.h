/* SPDX-License-Identifier: MIT
 * Directories and files of one line table, read when the first row of it is wanted; in
 * the symbolizer.
 */
#ifndef FUZZSUP_LINE_NAMES_H
#define FUZZSUP_LINE_NAMES_H

#include <stdint.h>

#include "byte_reader.h"
#include "line_program.h"

/* Sections that hold the strings of DWARF 5; empty where they are absent. */
struct line_strings {
	struct byte_reader line_str;      /* .debug_line_str */
	struct byte_reader str;           /* .debug_str: large, and mostly not wanted */
	bool str_is_there;                /* false: str was not loaded yet */
	struct byte_reader alternate_str; /* .debug_str of the alternate file */
};

struct line_file {
	struct byte_text name;
	uint64_t directory;
};

/* Zeroed is empty; line_names_read() may be called again and again on one. */
struct line_names {
	uint16_t version;
	struct byte_text *directories;
	size_t directories_len, directories_size;
	struct line_file *files;
	size_t files_len, files_size;
};

/* Reads @table's names; texts point into the sections. Returns 0, -EBADMSG if they are
 * malformed, -ENOTSUP for a form that is not known, -EAGAIN if str is wanted and not
 * there yet, or -ENOMEM. */
int line_names_read(struct line_names *names, const struct line_table *table,
    const struct line_strings *strings);
void line_names_free(struct line_names *names);

/* Path of the file with number @file, to be joined: the unit's directory (absent where
 * the table holds its own), the directory, the name. Returns 0 or -ENOENT. */
int line_names_path(const struct line_names *names, uint32_t file,
    struct byte_text unit_directory, struct byte_text ret_parts[3]);

#endif
