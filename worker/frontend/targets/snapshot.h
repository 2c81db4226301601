/* SPDX-License-Identifier: MIT
 * The only reader of the shared directory: a private copy of its last generation.
 */
#ifndef FUZZSUP_SNAPSHOT_H
#define FUZZSUP_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "directory.h"

struct snapshot {
	struct directory *directory; /* shared */
	unsigned slot;               /* of ours, in its lock */
	uint64_t generation;         /* of the copy; 0: none yet */
	size_t len;
	struct directory_target *targets; /* the copy, sorted by name */
};

/* Maps the directory behind @fd, which stays the caller's. Returns 0, -EPROTO if it is
 * none, or a negative errno. */
int snapshot_open(struct snapshot *snapshot, int fd, unsigned slot);
void snapshot_close(struct snapshot *snapshot);

/* Brings the copy up to date; never waits. Returns 1 if it is a new generation, 0 if
 * nothing changed, or -EAGAIN if the writer was in the way: try again soon. */
int snapshot_refresh(struct snapshot *snapshot);

#endif
