/* SPDX-License-Identifier: MIT
 * Following a log that others write and rename, a bounded part at a time; in the
 * collector.
 *
 * No descriptor is kept: there may be a million logs. A log that stands still costs one
 * system call a look, and is not opened.
 */
#ifndef FUZZSUP_JOB_LOG_H
#define FUZZSUP_JOB_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job_text.h"

#define JOB_LOG_PART 65536    /* read at once, with one buffer for all */
#define JOB_LOG_PARTS 4       /* in one look */
#define JOB_LOG_LINE_MAX 4096 /* of a longer line only the front is given */

/* Tells a file from another that has its name, or its inode number, later. */
struct job_file_id {
	uint64_t inode; /* 0: no file */
	int64_t born_ns, changed_ns;
	uint64_t size;
};

struct job_log {
	struct job_file_id file; /* the one that is read, as it was at the last look */
	uint64_t at;             /* bytes of it that were taken */
	bool skipping;           /* within a line that was too long */
	bool caught_up;          /* has been at the end: what comes now is new */
};

typedef void (*job_log_line_cb)(void *arg, struct job_text line);

/* Its directory is another one. */
void job_log_moved(struct job_log *log);

/* Looks at what @name in @directory is, without following a link. Returns 0, -EINVAL for
 * what is no regular file, or another negative errno. */
int job_file_look(int directory, const char *name, struct job_file_id *ret_id);

/* True if both are the same file, changed or not. */
bool job_file_same(const struct job_file_id *a, const struct job_file_id *b);

/* Opens @path below @directory for reading, over no link, with more @flags. Returns a
 * descriptor or a negative errno. */
int job_open_below(int directory, const char *path, int flags);

/* Opens the regular file @path below @directory for reading, over no link. Returns a
 * descriptor or a negative errno. */
int job_file_open(int directory, const char *path, struct job_file_id *ret_id);

/* Gives the lines that the log of instance @number in @directory has got since the last
 * call, without line feeds, with @buffer of JOB_LOG_PART bytes. A last line without line
 * feed waits for its end. Returns true if there is more to read. */
bool job_log_read(struct job_log *log, int directory, unsigned number, char *buffer,
    job_log_line_cb callback, void *arg);

#endif
