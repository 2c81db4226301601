/* SPDX-License-Identifier: MIT
 * What jobs go on from after a restart of the service, other settings, or a time without their
 * block, and what the archive is told of them; in the supervisor.
 */
#include "config.h"

#include "jobs.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_feed.h"
#include "clock.h"
#include "log.h"
#include "banned.h"

#define PAST_MAX (UINT64_C(1) << 53) /* as the collector takes it (job_text.h) */
#define RESTARTS_EACH_MS 60000       /* of one job, at most one event */

bool
jobs_are_held(const struct jobs *jobs)
{
	return jobs->are_held;
}

void
jobs_release(struct jobs *jobs)
{
	if (!jobs->are_held)
		return;
	jobs->are_held = false;
	jobs_pump(jobs, JOB_OUTBOX_RUNNER);
	jobs_pump(jobs, JOB_OUTBOX_COLLECTOR);
}

static void
go_on_from(struct job *job, const struct job_sample *past)
{
	job->past_ran_ms = past->ran_ms;
	job->past_starts = past->starts;
	if (job->problem[0] != '\0') { /* its report is ours, not the runner's */
		job->report.ran_ms = past->ran_ms;
		job->report.starts = past->starts;
	}
	if (job->attach == NULL && past->is_stopped)
		job->wanted = false;
	if (past->stats.updated_ms == 0 || job->has_stats)
		return;
	job->stats = past->stats;
	/* Of an engine that runs: nobody does yet. */
	job->stats.rate_milli = 0;
	job->stats.silence_ms = 0;
	job->has_stats = true;
}

void
jobs_past_told(struct jobs *jobs)
{
	jobs->past_is_told = true;
	jobs_release(jobs);
}

void
job_add_late(const struct job *job, struct job_report *report)
{
	report->ran_ms += job->late_ran_ms;
	report->starts += job->late_starts;
}

static void
raise_to(uint64_t *count, uint64_t least)
{
	if (*count < least)
		*count = least;
}

/* A collector that knew no past has read the logs, as far as they go: that is no further count. */
void
job_raise_late(const struct job *job, struct job_stats *stats)
{
	raise_to(&stats->executions, job->least.executions);
	raise_to(&stats->crashes, job->least.crashes);
	raise_to(&stats->hangs, job->least.hangs);
	raise_to(&stats->ooms, job->least.ooms);
	stats->known |= job->least.known &
	    (JOB_STATS_EXECUTIONS | JOB_STATS_CRASHES | JOB_STATS_HANGS);
}

/* The archive could not be read for a while, and the job runs without. */
static void
go_on_late(struct jobs *jobs, struct job *job, const struct job_sample *past)
{
	job->late_ran_ms = past->ran_ms;
	job->late_starts = past->starts;
	job->least = past->stats;
	if (job->has_report)
		job_add_late(job, &job->report);
	if (job->has_stats)
		job_raise_late(job, &job->stats);
	if (past->is_stopped && job->wanted && job->autostart)
		job_wish(jobs, job, JOB_STOP, "");
}

uint64_t
job_ran_ms(const struct job *job)
{
	return job->has_report ? job->report.ran_ms : job->past_ran_ms;
}

uint32_t
job_starts(const struct job *job)
{
	return job->has_report ? job->report.starts : job->past_starts;
}

static struct job_sample
sample_of(const struct jobs *jobs, const struct job *job)
{
	struct job_sample sample = { .id = job->id,
		.is_whole = jobs->past_is_told,
		.target = job->target_id,
		.starts = job_starts(job),
		.is_stopped = !job->wanted,
		.ran_ms = job_ran_ms(job) };

	if (job->has_report) {
		sample.runs = job->report.state == JOB_STATE_RUNNING;
		sample.memory = job->report.memory;
	}
	if (job->has_stats)
		sample.stats = job->stats;
	return sample;
}

/* ---- of jobs that are not there ---- */

#define PASTS_MAX 65536

struct past {
	struct job_sample sample;
	char name[]; /* TARGET/JOB */
};

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct past *)a)->name, ((const struct past *)b)->name);
}

/* What is kept of @name, made if need be; NULL: there is no memory, or there are too many. */
static struct past *
past_of(struct jobs *jobs, const char *name, bool make)
{
	const size_t size = strlen(name) + 1;
	struct past *past = malloc(sizeof(*past) + size), **place;

	if (past == NULL)
		return NULL;
	past->sample = (struct job_sample){ .id = 0 };
	memcpy(past->name, name, size);
	place = tfind(past, &jobs->pasts, compare);
	if (place == NULL && make && jobs->pasts_len < PASTS_MAX &&
	    (place = tsearch(past, &jobs->pasts, compare)) != NULL) {
		jobs->pasts_len++;
		return past;
	}
	free(past);
	return place != NULL ? *place : NULL;
}

static void
name_of(const struct job *job, char name[static 2 * JOB_NAME_MAX])
{
	snprintf(name, 2 * JOB_NAME_MAX, "%s/%s", job->target, job->name);
}

void
jobs_past(struct jobs *jobs, const char *name, const struct job_sample *sample)
{
	const struct job_stats *stats = &sample->stats;
	const char *slash = strchr(name, '/');
	char target[JOB_NAME_MAX];
	struct job *job;
	struct past *past;

	/* What cannot be is no past, whoever wrote it. */
	if (slash == NULL || (size_t)(slash - name) >= sizeof(target) ||
	    sample->ran_ms > PAST_MAX || sample->starts > INT32_MAX ||
	    stats->executions > PAST_MAX || stats->crashes > PAST_MAX ||
	    stats->hangs > PAST_MAX || stats->ooms > PAST_MAX ||
	    stats->corpus > PAST_MAX || stats->pending > PAST_MAX)
		return;
	snprintf(target, sizeof(target), "%.*s", (int)(slash - name), name);
	job = jobs_find(jobs, target, slash + 1);
	if (job != NULL && !job->has_past && !jobs->past_is_told) {
		if (jobs->are_held || job->problem[0] != '\0')
			go_on_from(job, sample);
		else
			go_on_late(jobs, job, sample);
		job->has_past = true;
		job_serve_news(jobs, job);
	} else if (job == NULL && past_of(jobs, name, false) == NULL &&
	    (past = past_of(jobs, name, true)) != NULL)
		past->sample = *sample; /* what this life knows of it is newer */
}

/* The last one: it is not known how long ago the archive had one. */
static void
send_sample(const struct jobs *jobs, const struct job_sample *sample)
{
	static struct message message;

	message_init(&message, MESSAGE_JOB_SAMPLES, 0);
	memcpy(message.text, sample, sizeof(*sample));
	message.text_len = sizeof(*sample);
	worker_send(
	    supervisor_worker(jobs->supervisor, WORKER_ARCHIVE), &message, NULL, 0);
}

void
job_past_keep(struct jobs *jobs, const struct job *job)
{
	const struct job_sample sample = sample_of(jobs, job);
	char name[2 * JOB_NAME_MAX];
	struct past *past;

	if (job->has_report || job->has_stats)
		send_sample(jobs, &sample);
	name_of(job, name);
	past = past_of(jobs, name, true);
	if (past != NULL)
		past->sample = sample;
	else
		log_warning("job %s: its counts are not remembered: %s", name,
		    jobs->pasts_len < PASTS_MAX ? strerror(ENOMEM)
						: "too many jobs were removed");
}

void
job_past_take(struct jobs *jobs, struct job *job, const struct job *old)
{
	char name[2 * JOB_NAME_MAX];
	struct job_sample sample;
	struct past *past;

	if (old != NULL) {
		sample = sample_of(jobs, old);
		job->has_past = old->has_past;
		/* A user's stop stands, but for what the configuration says now. */
		if (job->autostart != old->autostart)
			sample.is_stopped = 0;
		go_on_from(job, &sample);
		return;
	}
	name_of(job, name);
	past = past_of(jobs, name, false);
	if (past == NULL)
		return;
	tdelete(past, &jobs->pasts, compare);
	jobs->pasts_len--;
	go_on_from(job, &past->sample);
	free(past);
}

void
job_pasts_free(struct jobs *jobs)
{
	tdestroy(jobs->pasts, free);
}

/* ---- what the archive is told ---- */

bool
jobs_samples(const struct jobs *jobs, size_t *from, struct message *ret_message)
{
	struct job_sample sample;
	size_t used = 0;

	message_init(ret_message, MESSAGE_JOB_SAMPLES, 0);
	while (*from < jobs->len && used + sizeof(sample) <= MESSAGE_TEXT_MAX) {
		const struct job *job = jobs->list[(*from)++];

		if (!job->has_report && !job->has_stats)
			continue;
		sample = sample_of(jobs, job);
		memcpy(ret_message->text + used, &sample, sizeof(sample));
		used += sizeof(sample);
	}
	ret_message->text_len = (uint32_t)used;
	return used > 0;
}

static enum feed_kind
kind_of(enum job_state state)
{
	return state == JOB_STATE_RUNNING ? FEED_JOB_STARTED
	    : state == JOB_STATE_FAILED   ? FEED_JOB_FAILED
	    : state == JOB_STATE_BACK_OFF ? FEED_JOB_RESTARTED
	    : state == JOB_STATE_WAITING  ? FEED_JOB_WAITING
					  : FEED_JOB_ENDED;
}

void
job_tell_change(struct jobs *jobs, struct job *job, const struct job_report *told)
{
	const enum job_state state = job->report.state, before = told->state;
	const int64_t now_ms = clock_ms(CLOCK_MONOTONIC);

	/* A new runner counts anew, and has put it onto none. */
	if (before != JOB_STATES_LEN && job->report.builds > told->builds)
		archive_feed_event(jobs->supervisor->archive_feed, FEED_JOB_RESTARTED,
		    job->target, job->name, "restarted: its program is a new build");

	/* Turns, and what is on its way to something else, are no events. */
	if (state == before || state == JOB_STATE_QUEUED ||
	    state == JOB_STATE_STOPPING ||
	    (state == JOB_STATE_RUNNING && before == JOB_STATE_QUEUED &&
		job->report.starts > job->instances))
		return;
	/* Who ends again and again says it once in a while, and so do its starts. */
	if (state == JOB_STATE_BACK_OFF ||
	    (state == JOB_STATE_RUNNING && before == JOB_STATE_BACK_OFF)) {
		if (state == JOB_STATE_RUNNING ||
		    (job->restart_told_ms != 0 &&
			now_ms - job->restart_told_ms < RESTARTS_EACH_MS))
			return;
		job->restart_told_ms = now_ms;
	}
	archive_feed_event(jobs->supervisor->archive_feed, kind_of(state), job->target,
	    job->name, "%s%s%s", job_state_name(state),
	    job->report.reason[0] != '\0' ? ": " : "", job->report.reason);
}
