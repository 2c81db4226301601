/* SPDX-License-Identifier: MIT
 * Why a job failed, in one sentence for the user; in the symbolizer.
 */
#ifndef FUZZSUP_FAILURE_H
#define FUZZSUP_FAILURE_H

struct failure {
	char text[1024]; /* empty: nothing was said */
};

/* Says what went wrong, where, and what helps; replaces what was said before. Returns
 * -@error, so that it can stand in a return statement. */
int failure_say(struct failure *failure, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends a remark, "; " between it and what stands there. */
void failure_add(struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
