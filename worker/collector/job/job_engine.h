/* SPDX-License-Identifier: MIT
 * What differs between fuzz engines: a table of functions each; in the collector.
 */
#ifndef FUZZSUP_JOB_ENGINE_H
#define FUZZSUP_JOB_ENGINE_H

#include "job_state.h"
#include "job_text.h"

/* One slow input, many finds to keep, a busy machine: none is a silence. */
#define JOB_SILENCE_MS 150000
#define JOB_SILENCE_FIRST_MS 600000 /* until a run's first word: it loads its corpus */
#define JOB_FILE_TICK_MS \
	20 /* times of files come from a clock that is so much coarser */

struct job_engine_ops {
	/* Its counts go on from one run to the next by themselves. */
	bool resumes;
	/* Looks at what the engine keeps in files of its own; before the logs are read,
	 * so that what is of the run before is told from what is of this one. May be
	 * NULL. */
	void (*look)(struct job *job);
	/* A run of @instance begins at @time_ms, as its log says; what is known of the
	 * run before is still in its place. May be NULL. */
	void (*starts)(struct job *job, struct job_instance *instance, int64_t time_ms);
	/* A line of the instance's log. May be NULL. */
	void (*line)(
	    struct job *job, struct job_instance *instance, struct job_text line);
	/* After the logs. May be NULL. */
	void (*settle)(struct job *job);
	/* How long the job, which runs, may say nothing while all is well; 0: for ever.
	 * Changes with its words alone. NULL: 0. */
	int64_t (*silence_ms)(const struct job *job);
};

extern const struct job_engine_ops job_engine_libfuzzer;
extern const struct job_engine_ops job_engine_afl;
extern const struct job_engine_ops job_engine_honggfuzz;
extern const struct job_engine_ops job_engine_replay;
extern const struct job_engine_ops job_engine_zig;

/* ---- for the engines (job_watch.c) ---- */

/* The engine said something new, at @at_ms (Unix time). */
void job_heard(struct job *job, int64_t at_ms);

/* Counts the job's artifacts by libFuzzer's names for them, of which the engine knows
 * @known (job_engine_libfuzzer.c). */
void job_look_at_artifacts(struct job *job, uint32_t known);

/* When the line of the log that is being given was written: now, or some time before its
 * file's last change. Unix time. */
int64_t job_arrival_ms(const struct job *job, const struct job_instance *instance);

/* When a file was written that is @now at this look and was @before at the last one (no
 * inode: never looked at), by our own clock: whoever wrote it may have another. */
int64_t job_written_ms(const struct job *job, const struct job_file_id *before,
    const struct job_file_id *now);

/* @stamp_ms, which stands in a file that was written at @written_ms and says of itself
 * that it was at @said_ms, by our own clock. */
int64_t job_our_time(int64_t stamp_ms, int64_t said_ms, int64_t written_ms);

/* The sum of two counts, JOB_COUNT_MAX at most: who lies in every run must not make the
 * total go round. */
uint64_t job_add(uint64_t a, uint64_t b);

/* Adds up what this run counted, and begins another, from @started_ms (0: not known). */
void job_instance_restart(struct job_instance *instance, int64_t started_ms);

#endif
