/* SPDX-License-Identifier: MIT
 * The list of jobs; in the supervisor.
 */
#include "config.h"

#include "jobs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive_feed.h"
#include "clock.h"
#include "conf_probe.h"
#include "detached.h"
#include "job_make.h"
#include "job_place.h"
#include "job_spec.h"
#include "log.h"
#include "make_folder.h"
#include "privs.h"
#include "target.h"
#include "users.h"
#include "banned.h"

#define PROBE_MS 2000 /* while a reload holds up everything else */

/* What a worker has not been told yet. */
enum job_news {
	NEWS_RUN = 1,         /* runner: the job */
	NEWS_COLLECT_JOB = 2, /* collector: the job */
	NEWS_SERVE_JOB = 4,   /* front-end: the job */
	NEWS_REPORT = 8,      /* front-end */
	NEWS_STATS = 16,      /* front-end */
	NEWS_WISH = 32,       /* runner: the wish alone */
	NEWS_KEEP_JOB = 64,   /* archive: the job */
};

static struct message message;

int
jobs_new(struct supervisor *supervisor, struct jobs **ret_jobs)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));

	if (jobs == NULL)
		return -ENOMEM;
	jobs->supervisor = supervisor;
	jobs->are_held = true;
	for (unsigned i = 0; i < JOB_OUTBOXES; i++)
		TAILQ_INIT(&jobs->outbox[i]);
	*ret_jobs = jobs;
	return 0;
}

void
jobs_free(struct jobs *jobs)
{
	if (jobs == NULL)
		return;
	for (size_t i = 0; i < jobs->len; i++)
		job_free(jobs->list[i]);
	free(jobs->list);
	free(jobs->by_name);
	job_pasts_free(jobs);
	free(jobs);
}

/* Place of a job in by_name, or where it belongs; with an empty @name that of the target's
 * first. */
static size_t
place_of(const struct jobs *jobs, const char *target, const char *name)
{
	size_t low = 0, high = jobs->len, middle;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		order = strcmp(jobs->by_name[middle]->target, target);
		if (order == 0)
			order = strcmp(jobs->by_name[middle]->name, name);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct job *
jobs_find(const struct jobs *jobs, const char *target, const char *name)
{
	const size_t place = place_of(jobs, target, name);
	struct job *job = place < jobs->len ? jobs->by_name[place] : NULL;

	return job != NULL && strcmp(job->target, target) == 0 &&
		strcmp(job->name, name) == 0
	    ? job
	    : NULL;
}

static size_t
place_of_id(const struct jobs *jobs, uint32_t id)
{
	size_t low = 0, high = jobs->len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (jobs->list[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct job *
find_id(const struct jobs *jobs, uint32_t id)
{
	const size_t place = place_of_id(jobs, id);

	return place < jobs->len && jobs->list[place]->id == id ? jobs->list[place]
								: NULL;
}

/* ---- telling ---- */

static struct worker *
worker_of(const struct jobs *jobs, unsigned outbox)
{
	static const enum worker_kind kinds[JOB_OUTBOXES] = { WORKER_RUNNER,
		WORKER_COLLECTOR, WORKER_FRONTEND, WORKER_ARCHIVE };

	return supervisor_worker(jobs->supervisor, kinds[outbox]);
}

static void
send_text(struct worker *worker, const struct job *job, enum message_type type,
    const void *text, size_t len)
{
	message_init(&message, type, job->id);
	memcpy(message.text, text, len);
	message.text_len = (uint32_t)len;
	worker_send(worker, &message, NULL, 0);
}

static void
send_run(struct worker *worker, struct job *job)
{
	message_init(&message, MESSAGE_RUN_JOB, job->id);
	message.run.wish = job->wanted ? JOB_START : JOB_STOP;
	message.run.ran_ms = job_ran_ms(job);
	message.run.starts = job_starts(job);
	if (job->has_report) { /* a runner that is new counts them, too */
		job->late_ran_ms = 0;
		job->late_starts = 0;
	}
	memcpy(message.text, job->spec, job->spec_len);
	message.text_len = (uint32_t)job->spec_len;
	worker_send(worker, &message, NULL, 0);
}

/* A collector reads AFL++'s output folder where that is all that there is of a job. */
static int
open_for_collector(struct job *job)
{
	int fd;

	if (job->attach != NULL)
		return detached_cut(
		    job_attach_open(job->attach)); /* its state says why not */
	fd = job_place_open(job, JOB_OUTBOX_COLLECTOR);
	if (fd < 0)
		log_warning("job %s/%s: its folder %s: %s", job->target, job->name,
		    job->folder, strerror(-fd));
	return fd;
}

static void
send_wish(struct worker *worker, const struct job *job)
{
	message_init(&message, MESSAGE_WISH_JOB, job->id);
	message.wish.wish = job->wish;
	message_printf(&message, "%s", job->wish_reason);
	worker_send(worker, &message, NULL, 0);
}

static void
send_collect(struct worker *worker, struct job *job)
{
	int fd = open_for_collector(job);
	const char *slash = strrchr(job->executable, '/');

	if (fd < 0)
		return;
	message_init(&message, MESSAGE_COLLECT_JOB, job->id);
	message.watch.engine = job->engine;
	message.watch.instances = job->attach != NULL ? 0 : job->instances;
	message.watch.bits = (job->runs_target ? COLLECT_JOB_RUNS_TARGET : 0) |
	    (job->attach != NULL ? COLLECT_JOB_ATTACHED : 0);
	if (job->attach != NULL)
		message_printf(&message, "%s/%s\n%s", job->target, job->name,
		    slash != NULL ? slash + 1 : job->executable);
	else if (job->others != NULL)
		message_printf(
		    &message, "%s/%s\n%s", job->target, job->name, job->others);
	else
		message_printf(&message, "%s/%s", job->target, job->name);
	if (job->has_stats) {
		message.text[message.text_len] = '\0';
		memcpy(message.text + message.text_len + 1, &job->stats,
		    sizeof(job->stats));
		message.text_len += 1 + (uint32_t)sizeof(job->stats);
	}
	worker_send(worker, &message, &fd, 1);
	close(fd);
}

static void
send_serve(struct worker *worker, struct job *job)
{
	int fd = job_place_open(job, JOB_OUTBOX_FRONTEND);
	size_t len;

	if (fd < 0) /* it is shown, without logs */
		log_warning("job %s/%s: its folder %s: %s", job->target, job->name,
		    job->folder, strerror(-fd));
	message_init(&message, MESSAGE_SERVE_JOB, job->id);
	message.job.engine = job->engine;
	message.job.target = job->target_id;
	message_printf(&message, "%s", job->name);
	if (job->attach != NULL) {
		len = strlen(job->attach->path);
		message.text[message.text_len] = '\0';
		memcpy(message.text + message.text_len + 1, job->attach->path, len);
		message.text_len += 1 + (uint32_t)len;
	}
	worker_send(worker, &message, &fd, fd >= 0);
	if (fd >= 0)
		close(fd);
}

static void
send_keep(struct worker *worker, const struct job *job)
{
	message_init(&message, MESSAGE_KEEP_JOB, job->id);
	message_printf(&message, "%s/%s\n%s", job->target, job->name,
	    job_engine_name(job->engine));
	worker_send(worker, &message, NULL, 0);
}

static void
send_news(struct jobs *jobs, struct job *job, unsigned outbox)
{
	struct worker *worker = worker_of(jobs, outbox);
	const unsigned news = job->news[outbox];

	if ((news & NEWS_KEEP_JOB) != 0)
		send_keep(worker, job);
	/* Only shown. */
	if (job->problem[0] != '\0' && outbox != JOB_OUTBOX_FRONTEND)
		return;
	if ((news & NEWS_RUN) != 0)
		send_run(worker, job); /* as it is wanted now */
	else if ((news & NEWS_WISH) != 0)
		send_wish(worker, job);
	if ((news & NEWS_COLLECT_JOB) != 0)
		send_collect(worker, job);
	if ((news & NEWS_SERVE_JOB) != 0)
		send_serve(worker, job);
	if ((news & NEWS_REPORT) != 0 && job->has_report)
		send_text(worker, job, MESSAGE_SERVE_JOB_STATE, &job->report,
		    sizeof(job->report));
	if ((news & NEWS_STATS) != 0 && job->has_stats)
		send_text(worker, job, MESSAGE_SERVE_JOB_STATS, &job->stats,
		    sizeof(job->stats));
}

void
jobs_pump(struct jobs *jobs, unsigned outbox)
{
	struct worker *worker = worker_of(jobs, outbox);
	struct job *job;

	if (jobs->are_held &&
	    (outbox == JOB_OUTBOX_RUNNER || outbox == JOB_OUTBOX_COLLECTOR))
		return;
	while (worker_has_room(worker) &&
	    (job = TAILQ_FIRST(&jobs->outbox[outbox])) != NULL) {
		TAILQ_REMOVE(&jobs->outbox[outbox], job, outbox_link[outbox]);
		send_news(jobs, job, outbox);
		job->news[outbox] = 0;
	}
}

static void
mark(struct jobs *jobs, struct job *job, unsigned outbox, unsigned news)
{
	if (outbox == JOB_OUTBOX_RUNNER && job->attach != NULL)
		return;
	if (job->news[outbox] == 0)
		TAILQ_INSERT_TAIL(&jobs->outbox[outbox], job, outbox_link[outbox]);
	job->news[outbox] |= news;
}

static void
tell(struct jobs *jobs, struct job *job, unsigned outbox, unsigned news)
{
	mark(jobs, job, outbox, news);
	jobs_pump(jobs, outbox);
}

void
jobs_resend(struct jobs *jobs, unsigned outbox)
{
	static const unsigned all[JOB_OUTBOXES] = { NEWS_RUN, NEWS_COLLECT_JOB,
		NEWS_SERVE_JOB | NEWS_REPORT | NEWS_STATS, NEWS_KEEP_JOB };
	const struct conf *conf = jobs->supervisor->conf;

	if (outbox == JOB_OUTBOX_RUNNER) {
		message_init(&message, MESSAGE_TURNS, 0);
		message.turns.slots = conf->max_running;
		message.turns.turn_ms = conf->turn_ms;
		worker_send(worker_of(jobs, outbox), &message, NULL, 0);
	}
	for (size_t i = 0; i < jobs->len; i++)
		mark(jobs, jobs->list[i], outbox, all[outbox]);
	jobs_pump(jobs, outbox);
}

/* ---- taking over a configuration ---- */

static void
remove_at(struct job **list, size_t len, size_t place)
{
	memmove(&list[place], &list[place + 1], (len - place - 1) * sizeof(*list));
}

static void
remove_job(struct jobs *jobs, struct job *job)
{
	const size_t place = place_of(jobs, job->target, job->name);

	remove_at(jobs->list, jobs->len, place_of_id(jobs, job->id));
	remove_at(jobs->by_name, jobs->len, place);
	jobs->len--;
	message_init(&message, MESSAGE_FORGET_JOB, job->id);
	for (unsigned i = 0; i < JOB_OUTBOXES; i++) {
		if (job->news[i] != 0)
			TAILQ_REMOVE(&jobs->outbox[i], job, outbox_link[i]);
		worker_send(worker_of(jobs, i), &message, NULL, 0);
	}
	job_free(job);
}

static int
make_room(struct jobs *jobs, size_t wanted)
{
	struct job **list, **by_name;

	if (wanted <= jobs->size)
		return 0;
	list = reallocarray(jobs->list, wanted, sizeof(*list));
	if (list != NULL)
		jobs->list = list;
	by_name = reallocarray(jobs->by_name, wanted, sizeof(*by_name));
	if (by_name != NULL)
		jobs->by_name = by_name;
	if (list == NULL || by_name == NULL)
		return -ENOMEM;
	jobs->size = wanted;
	return 0;
}

/* There is room. */
static void
append(struct jobs *jobs, struct job *job)
{
	const size_t place = place_of(jobs, job->target, job->name);

	job->id = ++jobs->last_id;
	memmove(&jobs->by_name[place + 1], &jobs->by_name[place],
	    (jobs->len - place) * sizeof(*jobs->by_name));
	jobs->by_name[place] = job;
	jobs->list[jobs->len++] = job;
}

static bool
same_settings(const struct job *a, const struct job *b)
{
	return a->spec_len == b->spec_len && memcmp(a->spec, b->spec, a->spec_len) == 0;
}

/* Takes @job. A job whose settings are the same goes on undisturbed; one with others is
 * a new one, which keeps its counts. */
static void
take_over(struct jobs *jobs, struct job *job)
{
	struct job *old = jobs_find(jobs, job->target, job->name);

	if (old != NULL && same_settings(old, job) && job->problem[0] == '\0' &&
	    old->problem[0] == '\0') {
		job_free(job);
		return;
	}
	job_past_take(jobs, job, old);
	if (old != NULL) {
		if (!same_settings(old, job))
			log_notice(
			    "job %s/%s: its settings changed", job->target, job->name);
		remove_job(jobs, old);
	}
	append(jobs, job);
}

/* ---- a plan: all that may fail, before anything of what runs is touched ---- */

struct jobs_plan {
	const struct jobs *jobs;
	struct job **list;
	size_t len;
};

void
jobs_plan_free(struct jobs_plan *plan)
{
	if (plan == NULL)
		return;
	for (size_t i = 0; i < plan->len; i++)
		job_free(plan->list[i]);
	free(plan->list);
	free(plan);
}

/* Adds all jobs of @target; reports those that cannot be run. Returns how many. */
static int
plan_target(struct jobs_plan *plan, const struct conf_target *target,
    conf_error_cb report_cb, void *context)
{
	char text[JOB_REASON_MAX + 512];
	int problems = 0, r;

	for (size_t i = 0; i < target->jobs_len; i++) {
		const struct conf_job *conf = &target->jobs[i];
		struct job *job;

		r = job_make(plan->jobs, target, conf, &job);
		if (r < 0)
			return r;
		plan->list[plan->len++] = job;
		if (job->problem[0] == '\0')
			continue;
		problems++;
		snprintf(text, sizeof(text), "%s%sjob %s/%s: %s",
		    conf->place != NULL ? conf->place : "",
		    conf->place != NULL ? ": " : "", job->target, job->name,
		    job->problem);
		report_cb(text, context);
	}
	return problems;
}

int
jobs_plan_new(struct jobs *jobs, const struct conf *conf, conf_error_cb report_cb,
    void *context, struct jobs_plan **ret_plan)
{
	struct jobs_plan *plan = calloc(1, sizeof(*plan));
	size_t len = 0;
	int r, problems = 0;

	for (size_t i = 0; i < conf->targets_len; i++)
		len += conf->targets[i].jobs_len;
	if (plan == NULL)
		return -ENOMEM;
	plan->jobs = jobs;
	plan->list = calloc(len + 1, sizeof(*plan->list));
	r = plan->list != NULL ? make_room(jobs, jobs->len + len) : -ENOMEM;
	for (size_t i = 0; i < conf->targets_len && r >= 0; i++) {
		r = plan_target(plan, &conf->targets[i], report_cb, context);
		problems += r;
	}
	if (r < 0) {
		jobs_plan_free(plan);
		return r;
	}
	*ret_plan = plan;
	return problems;
}

static const struct conf_job *
find_conf(const struct conf *conf, const struct job *job,
    const struct conf_target **ret_target)
{
	const struct conf_target *target = conf_find(conf, job->target);

	for (size_t i = 0; target != NULL && i < target->jobs_len; i++)
		if (strcmp(target->jobs[i].name, job->name) == 0) {
			*ret_target = target;
			return &target->jobs[i];
		}
	return NULL;
}

static void
probe_job(const struct job *job, const char *place, int64_t deadline_ms,
    conf_error_cb report_cb, void *context)
{
	struct job_spec spec;
	struct probe_user user;

	if (job_spec_parse(job->spec, job->spec_len, &spec) < 0)
		return;
	user = job_spec_user(&spec);
	conf_probe_job(
	    &spec, place, &user, spec.coverage_dir, deadline_ms, report_cb, context);
	job_spec_free(&spec);
}

void
jobs_plan_probe(const struct jobs_plan *plan, const struct conf *conf,
    conf_error_cb report_cb, void *context)
{
	const int64_t deadline_ms = clock_ms(CLOCK_MONOTONIC) + PROBE_MS;

	for (size_t i = 0; i < plan->len; i++) {
		const struct conf_target *target;
		const struct job *job = plan->list[i],
				 *old = jobs_find(plan->jobs, job->target, job->name);

		if (clock_ms(CLOCK_MONOTONIC) >= deadline_ms)
			return; /* the runner will say it */
		if (job->problem[0] == '\0' && job->attach == NULL &&
		    (old == NULL || !same_settings(old, job)))
			probe_job(job, find_conf(conf, job, &target)->place,
			    deadline_ms, report_cb, context);
	}
}

/* ---- taking it over ---- */

/* New, or of a target that is a new one. */
static void
tell_all(struct jobs *jobs, struct job *job, bool is_new)
{
	struct target *target = targets_find(jobs->supervisor->targets, job->target);
	const bool moved = target != NULL && target->id != job->target_id;

	if (moved)
		job->target_id = target->id;
	if (moved || is_new)
		tell(jobs, job, JOB_OUTBOX_FRONTEND,
		    NEWS_SERVE_JOB | NEWS_REPORT | NEWS_STATS);
	if (is_new && target != NULL)
		target_users_changed(jobs->supervisor->targets, target);
	if (is_new) {
		tell(jobs, job, JOB_OUTBOX_ARCHIVE, NEWS_KEEP_JOB);
		tell(jobs, job, JOB_OUTBOX_COLLECTOR, NEWS_COLLECT_JOB);
		tell(jobs, job, JOB_OUTBOX_RUNNER, NEWS_RUN);
		/* It may bring a place of its own to a target that is served already. */
		if (target != NULL && job->engine == JOB_ENGINE_ZIG)
			target->places_missing = true;
	}
}

void
jobs_configure(struct jobs *jobs, const struct conf *conf, struct jobs_plan *plan)
{
	const uint32_t first_new = jobs->last_id + 1;
	const struct conf_target *target;

	for (size_t i = jobs->len; i-- > 0;)
		if (find_conf(conf, jobs->list[i], &target) == NULL) {
			log_notice("job %s/%s: removed", jobs->list[i]->target,
			    jobs->list[i]->name);
			job_past_keep(jobs, jobs->list[i]);
			remove_job(jobs, jobs->list[i]);
		}
	for (size_t i = 0; i < plan->len; i++)
		take_over(jobs, plan->list[i]);
	plan->len = 0;
	jobs_plan_free(plan);
	for (size_t i = 0; i < jobs->len; i++)
		tell_all(jobs, jobs->list[i], jobs->list[i]->id >= first_new);
	message_init(&message, MESSAGE_TURNS, 0);
	message.turns.slots = conf->max_running;
	message.turns.turn_ms = conf->turn_ms;
	worker_send(worker_of(jobs, JOB_OUTBOX_RUNNER), &message, NULL, 0);
}

/* Tries again to make a job that could not be run; in place, since callers hold it. */
static void
revive(struct jobs *jobs, struct job *job)
{
	const struct conf_target *target = NULL;
	const struct conf_job *conf = find_conf(jobs->supervisor->conf, job, &target);
	int r = conf != NULL ? make_folder(job->folder, 0755) : -ENOENT;

	job->problem[0] = '\0';
	if (r < 0)
		job_refuse(job, "its folder %.200s cannot be made: %s", job->folder,
		    strerror(-r));
	else if (job_complete(jobs, target, conf, job) < 0)
		job_refuse(job, "%s", strerror(ENOMEM));
	if (job->problem[0] == '\0')
		job->has_report = false;
	tell_all(jobs, job, true);
}

bool
jobs_user(const struct jobs *jobs, const char *target, size_t number, uid_t *ret_uid)
{
	const size_t place = place_of(jobs, target, "") + number;

	if (place >= jobs->len || strcmp(jobs->by_name[place]->target, target) != 0)
		return false;
	*ret_uid =
	    jobs->by_name[place]->problem[0] == '\0' ? jobs->by_name[place]->uid : 0;
	return true;
}

bool
jobs_have_engine(const struct jobs *jobs, const char *target, enum job_engine engine)
{
	for (size_t i = place_of(jobs, target, "");
	    i < jobs->len && strcmp(jobs->by_name[i]->target, target) == 0; i++)
		if (jobs->by_name[i]->engine == engine)
			return true;
	return false;
}

bool
jobs_coverage_place(const struct jobs *jobs, const char *target, size_t number,
    char *ret_path, size_t size)
{
	for (size_t i = place_of(jobs, target, "");
	    i < jobs->len && strcmp(jobs->by_name[i]->target, target) == 0; i++) {
		const struct job *job = jobs->by_name[i];

		if (job->engine == JOB_ENGINE_ZIG && number-- == 0) {
			snprintf(ret_path, size, "%s/cache/v", job->folder);
			return true;
		}
	}
	return false;
}

/* ---- wishes ---- */

void
job_wish(struct jobs *jobs, struct job *job, enum job_wish wish, const char *reason)
{
	const bool waits = (job->news[JOB_OUTBOX_RUNNER] & NEWS_WISH) != 0;

	if (job->attach != NULL)
		return;
	if (reason[0] == '\0')
		job->wanted = wish != JOB_STOP;
	if (job->problem[0] != '\0') {
		if (wish != JOB_STOP)
			revive(jobs, job);
		return;
	}
	/* To a runner that has not heard of a stop, a start after it is a restart. */
	if (waits && wish == JOB_START && job->wish != JOB_START)
		wish = JOB_RESTART;
	job->wish = wish;
	snprintf(job->wish_reason, sizeof(job->wish_reason), "%s", reason);
	/* A runner that is not there, or has not heard of it, gets the wish with it. */
	tell(jobs, job, JOB_OUTBOX_RUNNER, NEWS_WISH);
}

size_t
jobs_each_named(struct jobs *jobs, const char *name, job_cb cb, void *context)
{
	const char *slash = strchr(name, '/');
	size_t count = 0, named = 0;

	for (size_t i = 0; i < jobs->len; i++)
		named += strcmp(jobs->list[i]->name, name) == 0;
	for (size_t i = 0; i < jobs->len; i++) {
		struct job *job = jobs->list[i];
		const size_t len = strlen(job->target);
		bool meant = slash != NULL ? (size_t)(slash - name) == len &&
			strncmp(name, job->target, len) == 0 &&
			strcmp(slash + 1, job->name) == 0
					   : strcmp(name, job->target) == 0 ||
			(named == 1 && strcmp(name, job->name) == 0);

		if (!meant)
			continue;
		count++;
		if (cb != NULL)
			cb(jobs, job, context);
	}
	return count;
}

static void
report_attached(struct jobs *jobs, struct job *job)
{
	const enum job_state before = job->report.state;

	if (!job_attach_report(job->attach, clock_ms(CLOCK_REALTIME), &job->report) &&
	    job->has_report)
		return;
	if (!job->has_report || job->report.state != before)
		log_notice("job %s/%s: %s%s%s", job->target, job->name,
		    job_state_name(job->report.state),
		    job->report.reason[0] != '\0' ? ": " : "", job->report.reason);
	job->has_report = true;
	tell(jobs, job, JOB_OUTBOX_FRONTEND, NEWS_REPORT);
}

static void
poll_attached(struct jobs *jobs, struct job *job)
{
	if (job_attach_moved(job->attach))
		tell(jobs, job, JOB_OUTBOX_COLLECTOR, NEWS_COLLECT_JOB);
	report_attached(jobs, job);
}

/* Another folder at the path: what is known of the job stays known. */
static void
poll_folder(struct jobs *jobs, struct job *job)
{
	const unsigned moved = job_place_look(job);

	if ((moved & 1U << JOB_OUTBOX_COLLECTOR) != 0)
		tell(jobs, job, JOB_OUTBOX_COLLECTOR, NEWS_COLLECT_JOB);
	if ((moved & 1U << JOB_OUTBOX_FRONTEND) != 0)
		tell(jobs, job, JOB_OUTBOX_FRONTEND, NEWS_SERVE_JOB);
}

void
jobs_poll(struct jobs *jobs)
{
	const int64_t now = clock_ms(CLOCK_REALTIME);
	char reason[96];

	for (size_t i = 0; i < jobs->len; i++) {
		struct job *job = jobs->list[i];
		int64_t since = job->report.since_ms;

		if (job->problem[0] == '\0')
			poll_folder(jobs, job);
		if (job->attach != NULL && job->problem[0] == '\0')
			poll_attached(jobs, job);
		if (job->plateau_ms == 0 || !job->has_report ||
		    job->report.state != JOB_STATE_RUNNING)
			continue;
		if (job->has_stats && (job->stats.known & JOB_STATS_LAST_FIND) != 0 &&
		    job->stats.last_find_ms > since)
			since = job->stats.last_find_ms;
		if (now - since < (int64_t)job->plateau_ms)
			continue;
		snprintf(reason, sizeof(reason), "it found nothing new for %lld s",
		    (long long)(now - since) / 1000);
		job_wish(jobs, job, JOB_STOP, reason);
		archive_feed_event(jobs->supervisor->archive_feed, FEED_PLATEAU,
		    job->target, job->name, "stopped: %s", reason);
	}
}

void
job_serve_news(struct jobs *jobs, struct job *job)
{
	tell(jobs, job, JOB_OUTBOX_FRONTEND, NEWS_REPORT | NEWS_STATS);
}

/* ---- what workers say ---- */

/* Makes the reason as it is shown: of a run's end, with the line of its log that tells
 * most about it. Returns true if it changed. */
static bool
add_line(struct job *job)
{
	struct job_report *report = &job->report;
	const struct job_end *end =
	    job->ends != NULL && report->ended_instance < job->instances
	    ? &job->ends[report->ended_instance]
	    : NULL;
	char reason[JOB_REASON_MAX];

	if (report->ended_pid != 0 && end != NULL && end->pid == report->ended_pid &&
	    end->line[0] != '\0')
		snprintf(
		    reason, sizeof(reason), "%.300s: %s", job->bare_reason, end->line);
	else
		memcpy(reason, job->bare_reason, sizeof(reason));
	if (strcmp(reason, report->reason) == 0)
		return false;
	memcpy(report->reason, reason, sizeof(reason));
	return true;
}

/* Text without control characters. */
static bool
is_line(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return true;
}

/* Text that came from elsewhere ends within its field. */
int
jobs_report(struct jobs *jobs, const struct message *from)
{
	struct job *job = find_id(jobs, from->id);
	struct job_report report;
	struct job_report before;

	if (from->text_len != sizeof(report))
		return -EPROTO;
	memcpy(&report, from->text, sizeof(report));
	if (report.state >= JOB_STATES_LEN ||
	    memchr(report.reason, '\0', sizeof(report.reason)) == NULL)
		return -EPROTO;
	if (job == NULL)
		return 0;
	before = job->has_report ? job->report
				 : (struct job_report){ .state = JOB_STATES_LEN };
	job->report = report;
	job_add_late(job, &job->report);
	job->has_report = true;
	memcpy(job->bare_reason, report.reason, sizeof(job->bare_reason));
	add_line(job);
	job_tell_change(jobs, job, &before);
	tell(jobs, job, JOB_OUTBOX_FRONTEND, NEWS_REPORT);
	return 0;
}

int
jobs_end(struct jobs *jobs, const struct message *from)
{
	struct job *job = find_id(jobs, from->id);
	struct job_end *end;

	if (from->text_len >= sizeof(end->line) || from->end.pid <= 0 ||
	    !is_line(from->text, from->text_len))
		return -EPROTO;
	if (job == NULL || from->end.instance >= job->instances)
		return 0;
	if (job->ends == NULL)
		job->ends = calloc(job->instances, sizeof(*job->ends));
	if (job->ends == NULL)
		return -ENOMEM;
	end = &job->ends[from->end.instance];
	end->pid = from->end.pid;
	memcpy(end->line, from->text, from->text_len);
	end->line[from->text_len] = '\0';
	if (job->has_report && add_line(job))
		tell(jobs, job, JOB_OUTBOX_FRONTEND, NEWS_REPORT);
	return 0;
}

int
jobs_stats(struct jobs *jobs, const struct message *from)
{
	struct job *job = find_id(jobs, from->id);

	if (from->text_len != sizeof(job->stats))
		return -EPROTO;
	if (job == NULL)
		return 0;
	memcpy(&job->stats, from->text, sizeof(job->stats));
	job_raise_late(job, &job->stats);
	job->has_stats = true;
	tell(jobs, job, JOB_OUTBOX_FRONTEND, NEWS_STATS);
	return 0;
}

int
jobs_fuzzers(struct jobs *jobs, const struct message *from)
{
	struct job *job = find_id(jobs, from->id);

	if (job == NULL)
		return 0;
	if (job->attach == NULL || job_attach_take(job->attach, from) < 0)
		return -EPROTO;
	report_attached(jobs, job);
	return 0;
}

int
jobs_entry(struct jobs *jobs, const struct message *from)
{
	struct targets *targets = jobs->supervisor->targets;
	const struct job *job = find_id(jobs, from->id);
	struct target *target = job != NULL ? targets_find(targets, job->target) : NULL;

	if (target != NULL)
		target_entry(targets, target, from->entry.address);
	return 0;
}

int
jobs_asked(struct jobs *jobs, const struct message *from)
{
	struct job *job = find_id(jobs, from->id);

	if (from->wish.wish >= JOB_WISHES_LEN)
		return -EPROTO;
	if (job == NULL || job->attach != NULL)
		return 0;
	log_notice("job %s/%s: %s, asked for in a browser", job->target, job->name,
	    from->wish.wish == JOB_STOP        ? "stop"
		: from->wish.wish == JOB_START ? "start"
					       : "restart");
	job_wish(jobs, job, from->wish.wish, "");
	return 0;
}
