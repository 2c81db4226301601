/* SPDX-License-Identifier: MIT
 * Who runs as whom: workers as one user, jobs never as the same one where the service was
 * started by root, or a job could stop what watches it.
 */
#ifndef FUZZSUP_USERS_H
#define FUZZSUP_USERS_H

#include <stddef.h>
#include <sys/types.h>

#include "probe.h"

#define USER_GROUPS_MAX (PROBE_GROUPS_MAX - 1)
#define USER_NAME_MAX 64

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_GROUPS_MAX]; /* supplementary; empty unless root started us */
	size_t groups_len;
	char name[USER_NAME_MAX]; /* or its number */
};

/* That workers run as: @name, or if that is NULL fuzzsupd, or if there is none a number
 * that nobody has; whoever started us if that is not root. As users_of_job() where it
 * fails. */
int users_of_workers(const char *name, struct user *ret_user);

/* That a job runs as: @name (a name, UID or UID:GID), or if that is NULL fuzzjob, or if
 * there is none (or it is @workers) nobody; whoever started us if that is not root.
 * Returns 0; -ENOENT: there is no such user; -EPERM: only root can become it; -EBUSY: it
 * is @workers; -E2BIG: it is in too many groups. */
int users_of_job(const char *name, uid_t workers, struct user *ret_user);

/* What such an error means, and what to do. */
const char *users_problem(int error);

/* Supplementary groups as "4,27"; empty where there are none. */
void users_print_groups(const struct user *user, char *ret_text, size_t size);

/* With all its groups. */
struct probe_user users_for_probe(const struct user *user);

#endif
