/* SPDX-License-Identifier: MIT
 * Making a job of its block in the configuration: what that says, and what only the
 * supervisor knows.
 */
#ifndef FUZZSUP_JOB_MAKE_H
#define FUZZSUP_JOB_MAKE_H

#include "conf.h"
#include "jobs.h"

/* Makes a job, for job_free(), and its folder. What keeps it from running is no error but
 * its problem. Returns 0 or -errno. */
int job_make(const struct jobs *jobs, const struct conf_target *target,
    const struct conf_job *conf, struct job **ret_job);
void job_free(struct job *job);

/* Puts its spec together (anew). Returns 0 or -errno. */
int job_complete(const struct jobs *jobs, const struct conf_target *target,
    const struct conf_job *conf, struct job *job);

/* It is not run, and shown with the reason; the first one counts. */
void job_refuse(struct job *job, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
