/* SPDX-License-Identifier: MIT
 * AFL++: the fuzzer_stats of each instance; in the collector.
 *
 * A run that resumes goes on with execs_done from the file that the run before it left,
 * so that counts of what was lost with a killed one are lost here, too; crashes and hangs
 * begin from 0 in 4.04c, which moves those of the run before to crashes.DATE. start_time
 * is shifted by the time of the runs before. It writes at its start, every minute and when
 * it is asked to end; crashes are files before that.
 */
#include "config.h"

#include "job_attached.h"
#include "job_engine.h"
#include "job_watch.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "banned.h"

#define STATS_MAX 16384 /* a command line is in it, too */
#define PATH_SIZE (JOB_ATTACHED_NAME_MAX + 32)
#define LOOK_US 10000 /* 256 instances without news take a quarter of that */

/* ---- the file ---- */

/* Names of 2021 and before stand beside today's. */
static bool
is_key(const struct job_text *key, const char *name, const char *older)
{
	return job_text_is(key, name) || (older != NULL && job_text_is(key, older));
}

static bool
parse_time(struct job_text value, int64_t *ret_ms)
{
	uint64_t seconds;

	if (!job_text_number(&value, &seconds) || seconds > JOB_COUNT_MAX / 1000)
		return false;
	*ret_ms = (int64_t)seconds * 1000;
	return true;
}

static bool
parse_count(struct job_text value, uint32_t bit, uint64_t *ret_count, uint32_t *known)
{
	if (!job_text_number(&value, ret_count))
		return false;
	*known |= bit;
	return true;
}

static void
parse_rate(struct job_text value, struct afl_stats *stats)
{
	uint64_t milli;

	if (!job_text_decimal(&value, 1000, &milli))
		return;
	stats->known |= JOB_STATS_RATE;
	if (milli > 0)
		stats->rate_milli = milli;
}

static void
parse_others(const struct job_text *key, struct job_text value, struct afl_stats *stats)
{
	uint64_t number;

	if (is_key(key, "start_time", NULL)) {
		job_text_number(&value, &stats->start);
	} else if (is_key(key, "fuzzer_pid", NULL)) {
		job_text_number(&value, &stats->pid);
	} else if (is_key(key, "last_update", NULL)) {
		parse_time(value, &stats->last_update_ms);
	} else if (is_key(key, "last_crash", NULL)) {
		parse_time(value, &stats->last_crash_ms);
	} else if (is_key(key, "last_hang", NULL)) {
		parse_time(value, &stats->last_hang_ms);
	} else if (is_key(key, "last_find", "last_path")) {
		if (parse_time(value, &stats->last_find_ms))
			stats->known |= JOB_STATS_LAST_FIND;
	} else if (is_key(key, "command_line", NULL)) {
		stats->command = value;
	} else if (is_key(key, "total_edges", NULL)) {
		job_text_number(&value, &stats->places);
	} else if (is_key(key, "peak_rss_mb", NULL)) {
		/* 0: no child has ended yet, of which alone it is known. */
		if (job_text_number(&value, &number) && number > 0 &&
		    number <= JOB_COUNT_MAX >> 20) {
			stats->memory = number << 20;
			stats->known |= JOB_STATS_MEMORY;
		}
	} else if (is_key(key, "stability", NULL)) {
		if (job_text_decimal(&value, 100, &number) && number <= 10000) {
			stats->stability = (uint32_t)number;
			stats->known |= JOB_STATS_STABILITY;
		}
	}
}

static void
parse_value(const struct job_text *key, struct job_text value, struct afl_stats *stats)
{
	uint32_t *known = &stats->known;

	if (is_key(key, "execs_done", NULL))
		parse_count(value, JOB_STATS_EXECUTIONS, &stats->executions, known);
	else if (is_key(key, "corpus_count", "paths_total"))
		parse_count(value, JOB_STATS_CORPUS, &stats->corpus, known);
	else if (is_key(key, "saved_crashes", "unique_crashes"))
		parse_count(value, JOB_STATS_CRASHES, &stats->crashes, known);
	else if (is_key(key, "saved_hangs", "unique_hangs"))
		parse_count(value, JOB_STATS_HANGS, &stats->hangs, known);
	else if (is_key(key, "edges_found", NULL))
		parse_count(value, JOB_STATS_EDGES, &stats->edges, known);
	else if (is_key(key, "execs_per_sec", NULL) ||
	    is_key(key, "execs_ps_last_min", NULL))
		/* The second in the file, where it is not 0: it is the newer news. */
		parse_rate(value, stats);
	else
		parse_others(key, value, stats);
}

/* "execs_done        : 81532" */
static void
parse_line(struct job_text line, struct afl_stats *stats)
{
	struct job_text key;

	if (!job_text_until(&line, ':', &key))
		return;
	while (key.len > 0 && key.at[key.len - 1] == ' ')
		key.len--;
	job_text_blanks(&line);
	parse_value(&key, line, stats);
}

int
afl_stats_parse(struct job_text text, struct afl_stats *ret_stats)
{
	struct afl_stats stats = { 0 };
	struct job_text line;

	/* It is written in place. */
	if (text.len == 0 || text.at[text.len - 1] != '\n')
		return -EAGAIN;
	while (job_text_until(&text, '\n', &line))
		parse_line(line, &stats);
	if ((stats.known & JOB_STATS_EXECUTIONS) == 0 || stats.last_update_ms == 0)
		return -EAGAIN;
	*ret_stats = stats;
	return 0;
}

/* ---- a job ---- */

/* True if a run that says so was not made by this run, but taken over from the one before
 * it, which wrote last at @before_ms. */
static bool
is_inherited(uint64_t count, uint64_t before, int64_t last_ms, int64_t before_ms)
{
	return count > 0 && count >= before && last_ms <= before_ms;
}

/* Keeps what the run before had, as far as the new one does not count it, too. */
static void
change_run(struct job_instance *instance, const struct afl_stats *stats)
{
	struct job_run *run = &instance->run;

	if (!is_inherited(stats->crashes, run->crashes, stats->last_crash_ms,
		instance->afl_update_ms))
		instance->crashes = job_add(instance->crashes, run->crashes);
	if (!is_inherited(
		stats->hangs, run->hangs, stats->last_hang_ms, instance->afl_update_ms))
		instance->hangs = job_add(instance->hangs, run->hangs);
	if (stats->executions < run->executions)
		instance->executions = job_add(instance->executions, run->executions);
	instance->afl_start = stats->start;
	instance->afl_pid = stats->pid;
}

static void
take(struct job *job, struct job_instance *instance, const struct afl_stats *stats,
    int64_t written_ms)
{
	struct job_run *run = &instance->run;
	int64_t find_ms =
	    job_our_time(stats->last_find_ms, stats->last_update_ms, written_ms);
	bool other =
	    instance->afl_start != stats->start || instance->afl_pid != stats->pid;

	if (other)
		change_run(instance, stats);
	else if (stats->executions < run->executions || stats->crashes < run->crashes ||
	    stats->hangs < run->hangs)
		return; /* within one run nothing falls */
	run->known = stats->known & ~(uint32_t)JOB_STATS_LAST_FIND;
	run->executions = stats->executions;
	run->crashes = stats->crashes;
	run->hangs = stats->hangs;
	run->rate_milli = stats->rate_milli;
	run->corpus = stats->corpus;
	run->edges = stats->edges;
	run->memory = stats->memory;
	run->stability = stats->stability;
	if (stats->last_find_ms > 0 && find_ms > job->last_find_ms &&
	    find_ms <= job->wall_ms)
		job->last_find_ms = find_ms;
	instance->afl_update_ms = stats->last_update_ms;
	instance->afl_written_ms = written_ms;
	instance->afl_places = stats->places;
	/* Where no log tells. */
	instance->running = instance->running || instance->started_ms == 0;
	job_heard(job, written_ms);
}

/* Where @file of the instance @name is. */
static void
write_path(
    char path[PATH_SIZE], const struct job *job, const char *name, const char *file)
{
	snprintf(path, PATH_SIZE, "%s%s/%s", job->attached == NULL ? "out/" : "", name,
	    file);
}

/* What the runner tells of its own instances. */
static void
take_attached(struct job *job, struct job_instance *instance,
    const struct afl_stats *stats, const struct job_file_id *file)
{
	job_attached_heard(
	    job, (unsigned)(instance - job->instances), stats->pid, file);
	instance->runs_other = !job_attached_runs_target(job->attached, stats->command);
}

/* Opens the stats of @name. Returns true if that was there, as they are read then. */
static bool
look_at_stats(struct job *job, struct job_instance *instance, const char *name)
{
	char buffer[STATS_MAX], path[PATH_SIZE];
	struct job_file_id *old = &instance->afl_file, now = { 0 };
	struct job_text text = { buffer, 0 };
	struct afl_stats stats;
	ssize_t n;
	int fd;

	write_path(path, job, name, "fuzzer_stats");
	fd = job_file_open(job->fd, path, &now);
	if (fd < 0)
		return false;
	if (!job_file_same(&now, old) || now.size != old->size ||
	    now.changed_ns != old->changed_ns) {
		n = pread(fd, buffer, sizeof(buffer), 0);
		text.len = n > 0 ? (size_t)n : 0;
		/* What was cut is looked at again. */
		if (afl_stats_parse(text, &stats) == 0) {
			if (job->attached != NULL)
				take_attached(job, instance, &stats, &now);
			take(job, instance, &stats, job_written_ms(job, old, &now));
			*old = now;
		}
	}
	close(fd);
	return true;
}

static void
look_at_files(
    struct job *job, struct job_folder *folder, const char *name, const char *kind)
{
	static const char *const prefixes[JOB_FOLDER_KINDS] = { "id" };
	uint64_t before = folder->total[0];
	char path[PATH_SIZE];

	write_path(path, job, name, kind);
	if (job_folder_look(folder, job->fd, path, prefixes, job->now_ms))
		job->behind = true;
	if (folder->total[0] != before)
		job_heard(job, folder->newest_ns / 1000000);
}

/* When its run began: as its log says or, of an attached one, when it wrote down how it was
 * called, since its start_time counts the runs before, too. 0: not known. */
static int64_t
started_ms(const struct job *job, const struct job_instance *instance, const char *name)
{
	struct job_file_id id;
	char path[PATH_SIZE];
	int fd;

	if (job->attached == NULL)
		return instance->started_ms;
	write_path(path, job, name, "fuzzer_setup");
	fd = job_file_open(job->fd, path, &id);
	if (fd < 0)
		return 0;
	close(fd);
	return id.changed_ns / 1000000;
}

/* Tells what it reached: only this run's words, since the one before it may have been
 * another build's. */
static void
look_at_bitmap(struct job *job, struct job_instance *instance, const char *name)
{
	uint64_t executions = job_add(instance->executions, instance->run.executions);
	struct job_file_id now = { 0 };
	struct job_bitmap bitmap = { .target = job->target,
		.fd = -1,
		.places = instance->afl_places,
		.started_ms = started_ms(job, instance, name) };
	char path[PATH_SIZE];
	int fd;

	if (job->target[0] == '\0' || instance->runs_other ||
	    instance->afl_places == 0 || bitmap.started_ms == 0 ||
	    instance->afl_written_ms + JOB_FILE_TICK_MS < bitmap.started_ms)
		return;
	write_path(path, job, name, "fuzz_bitmap");
	bitmap.name = path;
	fd = job_file_open(job->fd, path, &now);
	if (fd >= 0 && now.changed_ns / 1000000 >= bitmap.started_ms &&
	    (!job_file_same(&now, &instance->afl_bitmap) ||
		now.changed_ns != instance->afl_bitmap.changed_ns))
		bitmap.fd = fd;
	if (executions > instance->afl_told)
		bitmap.grew = executions - instance->afl_told;
	if ((bitmap.fd >= 0 || bitmap.grew > 0) &&
	    job->bitmap(job->bitmap_arg, &bitmap) == 0) {
		instance->afl_told = executions;
		if (bitmap.fd >= 0)
			instance->afl_bitmap = now;
	}
	if (fd >= 0)
		close(fd);
}

static void
look_at(struct job *job, struct job_instance *instance, unsigned number)
{
	char name[JOB_ATTACHED_NAME_MAX] = "main";

	if (job->attached != NULL)
		snprintf(name, sizeof(name), "%s", job->attached->names[number]);
	else if (number > 0)
		snprintf(name, sizeof(name), "secondary%u", number);
	if (!look_at_stats(job, instance, name) && number == 0 &&
	    job->attached == NULL) {
		/* As afl-fuzz names it if it is told neither -M nor -S. */
		snprintf(name, sizeof(name), "default");
		if (!look_at_stats(job, instance, name))
			return;
	}
	look_at_bitmap(job, instance, name);
	look_at_files(job, &instance->crash_files, name, "crashes");
	look_at_files(job, &instance->hang_files, name, "hangs");
}

/* As many as there is time for, from where the last look ended. */
static void
look(struct job *job)
{
	int64_t from_us = clock_us(CLOCK_MONOTONIC);
	unsigned number;

	if (job->attached != NULL)
		job_attached_look(job);
	for (unsigned i = 0; i < job->instances_len; i++) {
		if (clock_us(CLOCK_MONOTONIC) - from_us > LOOK_US) {
			job->behind = true;
			return;
		}
		number = job->next_files++ % job->instances_len;
		look_at(job, &job->instances[number], number);
		/* No log tells when it ended. */
		if (job->attached != NULL)
			job->instances[number].running =
			    job->wall_ms - job->attached->fuzzers[number].changed_ms <
			    JOB_SILENCE_MS;
	}
}

/* What a run that ended said is no news of the one that began after it. */
static void
settle(struct job *job)
{
	for (unsigned i = 0; i < job->instances_len; i++)
		job->instances[i].heard =
		    job->instances[i].afl_written_ms + JOB_FILE_TICK_MS >=
		    job->instances[i].started_ms;
}

/* It writes every minute, or more often. */
static int64_t
silence_ms(const struct job *job)
{
	for (unsigned i = 0; i < job->instances_len; i++)
		if (job->instances[i].running && job->instances[i].heard)
			return JOB_SILENCE_MS;
	return JOB_SILENCE_FIRST_MS;
}

const struct job_engine_ops job_engine_afl = {
	.resumes = true,
	.look = look,
	.settle = settle,
	.silence_ms = silence_ms,
};
