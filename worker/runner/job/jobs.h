/* SPDX-License-Identifier: MIT
 * The jobs that the runner has, and who may run now where they take turns.
 */
#ifndef FUZZSUP_JOBS_H
#define FUZZSUP_JOBS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "channel.h"

struct jobs;

/* Sends for the jobs; @context is the one of jobs_new(). */
/* Returns false where the message was not taken: it is sent again in a second, with what is
 * true then. */
typedef bool (*jobs_send_cb)(const struct message *message, void *context);

/* A minder died; what was below it fell to the runner. */
typedef void (*jobs_lost_cb)(void *context);

int jobs_new(struct event_base *base, jobs_send_cb send_cb, jobs_lost_cb lost_cb,
    void *context, struct jobs **ret_jobs);

/* Ends all that runs, at once. */
void jobs_free(struct jobs *jobs);

/* TURNS, RUN_JOB, WISH_JOB and FORGET_JOB. Returns 0, or a negative errno for what is
 * none. */
int jobs_take(struct jobs *jobs, const struct message *message);

/* Asks all that runs to end, for good. True while something does. */
void jobs_end(struct jobs *jobs);
bool jobs_run(const struct jobs *jobs);

/* True if @pid is a minder, or tries a program or folders for a job. */
bool jobs_have_child(const struct jobs *jobs, pid_t pid);

#endif
