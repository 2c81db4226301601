/* SPDX-License-Identifier: MIT
 * What the collector keeps of a job whose engine it watches; types for the files job_*.c.
 */
#ifndef FUZZSUP_JOB_STATE_H
#define FUZZSUP_JOB_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "job_types.h"
#include "job_finds.h"
#include "job_folder.h"
#include "job_log.h"
#include "job_parsers.h"
#include "job_telling.h"
#include "rate.h"

struct job_attached;
struct job_bitmap;

/* What an engine said of one run of an instance; counts are of this run alone. */
struct job_run {
	uint32_t known; /* enum job_stats_known */
	uint32_t stability;
	uint64_t executions, crashes, hangs;
	uint64_t rate_milli, corpus, corpus_bytes, edges, memory, pending;
};

struct job_instance {
	struct job_log log;
	struct job_finds finds;
	int64_t started_ms;  /* Unix time, from its log; 0: not known */
	bool running, heard; /* heard: this run said something */
	bool echoes;         /* its log repeats a run that was counted */
	int32_t pid;         /* of this run; 0: not known */
	bool ended_untold;   /* it ended, and how it did so is not told yet */
	struct job_telling telling;
	struct job_run run;
	uint64_t executions, crashes, hangs; /* of the runs before this one */
	uint64_t before; /* executions of all runs before its last mark in the log */
	bool after_seed;     /* a run began that the job's seed cannot know of, */
	uint64_t seed_could; /* and executions up to there */
	/* AFL++: what lies in its folders (replay: what the runs before met at most); and
	 * which run was seen last. */
	struct job_folder crash_files, hang_files;
	uint64_t afl_start, afl_pid;
	int64_t afl_update_ms;  /* as it stamped its file, by whatever clock */
	int64_t afl_written_ms; /* the same, by ours */
	struct job_file_id afl_file, afl_bitmap;
	uint64_t afl_places; /* of its map; 0: not known */
	uint64_t afl_told;   /* executions, with its bitmap */
	bool runs_other;     /* than the job's target: its bitmap is of no use */
};

struct job {
	LIST_ENTRY(job) in_bucket;
	TAILQ_ENTRY(job) in_queue;
	uint32_t id;
	const struct job_engine_ops *engine;
	char target[64]; /* whose executable it runs; empty: another one */
	char of[64];     /* name of its target */
	int (*bitmap)(void *arg, const struct job_bitmap *bitmap);
	void *bitmap_arg;
	int fd; /* its folder */
	struct job_instance *instances;
	unsigned instances_len;
	struct job_attached *attached; /* NULL: the runner runs it */
	unsigned next_log, next_finds, next_files; /* where the next look begins */
	struct job_folder artifacts;
	/* honggfuzz: its file, and what was read of it and is not told apart yet. */
	struct job_file_id stats_file;
	struct honggfuzz_stats stats;
	bool has_stats;
	int64_t stats_written_ms;      /* by our clock */
	uint64_t crashes, hangs, ooms; /* as artifacts say, beside the instances' */
	uint32_t known;                /* of these three */
	int64_t last_find_ms, updated_ms;
	uint64_t counted; /* executions, and when they came to be that many */
	int64_t moved_ms;
	struct rate rate;
	struct job_stats seed; /* what a collector before this one had counted */
	struct job_stats told; /* as sent last */
	bool settled;          /* all that was there when it came has been read */
	bool behind;           /* there is more to read at once */
	bool moved;            /* its folder is another one than at first */
	bool has_ends;         /* some instance's is untold */
	uint64_t more_executions, more_crashes, more_hangs,
	    more_ooms; /* of the seed, beyond what was found */
	int queue;
	int64_t due_ms, told_ms, news_ms, since_ms; /* monotonic */
	int64_t now_ms, wall_ms; /* of this look: monotonic, and Unix time */
};

#endif
