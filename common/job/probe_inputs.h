/* SPDX-License-Identifier: MIT
 * Which inputs in a folder cannot be read.
 */
#ifndef FUZZSUP_PROBE_INPUTS_H
#define FUZZSUP_PROBE_INPUTS_H

#include <limits.h>
#include <stdbool.h>

struct probe_unread {
	unsigned count;
	bool is_folder; /* the first */
	char path[PATH_MAX];
};

/* Looks for what the caller's user cannot read in @path and below, of what engines read
 * there, or (@is_replayed) the replay driver: worker/runtime/replay_watch.h. What makes no
 * end is not looked through to it. */
void probe_inputs(const char *path, bool is_replayed, struct probe_unread *ret_unread);

#endif
