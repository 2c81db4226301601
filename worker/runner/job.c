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
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "become.h"
#include "clock.h"
#include "cpus.h"
#include "hash.h"
#include "job_folder.h"
#include "log.h"
#include "banned.h"

#define FAST_MS 5000
#define LOOP_ENDS 3 /* as many fast ends are told while it runs again */
#define BACK_OFF_MIN_MS 200
#define BACK_OFF_MAX_MS 30000
#define SHORTAGE_MAX_MS 5000 /* trying costs little, and others end */
#define PROBE_MAX_MS 5000
#define DESCRIPTORS_KEPT 16 /* for what the runner does beside */

static void
say_changed(struct job *job)
{
	job->is_dirty = true;
	if (job->changed != NULL)
		job->changed(job, job->context);
}

/* ---- state ---- */

/* One function changes a state, and logs it. @about: whose end the reason tells, as its
 * last words; NULL: nobody's. */
static void __attribute__((format(printf, 4, 5)))
set_state(struct job *job, enum job_state state, const struct instance *about,
    const char *format, ...)
{
	struct job_report *report = &job->report;
	char reason[JOB_REASON_MAX], quoted[2 * JOB_REASON_MAX];
	const pid_t ended = about != NULL ? about->ended_pid : 0;
	va_list args;
	bool turns; /* nothing to say each time */

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (report->state == state && strcmp(report->reason, reason) == 0 &&
	    report->ended_pid == ended)
		return;
	turns = report->starts > job->spec.instances &&
	    (state == JOB_STATE_QUEUED || report->state == JOB_STATE_QUEUED);
	if (report->state != state || strcmp(report->reason, reason) != 0)
		log_write(state == JOB_STATE_FAILED          ? LOG_LEVEL_WARNING
			: state == JOB_STATE_QUEUED || turns ? LOG_LEVEL_DEBUG
							     : LOG_LEVEL_NOTICE,
		    "job %s/%s: %s%s%s", job->spec.target, job->spec.name,
		    job_state_name(state), reason[0] != '\0' ? ": " : "",
		    reason[0] != '\0'
			? log_quote(reason, strlen(reason), quoted, sizeof(quoted))
			: "");
	if (report->state != state)
		report->since_ms = clock_ms(CLOCK_REALTIME);
	report->state = state;
	report->ended_pid = ended;
	report->ended_instance = ended != 0 ? about->index : 0;
	memcpy(report->reason, reason, sizeof(reason));
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

static const struct instance *
first_in(const struct job *job, enum instance_phase phase)
{
	for (unsigned i = 0; i < job->spec.instances; i++)
		if (job->instances[i].phase == phase)
			return &job->instances[i];
	return NULL;
}

/* The first that ends at once again and again, and what it ended of last. */
static const struct instance *
first_in_loop(const struct job *job, const char **ret_words)
{
	const int64_t now = clock_ms(CLOCK_MONOTONIC);

	for (unsigned i = 0; i < job->spec.instances; i++) {
		const struct instance *instance = &job->instances[i];
		const bool runs = instance->phase == INSTANCE_RUNNING;

		if (instance->fast_ends < LOOP_ENDS ||
		    (!runs && instance->phase != INSTANCE_BACK_OFF) ||
		    (runs && now - instance->started_ms >= FAST_MS))
			continue;
		*ret_words = runs ? instance->past : instance->words;
		return instance;
	}
	return NULL;
}

static const struct instance *
first_short(const struct job *job)
{
	for (unsigned i = 0; i < job->spec.instances; i++)
		if (job->instances[i].phase == INSTANCE_BACK_OFF &&
		    job->instances[i].shortages > 0)
			return &job->instances[i];
	return NULL;
}

/* True if what runs is of the build that lies there. */
static bool
runs_newest(const struct job *job)
{
	return program_same(&job->seen, &job->program);
}

/* Whether an instance could be started now, as far as its program is concerned: beside
 * others of the same build alone, and of none that is being written. */
static bool
can_start(const struct job *job)
{
	return job->seen.is_there && job->stands &&
	    (job->running == 0 || runs_newest(job));
}

static void
show_running(struct job *job)
{
	const struct instance *failed = first_in(job, INSTANCE_FAILED),
			      *in_need = first_short(job), *loops;
	const unsigned all = job->spec.instances;
	const char *words = "";

	if (failed != NULL)
		set_state(job, JOB_STATE_RUNNING, failed,
		    "%u of %u instances failed: %s", count_phase(job, INSTANCE_FAILED),
		    all, failed->words);
	else if (!job->seen.is_there)
		set_state(job, JOB_STATE_RUNNING, NULL,
		    "its program %.200s was deleted; what runs goes on",
		    job->program.path);
	else if (!runs_newest(job))
		set_state(job, JOB_STATE_RUNNING, NULL,
		    "its program %.200s was replaced%s%s; what runs goes on",
		    job->seen.path,
		    job->probe_words[0] != '\0' ? " and cannot be executed yet: " : "",
		    job->probe_words);
	else if (in_need != NULL)
		set_state(job, JOB_STATE_RUNNING, NULL,
		    "%u of %u instances wait: %s", all - job->running, all,
		    in_need->words);
	else if ((loops = first_in_loop(job, &words)) != NULL)
		set_state(job, JOB_STATE_RUNNING, loops, "%s", words);
	else
		set_state(job, JOB_STATE_RUNNING, NULL, "%s", "");
}

/* Nothing runs, and nobody wants that. */
static void
show_idle(struct job *job)
{
	const struct instance *backs_off = first_in(job, INSTANCE_BACK_OFF),
			      *failed = first_in(job, INSTANCE_FAILED);

	if (!job->seen.is_there)
		set_state(job, JOB_STATE_WAITING, NULL, "waiting for its program %.250s",
		    job->seen.path);
	else if (!job->stands)
		set_state(job, JOB_STATE_WAITING, NULL,
		    "waiting for its program %.250s, which changes", job->seen.path);
	else if (backs_off != NULL)
		set_state(
		    job, JOB_STATE_BACK_OFF, backs_off, "%s", backs_off->words);
	else if (failed != NULL)
		set_state(job, JOB_STATE_FAILED, failed, "%s", failed->words);
	else if (count_phase(job, INSTANCE_DONE) == job->spec.instances)
		set_state(job, JOB_STATE_DONE, NULL, "%s",
		    first_in(job, INSTANCE_DONE)->words);
	else if (job->waits_for != 0)
		set_state(job, JOB_STATE_QUEUED, NULL,
		    "what runs with its former settings is ending");
	else if (!job->has_turn)
		set_state(job, JOB_STATE_QUEUED, NULL, "%s", "");
}

/* Works out the state from all that it follows from. */
static void
show(struct job *job)
{
	if (job->is_leaving)
		return;
	if (job->is_over || !job->wanted) {
		if (job->running > 0)
			set_state(job, JOB_STATE_STOPPING, NULL, "%s",
			    job->is_over ? job->report.reason : "on request");
		else if (job->is_over)
			set_state(
			    job, JOB_STATE_DONE, NULL, "%s", job->report.reason);
		else
			set_state(job, JOB_STATE_STOPPED, NULL, "on request");
	} else if (job->running > 0 && job->has_turn && !job->is_new_build) {
		show_running(job);
	} else if (job->running > 0) {
		set_state(job, JOB_STATE_STOPPING, NULL,
		    job->is_new_build ? "to start the new build"
				      : "others have their turn");
	} else {
		show_idle(job);
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

/* True if the machine has not now what it may have soon. */
static bool
is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == EAGAIN ||
	    error == ENOMEM || error == ENOSPC || error == EDQUOT;
}

/* @what could not be done for want of something. */
static void
describe_shortage(int error, const char *what, char *ret_text, size_t size)
{
	struct rlimit limit = { 0 };

	if (error == EMFILE) {
		getrlimit(RLIMIT_NOFILE, &limit);
		snprintf(ret_text, size,
		    "no file descriptors left (limit %llu): raise LimitNOFILE= of the "
		    "service, or ulimit -n",
		    (unsigned long long)limit.rlim_cur);
	} else if (error == ENFILE) {
		snprintf(ret_text, size,
		    "the whole machine has no file descriptors left: raise fs.file-max");
	} else if (error == EAGAIN) {
		snprintf(ret_text, size,
		    "no more processes: raise TasksMax= of the service, or ulimit -u");
	} else if (error == ENOMEM) {
		snprintf(ret_text, size, "no memory left to start it");
	} else {
		snprintf(ret_text, size, "%.200s: %s", what, strerror(error));
	}
}

static void
describe_refusal(const struct instance *instance, char *ret_text, size_t size)
{
	const char *hint = "";

	if (strcmp(instance->words, BECOME_EXECUTING) == 0) {
		if (instance->refused == ENOENT)
			hint = ": it is there, so its interpreter (of a script, or the "
			       "dynamic linker) is missing";
		else if (instance->refused == ENOEXEC)
			hint = ": neither an executable of this machine nor a script";
		else if (instance->refused == ETXTBSY)
			hint = ": its writer still has it open";
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
wait_for(struct instance *instance, const char *words, int64_t ms)
{
	const struct timeval wait = { .tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000 };

	instance->phase = INSTANCE_BACK_OFF;
	snprintf(instance->words, sizeof(instance->words), "%s", words);
	evtimer_add(instance->timer, &wait);
}

static int64_t
doubled(int64_t ms, unsigned times, int64_t max)
{
	return MIN(ms << MIN(times, 10), max);
}

static void
back_off(struct instance *instance, const char *words)
{
	wait_for(instance, words,
	    instance->fast_ends == 0
		? BACK_OFF_MIN_MS / 4
		: doubled(BACK_OFF_MIN_MS, instance->fast_ends - 1, BACK_OFF_MAX_MS));
}

/* It could not be started, which is nothing that it did. */
static void
lack(struct instance *instance, int error, const char *what)
{
	char words[INSTANCE_WORDS_MAX];

	describe_shortage(error, what, words, sizeof(words));
	wait_for(instance, words,
	    doubled(BACK_OFF_MIN_MS, instance->shortages++, SHORTAGE_MAX_MS));
}

static struct program
look_at_program(const struct job *job)
{
	const struct job_words *command = &job->spec.command;

	return program_look(
	    command->len > 0 ? command->items[0] : job->spec.executable);
}

/* What follows where it could not be executed. A program that somebody writes, or that
 * changed since it was looked at, is one that may be good soon. */
static void
follow_refusal(struct instance *instance)
{
	const struct job *job = instance->job;
	const bool executing = strcmp(instance->words, BECOME_EXECUTING) == 0;
	const struct program now = look_at_program(job);
	char words[256];

	describe_refusal(instance, words, sizeof(words));
	if (is_shortage(instance->refused) &&
	    (!executing || instance->refused != EMFILE)) {
		lack(instance, instance->refused, words);
	} else if (executing &&
	    (instance->refused == ETXTBSY || !program_same(&now, &job->program))) {
		instance->fast_ends++;
		back_off(instance, words);
	} else {
		fail(instance, words);
	}
}

/* True if its end is what its engine does when it finds something. */
static bool
ended_by_find(const struct instance *instance)
{
	const struct job *job = instance->job;
	enum engine_end end;
	bool found;
	int folder;

	if (!instance->has_ended || instance->words[0] != '\0' ||
	    job->engine->end == NULL)
		return false;
	end = job->engine->end(instance->status);
	if (end != ENGINE_END_UNSURE ||
	    job_folder_open(job->folder_path, &folder) < 0)
		return end == ENGINE_END_FIND;
	found = job_folder_has_since(folder, "artifacts", instance->started_wall_ms);
	close(folder);
	return found;
}

/* What is said where it ends again and again soon after its start. */
static void
describe_loop(const struct instance *instance, bool found, const char *words,
    char *ret_text, size_t size)
{
	const struct engine *engine = instance->job->engine;

	if (found)
		snprintf(ret_text, size, "%s; %u times within %d s of its start: %.100s",
		    engine->way_out(instance->status), instance->fast_ends,
		    FAST_MS / 1000, words);
	else
		snprintf(ret_text, size, "%u times within %d s of its start: %.200s",
		    instance->fast_ends, FAST_MS / 1000, words);
}

/* What follows from the end of an instance that nobody asked for. */
static void
follow_end(struct instance *instance, int64_t ran)
{
	const struct job_spec *spec = &instance->job->spec;
	bool well = instance->has_ended && WIFEXITED(instance->status) &&
	    WEXITSTATUS(instance->status) == 0 && instance->words[0] == '\0';
	bool found = !well && ended_by_find(instance);
	char words[256], why[INSTANCE_WORDS_MAX];

	if (instance->refused != 0) {
		follow_refusal(instance);
		return;
	}
	instance->shortages = 0;
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
	instance->fruitless_ends =
	    ran < FAST_MS && !found ? instance->fruitless_ends + 1 : 0;
	describe_loop(instance, found, words, why, sizeof(why));
	if (spec->start_limit > 0 && instance->fruitless_ends >= spec->start_limit)
		fail(instance, why);
	else
		back_off(instance, instance->fast_ends >= LOOP_ENDS ? why : words);
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
make_launch(struct instance *instance, int folder, struct launch *launch, char *why,
    size_t size)
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
	    folder, job->folder_path, job->engine, spec, why, size);
	if (r < 0)
		return r;
	snprintf(launch->directory, sizeof(launch->directory), "%s%s",
	    spec->directory != NULL ? spec->directory : job->folder_path,
	    spec->directory != NULL ? "" : "/work");
	launch->folder = folder;
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
start_minder(
    struct instance *instance, struct launch *launch, int folder, char *why, size_t size)
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
		if (is_shortage(-r))
			lack(instance, -r, why);
		else
			fail(instance, why);
		return;
	}
	instance->phase = INSTANCE_RUNNING;
	instance->refused = 0;
	instance->has_ended = false;
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
		(can_start(job) && count_phase(job, INSTANCE_IDLE) > 0));
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
	say_changed(instance->job); /* so that it gets its turn */
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
	}
	say_changed(job);
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
		    doubled(BACK_OFF_MIN_MS, job->probes++, PROBE_MAX_MS);
	}
	job_act(job);
}

/* Whether the build that lies there could run in place of the one that runs. */
static void
probe_build(struct job *job)
{
	int r;

	if (job->probe.pid != 0 || job->is_new_build ||
	    clock_ms(CLOCK_MONOTONIC) < job->probe_at_ms)
		return;
	r = program_probe_start(&job->probe, job->base, &job->seen, job->spec.uid,
	    job->spec.gid, probe_cb, job);
	if (r < 0)
		describe_shortage(
		    -r, "looking at it", job->probe_words, sizeof(job->probe_words));
}

/* A build is taken when it stood still for one look: linkers write for a while. */
static void
look_for_build(struct job *job)
{
	const struct program now = look_at_program(job);
	const bool stands = program_same(&now, &job->seen);

	if (stands != job->stands)
		say_changed(job);
	job->stands = stands;
	job->seen = now;
	if (!stands || !now.is_there || runs_newest(job)) {
		job->probe_words[0] = '\0';
		job->probes = 0;
		job->probe_at_ms = 0;
	} else if (job->running > 0) {
		probe_build(job);
	} else {
		take_build(job);
	}
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
	job->folder_hash =
	    hash_bytes(HASH_SEED, job->folder_path, strlen(job->folder_path));
	job->spec = *spec;
	*spec = (struct job_spec){ 0 };
	job->seen = look_at_program(job);
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
	free(job->instances);
	job_spec_free(&job->spec);
	free(job);
}
