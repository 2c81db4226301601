/* SPDX-License-Identifier: MIT
 * Whether a job can keep what it finds: its folders are made, and tried as its user, by a
 * child, before an instance starts and every ten seconds while one runs.
 */
#ifndef FUZZSUP_JOB_PROBE_H
#define FUZZSUP_JOB_PROBE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "probe.h"

#define JOB_PROBE_ITEMS_MAX 48
#define JOB_PROBE_WORDS_MAX 288

struct job;

struct job_probe {
	struct probe probe; /* pid 0: none runs */
	struct event *readable;
	pid_t stuck; /* killed, in a system call that hangs; 0: none */
	int64_t begun_ms;
	int64_t next_ms; /* not before that, monotonic */
	int64_t good_until_ms;
	unsigned failures; /* in a row */
	unsigned answers;
	unsigned items_len;
	uint8_t losses[JOB_PROBE_ITEMS_MAX]; /* what is lost if an item fails */
	/* What was found last; and by the one that runs, so far. */
	bool refuses, now_refuses;
	bool waits, now_waits; /* it refuses for what is not there yet */
	char words[JOB_PROBE_WORDS_MAX], now[JOB_PROBE_WORDS_MAX];
	bool loses, now_loses;    /* finds, while instances ran */
	int64_t lost_ms, kept_ms; /* Unix: from when to when it lost them last */
};

/* True if an instance may start; else it was begun to find out, or waits until it is tried
 * again, and job->changed is called when that is known. */
bool job_probe_allows(struct job *job, int64_t now);

/* True if nothing may start for what was found; and if that is for something that may come. */
bool job_probe_refuses(const struct job *job);
bool job_probe_waits(const struct job *job);

/* What is lost, and why; empty where all is kept. */
const char *job_probe_words(const struct job *job);

/* When finds were lost that instances which still run hold, and will not write again: a
 * sentence; empty where there are none. */
const char *job_probe_past(const struct job *job);

/* True while its reason tells what is lost, or would be if it ran, or what the machine lacks
 * that a start takes. */
bool job_loses(const struct job *job);

/* Once a second. */
void job_probe_tick(struct job *job, int64_t now);

/* It is tried again at once when somebody asks. */
void job_probe_forget(struct job *job);

void job_probe_close(struct job *job);

#endif
