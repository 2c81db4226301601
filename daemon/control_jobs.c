/* SPDX-License-Identifier: MIT
 * Replies about jobs; in the supervisor.
 */
#include "config.h"

#include "control_jobs.h"

#include <event2/buffer.h>

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

void
control_jobs(struct supervisor *supervisor, struct evbuffer *reply)
{
	const struct jobs *jobs = supervisor->jobs;

	evbuffer_add_printf(reply, "ok\n");
	for (size_t i = 0; i < jobs->len; i++) {
		const struct job *job = jobs->list[i];
		const struct job_report *report = &job->report;

		evbuffer_add_printf(reply, "%s/%s\t%s\t%s\t%u\t%u\t%u\t%d\t",
		    job->target, job->name, job_engine_name(job->engine),
		    job->has_report ? job_state_name(report->state) : "starting",
		    report->running, job->instances, report->starts, report->pid);
		add_known(reply, job, JOB_STATS_EXECUTIONS, job->stats.executions);
		add_known(reply, job, JOB_STATS_RATE, job->stats.rate_milli / 1000);
		add_known(reply, job, JOB_STATS_CRASHES, job->stats.crashes);
		evbuffer_add_printf(reply, "%llu\t%lld\t",
		    (unsigned long long)report->memory, (long long)report->since_ms);
		if (report->reason[0] == '\0' && job->has_stats &&
		    job->stats.pending > 0)
			evbuffer_add_printf(reply, "%llu inputs left to replay",
			    (unsigned long long)job->stats.pending);
		for (const char *text = report->reason; *text != '\0'; text++)
			evbuffer_add(
			    reply, (unsigned char)*text < 0x20 ? " " : text, 1);
		evbuffer_add_printf(reply, "\n");
	}
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

struct wish {
	enum job_wish wish;
	struct evbuffer *reply;
};

static void
wish_cb(struct jobs *jobs, struct job *job, void *context)
{
	const struct wish *wish = context;

	job_wish(jobs, job, wish->wish, "");
	evbuffer_add_printf(wish->reply, "%s/%s\n", job->target, job->name);
}

void
control_wish(struct supervisor *supervisor, const char *name, enum job_wish wish,
    struct evbuffer *reply)
{
	struct wish context = { wish, reply };

	if (jobs_each_named(supervisor->jobs, name, NULL, NULL) == 0) {
		fail_unknown(supervisor, name, reply);
		return;
	}
	evbuffer_add_printf(reply, "ok\n");
	jobs_each_named(supervisor->jobs, name, wish_cb, &context);
}

static void
logs_cb(struct jobs *jobs, struct job *job, void *context)
{
	(void)jobs;
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
