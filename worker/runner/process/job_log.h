/* SPDX-License-Identifier: MIT
 * The log of one instance of a job: two files, the newer growing until it takes the
 * older's place; so neither days nor floods fill the disk. In the instance's minder.
 */
#ifndef FUZZSUP_JOB_LOG_H
#define FUZZSUP_JOB_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job_log {
	int folder;       /* not owned */
	const char *path; /* of the folder */
	int fd;           /* -1: cannot be written */
	char name[24], older[32];
	uint64_t size, max; /* bytes: of the newer file, of both together */
	uint64_t budget;    /* bytes that may still be written in this second */
	uint64_t left_out;
	uint64_t safe; /* bytes of the newer file that were seen to be kept */
	uint64_t lost; /* bytes that were not, and that is not said yet */
	bool replaced; /* it went on in another file, which is not said yet */
	bool in_line;  /* the last line has no end yet */
	char
	    held[16]; /* what may become one of our own lines, and is not written yet */
	size_t held_len;
	int error; /* errno of the last write, or of opening it; 0: well */
	int64_t second;
};

/* Opens the log of @instance in @folder, whose path is @path, to go on behind what is there;
 * both files together stay below @max bytes. Returns 0 or a negative errno; each write then
 * tries again. */
int job_log_open(
    struct job_log *log, int folder, const char *path, unsigned instance, uint64_t max);
void job_log_close(struct job_log *log);

/* Goes on in a new file where the one that is written was deleted, or where another folder is
 * at the path: then that takes the number of @folder. The new file says it. To be called once
 * a second. */
void job_log_look(struct job_log *log);

/* Writes what an instance said, or counts it as left out where that is too much for
 * this second. */
void job_log_write(struct job_log *log, const char *text, size_t len);

/* Writes a line of our own, whatever the budget. */
void job_log_say(struct job_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
