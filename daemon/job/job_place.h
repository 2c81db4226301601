/* SPDX-License-Identifier: MIT
 * The folder of a job, which may be deleted and made again while workers hold it.
 */
#ifndef FUZZSUP_DAEMON_JOB_PLACE_H
#define FUZZSUP_DAEMON_JOB_PLACE_H

struct job;

/* Opens it for the worker of @outbox, cut off, and keeps in mind which one that was. A
 * descriptor or a negative errno. */
int job_place_open(struct job *job, unsigned outbox);

/* Makes it again where it is not there any more. Returns a bit (1 << outbox) for each worker
 * that holds another one than that which is there now. */
unsigned job_place_look(struct job *job);

#endif
