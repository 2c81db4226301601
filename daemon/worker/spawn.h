/* SPDX-License-Identifier: MIT
 * Starts a worker by exec with its heritage (common/message/heritage.h) and nothing else.
 */
#ifndef FUZZSUP_SPAWN_H
#define FUZZSUP_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "heritage.h"

struct spawn_request {
	const char *folder; /* of the program */
	const char *name;   /* of the worker: the program is fuzzsupd-NAME */
	int channel;        /* the worker's end; stays the caller's, as do the others */
	int log;            /* its standard output and error */
	int news;           /* -1: /dev/null instead */
	int directory;      /* -1: /dev/null instead */
	int edges[EDGES_LEN]; /* the worker's ends; -1: /dev/null instead */
	int log_level;
	bool sandbox;
	bool cut_off; /* directories are, see detached.h */
	uid_t uid;
	gid_t gid;
	unsigned slot;
};

/* Returns 0, or a negative errno if there is no such program or no process. */
int spawn_worker(const struct spawn_request *request, pid_t *ret_pid, int *ret_pidfd);

/* Folder of the workers: FUZZSUPD_LIBEXEC, else where they are installed. */
const char *spawn_folder(void);

/* Folder of the page's files: FUZZSUPD_WEB, else where they are installed. */
const char *spawn_web_folder(void);

#endif
