/* SPDX-License-Identifier: MIT
 * The jobs as the supervisor tells of them, and what browsers may see and ask of them.
 */
#ifndef FUZZSUP_FRONTEND_JOBS_H
#define FUZZSUP_FRONTEND_JOBS_H

#include "channel.h"
#include "targets.h"

struct evhttp_request;
struct job_list;

/* Sends wishes on @channel, which it does not own. NULL without memory. */
struct job_list *job_list_new(struct channel *channel);
void job_list_free(struct job_list *list);

/* SERVE_JOB (takes @fd, else -1), JOB_STATE, JOB_STATS, FORGET_JOB. 0 or a negative
 * errno. */
int job_list_take(struct job_list *list, const struct message *message, int fd);

/* Answers /api/v1/jobs (?target=NAME: those of one alone; ?by=target: a sum for each
 * target), and what stands below it in @rest: TARGET/JOB/log with the last bytes of an
 * instance's log (?instance=N), and by POST TARGET/JOB/start, stop and restart. */
void job_list_serve(struct job_list *list, const struct targets *targets,
    struct evhttp_request *request, const char *rest);

#endif
