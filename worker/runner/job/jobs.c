/* SPDX-License-Identifier: MIT
 * All jobs: messages, reports, and turns where more want to run than may; in the runner.
 *
 * Turns are fair by weight: each job counts the time that it had, divided by its weight,
 * and whoever had least is next. Who comes later begins with the least of the others.
 */
#include "config.h"

#include "jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/queue.h>

#include "clock.h"
#include "job.h"
#include "log.h"
#include "banned.h"

#define REPORT_MS 50
#define TICK_S 1
#define LOOK_AGAIN_MS 100

struct jobs {
	struct event_base *base;
	jobs_send_cb send_cb;
	jobs_lost_cb lost_cb;
	void *context;
	TAILQ_HEAD(job_list, job) list; /* by id */
	struct job_list leaving;        /* forgotten, and not ended yet */
	unsigned slots;                 /* 0: all may run */
	int64_t turn_ms;
	struct event *schedule, *tick, *report;
};

static struct job *
find(struct jobs *jobs, uint32_t id)
{
	struct job *job;

	/* New ones have the greatest id: all are told in one go when the runner starts. */
	TAILQ_FOREACH_REVERSE(job, &jobs->list, job_list, link)
		if (job->id <= id)
			return job->id == id ? job : NULL;
	return NULL;
}

static void
insert(struct jobs *jobs, struct job *new)
{
	struct job *job;

	TAILQ_FOREACH_REVERSE(job, &jobs->list, job_list, link)
		if (job->id < new->id) {
			TAILQ_INSERT_AFTER(&jobs->list, job, new, link);
			return;
		}
	TAILQ_INSERT_HEAD(&jobs->list, new, link);
}

static void
wake(struct event *timer, int64_t ms)
{
	const struct timeval wait = { .tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000 };

	if (!evtimer_pending(timer, NULL))
		evtimer_add(timer, &wait);
}

/* ---- turns ---- */

/* Slots that a job takes; one that wants more than there are takes all. */
static unsigned
need(const struct jobs *jobs, const struct job *job)
{
	return MIN(job->spec.instances, jobs->slots);
}

static unsigned
slots_free(const struct jobs *jobs)
{
	unsigned used = 0;
	const struct job *job;

	TAILQ_FOREACH(job, &jobs->list, link)
		if (job->has_turn || job->running > 0)
			used += need(jobs, job);
	TAILQ_FOREACH(job, &jobs->leaving, link)
		used += need(jobs, job);
	return used < jobs->slots ? jobs->slots - used : 0;
}

/* The one that waits and has had least. */
static struct job *
next_of(const struct jobs *jobs)
{
	struct job *job, *best = NULL;

	TAILQ_FOREACH(job, &jobs->list, link)
		if (!job->has_turn && job->running == 0 && job_is_eligible(job) &&
		    (best == NULL || job->virtual_ms < best->virtual_ms))
			best = job;
	return best;
}

static void
give(struct job *job, int64_t now)
{
	job->has_turn = true;
	job->turn_since_ms = now;
}

/* Takes the turn from whom it is over for, if somebody waits who had less. */
static void
take_turns(struct jobs *jobs, int64_t now)
{
	const struct job *next = next_of(jobs);
	struct job *job;

	TAILQ_FOREACH(job, &jobs->list, link)
		if (job->has_turn && next != NULL &&
		    now - job->turn_since_ms >= jobs->turn_ms &&
		    next->virtual_ms < job->virtual_ms)
			job->has_turn = false;
}

static void
give_turns(struct jobs *jobs, int64_t now)
{
	unsigned left = slots_free(jobs);
	struct job *next;

	while ((next = next_of(jobs)) != NULL && need(jobs, next) <= left) {
		left -= need(jobs, next);
		give(next, now);
	}
}

/* Milliseconds until somebody's turn ends, if somebody waits. */
static int64_t
next_end(const struct jobs *jobs, int64_t now)
{
	int64_t first = INT64_MAX, left;
	const struct job *job;

	if (jobs->slots == 0 || next_of(jobs) == NULL)
		return -1;
	TAILQ_FOREACH(job, &jobs->list, link) {
		left = job->turn_since_ms + jobs->turn_ms - now;
		/* One that goes on past its turn for want of others is looked at again. */
		if (job->has_turn)
			first = MIN(first, left > 0 ? left : LOOK_AGAIN_MS);
	}
	return first == INT64_MAX ? -1 : first;
}

/* Those that have ended are gone; who waited for one may go on. */
static void
let_go(struct jobs *jobs)
{
	struct job *job = TAILQ_FIRST(&jobs->leaving), *next, *other;

	for (; job != NULL; job = next) {
		next = TAILQ_NEXT(job, link);
		if (job->running > 0)
			continue;
		TAILQ_FOREACH(other, &jobs->list, link)
			if (other->waits_for == job->id)
				other->waits_for = 0;
		TAILQ_REMOVE(&jobs->leaving, job, link);
		job_free(job);
	}
}

static void
schedule_cb(evutil_socket_t fd, short what, void *context)
{
	struct jobs *jobs = context;
	int64_t now = clock_ms(CLOCK_MONOTONIC), wait;
	struct job *job;

	(void)fd;
	(void)what;
	let_go(jobs);
	TAILQ_FOREACH(job, &jobs->list, link) {
		job_count(job, now);
		if (!job_is_eligible(job))
			job->has_turn = false;
		else if (jobs->slots == 0 && !job->has_turn)
			give(job, now);
	}
	if (jobs->slots > 0) {
		take_turns(jobs, now);
		give_turns(jobs, now);
	}
	TAILQ_FOREACH(job, &jobs->list, link)
		job_act(job);
	wait = next_end(jobs, now);
	if (wait >= 0)
		wake(jobs->schedule, wait);
}

/* Soon, whatever the timer waits for. */
static void
schedule_now(struct jobs *jobs)
{
	evtimer_del(jobs->schedule);
	wake(jobs->schedule, 0);
}

/* ---- reports ---- */

static void
send_report(struct jobs *jobs, struct job *job)
{
	static struct message message;
	struct job_report *report = &job->report;
	const struct job_report kept = *report;

	report->running = job->running;
	report->memory = 0;
	report->pid = 0;
	report->loses = job_loses(job);
	report->loops = job_loops(job);
	for (unsigned i = 0; i < job->spec.instances; i++) {
		const struct instance *instance = &job->instances[i];

		report->memory += instance->memory;
		if (report->pid == 0)
			report->pid = instance->pid;
		if (instance->phase == INSTANCE_RUNNING)
			report->ran_ms += (uint64_t)(clock_ms(CLOCK_MONOTONIC) -
			    instance->started_ms);
	}
	message_init(&message, MESSAGE_JOB_STATE, job->id);
	memcpy(message.text, report, sizeof(*report));
	message.text_len = sizeof(*report);
	report->ran_ms = kept.ran_ms;
	job->is_dirty = !jobs->send_cb(&message, jobs->context);
}

static void
report_cb(evutil_socket_t fd, short what, void *context)
{
	struct jobs *jobs = context;
	struct job *job;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(job, &jobs->list, link)
		if (job->is_dirty && job->report.state < JOB_STATES_LEN)
			send_report(jobs, job);
}

static void
tick_cb(evutil_socket_t fd, short what, void *context)
{
	struct jobs *jobs = context;
	int64_t now = clock_ms(CLOCK_MONOTONIC);
	struct job *job;

	TAILQ_FOREACH(job, &jobs->list, link)
		job_tick(job, now);
	report_cb(fd, what, jobs);
}

/* ---- what a job says ---- */

static void
changed_cb(struct job *job, void *context)
{
	struct jobs *jobs = context;

	(void)job;
	schedule_now(jobs);
	wake(jobs->report, REPORT_MS);
}

static void
entry_cb(struct job *job, uint64_t address, void *context)
{
	static struct message message;
	struct jobs *jobs = context;

	if (job->is_leaving)
		return;
	message_init(&message, MESSAGE_JOB_ENTRY, job->id);
	message.entry.address = address;
	jobs->send_cb(&message, jobs->context);
}

static void
lost_cb(struct job *job, void *context)
{
	struct jobs *jobs = context;

	(void)job;
	jobs->lost_cb(jobs->context);
}

/* ---- what the supervisor says ---- */

static double
least_virtual(const struct jobs *jobs)
{
	const struct job *job;
	double least = -1;

	TAILQ_FOREACH(job, &jobs->list, link)
		if (job_is_eligible(job) && (least < 0 || job->virtual_ms < least))
			least = job->virtual_ms;
	return MAX(least, 0);
}

/* It ends as a stop would end it, so that a fuzzer may write what it still knows. */
static void
forget(struct jobs *jobs, uint32_t id)
{
	struct job *job = find(jobs, id);

	if (job == NULL)
		return;
	TAILQ_REMOVE(&jobs->list, job, link);
	TAILQ_INSERT_TAIL(&jobs->leaving, job, link);
	job_leave(job);
	schedule_now(jobs);
}

/* The one that is leaving and has the folder of @spec, in which two must not write: its
 * id, or 0. */
static uint32_t
former(const struct jobs *jobs, const struct job *new)
{
	const struct job *job;

	TAILQ_FOREACH(job, &jobs->leaving, link)
		if (job->folder_hash == new->folder_hash &&
		    strcmp(job->folder_path, new->folder_path) == 0)
			return job->id;
	return 0;
}

static int
add(struct jobs *jobs, const struct message *message)
{
	struct job_spec spec;
	struct job *job;
	int r;

	forget(jobs, message->id);
	r = job_spec_parse(message->text, message->text_len, &spec);
	if (r < 0)
		return r;
	if (spec.folder == NULL)
		r = -EPROTO;
	if (r == 0)
		r = job_new(jobs->base, message->id, &spec, &job);
	job_spec_free(&spec);
	if (r < 0)
		return r;
	job->changed = changed_cb;
	job->entry = entry_cb;
	job->lost = lost_cb;
	job->context = jobs;
	job->report.ran_ms = message->run.ran_ms;
	job->report.starts = message->run.starts;
	job->virtual_ms = least_virtual(jobs);
	job->waits_for = former(jobs, job);
	insert(jobs, job);
	job_wish(job, message->run.wish, "");
	return 0;
}

static int
take_wish(struct jobs *jobs, const struct message *message)
{
	struct job *job = find(jobs, message->id);
	char reason[JOB_REASON_MAX];
	size_t len = MIN(message->text_len, sizeof(reason) - 1);

	if (job == NULL || message->wish.wish >= JOB_WISHES_LEN)
		return -EPROTO;
	memcpy(reason, message->text, len);
	reason[len] = '\0';
	job_wish(job, message->wish.wish, reason);
	return 0;
}

int
jobs_take(struct jobs *jobs, const struct message *message)
{
	switch (message->type) {
	case MESSAGE_TURNS:
		jobs->slots = message->turns.slots;
		jobs->turn_ms = (int64_t)message->turns.turn_ms;
		schedule_now(jobs);
		return 0;
	case MESSAGE_RUN_JOB:
		return add(jobs, message);
	case MESSAGE_WISH_JOB:
		return take_wish(jobs, message);
	case MESSAGE_FORGET_JOB:
		forget(jobs, message->id);
		return 0;
	default:
		return -EPROTO;
	}
}

void
jobs_end(struct jobs *jobs)
{
	struct job *job;

	TAILQ_FOREACH(job, &jobs->list, link)
		job_wish(job, JOB_STOP, "");
}

bool
jobs_run(const struct jobs *jobs)
{
	const struct job *job;

	TAILQ_FOREACH(job, &jobs->list, link)
		if (job->running > 0)
			return true;
	return !TAILQ_EMPTY(&jobs->leaving);
}

/* Whether it is a minder of one of @job's instances, or tries something for @job. */
static bool
has_child(const struct job *job, pid_t pid)
{
	if (job->probe.pid == pid || job->folder_probe.probe.pid == pid ||
	    job->folder_probe.stuck == pid)
		return true;
	for (unsigned i = 0; i < job->spec.instances; i++)
		if (job->instances[i].phase == INSTANCE_RUNNING &&
		    job->instances[i].minder.pid == pid)
			return true;
	return false;
}

bool
jobs_have_child(const struct jobs *jobs, pid_t pid)
{
	const struct job *job;

	TAILQ_FOREACH(job, &jobs->list, link)
		if (has_child(job, pid))
			return true;
	TAILQ_FOREACH(job, &jobs->leaving, link)
		if (has_child(job, pid))
			return true;
	return false;
}

/* ---- making and freeing ---- */

int
jobs_new(struct event_base *base, jobs_send_cb send_cb, jobs_lost_cb lost,
    void *context, struct jobs **ret_jobs)
{
	const struct timeval second = { .tv_sec = TICK_S };
	struct jobs *jobs = calloc(1, sizeof(*jobs));

	if (jobs == NULL)
		return -ENOMEM;
	TAILQ_INIT(&jobs->list);
	TAILQ_INIT(&jobs->leaving);
	jobs->base = base;
	jobs->send_cb = send_cb;
	jobs->lost_cb = lost;
	jobs->context = context;
	jobs->schedule = evtimer_new(base, schedule_cb, jobs);
	jobs->report = evtimer_new(base, report_cb, jobs);
	jobs->tick = event_new(base, -1, EV_PERSIST, tick_cb, jobs);
	if (jobs->schedule == NULL || jobs->report == NULL || jobs->tick == NULL ||
	    event_add(jobs->tick, &second) != 0) {
		jobs_free(jobs);
		return -ENOMEM;
	}
	*ret_jobs = jobs;
	return 0;
}

void
jobs_free(struct jobs *jobs)
{
	struct event *events[] = { jobs->schedule, jobs->report, jobs->tick };
	struct job *job;

	TAILQ_CONCAT(&jobs->list, &jobs->leaving, link);
	while ((job = TAILQ_FIRST(&jobs->list)) != NULL) {
		TAILQ_REMOVE(&jobs->list, job, link);
		job_free(job);
	}
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	free(jobs);
}
