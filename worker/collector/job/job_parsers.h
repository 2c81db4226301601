/* SPDX-License-Identifier: MIT
 * What fuzz engines write, as structs: pure functions of bytes; in the collector.
 */
#ifndef FUZZSUP_JOB_PARSERS_H
#define FUZZSUP_JOB_PARSERS_H

#include <stdbool.h>
#include <stdint.h>

#include "job_text.h"

/* ---- libFuzzer (job_engine_libfuzzer.c) ---- */

struct libfuzzer_line {
	uint32_t known; /* JOB_STATS_EXECUTIONS: else it is no line with numbers */
	bool find;      /* NEW */
	bool
	    begins; /* INITED: a run's first word but for what it says while it loads */
	uint64_t executions, rate_milli, corpus, corpus_bytes, edges, memory;
};

/* Reads a line of libFuzzer's, of any version's, by its keys. */
struct libfuzzer_line libfuzzer_line_parse(struct job_text line);

/* ---- AFL++ (job_engine_afl.c) ---- */

struct afl_stats {
	uint32_t known;
	uint32_t stability;
	uint64_t executions, rate_milli, corpus, edges, memory, crashes, hangs;
	uint64_t start, pid; /* of the run */
	uint64_t places;     /* of the map, unrounded; 0: older ones do not say */
	int64_t last_find_ms, last_crash_ms, last_hang_ms, last_update_ms;
	struct job_text command; /* its command line, within what was parsed */
};

/* Reads a fuzzer_stats, of any version. Returns 0, or -EAGAIN for what is none, or not
 * yet: it was cut. */
int afl_stats_parse(struct job_text text, struct afl_stats *ret_stats);

/* ---- honggfuzz (job_engine_honggfuzz.c) ---- */

struct honggfuzz_stats {
	uint32_t known;
	uint64_t executions, rate_milli, corpus, edges, crashes, hangs;
	int64_t last_find_ms, time_ms;
};

/* Reads the newest whole row in @tail, the end of a statsfile, by the names in @head, its
 * first line, or in its usual order where @head names none. Returns 0, or -EAGAIN where
 * there is none. */
int honggfuzz_stats_parse(
    struct job_text head, struct job_text tail, struct honggfuzz_stats *ret_stats);

/* Reads the line with which it ends, "Summary iterations:N …", which counts what came
 * after the last row, too. False for another line. */
bool honggfuzz_summary_parse(struct job_text line, uint64_t *ret_executions);

/* ---- libfuzzsup_replay (job_engine_replay.c) ---- */

struct replay_line {
	uint32_t known; /* JOB_STATS_EXECUTIONS: else it is no line of its numbers */
	bool find;
	uint64_t executions, rate_milli, corpus, corpus_bytes, memory, pending;
	uint64_t crashes, hangs;
};

/* Reads a line of the replay driver's (worker/runtime/replay.c), by its keys. */
struct replay_line replay_line_parse(struct job_text line);

#endif
