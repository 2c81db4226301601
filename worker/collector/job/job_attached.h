/* SPDX-License-Identifier: MIT
 * The instances of an AFL++ that somebody else runs; in the collector.
 */
#ifndef FUZZSUP_JOB_ATTACHED_H
#define FUZZSUP_JOB_ATTACHED_H

#include "job_state.h"

#define JOB_ATTACHED_NAME_MAX 64

struct job_attached {
	char executable[256]; /* file name of the target's */
	char names[JOB_INSTANCES_MAX][JOB_ATTACHED_NAME_MAX]; /* of their folders */
	struct job_fuzzer fuzzers[JOB_INSTANCES_MAX], told[JOB_INSTANCES_MAX];
	unsigned told_len;
	bool has_told;
	int64_t next_ms; /* monotonic: when the folder is listed again */
};

/* Looks for instances that came since, now and then; they are never fewer. */
void job_attached_look(struct job *job);

/* The stats of instance @number changed, as @file is now. */
void job_attached_heard(
    struct job *job, unsigned number, uint64_t pid, const struct job_file_id *file);

/* Whether a command line as AFL++ tells it runs the target's own executable. */
bool job_attached_runs_target(
    const struct job_attached *attached, struct job_text command);

#endif
