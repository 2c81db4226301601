/* SPDX-License-Identifier: MIT
 * What jobs go on from after a restart of the service, and what the archive is told of them; in the
 * supervisor.
 */
#include "config.h"

#include "jobs.h"

#include <string.h>

#include "archive_feed.h"
#include "clock.h"
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
past_cb(struct jobs *jobs, struct job *job, void *context)
{
	const struct job_sample *past = context;

	(void)jobs;
	job->past_ran_ms = past->ran_ms;
	job->past_starts = past->starts;
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
jobs_past(struct jobs *jobs, const char *name, const struct job_sample *past)
{
	struct job_sample copy = *past;

	/* What cannot be is no past, whoever wrote it. */
	if (copy.ran_ms > PAST_MAX || copy.starts > INT32_MAX ||
	    copy.stats.executions > PAST_MAX || copy.stats.crashes > PAST_MAX ||
	    copy.stats.hangs > PAST_MAX || copy.stats.ooms > PAST_MAX ||
	    copy.stats.corpus > PAST_MAX || copy.stats.pending > PAST_MAX)
		return;
	if (jobs->are_held && strchr(name, '/') != NULL)
		jobs_each_named(jobs, name, past_cb, &copy);
}

static struct job_sample
sample_of(const struct job *job)
{
	struct job_sample sample = { .id = job->id,
		.target = job->target_id,
		.starts = job->has_report ? job->report.starts : job->past_starts,
		.is_stopped = !job->wanted,
		.ran_ms = job->has_report ? job->report.ran_ms : job->past_ran_ms };

	if (job->has_report) {
		sample.runs = job->report.state == JOB_STATE_RUNNING;
		sample.memory = job->report.memory;
	}
	if (job->has_stats)
		sample.stats = job->stats;
	return sample;
}

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
		sample = sample_of(job);
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
