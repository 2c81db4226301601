/* SPDX-License-Identifier: MIT
 * Replies about jobs; in the supervisor.
 */
#include "config.h"

#include "control_jobs.h"

#include <event2/buffer.h>

#include "clock.h"
#include "jobs.h"
#include "banned.h"

static void
add_known(struct evbuffer *reply, const struct job *job, enum job_stats_known what,
    uint64_t value)
{
	if (job->has_stats && (job->stats.known & what) != 0)
		evbuffer_add_printf(reply, "%llu\t", (unsigned long long)value);
	else
		evbuffer_add_printf(reply, "-\t");
}

/* "5 minutes"; there is no less. */
static void
add_span(struct evbuffer *reply, int64_t ms)
{
	long long minutes = (long long)ms / 60000;

	if (minutes < 120)
		evbuffer_add_printf(reply, "%lld minutes", minutes);
	else if (minutes < 2880)
		evbuffer_add_printf(reply, "%lld hours", minutes / 60);
	else
		evbuffer_add_printf(reply, "%lld days", minutes / 1440);
}

/* What else is to be said of a job that runs. */
static void
add_note(struct evbuffer *reply, const struct job *job, enum job_health health,
    int64_t age_ms)
{
	if (health == JOB_HEALTH_STALE && !job_was_heard(&job->report, &job->stats)) {
		evbuffer_add_printf(reply, "nothing heard from it since its start ");
		add_span(reply, age_ms);
		evbuffer_add_printf(reply, " ago");
	} else if (health == JOB_HEALTH_STALE) {
		evbuffer_add_printf(reply, "stats are ");
		add_span(reply, age_ms);
		evbuffer_add_printf(reply, " old");
	} else if (health == JOB_HEALTH_STUCK) {
		evbuffer_add_printf(reply, "no progress for ");
		add_span(reply, age_ms);
	} else if (job->attach != NULL) {
		evbuffer_add_printf(reply, "attached to %s", job->attach->path);
	} else if (job->has_stats && job->stats.pending > 0) {
		evbuffer_add_printf(reply, "%llu of %llu inputs left to replay",
		    (unsigned long long)job->stats.pending,
		    (unsigned long long)(job->stats.corpus + job->stats.pending));
	}
}

static void
add_reason(struct evbuffer *reply, const struct job *job)
{
	const int64_t now_ms = clock_ms(CLOCK_REALTIME);
	const struct job_report *report = &job->report;
	int64_t since_ms = 0;
	enum job_health health = job_health(report, &job->stats, now_ms, &since_ms);

	evbuffer_add_printf(reply, "%s\t%lld\t%s\t", job_health_name(health),
	    (long long)since_ms, job->attach != NULL ? job->attach->path : "");
	if (report->reason[0] == '\0')
		add_note(reply, job, health, now_ms - since_ms);
	for (const char *text = report->reason; *text != '\0'; text++)
		evbuffer_add(reply, (unsigned char)*text < 0x20 ? " " : text, 1);
	evbuffer_add_printf(reply, "\n");
}

static void
show_cb(struct jobs *jobs, struct job *job, void *context)
{
	struct evbuffer *reply = context;
	const struct job_report *report = &job->report;

	(void)jobs;
	evbuffer_add_printf(reply, "%s/%s\t%s\t%s\t%u\t%u\t%u\t%d\t", job->target,
	    job->name, job_engine_name(job->engine),
	    job->has_report ? job_state_name(report->state) : "starting",
	    report->running, job->attach != NULL ? report->instances : job->instances,
	    report->starts, report->pid);
	add_known(reply, job, JOB_STATS_EXECUTIONS, job->stats.executions);
	add_known(reply, job, JOB_STATS_RATE, job->stats.rate_milli / 1000);
	add_known(reply, job, JOB_STATS_CRASHES, job->stats.crashes);
	evbuffer_add_printf(reply, "%llu\t%lld\t", (unsigned long long)report->memory,
	    (long long)report->since_ms);
	add_reason(reply, job);
}

static void
fail_unknown(struct supervisor *supervisor, const char *name, struct evbuffer *reply)
{
	evbuffer_add_printf(reply,
	    "error there is no job \"%.200s\"; expected TARGET/JOB, a JOB whose name "
	    "no "
	    "other has, or TARGET for all of its jobs%s\n",
	    name, supervisor->jobs->len == 0 ? " (the configuration has no jobs)" : "");
}

void
control_jobs(struct supervisor *supervisor, const char *name, struct evbuffer *reply)
{
	struct jobs *jobs = supervisor->jobs;

	if (name != NULL && jobs_each_named(jobs, name, NULL, NULL) == 0) {
		fail_unknown(supervisor, name, reply);
		return;
	}
	evbuffer_add_printf(reply, "ok\n");
	if (name != NULL)
		jobs_each_named(jobs, name, show_cb, reply);
	for (size_t i = 0; name == NULL && i < jobs->len; i++)
		show_cb(jobs, jobs->list[i], reply);
}

struct wish {
	enum job_wish wish;
	struct evbuffer *reply;
	size_t done;
	const struct job *attached; /* one that is left alone */
};

static void
wish_cb(struct jobs *jobs, struct job *job, void *context)
{
	struct wish *wish = context;

	if (job->attach != NULL) {
		wish->attached = job;
		return;
	}
	if (wish->done++ == 0)
		evbuffer_add_printf(wish->reply, "ok\n");
	job_wish(jobs, job, wish->wish, "");
	evbuffer_add_printf(wish->reply, "%s/%s\n", job->target, job->name);
}

void
control_wish(struct supervisor *supervisor, const char *name, enum job_wish wish,
    struct evbuffer *reply)
{
	struct wish context = { .wish = wish, .reply = reply };

	if (jobs_each_named(supervisor->jobs, name, NULL, NULL) == 0) {
		fail_unknown(supervisor, name, reply);
		return;
	}
	jobs_each_named(supervisor->jobs, name, wish_cb, &context);
	if (context.done == 0)
		evbuffer_add_printf(reply,
		    "error job %s/%s is attached to %s: start and stop its afl-fuzz "
		    "where it was started\n",
		    context.attached->target, context.attached->name,
		    context.attached->attach->path);
}

static void
logs_cb(struct jobs *jobs, struct job *job, void *context)
{
	(void)jobs;
	if (job->attach != NULL)
		return; /* its log is where it was started */
	evbuffer_add_printf(context, "%s/%s\t%u\t%s\n", job->target, job->name,
	    job->instances, job->folder);
}

void
control_logs(struct supervisor *supervisor, const char *name, struct evbuffer *reply)
{
	if (jobs_each_named(supervisor->jobs, name, NULL, NULL) == 0) {
		fail_unknown(supervisor, name, reply);
		return;
	}
	evbuffer_add_printf(reply, "ok\n");
	jobs_each_named(supervisor->jobs, name, logs_cb, reply);
}
