/* SPDX-License-Identifier: MIT
 * Gives up, for good, whatever a worker does not need. Called once, right before its
 * loop, when every descriptor that it starts with is open.
 *
 * Layers, each used as far as the kernel allows, a missing one is a warning and never a
 * failure: an empty root directory (as root by chroot, else in a user namespace),
 * another user, no_new_privs, Landlock, rlimits, seccomp.
 */
#ifndef FUZZSUP_SANDBOX_H
#define FUZZSUP_SANDBOX_H

#include "heritage.h"

enum sandbox_kind {
	SANDBOX_SYMBOLIZER, /* memory, and the descriptors that it is sent; nothing else */
	SANDBOX_FRAMES,     /* the same with tighter limits, for a user who waits */
	SANDBOX_COLLECTOR, /* reads below directories that it is sent; inotify (fchdir,
	                       then "."), since no path leads anywhere */
	SANDBOX_FRONTEND, /* accepts connections; reads below directories that it is sent */
	SANDBOX_ARCHIVE,  /* reads and writes in the folder that is its own, and nowhere else */
	SANDBOX_KINDS_LEN
};

/* Of SANDBOX_FRAMES, in seconds of one core for each answer; SIGXCPU tells that they were
 * used up. */
#define SANDBOX_FRAMES_SECONDS 30

/* Returns 0, or a negative errno if a layer that exists here could not be put on. With
 * heritage->sandbox false it does nothing but log a warning. */
int sandbox_enter(enum sandbox_kind kind, const struct heritage *heritage);

/* In SANDBOX_FRAMES: an answer was given, so there are SANDBOX_FRAMES_SECONDS more from now
 * on. Elsewhere it does nothing. Cheap. */
void sandbox_go_on(void);

#endif
