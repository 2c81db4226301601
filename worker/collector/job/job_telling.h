/* SPDX-License-Identifier: MIT
 * The one line of what a run of a job said that tells most about its end: pure functions
 * of bytes; in the collector.
 */
#ifndef FUZZSUP_JOB_TELLING_H
#define FUZZSUP_JOB_TELLING_H

#include <stdint.h>

#include "job_text.h"
#include "job_types.h"

#define JOB_TELLING_WINDOW 32768 /* bytes; what was said so long before tells nothing */

/* Zeroed at the start of a run. */
struct job_telling {
	uint8_t score;   /* 0: no line so far */
	uint8_t follows; /* enum follows: what its next lines add to it */
	uint8_t patience;
	uint32_t since; /* bytes said after it */
	char line[JOB_LINE_MAX];
};

/* Looks at the next line, without its line feed, of any bytes. */
void job_telling_take(struct job_telling *telling, struct job_text line);

/* The line so far, "" if none told anything: valid UTF-8 without control characters, and
 * without what reorders text. */
const char *job_telling_line(const struct job_telling *telling);

#endif
