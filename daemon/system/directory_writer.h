/* SPDX-License-Identifier: MIT
 * Sole writer of the shared directory (common/tables/directory.h).
 */
#ifndef FUZZSUP_DIRECTORY_WRITER_H
#define FUZZSUP_DIRECTORY_WRITER_H

#include <stddef.h>

#include "directory.h"

struct directory_writer;

/* Makes the page set and commits generation 1, without targets. @slot: the writer's.
 * Returns 0 or a negative errno. */
int directory_writer_new(unsigned slot, struct directory_writer **ret_writer);
void directory_writer_free(struct directory_writer *writer);

/* The memfd, to be inherited; stays the writer's. */
int directory_writer_fd(const struct directory_writer *writer);
const struct directory *directory_writer_page(const struct directory_writer *writer);

/* Publishes @targets, sorted by name, as a new generation. Never waits: -EAGAIN means
 * that a reader holds the lock, try again soon. -E2BIG: more than
 * DIRECTORY_TARGETS_MAX. */
int directory_writer_commit(struct directory_writer *writer,
    const struct directory_target *targets, size_t len);

/* The process of @slot is dead and not yet reaped. Returns 1 if it held the lock. */
int directory_writer_recover(struct directory_writer *writer, unsigned slot);

#endif
