/* SPDX-License-Identifier: MIT
 * The source index of a target: message 1 of the reference's protocol, and index.bin.
 */
#ifndef FUZZSUP_SOURCE_INDEX_H
#define FUZZSUP_SOURCE_INDEX_H

#include "frame.h"
#include "source_names.h"

/* Builds it from @table, whose locations it refers to through @shared (data and len are
 * set here), and @paths, which are its files and perhaps more. @start: ns since the server's
 * start. Returns 0 or -ENOMEM; then @shared is still the caller's. */
int source_index_new(const struct source_table *table, const struct source_paths *paths,
    const struct source_roots *roots, int64_t start, struct frame_shared shared,
    struct frame **ret_frame);

/* Directory and base name of a file as clients know them, within @index. @file must be
 * one of its paths. */
void source_index_file_name(struct frame *index, uint32_t file,
    const char **ret_directory, const char **ret_name);

#endif
