/* SPDX-License-Identifier: MIT
 * What a worker inherits from the supervisor across exec: descriptors at fixed numbers,
 * and words on its command line. Everything else comes later, by message.
 */
#ifndef FUZZSUP_HERITAGE_H
#define FUZZSUP_HERITAGE_H

#include <stdbool.h>
#include <sys/types.h>

/* Pairs of parties (message.h); edges.h says what for. */
#define EDGES(X) \
	X(FRONTEND, RUNNER) \
	X(FRONTEND, ARCHIVE) \
	X(COLLECTOR, ARCHIVE)

enum edge {
#define X(one, other) EDGE_##one##_##other,
	EDGES(X)
#undef X
	    EDGES_LEN
};

/* Descriptors 0 (/dev/null), 1 and 2 (a pipe to the supervisor, which writes the log), and: */
enum heritage_fd {
	HERITAGE_CHANNEL = 3, /* every worker: SOCK_SEQPACKET to the supervisor */
	HERITAGE_NEWS = 4,    /* collector (writes) and front-end (reads): eventfd, rung
	                           after live segments changed; /dev/null elsewhere */
	HERITAGE_DIRECTORY =
	    5, /* front-end: memfd of the directory; archive: the folder that is
	          its own; /dev/null elsewhere */
	HERITAGE_EXECUTABLE =
	    3,                  /* symbolizer for fuzzsupctl, which has no supervisor */
	HERITAGE_QUESTIONS = 4, /* the same: SOCK_SEQPACKET to fuzzsupctl */
	HERITAGE_EDGES =
	    6, /* one for each edge; /dev/null where a worker is no end of it */
	HERITAGE_END = HERITAGE_EDGES + EDGES_LEN,
};

struct heritage {
	int log_level;
	bool sandbox; /* false only where a developer asked for it (-S) */
	bool cut_off; /* directories that it is sent end at their own root: ".." leads
	                 nowhere (daemon/system/detached.h) */
	uid_t uid;    /* to run as; the current ones where nothing is to be dropped */
	gid_t gid;
	unsigned slot; /* in shared locks */
};

/* Reads "key=value" words of @argv, checks that the parent is still the one that it
 * names and that the descriptors are what they should be, opens the log as @name.
 * Returns 0, or a negative errno after a line on stderr ("is started by fuzzsupd"). */
int heritage_take(
    int argc, char **argv, const char *name, struct heritage *ret_heritage);

#endif
