/* SPDX-License-Identifier: MIT
 * What the control socket is asked about jobs.
 */
#ifndef FUZZSUP_CONTROL_JOBS_H
#define FUZZSUP_CONTROL_JOBS_H

#include "message.h"
#include "supervisor.h"

struct evbuffer;

/* Of the jobs that @name names, or all if it is NULL, a line each: TARGET/JOB, engine,
 * state, instances that run, instances, starts, pid, executions, executions per second,
 * crashes, bytes of memory, Unix time of the state in milliseconds, reason; "-" for what
 * nobody knows. */
void control_jobs(
    struct supervisor *supervisor, const char *name, struct evbuffer *reply);

/* Starts, stops or restarts the jobs that @name names; a line with the name of each. */
void control_wish(struct supervisor *supervisor, const char *name, enum job_wish wish,
    struct evbuffer *reply);

/* A line each: TARGET/JOB, instances, folder with the logs. */
void control_logs(
    struct supervisor *supervisor, const char *name, struct evbuffer *reply);

#endif
