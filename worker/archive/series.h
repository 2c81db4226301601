/* SPDX-License-Identifier: MIT
 * The histories of targets and jobs: seconds become minutes, minutes hours; in the archive.
 *
 * What was sampled is in the file with the second's transaction (table second), and in packs when its
 * minute, hour or day is over; until then in memory, too. While nothing can be written packs wait
 * there, the newest 16 MiB of them.
 */
#ifndef FUZZSUP_ARCHIVE_SERIES_H
#define FUZZSUP_ARCHIVE_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "sample.h"
#include "store.h"

enum series_level { SERIES_SECONDS, SERIES_MINUTES, SERIES_HOURS, SERIES_LEVELS };

struct series {
	LIST_ENTRY(series) in_all, in_bucket;
	int64_t id;
	char target[64], job[64]; /* job: "" for the target's own */
	bool is_saved;            /* it has its row */
	unsigned users;
	struct sample last; /* t 0: none yet */
	struct series_buffer {
		int64_t t; /* of the pack that it will be */
		size_t len;
		struct sample *samples; /* NULL: not needed yet */
	} levels[SERIES_LEVELS];
};

/* For how long what is kept, in seconds; hours for good where 0. */
struct series_keep {
	int64_t age[SERIES_LEVELS];
};

struct all_series;

int series_new(struct store *store, struct all_series **ret_all);
void series_free(struct all_series *all);
void series_set_keep(struct all_series *all, const struct series_keep *keep);

/* To be called when the file is open and may be another one: takes over what it has. */
void series_load(struct all_series *all);

/* That of @target and @job; NULL: out of memory. Given back by series_close(). */
struct series *series_open(struct all_series *all, const char *target, const char *job);
void series_close(struct all_series *all, struct series *series);

/* Adds what is known now; @sample's t is behind that of the last one, or nothing happens. Its executions
 * are made here, of its counter: what that grew by, since it may begin anew. */
void series_add(struct all_series *all, struct series *series, struct sample *sample);

/* In a transaction: writes what was added since the last time, and what waits; removes what is too
 * old. */
void series_write(struct all_series *all, int64_t now);

/* The transaction was kept. */
void series_written(struct all_series *all);

/* True if there is one of that name, in memory or in the file. */
bool series_is_known(struct all_series *all, const char *target, const char *job);

/* When the history of @target and @job begins (Unix seconds), a minute too early at most; @now: it has
 * none. */
int64_t series_begin(
    struct all_series *all, const char *target, const char *job, int64_t now);

/* Samples of @target and @job from @from to @to (Unix seconds, both included), in order, at least as fine
 * as @step seconds where these are still kept, at most @max of them: the oldest are left out. Returns
 * them for free(), NULL where there are none. */
struct sample *series_read(struct all_series *all, const char *target, const char *job,
    int64_t from, int64_t to, int64_t step, size_t max, size_t *ret_len);

#endif
