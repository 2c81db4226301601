/* SPDX-License-Identifier: MIT
 * Whether a user could write, read, enter or execute something: tried, by a child that
 * becomes this user, since rights, quotas, full disks and security modules together are
 * what no look at modes tells. A file system that hangs holds up the child alone.
 */
#ifndef FUZZSUP_PROBE_H
#define FUZZSUP_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROBE_GROUPS_MAX 65 /* with its own */

enum probe_kind {
	PROBE_WRITE,   /* a new file into this folder */
	PROBE_READ,    /* this folder */
	PROBE_ENTER,   /* this folder */
	PROBE_EXECUTE, /* this file */
	PROBE_INPUTS,  /* all inputs in this folder, if it can be read itself */
	PROBE_REPLAY,  /* likewise, of those that the replay driver reads */
};

struct probe_item {
	enum probe_kind kind;
	bool as_we_are; /* before the child becomes the user; those come first */
	bool may_miss;
	bool
	    shared; /* by users of several jobs: none of them may lock out the others */
	const char *path;
};

struct probe_user {
	uid_t uid;
	gid_t gid;
	gid_t groups[PROBE_GROUPS_MAX];
	size_t groups_len;
};

struct probe {
	pid_t pid; /* 0: none */
	int fd;    /* does not block; readable when there is an answer */
};

/* One for each item, in their order, until the first behind the last: PROBE_DONE. */
#define PROBE_DONE UINT32_MAX
struct probe_answer {
	uint32_t item;
	int32_t error;  /* errno; 0: well */
	char text[504]; /* "PATH: what is wrong; what to do" */
};

/* What the child does first, as we are. Returns 0, or a negative errno, which ends it,
 * with a sentence in @ret_text; that is the answer for PROBE_DONE. */
typedef int (*probe_first_cb)(void *context, char *ret_text, size_t size);

/* Becomes the user, with all groups and for good; dies with its parent from then on. Returns
 * 0 or a negative errno. */
int probe_become(const struct probe_user *user);

/* Starts a child; @first may be NULL. @keep (-1: none) stays open for @first. 0 or a
 * negative errno. */
int probe_start(const struct probe_user *user, const struct probe_item *items,
    size_t len, probe_first_cb first, void *context, int keep, struct probe *ret_probe);

/* Takes the next answer. 0; -EAGAIN: there is none yet; -EPIPE: the child ended without
 * PROBE_DONE. */
int probe_read(struct probe *probe, struct probe_answer *ret_answer);

/* Ends it. Returns true if its pid is free again; else the kernel holds it, in a call that
 * hangs, and probe_reap() is to be asked now and then. */
bool probe_end(struct probe *probe);
bool probe_reap(pid_t pid);

/* The same of any child that may hang. */
bool probe_kill(pid_t pid);

#endif
