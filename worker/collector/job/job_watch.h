/* SPDX-License-Identifier: MIT
 * The jobs whose engines are watched: when each is looked at, and what is told of it; in
 * the collector.
 *
 * A job that has news is looked at every second, one that runs without any every two, one
 * that does not run every five, and one whose files are longer than a look at once; all of
 * them for 2 ms at a time.
 */
#ifndef FUZZSUP_JOB_WATCH_H
#define FUZZSUP_JOB_WATCH_H

#include "job_types.h"
#include "message.h"

struct event_base;
struct jobs;

/* Sends what is new of job @id. Returns 0, or a negative errno to be asked again later. */
typedef int (*jobs_tell_cb)(void *arg, uint32_t id, const struct job_stats *stats);

/* Sends what the run @pid of an instance that ended said that tells most, "" if nothing
 * does. Returns 0, or a negative errno to be asked again later. */
typedef int (*jobs_ended_cb)(
    void *arg, uint32_t id, unsigned instance, int32_t pid, const char *line);
/* Likewise the instances of an attached job. */
typedef int (*jobs_fuzzers_cb)(
    void *arg, uint32_t id, const struct job_fuzzer *fuzzers, size_t len);

/* An input of @instance of job @id reached something first. Returns 0, or a negative errno to be told again
 * later. */
struct job_find;
typedef int (*jobs_found_cb)(void *arg, uint32_t id, const char *target,
    unsigned instance, const struct job_find *find);

/* What AFL++ reached, as far as it says. */
struct job_bitmap {
	const char *target;
	const char *name;   /* of the file, for messages */
	int fd;             /* -1: it is as it was, but executions grew */
	uint64_t places;    /* of the map */
	uint64_t grew;      /* executions since it was told last */
	int64_t started_ms; /* the run that wrote it; Unix time */
};

/* Returns 0, or -EAGAIN to be told again later. */
typedef int (*jobs_bitmap_cb)(void *arg, const struct job_bitmap *bitmap);

/* To whom is told what. */
struct jobs_callbacks {
	jobs_tell_cb tell;
	jobs_ended_cb ended;
	jobs_fuzzers_cb fuzzers;
	jobs_bitmap_cb bitmap;
	jobs_found_cb found;
	void *arg;
};

/* Returns 0 or a negative errno. */
int jobs_new(struct event_base *base, const struct jobs_callbacks *callbacks,
    struct jobs **ret_jobs);

/* Whoever was told of finds may have lost them, or the target @name (NULL: any) shows another build: all that are still
 * there are told again. */
void jobs_find_again(struct jobs *jobs, const char *name);
void jobs_free(struct jobs *jobs);

/* Watches the job that @message, a COLLECT_JOB, describes, in its folder @fd, instead of
 * one with its id; if that is the same job and @fd another folder, its counts
 * go on. Takes @fd. Returns 0, -EPROTO for what is malformed, or another
 * negative errno. */
int jobs_collect(struct jobs *jobs, const struct message *message, int fd);

/* Forgets job @id, if there is one. */
void jobs_forget(struct jobs *jobs, uint32_t id);

#endif
