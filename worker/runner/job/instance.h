/* SPDX-License-Identifier: MIT
 * What follows from the end of an instance, and from a start that came to nothing; in the
 * runner.
 */
#ifndef FUZZSUP_INSTANCE_H
#define FUZZSUP_INSTANCE_H

#include "job.h"

#define FAST_MS 5000 /* an end so soon after the start is none of a run */
#define LOOP_ENDS 3  /* fast ends in a row that are no accident */

/* @ms, doubled @times; @max at most. */
int64_t job_doubled(int64_t ms, unsigned times, int64_t max);

/* True if the machine has not now what it may have soon. */
bool instance_is_shortage(int error);

/* What @error lacks, and the remedy; @what could not be done for want of it. */
void instance_describe_shortage(
    int error, const char *what, char *ret_text, size_t size);

/* It is not started again. */
void instance_fail(struct instance *instance, const char *words);

/* It could not be started for want of something, and is tried again. */
void instance_lack(struct instance *instance, int error, const char *what);

/* It ended after @ran ms, or could not be executed, and nobody asked for that. */
void instance_follow_end(struct instance *instance, int64_t ran);

#endif
