/* SPDX-License-Identifier: MIT
 * The life of a job; in the runner.
 */
#include "config.h"

#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "cpus.h"
#include "find_program.h"
#include "hash.h"
#include "instance.h"
#include "instance_words.h"
#include "job_folder.h"
#include "job_probe.h"
#include "log.h"
#include "banned.h"

#define PROBE_MS 200
#define PROBE_MAX_MS 5000
#define DESCRIPTORS_KEPT 16 /* for what the runner does beside */

void
job_changed(struct job *job)
{
	job->is_dirty = true;
	if (job->changed != NULL)
		job->changed(job, job->context);
}

unsigned
job_count_phase(const struct job *job, enum instance_phase phase)
{
	unsigned count = 0;

	for (unsigned i = 0; i < job->spec.instances; i++)
		count += job->instances[i].phase == phase;
	return count;
}

/* True if what runs is of the build that lies there. */
bool
job_runs_newest(const struct job *job)
{
	return program_same(&job->seen, &job->program);
}

/* Whether an instance could be started now, as far as its program is concerned: beside
 * others of the same build alone, and of none that is being written. */
static bool
can_start(const struct job *job)
{
	return job->seen.is_there && job->stands &&
	    (job->running == 0 || job_runs_newest(job));
}

struct program
job_look_at_program(const struct job *job)
{
	const struct job_words *command = &job->spec.command;

	return program_look(
	    command->len > 0 ? command->items[0] : job->spec.executable);
}

/* ---- its control group ---- */

static void
make_group(struct instance *instance, struct launch *launch)
{
	const struct job_spec *spec = &instance->job->spec;
	const struct cgroup_limits limits = { .memory_max = spec->memory_max,
		.processes_max = spec->processes_max,
		.weight = spec->weight };

	instance->cgroup =
	    cgroup_make(spec->target, spec->name, instance->index, &limits);
	launch->group = instance->cgroup.fd;
	launch->group_has_memory = instance->cgroup.memory;
	launch->group_has_processes = instance->cgroup.processes;
}

static void
remove_group(struct instance *instance)
{
	const struct job_spec *spec = &instance->job->spec;

	cgroup_remove(&instance->cgroup, spec->target, spec->name, instance->index);
}

/* ---- what a minder says ---- */

static void
instance_ended(struct instance *instance)
{
	struct job *job = instance->job;
	int64_t now = clock_ms(CLOCK_MONOTONIC);
	bool asked = instance->asked;

	job_count(job, now);
	event_free(instance->readable);
	instance->readable = NULL;
	close(instance->minder.events);
	close(instance->minder.pidfd);
	waitpid(instance->minder.pid, NULL, 0); /* it closed its pipe by dying */
	cpus_give_back(instance->cpu);
	instance->cpu = -1;
	instance->ended_pid =
	    instance->has_ended && instance->refused == 0 ? instance->pid : 0;
	instance->pid = 0;
	instance->memory = 0;
	instance->asked = false;
	job->running--;
	job->report.ran_ms += (uint64_t)(now - instance->started_ms);
	if (asked) {
		instance->phase = INSTANCE_IDLE;
		instance->ended_pid = 0;
	} else
		instance_follow_end(instance, now - instance->started_ms);
	if (job->running == 0)
		job->is_new_build = false;
	if (!instance->has_ended && instance->refused == 0)
		job->lost(job, job->context);
	remove_group(instance);
	job_show(job);
	job_changed(job);
}

static void
take_event(struct instance *instance, struct minder_event *event)
{
	struct job *job = instance->job;

	event->text[sizeof(event->text) - 1] = '\0';
	switch (event->kind) {
	case MINDER_STARTED:
		instance->pid = (pid_t)event->value;
		job->is_dirty = true;
		break;
	case MINDER_REFUSED:
		instance->refused = (int)event->value;
		snprintf(instance->words, sizeof(instance->words), "%s", event->text);
		break;
	case MINDER_MEMORY:
		instance->memory = event->value;
		job->is_dirty = true;
		break;
	case MINDER_LOG:
		instance->log_error = (int)event->value;
		job_show(job);
		break;
	case MINDER_ENTRY:
		job->entry(job, event->value, job->context);
		break;
	case MINDER_NOTE:
		snprintf(instance->note, sizeof(instance->note), "%s", event->text);
		job_show(job);
		break;
	case MINDER_UNFIT:
		instance->is_unfit = true;
		snprintf(instance->words, sizeof(instance->words), "%s", event->text);
		break;
	default:
		instance->has_ended = true;
		instance->status = (int)event->value;
		snprintf(instance->words, sizeof(instance->words), "%s", event->text);
		break;
	}
}

static void
readable_cb(evutil_socket_t fd, short what, void *context)
{
	struct instance *instance = context;
	struct minder_event event;
	ssize_t n;

	(void)what;
	while ((n = read(fd, &event, sizeof(event))) == (ssize_t)sizeof(event))
		take_event(instance, &event);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	instance_ended(instance);
}

/* ---- starting ---- */

static int
make_launch(struct instance *instance, int folder, struct launch *launch, char *why,
    size_t size)
{
	struct job *job = instance->job;
	const struct job_spec *spec = &job->spec;
	struct engine_paths paths = { .folder = job->folder_path,
		.corpus = job->corpus_path,
		.directory = launch->directory };
	struct job_spec view;
	int r;

	snprintf(launch->directory, sizeof(launch->directory), "%s%s",
	    spec->directory != NULL ? spec->directory : job->folder_path,
	    spec->directory != NULL ? "" : "/work");
	launch->folder = folder;
	launch->folder_path = job->folder_path;
	launch->group = -1;
	launch->instance = instance->index;
	launch->user = job_spec_user(spec);
	launch->cpu = instance->cpu;
	launch->stop_signal = job->engine->stop_signal;
	launch->memory_max = spec->memory_max;
	launch->file_size_max = spec->file_size_max;
	launch->open_files_max = spec->open_files_max;
	launch->processes_max = spec->processes_max;
	launch->log_max = spec->log_max;
	launch->stop_timeout_ms = spec->stop_timeout_ms;
	launch->seeds = (struct seeds){ .use = job->engine->seeds_use,
		.folders = spec->seeds,
		.corpus = job->corpus_path,
		.folder = job->folder_path,
		.instance = instance->index };
	r = instance_words_make(spec, &paths, instance->index, launch, &view);
	if (r == 0) {
		r = job->engine->command(&view, &paths, instance->index, launch);
		for (size_t i = 0; i < view.environment.len && r == 0; i++)
			r = launch_variable(launch, "%s", view.environment.items[i]);
		free(view.words);
	}
	if (r < 0) {
		snprintf(why, size, "its command line or environment is too long");
		return r;
	}
	r = find_program(launch->words[0], launch->program, sizeof(launch->program));
	if (r < 0)
		snprintf(why, size, "%.60s: %s", launch->words[0],
		    r == -EACCES       ? "cannot be executed; has it the x bit?"
			: r == -ENOENT ? "there is no such program; is it installed?"
				       : strerror(-r));
	return r;
}

static int
take_cpu(struct instance *instance, char *why, size_t size)
{
	const char *cpus = instance->job->spec.cpus;

	instance->cpu = -1;
	if (cpus == NULL)
		return 0;
	instance->cpu = cpus_take(cpus);
	if (instance->cpu >= 0)
		return 0;
	snprintf(
	    why, size, "cpus = \"%.40s\": this service may use none of them", cpus);
	return -EINVAL;
}

/* Descriptors are given from the least on: one that is high tells how many are used. */
static int
check_descriptors(void)
{
	struct rlimit limit;
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	close(fd);
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
		(rlim_t)fd + DESCRIPTORS_KEPT >= limit.rlim_cur
	    ? -EMFILE
	    : 0;
}

static int
start_minder(struct instance *instance, struct launch *launch, int folder, char *why,
    size_t size)
{
	struct job *job = instance->job;
	int r = make_launch(instance, folder, launch, why, size);

	if (r < 0)
		return r;
	make_group(instance, launch);
	r = minder_start(launch, &instance->minder);
	if (r < 0) {
		snprintf(why, size, "starting it: %s", strerror(-r));
		return r;
	}
	instance->readable = event_new(job->base, instance->minder.events,
	    EV_READ | EV_PERSIST, readable_cb, instance);
	if (instance->readable == NULL) {
		kill(instance->minder.pid, SIGKILL);
		return -ENOMEM;
	}
	event_add(instance->readable, NULL);
	return 0;
}

static int
prepare_start(struct instance *instance, char *why, size_t size)
{
	struct job *job = instance->job;
	struct launch *launch = calloc(1, sizeof(*launch));
	int folder = -1, r = launch != NULL ? check_descriptors() : -ENOMEM;

	if (r == 0)
		r = take_cpu(instance, why, size);
	if (r == 0) {
		r = job_folder_open(job->folder_path, &folder);
		if (r < 0)
			snprintf(why, size, "its folder %.200s: %s", job->folder_path,
			    strerror(-r));
	}
	if (r == 0)
		r = start_minder(instance, launch, folder, why, size);
	if (folder >= 0)
		close(folder);
	free(launch);
	return r;
}

/* True if the program went or changed since it was looked at: it is waited for, then. */
static bool
program_changed(struct job *job)
{
	const struct program now = job_look_at_program(job);

	if (program_same(&now, &job->seen))
		return false;
	job->seen = now;
	job->stands = false;
	return true;
}

/* Somebody removed them since they were tried. That makes them again, or says why not. */
static void
try_folders_again(struct job *job)
{
	job_probe_forget(job);
	job_probe_allows(job, clock_ms(CLOCK_MONOTONIC));
}

static void
start(struct instance *instance)
{
	struct job *job = instance->job;
	char why[INSTANCE_WORDS_MAX] = "";
	int r = prepare_start(instance, why, sizeof(why));

	if (r < 0) {
		remove_group(instance);
		cpus_give_back(instance->cpu);
		instance->cpu = -1;
		instance->ended_pid = 0;
		if (instance_is_shortage(-r))
			instance_lack(instance, -r, why);
		else if (r == -ENOENT && access(job->folder_path, F_OK) != 0)
			try_folders_again(job);
		else if (!program_changed(job))
			instance_fail(instance, why);
		return;
	}
	instance->phase = INSTANCE_RUNNING;
	instance->refused = 0;
	instance->log_error = 0;
	instance->has_ended = false;
	instance->is_unfit = false;
	instance->note[0] = '\0';
	memcpy(instance->past, instance->words, sizeof(instance->past));
	instance->words[0] = '\0';
	instance->started_ms = clock_ms(CLOCK_MONOTONIC);
	instance->started_wall_ms = clock_ms(CLOCK_REALTIME);
	job->running++;
	job->report.starts++;
	job->is_dirty = true;
}

static void
ask_to_end(struct instance *instance)
{
	if (instance->phase == INSTANCE_BACK_OFF) {
		evtimer_del(instance->timer);
		instance->phase = INSTANCE_IDLE;
	}
	if (instance->phase != INSTANCE_RUNNING || instance->asked)
		return;
	instance->asked = true;
	syscall(SYS_pidfd_send_signal, instance->minder.pidfd, SIGTERM, NULL, 0);
}

bool
job_is_eligible(const struct job *job)
{
	/* What runs goes on, whatever became of its program. */
	return job->wanted && !job->is_over && job->waits_for == 0 &&
	    (job->running > 0 ||
		(can_start(job) && job_count_phase(job, INSTANCE_IDLE) > 0 &&
		    !job_probe_refuses(job)));
}

static void
be_over(struct job *job, const char *reason)
{
	if (job->is_over)
		return;
	job->is_over = true;
	snprintf(job->report.reason, sizeof(job->report.reason), "%s", reason);
	job->is_dirty = true;
}

static uint64_t
ran_ms(const struct job *job, int64_t now)
{
	uint64_t ms = job->report.ran_ms;

	for (unsigned i = 0; i < job->spec.instances; i++)
		if (job->instances[i].phase == INSTANCE_RUNNING)
			ms += (uint64_t)(now - job->instances[i].started_ms);
	return ms;
}

/* It had its time, perhaps in lives of the service before this one. */
static void
look_at_time(struct job *job, int64_t now)
{
	const uint64_t run_for = job->spec.run_for_ms;
	char reason[96];

	if (run_for == 0 || ran_ms(job, now) < run_for * job->spec.instances)
		return;
	snprintf(reason, sizeof(reason), "it ran for %llu s, as run-for says",
	    (unsigned long long)(run_for / 1000));
	be_over(job, reason);
}

void
job_act(struct job *job)
{
	const bool may = job->wanted && !job->is_over && job->has_turn &&
	    !job->is_new_build && can_start(job);
	const bool must_end = !job->wanted || job->is_over || job->is_new_build;

	if (may && job->running == 0)
		job->program = job->seen;
	for (unsigned i = 0; i < job->spec.instances; i++) {
		struct instance *instance = &job->instances[i];

		if (may && instance->phase == INSTANCE_IDLE) {
			if (job_probe_allows(job, clock_ms(CLOCK_MONOTONIC)))
				start(instance);
		} else if (must_end ||
		    (!job->has_turn && instance->phase == INSTANCE_RUNNING))
			ask_to_end(instance);
	}
	job_show(job);
}

static void
timer_cb(evutil_socket_t fd, short what, void *context)
{
	struct instance *instance = context;

	(void)fd;
	(void)what;
	instance->phase = INSTANCE_IDLE;
	job_changed(instance->job); /* so that it gets its turn */
}

/* ---- time ---- */

void
job_count(struct job *job, int64_t now)
{
	if (job->running > 0)
		job->virtual_ms += (double)(now - job->counted_ms) / job->spec.weight;
	job->counted_ms = now;
}

/* Everything that keeps instances from being started is forgotten. */
static void
forgive(struct job *job)
{
	job_probe_forget(job);
	for (unsigned i = 0; i < job->spec.instances; i++) {
		struct instance *instance = &job->instances[i];

		instance->fast_ends = 0;
		instance->fruitless_ends = 0;
		instance->shortages = 0;
		evtimer_del(instance->timer);
		if (instance->phase != INSTANCE_RUNNING)
			instance->phase = INSTANCE_IDLE;
	}
}

static void
take_build(struct job *job)
{
	job->program = job->seen;
	forgive(job);
	if (job->running > 0) {
		log_notice("job %s/%s: %s is a new build", job->spec.target,
		    job->spec.name, job->seen.path);
		job->is_new_build = true;
		job->report.builds++;
	}
	job_changed(job);
}

static void
probe_cb(void *context, int error, const char *why)
{
	struct job *job = context;

	/* What it was about may be gone, and what ran have ended. */
	if (!program_same(&job->probe.program, &job->seen) || !job->stands ||
	    job->running == 0 || job->is_new_build)
		return;
	if (error == 0) {
		take_build(job);
	} else {
		snprintf(job->probe_words, sizeof(job->probe_words), "%s", why);
		job->probe_at_ms = clock_ms(CLOCK_MONOTONIC) +
		    job_doubled(PROBE_MS, job->probes++, PROBE_MAX_MS);
	}
	job_act(job);
}

/* Whether the build that lies there could run in place of the one that runs. */
static void
probe_build(struct job *job)
{
	struct probe_user user;
	int r;

	if (job->probe.pid != 0 || job->is_new_build ||
	    clock_ms(CLOCK_MONOTONIC) < job->probe_at_ms)
		return;
	user = job_spec_user(&job->spec);
	r = program_probe_start(
	    &job->probe, job->base, &job->seen, &user, probe_cb, job);
	if (r < 0)
		instance_describe_shortage(
		    -r, "looking at it", job->probe_words, sizeof(job->probe_words));
}

/* A build is taken when it stood still for one look: linkers write for a while. */
static void
look_for_build(struct job *job)
{
	const struct program now = job_look_at_program(job);
	const bool stands = program_same(&now, &job->seen);

	if (stands != job->stands)
		job_changed(job);
	job->stands = stands;
	job->seen = now;
	if (!stands || !now.is_there || job_runs_newest(job)) {
		job->probe_words[0] = '\0';
		job->probes = 0;
		job->probe_at_ms = 0;
	} else if (job->running > 0) {
		probe_build(job);
	} else {
		take_build(job);
	}
}

void
job_tick(struct job *job, int64_t now)
{
	look_for_build(job);
	job_probe_tick(job, now);
	look_at_time(job, now);
	job_act(job);
}

void
job_wish(struct job *job, enum job_wish wish, const char *reason)
{
	if (wish == JOB_STOP && reason[0] != '\0') {
		be_over(job, reason);
	} else if (wish == JOB_STOP) {
		job->wanted = false;
	} else {
		if (job->is_over)
			job->report.ran_ms = 0;
		job->wanted = true;
		job->is_over = false;
		forgive(job);
	}
	look_at_time(job, clock_ms(CLOCK_MONOTONIC));
	if (wish == JOB_RESTART && job->running > 0)
		for (unsigned i = 0; i < job->spec.instances; i++)
			ask_to_end(&job->instances[i]);
	job_act(job);
	job_changed(job);
}

void
job_leave(struct job *job)
{
	job->is_leaving = true;
	job->wanted = false;
	job->has_turn = false;
	job_act(job);
}

/* ---- making and freeing ---- */

int
job_new(
    struct event_base *base, uint32_t id, struct job_spec *spec, struct job **ret_job)
{
	struct job *job = calloc(1, sizeof(*job));
	int r = 0;

	if (job == NULL)
		return -ENOMEM;
	job->base = base;
	job->id = id;
	job->engine = engine_of(spec->engine);
	job->instances = calloc(spec->instances, sizeof(*job->instances));
	if (job->instances == NULL)
		r = -ENOMEM;
	for (unsigned i = 0; i < spec->instances && r == 0; i++) {
		struct instance *instance = &job->instances[i];

		*instance = (struct instance){
			.job = job, .index = i, .cpu = -1, .cgroup = { .fd = -1 }
		};
		instance->timer = evtimer_new(base, timer_cb, instance);
		if (instance->timer == NULL)
			r = -ENOMEM;
	}
	if (r < 0) {
		job->spec.instances = job->instances != NULL ? spec->instances : 0;
		job_free(job);
		return r;
	}
	snprintf(job->folder_path, sizeof(job->folder_path), "%s", spec->folder);
	snprintf(job->corpus_path, sizeof(job->corpus_path), "%s%s",
	    spec->corpus.len > 0 ? spec->corpus.items[0] : spec->folder,
	    spec->corpus.len > 0 ? "" : "/corpus");
	job->folder_hash =
	    hash_bytes(HASH_SEED, job->folder_path, strlen(job->folder_path));
	job->spec = *spec;
	*spec = (struct job_spec){ 0 };
	job->seen = job_look_at_program(job);
	job->program = job->seen;
	job->stands = true; /* as far as anybody knows */
	job->counted_ms = clock_ms(CLOCK_MONOTONIC);
	job->report.instances = job->spec.instances;
	job->report.state = JOB_STATES_LEN; /* none: the first is news */
	*ret_job = job;
	return 0;
}

void
job_free(struct job *job)
{
	for (unsigned i = 0; i < job->spec.instances; i++) {
		struct instance *instance = &job->instances[i];

		if (instance->readable != NULL) {
			/* Dead minders leave nothing: the tree's main process dies with
			 * them, the rest falls to us and is swept (runner.c). */
			kill(instance->minder.pid, SIGKILL);
			waitpid(instance->minder.pid, NULL, 0);
			event_free(instance->readable);
			close(instance->minder.events);
			close(instance->minder.pidfd);
			remove_group(instance);
			cpus_give_back(instance->cpu);
		}
		if (instance->timer != NULL)
			event_free(instance->timer);
	}
	program_probe_end(&job->probe);
	job_probe_close(job);
	free(job->instances);
	job_spec_free(&job->spec);
	free(job);
}
