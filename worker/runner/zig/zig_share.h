/* SPDX-License-Identifier: MIT
 * What instances of a Zig job that fuzz the same tests find, for each other: a file an
 * instance in the job's folder, written by its minder, read by the others'. Since the
 * files stay, an instance that was away learns what came meanwhile.
 */
#ifndef FUZZSUP_ZIG_SHARE_H
#define FUZZSUP_ZIG_SHARE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "launch.h"

struct zig_share {
	int folder; /* the job's; not owned */
	const struct zig_task *task;
	int own; /* -1: cannot be written */
	struct zig_other {
		int fd; /* -1: not there yet */
		off_t read;
	} *others; /* of each that fuzzes the same, and itself */
	size_t others_len, next;
	unsigned char *input;
};

/* Returns 0 or a negative errno. It is open for as long as its minder lives. */
int zig_share_open(struct zig_share *share, int folder, const struct zig_task *task);

/* Adds a find. Returns 0 or a negative errno. */
int zig_share_add(struct zig_share *share, const unsigned char *bytes, size_t len);

/* Returns the length of the next find of another instance, valid until the next call,
 * -EAGAIN if there is none, or another negative errno. */
ssize_t zig_share_next(struct zig_share *share, const unsigned char **ret_bytes);

#endif
