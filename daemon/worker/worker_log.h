/* SPDX-License-Identifier: MIT
 * What a worker writes to its standard output and error: a pipe that ends here, so that it
 * holds neither the terminal nor the log's file. Each line goes into the log with the
 * worker's name before it and without control characters, so that none passes for another
 * process's, nor speaks to a terminal; and only so many of them.
 */
#ifndef FUZZSUP_WORKER_LOG_H
#define FUZZSUP_WORKER_LOG_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker_log;

/* How much a worker may still say, whatever its processes of the past said; zeroed at
 * first. */
struct worker_log_budget {
	int64_t left;       /* bytes */
	int64_t counted_ms; /* monotonic; 0: never */
	uint64_t dropped;   /* bytes, not yet told */
};

/* Opens a pipe for the worker @name, read from now on in @base; name and budget must
 * outlive it. The caller gives *ret_fd to the worker and closes it. Returns 0 or a negative
 * errno. */
int worker_log_open(struct event_base *base, const char *name,
    struct worker_log_budget *budget, struct worker_log **ret_log, int *ret_fd);

/* Logs what has been written until now, such as the last words of a worker that died. */
void worker_log_drain(struct worker_log *log);

/* The worker is gone. The log goes when nobody holds the other end any more: what a dead
 * runner leaves may still speak. NULL is fine. */
void worker_log_leave(struct worker_log *log);

/* Drains and frees all that are left; before the event base goes. */
void worker_log_close_all(void);

/* One line of worker @name as it goes into the log, with a line feed at its end: pure, for
 * tests. @journal: lines begin with a priority. Returns its length; @size is at least
 * 4 * @len + WORKER_LOG_EXTRA. */
#define WORKER_LOG_EXTRA 96
size_t worker_log_line(const char *name, bool journal, const char *line, size_t len,
    char *buffer, size_t size);

#endif
