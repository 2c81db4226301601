/* SPDX-License-Identifier: MIT
 * The program of a job as it lies on disk: which build it is, and whether that one can be
 * executed; in the runner.
 */
#ifndef FUZZSUP_PROGRAM_H
#define FUZZSUP_PROGRAM_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "probe.h"

struct program {
	char path[4096];
	bool is_there;
	struct stat st;
};

/* Looks for @name, with a slash a path, else in PATH. */
struct program program_look(const char *name);

/* True if both are the same build, or none. */
bool program_same(const struct program *a, const struct program *b);

/* Finds out whether a program could be executed now, and does not run it: a process of its
 * own becomes @user and executes it under ptrace, so that the kernel stops it
 * before its first instruction. Before that it looks whether somebody has the file open
 * for writing, and whether an ELF file is as long as its headers say, for what the kernel
 * executes need not be complete. */
struct program_probe {
	struct program program; /* that was asked about */
	pid_t pid;              /* 0: none runs */
	int from;
	struct event *readable;
	void (*answer)(void *context, int error, const char *why);
	void *context;
};

/* Calls @answer later: @error is 0, or a negative errno that @why explains. Returns 0 or a
 * negative errno. */
int program_probe_start(struct program_probe *probe, struct event_base *base,
    const struct program *program, const struct probe_user *user,
    void (*answer)(void *context, int error, const char *why), void *context);

/* Ends it, if it runs; @answer is not called. */
void program_probe_end(struct program_probe *probe);

#endif
