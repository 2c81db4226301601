/* SPDX-License-Identifier: MIT
 * Jobs, their schedule, their sums; libevent; in the collector.
 */
#include "config.h"

#include "job_watch.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "job_attached.h"
#include "job_engine.h"
#include "job_spec.h"
#include "banned.h"

#define BUCKETS 4096
#define TURN_US 2000 /* what looking may take at once, and then pauses */
#define TELL_EACH_MS 1000
/* Of one instance, all of its processes together: several times of what the fastest do. */
#define EXECUTIONS_PER_MS UINT64_C(20000)
#define BUSY_FOR_MS 10000
#define CLOCKS_DIFFER_MS 60000  /* more is another clock, and no delay */
#define SETTLES_WITHIN_MS 10000 /* or what is there never ends */

enum { SOON, BUSY, QUIET, STOPPED, QUEUES };

static const int periods_ms[QUEUES] = {
	[SOON] = 100, [BUSY] = 1000, [QUIET] = 2000, [STOPPED] = 5000
};

/* Each queue has one period, so that it is sorted by what is due first. */
TAILQ_HEAD(job_queue, job);

struct jobs {
	LIST_HEAD(, job) buckets[BUCKETS];
	struct job_queue queues[QUEUES];
	size_t len;
	struct event *timer;
	struct jobs_callbacks to;
	char buffer[JOB_LOG_PART];
};

static struct job *
find(struct jobs *jobs, uint32_t id)
{
	struct job *job;

	LIST_FOREACH(job, &jobs->buckets[id % BUCKETS], in_bucket)
		if (job->id == id)
			return job;
	return NULL;
}

/* ---- what engines say ---- */

void
job_heard(struct job *job, int64_t at_ms)
{
	if (at_ms > job->wall_ms)
		at_ms = job->wall_ms;
	if (at_ms > job->updated_ms)
		job->updated_ms = at_ms;
	job->news_ms = job->now_ms;
}

int64_t
job_arrival_ms(const struct job *job, const struct job_instance *instance)
{
	int64_t changed_ms = instance->log.file.changed_ns / 1000000;

	return instance->log.caught_up || changed_ms > job->wall_ms ? job->wall_ms
								    : changed_ms;
}

int64_t
job_written_ms(const struct job *job, const struct job_file_id *before,
    const struct job_file_id *now)
{
	int64_t ms = now->changed_ns / 1000000;

	/* Another host's file system has that host's clock; we saw it change just now. */
	if (ms > job->wall_ms ||
	    (before->inode != 0 && ms < job->wall_ms - CLOCKS_DIFFER_MS))
		return job->wall_ms;
	return ms;
}

int64_t
job_our_time(int64_t stamp_ms, int64_t said_ms, int64_t written_ms)
{
	int64_t ahead_ms = said_ms - written_ms;

	return ahead_ms > CLOCKS_DIFFER_MS || ahead_ms < -CLOCKS_DIFFER_MS
	    ? stamp_ms - ahead_ms
	    : stamp_ms;
}

uint64_t
job_add(uint64_t a, uint64_t b)
{
	return a > JOB_COUNT_MAX || b > JOB_COUNT_MAX - a ? JOB_COUNT_MAX : a + b;
}

void
job_instance_restart(struct job_instance *instance, int64_t started_ms)
{
	struct job_run *run = &instance->run;

	instance->executions = job_add(instance->executions, run->executions);
	instance->crashes = job_add(instance->crashes, run->crashes);
	instance->hangs = job_add(instance->hangs, run->hangs);
	run->executions = run->crashes = run->hangs = 0;
	run->rate_milli = run->memory = run->pending = 0;
	instance->started_ms = started_ms;
	instance->heard = false;
}

/* ---- sums ---- */

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void
add_instance(const struct job_instance *instance, struct job_stats *stats)
{
	const struct job_run *run = &instance->run;

	stats->known |= run->known;
	stats->executions =
	    job_add(stats->executions, job_add(instance->executions, run->executions));
	/* Files are there before they are said to be, and of a run that was killed. */
	stats->crashes = job_add(stats->crashes,
	    larger(job_add(instance->crashes, run->crashes),
		instance->crash_files.total[0]));
	stats->hangs = job_add(stats->hangs,
	    larger(
		job_add(instance->hangs, run->hangs), instance->hang_files.total[0]));
	/* They share what they find. */
	stats->edges = larger(stats->edges, run->edges);
	if (run->corpus >= stats->corpus) {
		stats->corpus = run->corpus;
		stats->corpus_bytes = run->corpus_bytes;
	}
	if ((run->known & JOB_STATS_STABILITY) != 0 &&
	    run->stability < stats->stability)
		stats->stability = run->stability;
	if (instance->running && instance->heard) {
		stats->rate_milli += run->rate_milli;
		stats->memory += run->memory;
		stats->pending = job_add(stats->pending, run->pending);
	}
}

static bool
any_runs(const struct job *job)
{
	for (unsigned i = 0; i < job->instances_len; i++)
		if (job->instances[i].running)
			return true;
	return false;
}

static void
sum(struct job *job, struct job_stats *ret_stats)
{
	struct job_stats stats = { .stability = UINT32_MAX };

	for (unsigned i = 0; i < job->instances_len; i++)
		add_instance(&job->instances[i], &stats);
	stats.known |= job->known;
	if (job->last_find_ms > 0)
		stats.known |= JOB_STATS_LAST_FIND;
	if ((stats.known & JOB_STATS_STABILITY) == 0)
		stats.stability = 0;
	stats.crashes =
	    job_add(stats.crashes, job_add(job->crashes, job->more_crashes));
	stats.hangs = job_add(stats.hangs, job_add(job->hangs, job->more_hangs));
	stats.ooms = job_add(job->ooms, job->more_ooms);
	stats.executions = job_add(stats.executions, job->more_executions);
	stats.last_find_ms = job->last_find_ms;
	stats.updated_ms = job->updated_ms;
	stats.moved_ms = job->moved_ms;
	if (job->engine->silence_ms != NULL && any_runs(job))
		stats.silence_ms = job->engine->silence_ms(job);
	/* What the seed knew is known, though nobody says it any more. */
	stats.known |= job->seed.known &
	    (JOB_STATS_EXECUTIONS | JOB_STATS_CRASHES | JOB_STATS_HANGS |
		JOB_STATS_OOMS);
	*ret_stats = stats;
}

static uint64_t
beyond(uint64_t seed, uint64_t found)
{
	return seed > found ? seed - found : 0;
}

/* What was found of executions that the seed may have counted, too. */
static uint64_t
seed_could_know(const struct job *job)
{
	const struct job_instance *instance;
	uint64_t executions = 0;

	for (unsigned i = 0; i < job->instances_len; i++) {
		instance = &job->instances[i];
		executions = job_add(executions,
		    instance->after_seed
			? instance->seed_could
			: job_add(instance->executions, instance->run.executions));
	}
	return executions;
}

/* Logs and files of before may be gone: what the seed has more than they is kept. */
static void
check_settled(struct job *job, int64_t since_ms)
{
	struct job_stats found;
	bool end = !job->behind;

	for (unsigned i = 0; i < job->instances_len; i++)
		end = end && (job->attached != NULL || job->instances[i].log.caught_up);
	if (!end && job->now_ms - since_ms < SETTLES_WITHIN_MS)
		return;
	job->settled = true;
	sum(job, &found);
	job->more_executions = beyond(job->seed.executions, seed_could_know(job));
	job->more_crashes = beyond(job->seed.crashes, found.crashes);
	job->more_hangs = beyond(job->seed.hangs, found.hangs);
	job->more_ooms = beyond(job->seed.ooms, found.ooms);
}

static void
tell_news(struct jobs *jobs, struct job *job)
{
	struct job_stats stats;

	sum(job, &stats);
	if (stats.executions > job->counted) {
		job->counted = stats.executions;
		job->moved_ms = stats.moved_ms = job->updated_ms;
	}
	rate_add(&job->rate, job->now_ms, stats.executions);
	/* Engines that just began say 0; and so does one that begins all the time. */
	if (stats.rate_milli == 0 && any_runs(job))
		stats.rate_milli = rate_milli_per_second(&job->rate, job->now_ms);
	if (memcmp(&stats, &job->told, sizeof(stats)) == 0 ||
	    (job->told_ms != 0 && job->now_ms - job->told_ms < TELL_EACH_MS) ||
	    jobs->to.tell(jobs->to.arg, job->id, &stats) < 0)
		return;
	job->told = stats;
	job->told_ms = job->now_ms;
}

/* What runs that ended said last; of several of one instance the newest. */
static void
tell_ends(struct jobs *jobs, struct job *job)
{
	if (!job->has_ends)
		return;
	job->has_ends = false;
	for (unsigned i = 0; i < job->instances_len; i++) {
		struct job_instance *instance = &job->instances[i];

		if (!instance->ended_untold)
			continue;
		if (jobs->to.ended(jobs->to.arg, job->id, i, instance->pid,
			job_telling_line(&instance->telling)) == 0)
			instance->ended_untold = false;
		else
			job->has_ends = true;
	}
}

static void
tell_fuzzers(struct jobs *jobs, struct job *job)
{
	struct job_attached *attached = job->attached;
	const size_t size = job->instances_len * sizeof(*attached->fuzzers);

	if (attached->has_told && attached->told_len == job->instances_len &&
	    memcmp(attached->told, attached->fuzzers, size) == 0)
		return;
	if (jobs->to.fuzzers(
		jobs->to.arg, job->id, attached->fuzzers, job->instances_len) < 0)
		return;
	memcpy(attached->told, attached->fuzzers, size);
	attached->told_len = job->instances_len;
	attached->has_told = true;
}

/* ---- a look ---- */

struct reading {
	struct job *job;
	struct job_instance *instance;
};

static void
begin_run(struct job *job, struct job_instance *instance, const struct job_mark *mark)
{
	int64_t time_ms = mark->time_ms;

	if (time_ms > job->wall_ms)
		time_ms = job->wall_ms;
	/* In another folder may lie a copy of the log. */
	instance->echoes = job->moved && time_ms < instance->started_ms;
	/* The same start a second time is somebody's echo. */
	if (instance->echoes || time_ms == instance->started_ms)
		return;
	if (job->engine->starts != NULL)
		job->engine->starts(job, instance, time_ms);
	if (!job->engine->resumes)
		job_instance_restart(instance, time_ms);
	instance->before = instance->executions;
	if (!job->settled && !job->engine->resumes && !instance->after_seed &&
	    time_ms > job->seed.updated_ms) {
		instance->after_seed = true;
		instance->seed_could = instance->executions;
	}
	instance->started_ms = time_ms;
	instance->running = true;
	instance->pid = mark->pid;
	instance->ended_untold = false;
	instance->telling = (struct job_telling){ 0 };
	job->news_ms = job->now_ms;
}

static void
take_line(void *arg, struct job_text line)
{
	const struct reading *reading = arg;
	struct job *job = reading->job;
	struct job_mark mark = job_mark_parse(line);

	if (reading->instance->echoes && mark.kind != JOB_MARK_START)
		return;
	if (mark.kind == JOB_MARK_NONE) {
		job_telling_take(&reading->instance->telling, line);
		if (job->engine->line != NULL)
			job->engine->line(job, reading->instance, line);
	} else if (reading->instance != &job->instances[mark.instance]) {
		return;
	} else if (mark.kind == JOB_MARK_START) {
		begin_run(job, reading->instance, &mark);
	} else {
		reading->instance->running = false;
		reading->instance->ended_untold = reading->instance->pid != 0;
		job->has_ends = true;
	}
}

/* As many as there is time for, from where the last look ended. */
static void
read_logs(struct jobs *jobs, struct job *job)
{
	struct reading reading = { .job = job };
	int64_t until = clock_us(CLOCK_MONOTONIC) + TURN_US;
	unsigned number;

	for (unsigned i = 0; i < job->instances_len; i++) {
		if (clock_us(CLOCK_MONOTONIC) > until) {
			job->behind = true;
			return;
		}
		number = job->next_log++ % job->instances_len;
		reading.instance = &job->instances[number];
		if (job_log_read(&reading.instance->log, job->fd, number, jobs->buffer,
			take_line, &reading))
			job->behind = true;
	}
}

/* ---- finds ---- */

struct finding {
	struct jobs *jobs;
	const struct job *job;
	unsigned number;
};

static int
found_cb(void *arg, const struct job_find *find)
{
	const struct finding *finding = arg;

	return finding->jobs->to.found(finding->jobs->to.arg, finding->job->id,
	    finding->job->of, finding->number, find);
}

static void
read_finds(struct jobs *jobs, struct job *job)
{
	struct finding finding = { .jobs = jobs, .job = job };
	int64_t until = clock_us(CLOCK_MONOTONIC) + TURN_US;

	for (unsigned i = 0; i < job->instances_len; i++) {
		if (clock_us(CLOCK_MONOTONIC) > until) {
			job->behind = true;
			return;
		}
		finding.number = job->next_finds++ % job->instances_len;
		if (job_finds_read(&job->instances[finding.number].finds, job->fd,
			finding.number, job->of, found_cb, &finding))
			job->behind = true;
	}
}

void
jobs_find_again(struct jobs *jobs, const char *name)
{
	struct job *job;

	for (unsigned i = 0; i < BUCKETS; i++)
		LIST_FOREACH(job, &jobs->buckets[i], in_bucket)
			for (unsigned k = 0; k < job->instances_len; k++)
				if (name == NULL || strcmp(job->of, name) == 0)
					job_finds_again(&job->instances[k].finds);
}

/* What a fuzzer says of itself counts for its own run alone, and no faster than a machine can run anything. */
static void
limit_runs(struct job *job)
{
	/* What goes on with the counts of its runs before says more than its run could. */
	if (job->engine->resumes)
		return;
	for (unsigned i = 0; i < job->instances_len; i++) {
		struct job_instance *instance = &job->instances[i];
		struct job_run *run = &instance->run;
		const int64_t ms = job->wall_ms - instance->started_ms;
		const uint64_t most =
		    ((uint64_t)(ms > 0 ? ms : 0) + 1000) * EXECUTIONS_PER_MS;

		/* Of what it calls runs of its own, all together. */
		if (instance->started_ms > 0 &&
		    instance->executions > instance->before + most)
			instance->executions = instance->before + most;
		if (instance->started_ms > 0 &&
		    instance->executions + run->executions > instance->before + most)
			run->executions =
			    instance->before + most - instance->executions;
		if (run->rate_milli > EXECUTIONS_PER_MS * UINT64_C(1000000))
			run->rate_milli = EXECUTIONS_PER_MS * UINT64_C(1000000);
	}
}

static void
look(struct jobs *jobs, struct job *job)
{
	job->now_ms = clock_ms(CLOCK_MONOTONIC);
	job->wall_ms = clock_ms(CLOCK_REALTIME);
	job->behind = false;
	if (job->engine->look != NULL)
		job->engine->look(job);
	if (job->attached == NULL) {
		read_logs(jobs, job);
		tell_ends(jobs, job);
		read_finds(jobs, job);
	}
	limit_runs(job);
	if (job->engine->settle != NULL)
		job->engine->settle(job);
	if (!job->settled)
		check_settled(job, job->since_ms);
	if (job->settled)
		tell_news(jobs, job);
	if (job->attached != NULL)
		tell_fuzzers(jobs, job);
}

/* ---- the schedule ---- */

static void
put_in_queue(struct jobs *jobs, struct job *job, int queue, int64_t now_ms)
{
	job->queue = queue;
	job->due_ms = now_ms + periods_ms[queue];
	TAILQ_INSERT_TAIL(&jobs->queues[queue], job, in_queue);
}

static struct job *
first_due(struct jobs *jobs)
{
	struct job *first = NULL, *job;

	for (int i = 0; i < QUEUES; i++) {
		job = TAILQ_FIRST(&jobs->queues[i]);
		if (job != NULL && (first == NULL || job->due_ms < first->due_ms))
			first = job;
	}
	return first;
}

static void
plan(struct jobs *jobs, int64_t at_least_us)
{
	const struct job *job = first_due(jobs);
	struct timeval wait;
	int64_t us;

	if (job == NULL) {
		event_del(jobs->timer);
		return;
	}
	us = job->due_ms * 1000 - clock_us(CLOCK_MONOTONIC);
	us = us > at_least_us ? us : at_least_us;
	wait.tv_sec = us / 1000000;
	wait.tv_usec = us % 1000000;
	event_add(jobs->timer, &wait);
}

static int
next_queue(const struct job *job)
{
	if (job->behind)
		return SOON;
	if (job->now_ms - job->news_ms < BUSY_FOR_MS)
		return BUSY;
	return any_runs(job) ? QUIET : STOPPED;
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct jobs *jobs = arg;
	int64_t from = clock_us(CLOCK_MONOTONIC), now = from;
	struct job *job;

	(void)fd;
	(void)what;
	while (now - from < TURN_US && (job = first_due(jobs)) != NULL &&
	    job->due_ms <= now / 1000) {
		TAILQ_REMOVE(&jobs->queues[job->queue], job, in_queue);
		look(jobs, job);
		now = clock_us(CLOCK_MONOTONIC);
		put_in_queue(jobs, job, next_queue(job), now / 1000);
	}
	plan(jobs, TURN_US);
}

/* ---- life ---- */

static void
job_free(struct job *job)
{
	if (job == NULL)
		return;
	job_folder_close(&job->artifacts);
	for (unsigned i = 0; i < job->instances_len; i++) {
		job_folder_close(&job->instances[i].crash_files);
		job_folder_close(&job->instances[i].hang_files);
	}
	close(job->fd);
	free(job->attached);
	free(job->instances);
	free(job);
}

/* It says nothing of itself, but for how it ends. */
static const struct job_engine_ops job_engine_silent = { 0 };

static const struct job_engine_ops *
engine_of(uint32_t code)
{
	switch (code) {
	case JOB_ENGINE_LIBFUZZER:
		return &job_engine_libfuzzer;
	case JOB_ENGINE_AFL:
		return &job_engine_afl;
	case JOB_ENGINE_HONGGFUZZ:
		return &job_engine_honggfuzz;
	case JOB_ENGINE_REPLAY:
		return &job_engine_replay;
	case JOB_ENGINE_ZIG:
		return &job_engine_zig;
	default:
		return &job_engine_silent;
	}
}

/* Behind the name and its NUL. */
static int
take_seed(const struct message *message, struct job_stats *ret_seed)
{
	size_t name = strnlen(message->text, message->text_len);
	struct job_stats seed = { 0 };

	if (name + 1 >= message->text_len)
		return 0;
	if (message->text_len - name - 1 != sizeof(seed))
		return -EPROTO;
	memcpy(&seed, message->text + name + 1, sizeof(seed));
	if (seed.executions > JOB_COUNT_MAX || seed.crashes > JOB_COUNT_MAX ||
	    seed.hangs > JOB_COUNT_MAX || seed.ooms > JOB_COUNT_MAX)
		return -EPROTO;
	*ret_seed = seed;
	return 0;
}

/* The line behind the name; "" if there is none. */
static void
read_addition(const struct message *message, char *ret_text, size_t size)
{
	const size_t len = strnlen(message->text, message->text_len);
	const char *feed = memchr(message->text, '\n', len);

	ret_text[0] = '\0';
	if (feed != NULL)
		snprintf(ret_text, size, "%.*s",
		    (int)(len - (size_t)(feed + 1 - message->text)), feed + 1);
}

/* Which of @job's instances run something else. */
static int
mark_others(const struct message *message, struct job *job)
{
	char text[JOB_INSTANCES_MAX * 4];
	bool others[JOB_INSTANCES_MAX];

	read_addition(message, text, sizeof(text));
	if (text[0] == '\0')
		return 0;
	if (job_numbers_parse(text, others, JOB_INSTANCES_MAX) < 0)
		return -EPROTO;
	for (unsigned i = 0; i < job->instances_len; i++)
		job->instances[i].runs_other = others[i];
	return 0;
}

static int
make_instances(const struct message *message, struct job *job)
{
	const bool attached = (message->watch.bits & COLLECT_JOB_ATTACHED) != 0;

	job->instances = calloc(attached ? JOB_INSTANCES_MAX : message->watch.instances,
	    sizeof(*job->instances));
	if (job->instances == NULL)
		return -ENOMEM;
	job->instances_len = message->watch.instances;
	if (!attached)
		return mark_others(message, job);
	job->attached = calloc(1, sizeof(*job->attached));
	if (job->attached == NULL)
		return -ENOMEM;
	read_addition(
	    message, job->attached->executable, sizeof(job->attached->executable));
	return 0;
}

/* Takes @fd if all is well. */
static int
make(const struct message *message, int fd, struct job **ret_job)
{
	struct job *job = calloc(1, sizeof(*job));
	int r;

	if (job == NULL)
		return -ENOMEM;
	r = take_seed(message, &job->seed);
	if (r == 0)
		r = make_instances(message, job);
	if (r < 0) {
		free(job->attached);
		free(job->instances);
		free(job);
		return r;
	}
	job->id = message->id;
	job->engine = engine_of(message->watch.engine);
	job->fd = fd;
	job->told = job->seed;
	job->last_find_ms = job->seed.last_find_ms;
	job->updated_ms = job->seed.updated_ms;
	job->counted = job->seed.executions;
	job->moved_ms = job->seed.moved_ms;
	snprintf(job->of, sizeof(job->of), "%.*s", (int)strcspn(message->text, "/"),
	    message->text);
	/* Its map is that of what it runs, which need not be what the target shows. */
	if ((message->watch.bits & COLLECT_JOB_RUNS_TARGET) != 0)
		snprintf(job->target, sizeof(job->target), "%.*s",
		    (int)strcspn(message->text, "/"), message->text);
	*ret_job = job;
	return 0;
}

static int
collect(struct jobs *jobs, const struct message *message, int fd, struct job **ret_job)
{
	struct stat st;

	const bool attached = (message->watch.bits & COLLECT_JOB_ATTACHED) != 0;

	if ((message->watch.instances == 0) != attached ||
	    message->watch.instances > JOB_INSTANCES_MAX ||
	    (attached && message->watch.engine != JOB_ENGINE_AFL) ||
	    message->watch.engine >= JOB_ENGINES_LEN ||
	    message->text_len >= MESSAGE_TEXT_MAX)
		return -EPROTO;
	if (fstat(fd, &st) != 0 || !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	jobs_forget(jobs, message->id);
	return jobs->len < JOBS_MAX ? make(message, fd, ret_job) : -EMFILE;
}

/* Another folder is at the path of a job's: what was counted goes on, and what a log says
 * there is more of the same runs. Takes @fd. */
static int
move(struct jobs *jobs, struct job *job, int fd)
{
	close(job->fd);
	job->fd = fd;
	job->moved = true;
	job_folder_moved(&job->artifacts);
	for (unsigned i = 0; i < job->instances_len; i++) {
		job_log_moved(&job->instances[i].log);
		job_finds_again(&job->instances[i].finds);
		job_folder_moved(&job->instances[i].crash_files);
		job_folder_moved(&job->instances[i].hang_files);
	}
	TAILQ_REMOVE(&jobs->queues[job->queue], job, in_queue);
	put_in_queue(jobs, job, SOON, clock_ms(CLOCK_MONOTONIC));
	plan(jobs, 0);
	return 0;
}

/* True if @message speaks of the same job, and @fd is another folder. What is known of another
 * attached one is nothing of this one. */
static bool
has_moved(const struct job *job, const struct message *message, int fd)
{
	struct stat held, there;

	return job->attached == NULL &&
	    message->watch.instances == job->instances_len &&
	    engine_of(message->watch.engine) == job->engine && fstat(fd, &there) == 0 &&
	    S_ISDIR(there.st_mode) && fstat(job->fd, &held) == 0 &&
	    (held.st_dev != there.st_dev || held.st_ino != there.st_ino);
}

int
jobs_collect(struct jobs *jobs, const struct message *message, int fd)
{
	struct job *job = find(jobs, message->id);
	int r;

	if (job != NULL && has_moved(job, message, fd))
		return move(jobs, job, fd);
	job = NULL;
	r = collect(jobs, message, fd, &job);
	if (job == NULL) {
		close(fd);
		return r;
	}
	job->bitmap = jobs->to.bitmap;
	job->bitmap_arg = jobs->to.arg;
	job->since_ms = clock_ms(CLOCK_MONOTONIC);
	job->news_ms = job->since_ms;
	jobs->len++;
	LIST_INSERT_HEAD(&jobs->buckets[job->id % BUCKETS], job, in_bucket);
	put_in_queue(jobs, job, SOON, job->since_ms);
	plan(jobs, 0);
	return 0;
}

void
jobs_forget(struct jobs *jobs, uint32_t id)
{
	struct job *job = find(jobs, id);

	if (job == NULL)
		return;
	LIST_REMOVE(job, in_bucket);
	TAILQ_REMOVE(&jobs->queues[job->queue], job, in_queue);
	jobs->len--;
	job_free(job);
}

int
jobs_new(struct event_base *base, const struct jobs_callbacks *callbacks,
    struct jobs **ret_jobs)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));

	if (jobs == NULL)
		return -ENOMEM;
	for (int i = 0; i < QUEUES; i++)
		TAILQ_INIT(&jobs->queues[i]);
	jobs->to = *callbacks;
	jobs->timer = event_new(base, -1, 0, timer_cb, jobs);
	if (jobs->timer == NULL) {
		free(jobs);
		return -ENOMEM;
	}
	*ret_jobs = jobs;
	return 0;
}

void
jobs_free(struct jobs *jobs)
{
	struct job *job;

	if (jobs == NULL)
		return;
	while ((job = first_due(jobs)) != NULL)
		jobs_forget(jobs, job->id);
	event_free(jobs->timer);
	free(jobs);
}
