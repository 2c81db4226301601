/* SPDX-License-Identifier: MIT
 * Sampling live segments and jobs, and first hits; in the archive.
 */
#include "config.h"

#include "targets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "clock.h"
#include "coverage_map.h"
#include "live_segment.h"
#include "log.h"
#include "banned.h"

#define GET(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define BUCKETS 1024
#define HITS_AT_ONCE 20000 /* in one transaction */

struct target {
	LIST_ENTRY(target) in_bucket;
	TAILQ_ENTRY(target) in_all;
	uint32_t id;
	char name[64];
	char *executable;
	struct series *series;
	struct live_map live; /* pcs_len 0: none yet */
	char build_id[160];
	int64_t built_ms, build; /* row; 0: not known yet */
	bool build_is_new;       /* since this transaction began */
	uint64_t *known;         /* first hits that the file has */
	uint64_t *writing; /* and those of this transaction; NULL: there are none */
	uint64_t version;  /* of the bits, all of which are known; 0: look */
	/* Of its jobs, at this second. */
	struct job_sum {
		uint64_t executions, rate, corpus, crashes, memory;
		bool any;
	} jobs;
};

struct kept_job {
	LIST_ENTRY(kept_job) in_bucket;
	TAILQ_ENTRY(kept_job) in_all;
	uint32_t id;
	char target[64], name[64], engine[24];
	struct series *series;
	struct job_sample sample; /* id 0: none came yet */
	bool is_new;              /* it is not in the file */
	bool is_gone;             /* it is kept until it is in the file */
};

struct targets {
	struct store *store;
	struct all_series *series;
	LIST_HEAD(, target) buckets[BUCKETS];
	TAILQ_HEAD(, target) list;
	LIST_HEAD(, kept_job) job_buckets[BUCKETS];
	TAILQ_HEAD(, kept_job) jobs;
	unsigned life; /* of the file that rows are of */
	uint32_t keep; /* builds of a target; 0: all */
};

int
targets_new(
    struct store *store, struct all_series *series, struct targets **ret_targets)
{
	struct targets *targets = calloc(1, sizeof(*targets));

	if (targets == NULL)
		return -ENOMEM;
	targets->store = store;
	targets->series = series;
	TAILQ_INIT(&targets->list);
	TAILQ_INIT(&targets->jobs);
	*ret_targets = targets;
	return 0;
}

static struct target *
find(const struct targets *targets, uint32_t id)
{
	struct target *target;

	LIST_FOREACH(target, &targets->buckets[id % BUCKETS], in_bucket)
		if (target->id == id)
			return target;
	return NULL;
}

static struct target *
find_name(const struct targets *targets, const char *name)
{
	struct target *target;

	TAILQ_FOREACH(target, &targets->list, in_all)
		if (strcmp(target->name, name) == 0)
			return target;
	return NULL;
}

static struct kept_job *
find_job(const struct targets *targets, uint32_t id)
{
	struct kept_job *job;

	LIST_FOREACH(job, &targets->job_buckets[id % BUCKETS], in_bucket)
		if (job->id == id)
			return job;
	return NULL;
}

/* ---- targets ---- */

static void
drop_live(struct target *target)
{
	if (target->live.pcs_len > 0)
		live_segment_unmap(&target->live);
	target->live = (struct live_map){ .pcs_len = 0 };
	free(target->known);
	free(target->writing);
	target->known = target->writing = NULL;
	target->version = 0;
	target->build = 0;
}

int
targets_keep(
    struct targets *targets, uint32_t id, const char *name, const char *executable)
{
	struct target *target = find(targets, id);

	if (target != NULL)
		return 0;
	target = calloc(1, sizeof(*target));
	if (target == NULL)
		return -ENOMEM;
	target->executable = strdup(executable);
	if (target->executable == NULL) {
		free(target);
		return -ENOMEM;
	}
	target->id = id;
	snprintf(target->name, sizeof(target->name), "%s", name);
	LIST_INSERT_HEAD(&targets->buckets[id % BUCKETS], target, in_bucket);
	TAILQ_INSERT_TAIL(&targets->list, target, in_all);
	return 0;
}

int
targets_set_live(struct targets *targets, uint32_t id, int fd, const char *build_id,
    int64_t built_ms)
{
	struct target *target = find(targets, id);
	struct live_map live;
	int r;

	if (target == NULL)
		return 0;
	r = live_segment_map(fd, &live);
	if (r < 0)
		return r;
	drop_live(target);
	target->known = calloc(coverage_map_words(live.pcs_len) + 1, sizeof(uint64_t));
	if (target->known == NULL) {
		live_segment_unmap(&live);
		return -ENOMEM;
	}
	target->live = live;
	snprintf(target->build_id, sizeof(target->build_id), "%s", build_id);
	target->built_ms = built_ms;
	return 0;
}

void
targets_forget(struct targets *targets, uint32_t id)
{
	struct target *target = find(targets, id);

	if (target == NULL)
		return;
	drop_live(target);
	series_close(targets->series, target->series);
	LIST_REMOVE(target, in_bucket);
	TAILQ_REMOVE(&targets->list, target, in_all);
	free(target->executable);
	free(target);
}

/* ---- jobs ---- */

int
targets_keep_job(struct targets *targets, uint32_t id, const char *target,
    const char *name, const char *engine)
{
	struct kept_job *job = find_job(targets, id);

	if (job != NULL)
		return 0;
	job = calloc(1, sizeof(*job));
	if (job == NULL)
		return -ENOMEM;
	job->id = id;
	snprintf(job->target, sizeof(job->target), "%s", target);
	snprintf(job->name, sizeof(job->name), "%s", name);
	snprintf(job->engine, sizeof(job->engine), "%s", engine);
	LIST_INSERT_HEAD(&targets->job_buckets[id % BUCKETS], job, in_bucket);
	TAILQ_INSERT_TAIL(&targets->jobs, job, in_all);
	return 0;
}

static void
drop_job(struct targets *targets, struct kept_job *job)
{
	TAILQ_REMOVE(&targets->jobs, job, in_all);
	free(job);
}

void
targets_forget_job(struct targets *targets, uint32_t id)
{
	struct kept_job *job = find_job(targets, id);

	if (job == NULL)
		return;
	series_close(targets->series, job->series);
	LIST_REMOVE(job, in_bucket);
	job->is_gone = true;
	if (!job->is_new)
		drop_job(targets, job);
}

void
targets_set_job(struct targets *targets, const struct job_sample *sample)
{
	struct kept_job *job = find_job(targets, sample->id);

	if (job == NULL || memcmp(&job->sample, sample, sizeof(*sample)) == 0)
		return;
	job->sample = *sample;
	job->is_new = true;
}

void
targets_free(struct targets *targets)
{
	struct kept_job *job;
	struct target *target;

	if (targets == NULL)
		return;
	while ((target = TAILQ_FIRST(&targets->list)) != NULL)
		targets_forget(targets, target->id);
	while ((job = TAILQ_FIRST(&targets->jobs)) != NULL) {
		if (!job->is_gone)
			series_close(targets->series, job->series);
		drop_job(targets, job);
	}
	free(targets);
}

/* ---- samples ---- */

static uint64_t
known_value(const struct job_stats *stats, enum job_stats_known what, uint64_t value)
{
	return (stats->known & what) != 0 ? value : 0;
}

static void
add_job(struct targets *targets, struct kept_job *job, int64_t now)
{
	const struct job_stats *stats = &job->sample.stats;
	struct sample sample = { .t = now };
	struct target *target;

	if (job->sample.id == 0 || job->is_gone)
		return;
	sample.values[SAMPLE_COUNTER] =
	    known_value(stats, JOB_STATS_EXECUTIONS, stats->executions);
	sample.values[SAMPLE_RATE] = job->sample.runs ? stats->rate_milli : 0;
	sample.values[SAMPLE_CORPUS] =
	    known_value(stats, JOB_STATS_CORPUS, stats->corpus);
	sample.values[SAMPLE_CRASHES] =
	    known_value(stats, JOB_STATS_CRASHES, stats->crashes);
	sample.values[SAMPLE_MEMORY] = job->sample.memory;
	target = find(targets, job->sample.target);
	if (target != NULL) {
		target->jobs.executions += sample.values[SAMPLE_COUNTER];
		target->jobs.rate += sample.values[SAMPLE_RATE];
		target->jobs.corpus += sample.values[SAMPLE_CORPUS];
		target->jobs.crashes += sample.values[SAMPLE_CRASHES];
		target->jobs.memory += sample.values[SAMPLE_MEMORY];
		target->jobs.any = true;
	}
	if (job->series == NULL)
		job->series = series_open(targets->series, job->target, job->name);
	if (job->series != NULL)
		series_add(targets->series, job->series, &sample);
}

static void
add_target(struct targets *targets, struct target *target, int64_t now)
{
	const struct live_segment *live = target->live.head;
	struct sample sample = { .t = now };
	uint64_t runs = target->live.pcs_len > 0 ? GET(live->n_runs) : 0;

	if (target->live.pcs_len > 0)
		sample.values[SAMPLE_COVERED] = GET(live->covered);
	sample.values[SAMPLE_BUILD] = (uint64_t)target->build;
	/* Coverage that counts no runs is that of engines that do. */
	sample.values[SAMPLE_COUNTER] = runs > 0 ? runs : target->jobs.executions;
	sample.values[SAMPLE_RATE] =
	    runs > 0 ? GET(live->milli_runs_per_second) : target->jobs.rate;
	sample.values[SAMPLE_CORPUS] = target->jobs.corpus;
	sample.values[SAMPLE_CRASHES] = target->jobs.crashes;
	sample.values[SAMPLE_MEMORY] = target->jobs.memory;
	if (target->series == NULL)
		target->series = series_open(targets->series, target->name, "");
	if (target->series != NULL)
		series_add(targets->series, target->series, &sample);
}

void
targets_sample(struct targets *targets, int64_t now)
{
	struct kept_job *job;
	struct target *target;

	TAILQ_FOREACH(target, &targets->list, in_all)
		target->jobs = (struct job_sum){ 0 };
	TAILQ_FOREACH(job, &targets->jobs, in_all)
		add_job(targets, job, now);
	TAILQ_FOREACH(target, &targets->list, in_all)
		/* Its first sample tells the build, too; of one that nothing is known of there is none. */
		if (target->live.pcs_len == 0 ? target->jobs.any : target->build != 0)
			add_target(targets, target, now);
}

/* ---- first hits ---- */

static bool
known_cb(sqlite3_stmt *row, void *context)
{
	struct target *target = context;
	const int64_t pc = sqlite3_column_int64(row, 0);

	if (pc >= 0 && pc < target->live.pcs_len)
		target->known[pc / 64] |= UINT64_C(1) << (pc % 64);
	return true;
}

/* Numbers below 0 are of events that are our own. */
static void
tell_build(struct targets *targets, const struct target *target)
{
	char text[200];

	snprintf(text, sizeof(text), "build %.16s, %u PCs", target->build_id,
	    target->live.pcs_len);
	store_run(targets->store,
	    "INSERT OR IGNORE INTO event (ms, kind, target, job, text, number)"
	    " VALUES (?, 'build', ?, '', ?, ?)",
	    "itti", clock_ms(CLOCK_REALTIME), target->name, text, -target->build);
}

/* Its row, and the first hits that the file has of it. */
static void
know_build(struct targets *targets, struct target *target)
{
	static const char sql[] =
	    "SELECT id FROM build WHERE target = ? AND build_id = ?";
	const int64_t now = clock_ms(CLOCK_REALTIME);
	bool is_new;

	store_run(targets->store,
	    "INSERT OR IGNORE INTO build (target, build_id, built_ms, first_ms, "
	    "last_ms,"
	    " pcs) VALUES (?, ?, ?, ?, ?, ?)",
	    "ttiiii", target->name, target->build_id, target->built_ms, now, now,
	    (int64_t)target->live.pcs_len);
	is_new = store_changes(targets->store) > 0;
	store_number(
	    targets->store, &target->build, sql, "tt", target->name, target->build_id);
	if (is_new)
		tell_build(targets, target);
	else
		store_run(targets->store, "UPDATE build SET last_ms = ? WHERE id = ?",
		    "ii", now, target->build);
	memset(target->known, 0,
	    coverage_map_words(target->live.pcs_len) * sizeof(uint64_t));
	store_each(targets->store, "SELECT pc FROM first_hit WHERE build = ?", known_cb,
	    target, "i", target->build);
	target->version = 0;
	target->build_is_new = true;
}

static void
write_hit(struct targets *targets, const struct target *target, uint32_t pc)
{
	const uint32_t time = GET(target->live.times[pc]);

	store_run(targets->store,
	    "INSERT INTO first_hit (build, pc, ms) VALUES (?, ?, ?)"
	    " ON CONFLICT (build, pc) DO NOTHING",
	    "iii", target->build, (int64_t)pc,
	    time == 0 ? (int64_t)0 : target->live.base_ms + 10 * (int64_t)time);
}

/* Returns how many it wrote, at most @max. */
static size_t
write_hits(struct targets *targets, struct target *target, size_t max)
{
	/* Before the bits: what comes meanwhile is looked at again. */
	const uint64_t version = atomic_load_explicit(
	    &target->live.head->bits_version, memory_order_acquire);
	const uint64_t words = coverage_map_words(target->live.pcs_len);
	size_t count = 0;

	if (target->version == version)
		return 0;
	for (uint64_t i = 0; i < words; i++) {
		uint64_t new =
		    atomic_load_explicit(&target->live.bits[i], memory_order_acquire) &
		    ~target->known[i];

		if (new == 0)
			continue;
		if (count >= max)
			return count;
		if (target->writing == NULL)
			target->writing = calloc(words, sizeof(uint64_t));
		if (target->writing == NULL)
			return count;
		target->writing[i] |= new;
		for (; new != 0; new &= new - 1) {
			const uint64_t pc = i * 64 + (uint64_t)__builtin_ctzll(new);

			if (pc < target->live.pcs_len)
				write_hit(targets, target, (uint32_t)pc);
			count++;
		}
	}
	target->version = version;
	return count;
}

static void
write_jobs(struct targets *targets)
{
	struct kept_job *job;

	TAILQ_FOREACH(job, &targets->jobs, in_all)
		if (job->is_new)
			store_run(targets->store,
			    "INSERT OR REPLACE INTO job (target, job, stats, ran_ms,"
			    " starts, stopped) VALUES (?, ?, ?, ?, ?, ?)",
			    "ttbiii", job->target, job->name,
			    (const void *)&job->sample.stats, sizeof(job->sample.stats),
			    (int64_t)job->sample.ran_ms, (int64_t)job->sample.starts,
			    (int64_t)job->sample.is_stopped);
}

bool
targets_write(struct targets *targets)
{
	size_t left = HITS_AT_ONCE;
	struct target *target;

	TAILQ_FOREACH(target, &targets->list, in_all) {
		size_t count;

		if (target->live.pcs_len == 0)
			continue;
		if (target->build == 0)
			know_build(targets, target);
		count = left > 0 ? write_hits(targets, target, left) : 0;
		left -= count < left ? count : left;
	}
	write_jobs(targets);
	return left == 0;
}

void
targets_set_keep(struct targets *targets, uint32_t builds)
{
	targets->keep = builds;
}

void
targets_prune(struct targets *targets)
{
	int64_t build = 0;

	if (targets->keep == 0)
		return;
	store_number(targets->store, &build,
	    "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY target ORDER BY"
	    " last_ms DESC, id DESC) AS place FROM build) WHERE place > ? AND EXISTS "
	    "(SELECT 1 "
	    "FROM"
	    " first_hit WHERE build = id) LIMIT 1",
	    "i", (int64_t)targets->keep);
	if (build != 0)
		store_run(targets->store,
		    "DELETE FROM first_hit WHERE build = ? AND pc IN (SELECT pc FROM"
		    " first_hit WHERE build = ? LIMIT ?)",
		    "iii", build, build, (int64_t)HITS_AT_ONCE);
}

void
targets_written(struct targets *targets, bool kept)
{
	struct kept_job *job, *next;
	struct target *target;

	TAILQ_FOREACH(target, &targets->list, in_all) {
		const uint64_t words = coverage_map_words(target->live.pcs_len);

		if (!kept && target->build_is_new)
			target->build = 0; /* what the file has is asked anew */
		target->build_is_new = false;
		for (uint64_t i = 0; i < words && target->writing != NULL && kept; i++)
			target->known[i] |= target->writing[i];
		if (target->writing != NULL || !kept)
			target->version = kept ? target->version : 0;
		free(target->writing);
		target->writing = NULL;
	}
	for (job = TAILQ_FIRST(&targets->jobs); kept && job != NULL; job = next) {
		next = TAILQ_NEXT(job, in_all);
		job->is_new = false;
		if (job->is_gone)
			drop_job(targets, job);
	}
}

void
targets_load(struct targets *targets)
{
	struct kept_job *job;
	struct target *target;

	if (targets->life == store_life(targets->store))
		return;
	targets->life = store_life(targets->store);
	TAILQ_FOREACH(target, &targets->list, in_all)
		target->build = 0;
	TAILQ_FOREACH(job, &targets->jobs, in_all)
		job->is_new = job->sample.id != 0;
}

int64_t
targets_build(struct targets *targets, const char *name, int64_t *ret_built_ms)
{
	const struct target *target = find_name(targets, name);

	*ret_built_ms = target != NULL ? target->built_ms : 0;
	return target != NULL ? target->build : 0;
}

const char *
targets_job_name(const struct targets *targets, uint32_t id)
{
	const struct kept_job *job = find_job(targets, id);

	return job != NULL ? job->name : NULL;
}

int64_t
targets_build_of(const struct targets *targets, uint32_t id, const char *build_id)
{
	const struct target *target = find(targets, id);

	if (target == NULL || target->build == 0)
		return 0;
	return strncmp(target->build_id, build_id, strlen(build_id)) == 0
	    ? target->build
	    : -ESTALE;
}

/* In single quotes, as a shell wants it. */
static void
quote(const char *text, char *to, size_t size)
{
	size_t used = 0;

	if (strspn(text,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"/._-+,:@%") == strlen(text)) {
		snprintf(to, size, "%s", text);
		return;
	}
	for (used = snprintf(to, size, "'"); *text != '\0' && used + 6 < size; text++)
		used += (size_t)snprintf(
		    to + used, size - used, *text == '\'' ? "'\\''" : "%c", *text);
	snprintf(to + used, size - used, "'");
}

void
targets_command(const struct targets *targets, const char *name, const char *job_name,
    char *ret_text, size_t size)
{
	const struct target *target = find_name(targets, name);
	const struct kept_job *job;
	char executable[1024];

	ret_text[0] = '\0';
	TAILQ_FOREACH(job, &targets->jobs, in_all)
		if (strcmp(job->target, name) == 0 && strcmp(job->name, job_name) == 0)
			break;
	if (target == NULL || job == NULL)
		return;
	quote(target->executable, executable, sizeof(executable));
	if (strcmp(job->engine, "replay") == 0)
		snprintf(ret_text, size, "echo INPUT | %s -once -", executable);
	else if (strcmp(job->engine, "afl++") == 0)
		snprintf(ret_text, size, "%s < INPUT", executable);
	else
		snprintf(ret_text, size, "%s INPUT", executable);
}
