/* SPDX-License-Identifier: MIT
 * What the sources of one build say of its lines (line_shapes.h), read once, for all answers; and
 * shapes.bin; in the front-end.
 */
#ifndef FUZZSUP_SOURCE_SHAPES_H
#define FUZZSUP_SOURCE_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evhttp_request;
struct source_roots;
struct source_shapes;
struct target;
struct target_blocks;

/* Of the files that @blocks name, below @roots. @exclude: prefixes of paths there, one a line, of
 * what is counted apart. A source that was changed after @built_ms (Unix;
 * 0: not known) has none: its lines are others by now. Counts references; NULL: out of memory. */
struct source_shapes *source_shapes_new(struct target_blocks *blocks,
    const struct source_roots *roots, const char *exclude, int64_t built_ms);
struct source_shapes *source_shapes_ref(struct source_shapes *shapes);
void source_shapes_unref(struct source_shapes *shapes);

/* Reads some sources, a quarter of a megabyte or one file. True when all are read. */
bool source_shapes_step(struct source_shapes *shapes);

/* Looks again at some of the sources, when all were read, without reading them. True at the end of
 * a round: the next call begins another one. */
bool source_shapes_look(struct source_shapes *shapes);

/* How many sources were changed since the executable was built, or since they were read, and how
 * many are not there: when they were read, and as of the last round of looks. */
struct source_changes {
	uint32_t changed, missing;
};
struct source_changes source_shapes_changes(const struct source_shapes *shapes);

/* Whether @file, which was read, is counted apart. */
bool source_shapes_excludes(const struct source_shapes *shapes, uint32_t file);

/* Borrows the shapes of @file; none of one that has not been read. */
const unsigned char *source_shapes_of(
    const struct source_shapes *shapes, uint32_t file, size_t *ret_len);

/* Answers with all of them, as struct wire_shapes says: as they are read. */
void source_shapes_serve(struct evhttp_request *request, struct target *target);

#endif
