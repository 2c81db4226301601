/* SPDX-License-Identifier: MIT
 * honggfuzz: its statsfile, one for all; in the collector.
 *
 * Every run begins it anew and counts from 0. A row comes with new coverage only: silence
 * is not death.
 */
#include "config.h"

#include "job_engine.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "banned.h"

#define HEAD_MAX 512
#define TAIL_MAX 4096
#define COLUMNS_MAX 32
#define CLOCKS_DIFFER_MS 60000
#define RUNS_PER_MS_MAX 100000 /* more than a thousand processes can do */

/* ---- the file ---- */

enum column {
	TIME,
	LAST_FIND,
	EXECUTIONS,
	RATE,
	CRASHES,
	UNIQUE_CRASHES,
	HANGS,
	EDGES,
	BLOCKS,
	CORPUS,
	COLUMNS
};

static const char *const column_names[COLUMNS] = {
	[TIME] = "unix_time",
	[LAST_FIND] = "last_cov_update",
	[EXECUTIONS] = "total_exec",
	[RATE] = "exec_per_sec",
	[CRASHES] = "crashes",
	[UNIQUE_CRASHES] = "unique_crashes",
	[HANGS] = "hangs",
	[EDGES] = "edge_cov",
	[BLOCKS] = "block_cov",
	[CORPUS] = "corpus_count",
};

static int
find_column(const struct job_text *name)
{
	for (int i = 0; i < COLUMNS; i++)
		if (job_text_is(name, column_names[i]))
			return i;
	return COLUMNS;
}

/* "# unix_time, last_cov_update, …": which column is where; returns how many there are. */
static size_t
parse_head(struct job_text head, int columns[COLUMNS_MAX])
{
	struct job_text line, name;
	size_t len = 0;

	if (job_text_until(&head, '\n', &line) && job_text_skip(&line, "#"))
		while (len < COLUMNS_MAX && job_text_until(&line, ',', &name)) {
			job_text_blanks(&name);
			columns[len++] = find_column(&name);
		}
	if (len > 0)
		return len;
	for (int i = 0; i < COLUMNS; i++)
		columns[i] = i;
	return COLUMNS;
}

/* "1700000000, 1699999990, 51234, 2048, 0, 0, 0, 118, 0, 12" */
static bool
parse_row(struct job_text row, const int *columns, size_t len,
    uint64_t values[COLUMNS + 1], uint32_t *ret_seen)
{
	struct job_text value;

	*ret_seen = 0;
	for (size_t i = 0; i < len && job_text_until(&row, ',', &value); i++) {
		job_text_blanks(&value);
		if (!job_text_number(&value, &values[columns[i]]) || value.len > 0)
			return false;
		*ret_seen |= 1U << columns[i];
	}
	return (*ret_seen & (1U << EXECUTIONS)) != 0 &&
	    (*ret_seen & (1U << TIME)) != 0 && values[TIME] <= JOB_COUNT_MAX / 1000 &&
	    values[LAST_FIND] <= values[TIME] && values[RATE] <= JOB_COUNT_MAX / 1000;
}

static struct honggfuzz_stats
as_stats(const uint64_t *values, uint32_t seen)
{
	static const uint32_t bits[COLUMNS] = {
		[EXECUTIONS] = JOB_STATS_EXECUTIONS,
		[RATE] = JOB_STATS_RATE,
		[UNIQUE_CRASHES] = JOB_STATS_CRASHES,
		[HANGS] = JOB_STATS_HANGS,
		[EDGES] = JOB_STATS_EDGES,
		[CORPUS] = JOB_STATS_CORPUS,
		[LAST_FIND] = JOB_STATS_LAST_FIND,
	};
	struct honggfuzz_stats stats = {
		.executions = values[EXECUTIONS],
		.rate_milli = values[RATE] * 1000,
		.corpus = values[CORPUS],
		.edges = values[EDGES],
		.crashes = values[UNIQUE_CRASHES],
		.hangs = values[HANGS],
		.last_find_ms = (int64_t)values[LAST_FIND] * 1000,
		.time_ms = (int64_t)values[TIME] * 1000,
	};

	for (int i = 0; i < COLUMNS; i++)
		if ((seen & (1U << i)) != 0)
			stats.known |= bits[i];
	return stats;
}

int
honggfuzz_stats_parse(
    struct job_text head, struct job_text tail, struct honggfuzz_stats *ret_stats)
{
	uint64_t values[COLUMNS + 1] = { 0 };
	int columns[COLUMNS_MAX];
	size_t len = parse_head(head, columns);
	struct job_text row;
	const char *end;
	uint32_t seen;

	/* From its end: the last row may be cut, and the one before it not. */
	while (tail.len > 0 && (end = memrchr(tail.at, '\n', tail.len)) != NULL) {
		tail.len = (size_t)(end - tail.at);
		end = tail.len > 0 ? memrchr(tail.at, '\n', tail.len) : NULL;
		row.at = end != NULL ? end + 1 : tail.at;
		row.len = tail.len - (size_t)(row.at - tail.at);
		memset(values, 0, sizeof(values));
		if (parse_row(row, columns, len, values, &seen)) {
			*ret_stats = as_stats(values, seen);
			return 0;
		}
	}
	return -EAGAIN;
}

bool
honggfuzz_summary_parse(struct job_text line, uint64_t *ret_executions)
{
	return job_text_skip(&line, "Summary iterations:") &&
	    job_text_number(&line, ret_executions) && job_text_skip(&line, " time:");
}

/* ---- a job ---- */

/* True if the row that was read is of a run before the one that began at @started_ms. */
static bool
is_older(const struct job *job, int64_t started_ms)
{
	return job->stats_written_ms + JOB_FILE_TICK_MS < started_ms;
}

/* Within a run nothing falls. */
static bool
is_possible(const struct job *job, const struct job_run *run)
{
	const struct honggfuzz_stats *stats = &job->stats;

	return stats->executions >= run->executions && stats->crashes >= run->crashes &&
	    stats->hangs >= run->hangs;
}

static void
take(struct job *job, struct job_instance *instance)
{
	const struct honggfuzz_stats *stats = &job->stats;
	struct job_run *run = &instance->run;
	int64_t find_ms =
	    job_our_time(stats->last_find_ms, stats->time_ms, job->stats_written_ms);

	job->has_stats = false;
	if (!is_possible(job, run))
		return;
	run->known = stats->known & ~(uint32_t)JOB_STATS_LAST_FIND;
	run->executions = stats->executions;
	run->rate_milli = stats->rate_milli;
	run->crashes = stats->crashes;
	run->hangs = stats->hangs;
	run->corpus = stats->corpus;
	run->edges = stats->edges;
	instance->heard = true;
	/* Where no log tells. */
	instance->running = instance->running || instance->started_ms == 0;
	if (stats->last_find_ms > 0 && find_ms > job->last_find_ms)
		job->last_find_ms = find_ms;
	job_heard(job, job->stats_written_ms);
}

/* Reads its end and its first line. */
static void
read_stats(struct job *job, int fd, uint64_t size)
{
	char head[HEAD_MAX], tail[TAIL_MAX];
	ssize_t head_len = pread(fd, head, sizeof(head), 0);
	ssize_t tail_len = pread(
	    fd, tail, sizeof(tail), size > TAIL_MAX ? (off_t)(size - TAIL_MAX) : 0);

	if (head_len > 0 && tail_len > 0)
		job->has_stats =
		    honggfuzz_stats_parse((struct job_text){ head, (size_t)head_len },
			(struct job_text){ tail, (size_t)tail_len }, &job->stats) == 0;
}

static void
look(struct job *job)
{
	struct job_instance *instance = &job->instances[0];
	struct job_file_id *old = &job->stats_file, now = { 0 };
	int fd = job_file_open(job->fd, "honggfuzz/stats", &now);

	if (fd < 0)
		return;
	if (!job_file_same(&now, old) || now.size != old->size ||
	    now.changed_ns != old->changed_ns) {
		/* Without a log, a file that was begun anew tells of a new run. */
		if (old->inode != 0 && instance->started_ms == 0 &&
		    (!job_file_same(&now, old) || now.size < old->size))
			job_instance_restart(instance, 0);
		job->stats_written_ms = job_written_ms(job, old, &now);
		*old = now;
		read_stats(job, fd, now.size);
	}
	close(fd);
}

/* The last words of the run before count for it, though they were read with the first
 * ones of the log of the next. */
static void
starts(struct job *job, struct job_instance *instance, int64_t time_ms)
{
	if (instance == &job->instances[0] && job->has_stats && is_older(job, time_ms))
		take(job, instance);
}

/* The last row may be much older than the end. */
static void
take_line(struct job *job, struct job_instance *instance, struct job_text line)
{
	const int64_t ms = job->wall_ms - instance->started_ms + CLOCKS_DIFFER_MS;
	uint64_t executions;

	if (instance != &job->instances[0] ||
	    !honggfuzz_summary_parse(line, &executions))
		return;
	if (job->has_stats && !is_older(job, instance->started_ms))
		take(job, instance);
	/* A target's own words cannot be more than a machine can do. */
	if (executions < instance->run.executions || instance->started_ms == 0 ||
	    ms <= 0 || executions / RUNS_PER_MS_MAX > (uint64_t)ms)
		return;
	instance->run.executions = executions;
	instance->run.known |= JOB_STATS_EXECUTIONS;
	instance->heard = true;
	job_heard(job, job_arrival_ms(job, instance));
}

static void
settle(struct job *job)
{
	struct job_instance *instance = &job->instances[0];

	/* A file that a run left is not begun anew at once when the next begins. */
	if (job->has_stats && !is_older(job, instance->started_ms))
		take(job, instance);
	job->has_stats = false;
}

/* It writes when it finds something: whatever it does, it may be silent. */
const struct job_engine_ops job_engine_honggfuzz = {
	.look = look,
	.starts = starts,
	.line = take_line,
	.settle = settle,
};
