/* SPDX-License-Identifier: MIT
 * Looks for new seeds while AFL++ runs; in the minder of a job's first instance.
 */
#ifndef FUZZSUP_SEEDS_WATCH_H
#define FUZZSUP_SEEDS_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "launch.h"
#include "seeds.h"

struct seeds_watch {
	struct seeds_result *result; /* shared with the process that looks */
	uint64_t state;
	int64_t looked_ms, imported_ms; /* monotonic */
	pid_t pid;                      /* of that process; 0: none */
};

/* Once an instance runs. Without memory it watches nothing. */
void seeds_watch_start(struct seeds_watch *watch, const struct launch *launch);

/* Starts a process of the job's user where something changed; at most every two seconds. */
void seeds_watch_look(
    struct seeds_watch *watch, const struct launch *launch, int64_t now_ms);

/* A child ended. True if it was that process; its @ret_imported seeds are new. */
bool seeds_watch_ended(
    struct seeds_watch *watch, pid_t pid, int status, uint32_t *ret_imported);

#endif
