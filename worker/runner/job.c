/* SPDX-License-Identifier: MIT
 * The life of a job; in the runner.
 */
#include "config.h"

#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "cpus.h"
#include "hash.h"
#include "job_folder.h"
#include "log.h"
#include "banned.h"

#define FAST_MS 5000
#define BACK_OFF_MIN_MS 200
#define BACK_OFF_MAX_MS 30000

static void
say_changed(struct job *job)
{
	job->is_dirty = true;
	if (job->changed != NULL)
		job->changed(job, job->context);
}

/* ---- state ---- */

/* One function changes a state, and logs it. */
static void __attribute__((format(printf, 3, 4)))
set_state(struct job *job, enum job_state state, const char *format, ...)
{
	char reason[JOB_REASON_MAX], quoted[2 * JOB_REASON_MAX];
	va_list args;
	bool turns; /* nothing to say each time */

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (job->report.state == state && strcmp(job->report.reason, reason) == 0)
		return;
	turns = job->report.starts > job->spec.instances &&
	    (state == JOB_STATE_QUEUED || job->report.state == JOB_STATE_QUEUED);
	log_write(state == JOB_STATE_FAILED          ? LOG_LEVEL_WARNING
		: state == JOB_STATE_QUEUED || turns ? LOG_LEVEL_DEBUG
						     : LOG_LEVEL_NOTICE,
	    "job %s/%s: %s%s%s", job->spec.target, job->spec.name,
	    job_state_name(state), reason[0] != '\0' ? ": " : "",
	    reason[0] != '\0'
		? log_quote(reason, strlen(reason), quoted, sizeof(quoted))
		: "");
	if (job->report.state != state)
		job->report.since_ms = clock_ms(CLOCK_REALTIME);
	job->report.state = state;
	memcpy(job->report.reason, reason, sizeof(reason));
	say_changed(job);
}

static unsigned
count_phase(const struct job *job, enum instance_phase phase)
{
	unsigned count = 0;

	for (unsigned i = 0; i < job->spec.instances; i++)
		count += job->instances[i].phase == phase;
	return count;
}

/* The words of the first instance in @phase. */
static const char *
words_of(const struct job *job, enum instance_phase phase)
{
	for (unsigned i = 0; i < job->spec.instances; i++)
		if (job->instances[i].phase == phase)
			return job->instances[i].words;
	return "";
}

static void
show_running(struct job *job)
{
	const unsigned failed = count_phase(job, INSTANCE_FAILED);

	if (failed > 0)
		set_state(job, JOB_STATE_RUNNING, "%u of %u instances failed: %s",
		    failed, job->spec.instances, words_of(job, INSTANCE_FAILED));
	else if (!job->seen.is_there)
		set_state(job, JOB_STATE_RUNNING,
		    "its program %.200s was deleted; what runs goes on",
		    job->program.path);
	else
		set_state(job, JOB_STATE_RUNNING, "%s", "");
}

/* Works out the state from all that it follows from. */
static void
show(struct job *job)
{
	if (job->is_leaving)
		return;
	if (job->is_over || !job->wanted) {
		if (job->running > 0)
			set_state(job, JOB_STATE_STOPPING, "%s",
			    job->is_over ? job->report.reason : "on request");
		else if (job->is_over)
			set_state(job, JOB_STATE_DONE, "%s", job->report.reason);
		else
			set_state(job, JOB_STATE_STOPPED, "on request");
	} else if (job->running > 0 && job->has_turn && !job->is_new_build) {
		show_running(job);
	} else if (job->running > 0) {
		set_state(job, JOB_STATE_STOPPING,
		    job->is_new_build ? "to start the new build"
				      : "others have their turn");
	} else if (!job->seen.is_there) {
		set_state(job, JOB_STATE_WAITING, "waiting for its program %.250s",
		    job->program.path);
	} else if (count_phase(job, INSTANCE_BACK_OFF) > 0) {
		set_state(
		    job, JOB_STATE_BACK_OFF, "%s", words_of(job, INSTANCE_BACK_OFF));
	} else if (count_phase(job, INSTANCE_FAILED) > 0) {
		set_state(job, JOB_STATE_FAILED, "%s", words_of(job, INSTANCE_FAILED));
	} else if (count_phase(job, INSTANCE_DONE) == job->spec.instances) {
		set_state(job, JOB_STATE_DONE, "%s", words_of(job, INSTANCE_DONE));
	} else if (job->waits_for != 0) {
		set_state(job, JOB_STATE_QUEUED,
		    "what runs with its former settings is ending");
	} else if (!job->has_turn) {
		set_state(job, JOB_STATE_QUEUED, "%s", "");
	}
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

/* ---- how an instance ended ---- */

static void
describe_end(const struct instance *instance, char *ret_text, size_t size)
{
	const struct engine *engine = instance->job->engine;
	const char *text;

	if (!instance->has_ended)
		snprintf(ret_text, size, "its minder was killed");
	else if (instance->words[0] != '\0')
		snprintf(ret_text, size, "ended: %.200s", instance->words);
	else if (WIFSIGNALED(instance->status))
		snprintf(ret_text, size, "killed by signal %d (%s)",
		    WTERMSIG(instance->status), strsignal(WTERMSIG(instance->status)));
	else if (WEXITSTATUS(instance->status) == 0)
		snprintf(ret_text, size, "ended with exit status 0");
	else {
		text = engine->status_text != NULL
		    ? engine->status_text(WEXITSTATUS(instance->status))
		    : NULL;
		snprintf(ret_text, size, "exit status %d%s%s%s",
		    WEXITSTATUS(instance->status), text != NULL ? " (" : "",
		    text != NULL ? text : "", text != NULL ? ")" : "");
	}
}

static void
describe_refusal(const struct instance *instance, char *ret_text, size_t size)
{
	const char *hint = "";

	if (strcmp(instance->words, "executing it") == 0) {
		if (instance->refused == ENOENT)
			hint = ": it is there, so its interpreter (of a script, or the "
			       "dynamic linker) is missing";
		else if (instance->refused == ENOEXEC)
			hint = ": neither an executable of this machine nor a script";
	}
	snprintf(ret_text, size, "%.60s: %s%s", instance->words,
	    strerror(instance->refused), hint);
}

static void
fail(struct instance *instance, const char *words)
{
	instance->phase = INSTANCE_FAILED;
	snprintf(instance->words, sizeof(instance->words), "%s", words);
}

static void
back_off(struct instance *instance, const char *words)
{
	const unsigned doublings = MIN(instance->fast_ends, 10);
	const int64_t ms = instance->fast_ends == 0
	    ? BACK_OFF_MIN_MS / 4
	    : MIN(BACK_OFF_MIN_MS << (doublings - 1), BACK_OFF_MAX_MS);
	const struct timeval wait = { .tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000 };

	instance->phase = INSTANCE_BACK_OFF;
	snprintf(instance->words, sizeof(instance->words), "%s", words);
	evtimer_add(instance->timer, &wait);
}

/* What follows from the end of an instance that nobody asked for. */
static void
follow_end(struct instance *instance, int64_t ran)
{
	const struct job_spec *spec = &instance->job->spec;
	bool well = instance->has_ended && WIFEXITED(instance->status) &&
	    WEXITSTATUS(instance->status) == 0 && instance->words[0] == '\0';
	char words[256], why[INSTANCE_WORDS_MAX];

	if (instance->refused != 0) {
		describe_refusal(instance, words, sizeof(words));
		fail(instance, words);
		return;
	}
	describe_end(instance, words, sizeof(words));
	if (well && spec->restart != JOB_RESTART_ALWAYS) {
		instance->phase = INSTANCE_DONE;
		snprintf(instance->words, sizeof(instance->words), "%s", words);
		return;
	}
	if (spec->restart == JOB_RESTART_NEVER) {
		fail(instance, words);
		return;
	}
	instance->fast_ends = ran < FAST_MS ? instance->fast_ends + 1 : 0;
	if (spec->start_limit > 0 && instance->fast_ends >= spec->start_limit) {
		snprintf(why, sizeof(why), "%u times within %d s of its start: %.200s",
		    instance->fast_ends, FAST_MS / 1000, words);
		fail(instance, why);
		return;
	}
	back_off(instance, words);
}

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
	instance->pid = 0;
	instance->memory = 0;
	instance->asked = false;
	job->running--;
	job->report.ran_ms += (uint64_t)(now - instance->started_ms);
	if (asked)
		instance->phase = INSTANCE_IDLE;
	else
		follow_end(instance, now - instance->started_ms);
	if (job->running == 0)
		job->is_new_build = false;
	if (!instance->has_ended && instance->refused == 0)
		job->lost(job, job->context);
	remove_group(instance);
	show(job);
	say_changed(job);
}

/* ---- what a minder says ---- */

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
	case MINDER_ENTRY:
		job->entry(job, event->value, job->context);
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

static struct program
look_at_program(const struct job *job)
{
	const struct job_words *command = &job->spec.command;
	const char *name = command->len > 0 ? command->items[0] : job->spec.executable;
	struct program program = { 0 };
	int r = launch_find_program(name, program.path, sizeof(program.path));

	if (r == -ENOENT)
		snprintf(program.path, sizeof(program.path), "%s", name);
	program.is_there = r != -ENOENT && stat(program.path, &program.st) == 0;
	return program;
}

static bool
same_program(const struct program *a, const struct program *b)
{
	return a->is_there == b->is_there && a->st.st_dev == b->st.st_dev &&
	    a->st.st_ino == b->st.st_ino && a->st.st_size == b->st.st_size &&
	    a->st.st_mode == b->st.st_mode &&
	    a->st.st_mtim.tv_sec == b->st.st_mtim.tv_sec &&
	    a->st.st_mtim.tv_nsec == b->st.st_mtim.tv_nsec;
}

static int
add_environment(const struct job *job, struct launch *launch)
{
	const struct job_spec *spec = &job->spec;
	int r;

	launch_inherit_environment(launch);
	r = launch_variable(launch, "HOME=%s/work", job->folder_path);
	if (r == 0 && spec->coverage_dir != NULL)
		r = launch_variable(launch, "FUZZSUP_DIR=%s", spec->coverage_dir);
	return r;
}

static int
make_launch(struct instance *instance, struct launch *launch, char *why, size_t size)
{
	struct job *job = instance->job;
	const struct job_spec *spec = &job->spec;
	char corpus[4096];
	struct engine_paths paths = { .folder = job->folder_path, .corpus = corpus };
	int r;

	snprintf(corpus, sizeof(corpus), "%s%s",
	    spec->corpus.len > 0 ? spec->corpus.items[0] : job->folder_path,
	    spec->corpus.len > 0 ? "" : "/corpus");
	r = job_folder_prepare(
	    job->folder, job->folder_path, job->engine, spec, why, size);
	if (r < 0)
		return r;
	snprintf(launch->directory, sizeof(launch->directory), "%s%s",
	    spec->directory != NULL ? spec->directory : job->folder_path,
	    spec->directory != NULL ? "" : "/work");
	launch->folder = job->folder;
	launch->group = -1;
	launch->instance = instance->index;
	launch->uid = spec->uid;
	launch->gid = spec->gid;
	launch->cpu = instance->cpu;
	launch->stop_signal = job->engine->stop_signal;
	launch->zig_test = -1;
	launch->memory_max = spec->memory_max;
	launch->file_size_max = spec->file_size_max;
	launch->open_files_max = spec->open_files_max;
	launch->processes_max = spec->processes_max;
	launch->log_max = spec->log_max;
	launch->stop_timeout_ms = spec->stop_timeout_ms;
	r = add_environment(job, launch);
	if (r == 0)
		r = job->engine->command(spec, &paths, instance->index, launch);
	for (size_t i = 0; i < spec->environment.len && r == 0; i++)
		r = launch_variable(launch, "%s", spec->environment.items[i]);
	if (r < 0) {
		snprintf(why, size, "its command line or environment is too long");
		return r;
	}
	r = launch_find_program(
	    launch->words[0], launch->program, sizeof(launch->program));
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

static void
start(struct instance *instance)
{
	struct job *job = instance->job;
	struct launch *launch = calloc(1, sizeof(*launch));
	char why[INSTANCE_WORDS_MAX] = "out of memory";
	int r = launch != NULL ? take_cpu(instance, why, sizeof(why)) : -ENOMEM;

	if (r == 0)
		r = make_launch(instance, launch, why, sizeof(why));
	if (r == 0) {
		make_group(instance, launch);
		r = minder_start(launch, &instance->minder);
		if (r < 0)
			snprintf(why, sizeof(why), "fork: %s", strerror(-r));
	}
	free(launch);
	if (r == 0) {
		instance->readable = event_new(job->base, instance->minder.events,
		    EV_READ | EV_PERSIST, readable_cb, instance);
		if (instance->readable == NULL) {
			kill(instance->minder.pid, SIGKILL);
			r = -ENOMEM;
		}
	}
	if (r < 0) {
		remove_group(instance);
		cpus_give_back(instance->cpu);
		fail(instance, why);
		return;
	}
	event_add(instance->readable, NULL);
	instance->phase = INSTANCE_RUNNING;
	instance->refused = 0;
	instance->has_ended = false;
	instance->words[0] = '\0';
	instance->started_ms = clock_ms(CLOCK_MONOTONIC);
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
	return job->wanted && !job->is_over && job->seen.is_there &&
	    job->waits_for == 0 &&
	    (job->running > 0 || count_phase(job, INSTANCE_IDLE) > 0);
}

void
job_act(struct job *job)
{
	const bool may = job->wanted && !job->is_over && job->has_turn &&
	    job->seen.is_there && !job->is_new_build;
	const bool must_end = !job->wanted || job->is_over || job->is_new_build;

	if (may && job->running == 0)
		job->program = job->seen;
	for (unsigned i = 0; i < job->spec.instances; i++) {
		struct instance *instance = &job->instances[i];

		if (may && instance->phase == INSTANCE_IDLE)
			start(instance);
		else if (must_end ||
		    (!job->has_turn && instance->phase == INSTANCE_RUNNING))
			ask_to_end(instance);
	}
	show(job);
}

static void
timer_cb(evutil_socket_t fd, short what, void *context)
{
	struct instance *instance = context;

	(void)fd;
	(void)what;
	instance->phase = INSTANCE_IDLE;
	job_act(instance->job);
	say_changed(instance->job);
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
	for (unsigned i = 0; i < job->spec.instances; i++) {
		struct instance *instance = &job->instances[i];

		instance->fast_ends = 0;
		evtimer_del(instance->timer);
		if (instance->phase != INSTANCE_RUNNING)
			instance->phase = INSTANCE_IDLE;
	}
}

/* A build is taken when it stood still for one look: linkers write for a while. */
static void
look_for_build(struct job *job)
{
	struct program now = look_at_program(job);
	bool stands = same_program(&now, &job->seen);
	bool came = now.is_there && !job->seen.is_there;

	job->seen = now;
	if (came)
		say_changed(job);
	if (!now.is_there || !stands || same_program(&now, &job->program) ||
	    !job->program.is_there)
		return;
	job->program = now;
	forgive(job);
	if (job->running > 0) {
		log_notice("job %s/%s: %s is a new build", job->spec.target,
		    job->spec.name, now.path);
		job->is_new_build = true;
	}
	say_changed(job);
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

void
job_tick(struct job *job, int64_t now)
{
	const uint64_t run_for = job->spec.run_for_ms;
	char reason[96];

	look_for_build(job);
	if (run_for > 0 && ran_ms(job, now) >= run_for * job->spec.instances) {
		snprintf(reason, sizeof(reason), "it ran for %llu s, as run-for says",
		    (unsigned long long)(run_for / 1000));
		be_over(job, reason);
	}
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
	if (wish == JOB_RESTART && job->running > 0)
		for (unsigned i = 0; i < job->spec.instances; i++)
			ask_to_end(&job->instances[i]);
	job_act(job);
	say_changed(job);
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
	job->folder = -1;
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
	if (r == 0)
		r = job_folder_open(spec->folder, &job->folder);
	if (r < 0) {
		job->spec.instances = job->instances != NULL ? spec->instances : 0;
		job_free(job);
		return r;
	}
	snprintf(job->folder_path, sizeof(job->folder_path), "%s", spec->folder);
	job->folder_hash =
	    hash_bytes(HASH_SEED, job->folder_path, strlen(job->folder_path));
	job->spec = *spec;
	*spec = (struct job_spec){ 0 };
	job->seen = look_at_program(job);
	job->program = job->seen;
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
	free(job->instances);
	if (job->folder >= 0)
		close(job->folder);
	job_spec_free(&job->spec);
	free(job);
}
