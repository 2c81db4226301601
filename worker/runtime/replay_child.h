/* SPDX-License-Identifier: MIT
 * The process that runs inputs, one after the other, until one of them ends it; in the
 * replay driver.
 */
#ifndef FUZZSUP_REPLAY_CHILD_H
#define FUZZSUP_REPLAY_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct replay_child {
	unsigned char *input; /* shared; size_max bytes */
	size_t size_max;
	unsigned timeout_ms; /* of one input */
	uint64_t memory_max; /* bytes resident; 0: none */
	int *argc;           /* for LLVMFuzzerInitialize */
	char ***argv;
	const volatile sig_atomic_t *stop; /* not 0: no input is worth waiting for */
	pid_t pid;                         /* 0: there is none */
	int socket, pidfd;
};

enum replay_end {
	REPLAY_OK,
	REPLAY_CRASH, /* it ended the process; see the status */
	REPLAY_HANG,  /* it took longer than timeout_ms */
	REPLAY_BROKEN /* the process cannot be started, or ends before any input */
};

/* Maps the shared input. Returns 0 or a negative errno. */
int replay_child_begin(struct replay_child *child);

/* Runs @len bytes of child->input; starts a process where there is none. Outputs the
 * process' wait status if it ended. With REPLAY_BROKEN errno is set: ECHILD if the process
 * has ended. */
enum replay_end replay_child_run(
    struct replay_child *child, size_t len, int *ret_status);

/* Ends the process in the orderly way: its exit handlers run. */
void replay_child_end(struct replay_child *child);

#endif
