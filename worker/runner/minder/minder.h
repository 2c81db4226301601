/* SPDX-License-Identifier: MIT
 * The process around one instance of a job: starts it, keeps its log and its limits, and
 * ends its whole tree. A fork of the runner; it reads nothing of what it passes on, but for
 * the protocol of Zig's tests.
 *
 * It is the subreaper of the instance's tree, so that what forks twice and calls setsid
 * still falls to it. SIGTERM asks it to end the instance as the engine likes, and after
 * stop_timeout_ms by SIGKILL; when the runner dies it ends everything at once.
 */
#ifndef FUZZSUP_MINDER_H
#define FUZZSUP_MINDER_H

#include <stdint.h>
#include <sys/types.h>

#include "launch.h"

enum minder_event_kind {
	MINDER_STARTED, /* value: the instance's pid */
	MINDER_REFUSED, /* value: errno; text: what could not be done */
	MINDER_MEMORY,  /* value: bytes resident of the tree */
	MINDER_LOG, /* value: errno with which its log is not written; 0: it is again */
	MINDER_ENTRY, /* value: link-time address of an entry point (Zig) */
	MINDER_NOTE,  /* text: what is wrong though it runs, or empty again */
	MINDER_UNFIT, /* text: why it cannot be run, however often; it is ended */
	MINDER_ENDED, /* value: status as of wait(2); text: why we ended it, or empty */
};

/* What a minder writes into its pipe; never more than fits at once. */
struct minder_event {
	uint32_t kind;
	uint32_t reserved;
	uint64_t value;
	char text[240];
};
_Static_assert(sizeof(struct minder_event) == 256, "minder event");

struct minder {
	pid_t pid;
	int pidfd;
	int events; /* to be read from, does not block; its end: the minder is dead */
};

/* Returns 0 or a negative errno. */
int minder_start(const struct launch *launch, struct minder *ret_minder);

#endif
