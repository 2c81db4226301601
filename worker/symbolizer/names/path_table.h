/* SPDX-License-Identifier: MIT
 * Interning source paths: each file, directory and string once; in the symbolizer.
 */
#ifndef FUZZSUP_PATH_TABLE_H
#define FUZZSUP_PATH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "byte_reader.h"
#include "wire.h"

#define PATH_TABLE_PATH_MAX 4096                   /* bytes of a joined path */
#define PATH_TABLE_STRINGS_MAX (UINT32_C(1) << 28) /* bytes of all strings */

struct path_table;

/* Whether @path stands for itself, wherever it was compiled: from "/", or as Windows has it
 * ("C:\…", "C:/…", "\\server\…"), whose compilers' objects are linked for others, too. */
bool path_table_is_absolute(struct byte_text path);

/* Returns 0 or -ENOMEM. */
int path_table_new(struct path_table **ret_table);
void path_table_free(struct path_table *table);

/* Joins @parts (an absolute part makes those before it void, absent ones do not count),
 * normalises the path by its text alone ("//", "/./", "/../"), and interns it. Returns 0,
 * -EINVAL if the last part names no file, -ENAMETOOLONG, -ENOSPC when all strings would be
 * more than PATH_TABLE_STRINGS_MAX, or -ENOMEM. */
int path_table_file(struct path_table *table, const struct byte_text *parts,
    size_t parts_len, uint32_t *ret_file);

/* What stands in the table: arrays as in source_table.h, valid until the next change.
 * A file's path is its directory's string, "/", its basename; so the directory of
 * "/x.c" is "", and that of a relative "x.c" is "."; a backslash is a letter. */
const struct wire_file *path_table_files(
    const struct path_table *table, uint32_t *ret_len);
const uint32_t *path_table_directories(
    const struct path_table *table, uint32_t *ret_len);
const char *path_table_strings(const struct path_table *table, uint32_t *ret_len);

#endif
