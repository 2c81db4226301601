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

#include "account.h"
#include "clock.h"
#include "conf_probe.h"
#include "detached.h"
#include "job_spec.h"
#include "log.h"
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
};

static struct message message;

int
jobs_new(struct supervisor *supervisor, struct jobs **ret_jobs)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));

	if (jobs == NULL)
		return -ENOMEM;
	jobs->supervisor = supervisor;
	for (unsigned i = 0; i < JOB_OUTBOXES; i++)
		TAILQ_INIT(&jobs->outbox[i]);
	*ret_jobs = jobs;
	return 0;
}

static void
job_free(struct job *job)
{
	free(job->target);
	free(job->name);
	free(job->spec);
	free(job->folder);
	free(job->ends);
	free(job->others);
	free(job->executable);
	job_attach_free(job->attach);
	free(job);
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

static struct job *
find(const struct jobs *jobs, const char *target, const char *name)
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
		WORKER_COLLECTOR, WORKER_FRONTEND };

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
send_run(struct worker *worker, const struct job *job)
{
	message_init(&message, MESSAGE_RUN_JOB, job->id);
	message.code = job->wanted ? JOB_START : JOB_STOP;
	message.value = job->has_report ? job->report.ran_ms : 0;
	message.generation = job->has_report ? job->report.starts : 0;
	memcpy(message.text, job->spec, job->spec_len);
	message.text_len = (uint32_t)job->spec_len;
	worker_send(worker, &message, NULL, 0);
}

/* A collector reads AFL++'s output folder where that is all that there is of a job. */
static int
open_for_collector(const struct job *job)
{
	int fd;

	if (job->attach != NULL)
		return detached_cut(
		    job_attach_open(job->attach)); /* its state says why not */
	fd = detached_cut(privs_open_folder(job->folder));
	if (fd < 0)
		log_warning("job %s/%s: its folder %s: %s", job->target, job->name,
		    job->folder, strerror(-fd));
	return fd;
}

static void
send_wish(struct worker *worker, const struct job *job)
{
	message_init(&message, MESSAGE_WISH_JOB, job->id);
	message.code = job->wish;
	message_printf(&message, "%s", job->wish_reason);
	worker_send(worker, &message, NULL, 0);
}

static void
send_collect(struct worker *worker, const struct job *job)
{
	int fd = open_for_collector(job);
	const char *slash = strrchr(job->executable, '/');

	if (fd < 0)
		return;
	message_init(&message, MESSAGE_COLLECT_JOB, job->id);
	message.code = job->engine;
	message.value = job->attach != NULL ? 0 : job->instances;
	message.generation = (job->runs_target ? COLLECT_JOB_RUNS_TARGET : 0) |
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
send_serve(struct worker *worker, const struct job *job)
{
	int fd = detached_cut(privs_open_folder(job->folder));
	size_t len;

	if (fd < 0) /* it is shown, without logs */
		log_warning("job %s/%s: its folder %s: %s", job->target, job->name,
		    job->folder, strerror(-fd));
	message_init(&message, MESSAGE_SERVE_JOB, job->id);
	message.code = job->engine;
	message.value = job->target_id;
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
send_news(struct jobs *jobs, struct job *job, unsigned outbox)
{
	struct worker *worker = worker_of(jobs, outbox);
	const unsigned news = job->news[outbox];

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
		send_text(
		    worker, job, MESSAGE_JOB_STATE, &job->report, sizeof(job->report));
	if ((news & NEWS_STATS) != 0 && job->has_stats)
		send_text(
		    worker, job, MESSAGE_JOB_STATS, &job->stats, sizeof(job->stats));
}

void
jobs_pump(struct jobs *jobs, unsigned outbox)
{
	struct worker *worker = worker_of(jobs, outbox);
	struct job *job;

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
		NEWS_SERVE_JOB | NEWS_REPORT | NEWS_STATS };
	const struct conf *conf = jobs->supervisor->conf;

	if (outbox == JOB_OUTBOX_RUNNER) {
		message_init(&message, MESSAGE_TURNS, 0);
		message.code = conf->max_running;
		message.value = conf->turn_ms;
		worker_send(worker_of(jobs, outbox), &message, NULL, 0);
	}
	for (size_t i = 0; i < jobs->len; i++)
		mark(jobs, jobs->list[i], outbox, all[outbox]);
	jobs_pump(jobs, outbox);
}

/* ---- taking over a configuration ---- */

/* Where the runtime in a job's target writes, so that we look there; "" if only the
 * engine knows. */
static void
coverage_dir(const struct jobs *jobs, const struct conf_target *target,
    enum job_engine engine, char *ret_path, size_t size)
{
	const struct string_list *defaults = &jobs->supervisor->coverage_dirs;
	const char *path = target->coverage;
	struct stat st;

	ret_path[0] = '\0';
	if (path == NULL && engine != JOB_ENGINE_ZIG && defaults->len > 0)
		path = defaults->items[0];
	if (path == NULL)
		return;
	snprintf(ret_path, size, "%s", path);
	/* A file's folder: new builds make new files there. */
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode) && strchr(path, '/') != path)
		*strrchr(ret_path, '/') = '\0';
}

static int
add_number(char *text, size_t *len, const char *key, unsigned long number)
{
	char value[24];

	snprintf(value, sizeof(value), "%lu", number);
	return job_spec_add(text, len, key, value);
}

/* It is not run, and shown with the reason. */
static void __attribute__((format(printf, 2, 3)))
refuse(struct job *job, const char *format, ...)
{
	va_list args;

	if (job->problem[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(job->problem, sizeof(job->problem), format, args);
	va_end(args);
	job->report = (struct job_report){ .state = JOB_STATE_FAILED,
		.instances = job->instances,
		.since_ms = clock_ms(CLOCK_REALTIME) };
	memcpy(job->report.reason, job->problem, sizeof(job->report.reason));
	job->has_report = true;
}

static int
add_user(const struct jobs *jobs, const struct conf_job *conf, struct job *job,
    char *text, size_t *len)
{
	char groups[USER_GROUPS_MAX * 11];
	struct user user;
	int r = users_of_job(conf->user, jobs->supervisor->setup.uid, &user);

	if (r < 0) {
		refuse(job, "its user %s: %s", conf->user != NULL ? conf->user : "",
		    users_problem(r));
		job->uid = UINT32_MAX;
		return 0;
	}
	job->uid = user.uid;
	users_print_groups(&user, groups, sizeof(groups));
	r = add_number(text, len, "uid", user.uid);
	if (r == 0)
		r = add_number(text, len, "gid", user.gid);
	if (r == 0 && groups[0] != '\0')
		r = job_spec_add(text, len, "groups", groups);
	return r;
}

/* What the configuration says and what only we know. */
static int
complete(const struct jobs *jobs, const struct conf_target *target,
    const struct conf_job *conf, struct job *job)
{
	char text[JOB_SPEC_MAX], coverage[4096];
	size_t len = conf->spec_len;
	int r;

	coverage_dir(jobs, target, job->engine, coverage, sizeof(coverage));
	memcpy(text, conf->spec, len);
	r = job_spec_add(text, &len, "folder", job->folder);
	if (r == 0 && coverage[0] != '\0')
		r = job_spec_add(text, &len, "coverage-dir", coverage);
	if (r == 0)
		r = add_user(jobs, conf, job, text, &len);
	if (r == 0)
		r = account_add(job->uid, text, &len);
	if (r == -E2BIG) {
		refuse(job, "its settings and folders are longer than %d bytes",
		    JOB_SPEC_MAX);
		r = 0;
	}
	free(job->spec);
	job->spec = malloc(len);
	if (job->spec == NULL)
		return -ENOMEM;
	memcpy(job->spec, text, len);
	job->spec_len = len;
	return r;
}

static bool
runs_target(const struct job_spec *spec)
{
	return spec->command.len == 0 ||
	    strcmp(spec->command.items[0], spec->executable) == 0;
}

/* The instances that do not run what the job does, as a list; NULL if there are none. */
static int
name_others(const struct job_spec *spec, char **ret_others)
{
	char text[JOB_INSTANCES_MAX * 4] = "";
	struct job_spec view;
	size_t used = 0;
	int r;

	for (unsigned i = 0; i < spec->instances && spec->instance_args.len > 0; i++) {
		r = job_spec_for_instance(spec, i, &view);
		if (r < 0)
			return r;
		if (!runs_target(&view))
			used += (size_t)snprintf(text + used, sizeof(text) - used,
			    "%s%u", used > 0 ? "," : "", i);
		free(view.words);
	}
	if (used == 0)
		return 0;
	*ret_others = strdup(text);
	return *ret_others != NULL ? 0 : -ENOMEM;
}

static int
make_job(const struct jobs *jobs, const struct conf_target *target,
    const struct conf_job *conf, struct job **ret_job)
{
	struct job *job = calloc(1, sizeof(*job));
	struct job_spec spec = { 0 };
	int r;

	if (job == NULL)
		return -ENOMEM;
	r = job_spec_parse(conf->spec, conf->spec_len, &spec);
	job->target = strdup(target->name);
	job->name = strdup(conf->name);
	job->executable = strdup(target->executable);
	if (r == 0 &&
	    (job->target == NULL || job->name == NULL || job->executable == NULL ||
		asprintf(&job->folder, "%s/jobs/%s/%s",
		    jobs->supervisor->conf->state_dir, target->name, conf->name) < 0))
		r = -ENOMEM;
	job->engine = spec.engine;
	job->instances = spec.instances;
	if (r == 0) {
		job->runs_target = runs_target(&spec);
		r = name_others(&spec, &job->others);
	}
	if (r == 0 && spec.attach != NULL)
		r = job_attach_new(spec.attach, &job->attach);
	job->plateau_ms = spec.plateau_ms;
	job->wanted = spec.autostart;
	job_spec_free(&spec);
	if (r == 0)
		r = complete(jobs, target, conf, job);
	if (r < 0) {
		job_free(job);
		return r;
	}
	r = privs_make_folder(job->folder, 0755);
	if (r < 0)
		refuse(job, "its folder %.200s cannot be made: %s", job->folder,
		    strerror(-r));
	*ret_job = job;
	return 0;
}

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
	struct job *old = find(jobs, job->target, job->name);

	if (old != NULL && same_settings(old, job) && job->problem[0] == '\0' &&
	    old->problem[0] == '\0') {
		job_free(job);
		return;
	}
	if (old != NULL) {
		job->stats = old->stats;
		job->has_stats = old->has_stats;
		log_notice("job %s/%s: its settings changed", job->target, job->name);
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

		r = make_job(plan->jobs, target, conf, &job);
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

static void
probe_job(
    const struct job *job, int64_t deadline_ms, conf_error_cb report_cb, void *context)
{
	struct job_spec spec;
	struct user user;

	if (job_spec_parse(job->spec, job->spec_len, &spec) < 0)
		return;
	user = (struct user){ .uid = spec.uid, .gid = spec.gid };
	user.groups_len = job_groups_parse(spec.groups, user.groups, USER_GROUPS_MAX);
	conf_probe_job(
	    &spec, &user, spec.coverage_dir, deadline_ms, report_cb, context);
	job_spec_free(&spec);
}

void
jobs_plan_probe(const struct jobs_plan *plan, conf_error_cb report_cb, void *context)
{
	const int64_t deadline_ms = clock_ms(CLOCK_MONOTONIC) + PROBE_MS;

	for (size_t i = 0; i < plan->len; i++) {
		const struct job *job = plan->list[i],
				 *old = find(plan->jobs, job->target, job->name);

		if (clock_ms(CLOCK_MONOTONIC) >= deadline_ms)
			return; /* the runner will say it */
		if (job->problem[0] == '\0' && job->attach == NULL &&
		    (old == NULL || !same_settings(old, job)))
			probe_job(job, deadline_ms, report_cb, context);
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
		tell(jobs, job, JOB_OUTBOX_COLLECTOR, NEWS_COLLECT_JOB);
		tell(jobs, job, JOB_OUTBOX_RUNNER, NEWS_RUN);
		/* It may bring a place of its own to a target that is served already. */
		if (target != NULL && job->engine == JOB_ENGINE_ZIG)
			target->places_missing = true;
	}
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

void
jobs_configure(struct jobs *jobs, const struct conf *conf, struct jobs_plan *plan)
{
	const uint32_t first_new = jobs->last_id + 1;
	const struct conf_target *target;

	for (size_t i = jobs->len; i-- > 0;)
		if (find_conf(conf, jobs->list[i], &target) == NULL) {
			log_notice("job %s/%s: removed", jobs->list[i]->target,
			    jobs->list[i]->name);
			remove_job(jobs, jobs->list[i]);
		}
	for (size_t i = 0; i < plan->len; i++)
		take_over(jobs, plan->list[i]);
	plan->len = 0;
	jobs_plan_free(plan);
	for (size_t i = 0; i < jobs->len; i++)
		tell_all(jobs, jobs->list[i], jobs->list[i]->id >= first_new);
	message_init(&message, MESSAGE_TURNS, 0);
	message.code = conf->max_running;
	message.value = conf->turn_ms;
	worker_send(worker_of(jobs, JOB_OUTBOX_RUNNER), &message, NULL, 0);
}

/* Tries again to make a job that could not be run; in place, since callers hold it. */
static void
revive(struct jobs *jobs, struct job *job)
{
	const struct conf_target *target = NULL;
	const struct conf_job *conf = find_conf(jobs->supervisor->conf, job, &target);
	int r = conf != NULL ? privs_make_folder(job->folder, 0755) : -ENOENT;

	job->problem[0] = '\0';
	if (r < 0)
		refuse(job, "its folder %.200s cannot be made: %s", job->folder,
		    strerror(-r));
	else if (complete(jobs, target, conf, job) < 0)
		refuse(job, "%s", strerror(ENOMEM));
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

void
jobs_poll(struct jobs *jobs)
{
	const int64_t now = clock_ms(CLOCK_REALTIME);
	char reason[96];

	for (size_t i = 0; i < jobs->len; i++) {
		struct job *job = jobs->list[i];
		int64_t since = job->report.since_ms;

		if (job->attach != NULL)
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
	}
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
		snprintf(reason, sizeof(reason), "%.300s: %s", job->bare_reason, end->line);
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
	struct job *job = find_id(jobs, from->target);
	struct job_report report;

	if (from->text_len != sizeof(report))
		return -EPROTO;
	memcpy(&report, from->text, sizeof(report));
	if (report.state >= JOB_STATES_LEN ||
	    memchr(report.reason, '\0', sizeof(report.reason)) == NULL)
		return -EPROTO;
	if (job == NULL)
		return 0;
	job->report = report;
	job->has_report = true;
	memcpy(job->bare_reason, report.reason, sizeof(job->bare_reason));
	add_line(job);
	tell(jobs, job, JOB_OUTBOX_FRONTEND, NEWS_REPORT);
	return 0;
}

int
jobs_end(struct jobs *jobs, const struct message *from)
{
	struct job *job = find_id(jobs, from->target);
	struct job_end *end;

	if (from->text_len >= sizeof(end->line) || from->value == 0 ||
	    from->value > INT32_MAX || !is_line(from->text, from->text_len))
		return -EPROTO;
	if (job == NULL || from->code >= job->instances)
		return 0;
	if (job->ends == NULL)
		job->ends = calloc(job->instances, sizeof(*job->ends));
	if (job->ends == NULL)
		return -ENOMEM;
	end = &job->ends[from->code];
	end->pid = (int32_t)from->value;
	memcpy(end->line, from->text, from->text_len);
	end->line[from->text_len] = '\0';
	if (job->has_report && add_line(job))
		tell(jobs, job, JOB_OUTBOX_FRONTEND, NEWS_REPORT);
	return 0;
}

int
jobs_stats(struct jobs *jobs, const struct message *from)
{
	struct job *job = find_id(jobs, from->target);

	if (from->text_len != sizeof(job->stats))
		return -EPROTO;
	if (job == NULL)
		return 0;
	memcpy(&job->stats, from->text, sizeof(job->stats));
	job->has_stats = true;
	tell(jobs, job, JOB_OUTBOX_FRONTEND, NEWS_STATS);
	return 0;
}

int
jobs_fuzzers(struct jobs *jobs, const struct message *from)
{
	struct job *job = find_id(jobs, from->target);

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
	const struct job *job = find_id(jobs, from->target);
	struct target *target = job != NULL ? targets_find(targets, job->target) : NULL;

	if (target != NULL)
		target_entry(targets, target, from->value);
	return 0;
}

int
jobs_asked(struct jobs *jobs, const struct message *from)
{
	struct job *job = find_id(jobs, from->target);

	if (from->code >= JOB_WISHES_LEN)
		return -EPROTO;
	if (job == NULL || job->attach != NULL)
		return 0;
	log_notice("job %s/%s: %s, asked for in a browser", job->target, job->name,
	    from->code == JOB_STOP        ? "stop"
		: from->code == JOB_START ? "start"
					  : "restart");
	job_wish(jobs, job, from->code, "");
	return 0;
}
