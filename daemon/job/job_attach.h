/* SPDX-License-Identifier: MIT
 * A job that somebody else runs: what is known of it, and whether it runs.
 */
#ifndef FUZZSUP_JOB_ATTACH_H
#define FUZZSUP_JOB_ATTACH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "job_types.h"
#include "message.h"

struct job_attach {
	char *path; /* AFL++'s output folder */
	int error;  /* why it cannot be opened; 0: it can */
	dev_t device;
	ino_t inode; /* of the folder that the collector has; 0: none */
	struct job_fuzzer fuzzers[JOB_INSTANCES_MAX];
	bool seen[JOB_INSTANCES_MAX]; /* its process was there */
	size_t len;
};

int job_attach_new(const char *path, struct job_attach **ret_attach);
void job_attach_free(struct job_attach *attach);

/* Opens the folder for the collector. A descriptor or a negative errno. */
int job_attach_open(struct job_attach *attach);

/* True if another folder, or one at all, is there now: the collector is to have it. */
bool job_attach_moved(struct job_attach *attach);

/* Takes what the collector found. 0 or -EPROTO. */
int job_attach_take(struct job_attach *attach, const struct message *message);

/* Works out state, counts and reason at @now_ms, Unix time. True if @report changed. */
bool job_attach_report(
    struct job_attach *attach, int64_t now_ms, struct job_report *report);

#endif
