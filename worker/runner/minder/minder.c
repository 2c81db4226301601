/* SPDX-License-Identifier: MIT
 * The minder's side of an instance; a process of its own.
 */
#include "config.h"

#include "minder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "become.h"
#include "cgroup.h"
#include "child.h"
#include "clock.h"
#include "job_log.h"
#include "process_tree.h"
#include "seeds_watch.h"
#include "zig_drive.h"
#include "banned.h"

#define LOOK_MS 250
#define TELL_MS 1000
#define END_PATIENCE_MS 10000
#define CHUNK 16384
#define CHUNKS_PER_TURN 16
/* A fuzzer writes a line in ten pieces: to be woken by each would cost it more than
 * the write. The pipe holds what a flood says meanwhile. */
#define GATHER_MS 20
#define PIPE_SIZE (CHUNK * CHUNKS_PER_TURN)

struct state {
	const struct launch *launch;
	int events; /* the runner reads there */
	pid_t runner;
	int output;           /* of the instance; -1: it closed it */
	int64_t gather_until; /* not read before; monotonic */
	int signals;          /* signalfd */
	int signals_error;
	struct job_log log;
	struct zig_drive zig;
	struct seeds_watch seeds;
	pid_t pid; /* of the instance; 0: ended */
	int status;
	int64_t deadline; /* to be killed at; 0: none */
	int64_t looked, told;
	int log_error; /* as the runner was told */
	char why[240]; /* we ended it */
};

static void
tell(struct state *state, enum minder_event_kind kind, uint64_t value, const char *text)
{
	struct minder_event event = { .kind = kind, .value = value };

	snprintf(event.text, sizeof(event.text), "%s", text);
	while (write(state->events, &event, sizeof(event)) < 0 && errno == EINTR)
		;
}

/* ---- ending ---- */

static void
kill_instance(struct state *state, int number)
{
	if (state->pid == 0)
		return;
	/* Its process group, and itself, should it have left that; nobody is told twice, which
	 * some take for haste. */
	kill(-state->pid, number);
	if (getpgid(state->pid) != state->pid)
		kill(state->pid, number);
}

static void
end_for(struct state *state, const char *why)
{
	if (state->why[0] == '\0')
		snprintf(state->why, sizeof(state->why), "%s", why);
	kill_instance(state, SIGKILL);
}

static void
ask_to_end(struct state *state)
{
	if (getppid() != state->runner) {
		end_for(state, "the runner is gone");
		return;
	}
	if (state->deadline != 0)
		return;
	state->deadline =
	    clock_ms(CLOCK_MONOTONIC) + (int64_t)state->launch->stop_timeout_ms;
	kill_instance(state, state->launch->stop_signal);
}

/* ---- looking ---- */

static void
look(struct state *state)
{
	const uint64_t max =
	    state->launch->group_has_memory ? 0 : state->launch->memory_max;
	int64_t now = clock_ms(CLOCK_MONOTONIC);
	char why[96];
	uint64_t bytes;

	if (state->deadline != 0 && now >= state->deadline) {
		state->deadline = now + END_PATIENCE_MS;
		end_for(state, "it did not end when it was asked to");
	}
	if (state->deadline == 0)
		seeds_watch_look(&state->seeds, state->launch, now);
	if (state->log.error != state->log_error) {
		state->log_error = state->log.error;
		tell(state, MINDER_LOG, (uint64_t)state->log_error, "");
	}
	if (now - state->looked < (max > 0 ? LOOK_MS : TELL_MS))
		return;
	state->looked = now;
	bytes = process_tree_memory(getpid());
	if (max > 0 && bytes > max) {
		snprintf(why, sizeof(why), "it used %llu MiB, memory-max is %llu MiB",
		    (unsigned long long)(bytes >> 20), (unsigned long long)(max >> 20));
		end_for(state, why);
	}
	if (now - state->told >= TELL_MS) {
		state->told = now;
		job_log_look(&state->log);
		tell(state, MINDER_MEMORY, bytes, "");
	}
}

/* The kernel ended it, which the status alone does not tell. */
static void
look_for_memory_end(struct state *state)
{
	const struct launch *launch = state->launch;
	enum cgroup_memory_end end = cgroup_memory_end(launch->group);

	if (state->why[0] != '\0' || !WIFSIGNALED(state->status) ||
	    WTERMSIG(state->status) != SIGKILL || end == CGROUP_MEMORY_WELL)
		return;
	if (end == CGROUP_MEMORY_MAX && launch->group_has_memory)
		snprintf(state->why, sizeof(state->why),
		    "it used more: memory-max is %llu MiB",
		    (unsigned long long)(launch->memory_max >> 20));
	else
		snprintf(
		    state->why, sizeof(state->why), "the kernel had no memory left");
}

static void
read_output(struct state *state)
{
	static char text[CHUNK];
	ssize_t n = 0;

	state->gather_until = clock_ms(CLOCK_MONOTONIC) + GATHER_MS;
	for (int i = 0; i < CHUNKS_PER_TURN && state->output >= 0; i++) {
		n = read(state->output, text, sizeof(text));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			close(state->output);
			state->output = -1;
			return;
		}
		job_log_write(&state->log, text, (size_t)n);
	}
	state->gather_until = 0; /* it says a lot: it must not wait for us */
}

static void
read_signals(struct state *state)
{
	struct signalfd_siginfo info;
	uint32_t seeds = 0;
	int status;
	pid_t pid;

	while (read(state->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGCHLD)
			ask_to_end(state);
	}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (seeds_watch_ended(&state->seeds, pid, status, &seeds) && seeds > 0)
			job_log_say(&state->log,
			    "%u new seed%s in AFL++'s queue of others, which it reads "
			    "now and then",
			    seeds, seeds == 1 ? "" : "s");
		if (pid != state->pid)
			continue;
		state->status = status;
		state->pid = 0;
	}
}

/* ---- a Zig test executable ---- */

static void
zig_entry(void *context, uint64_t address)
{
	tell(context, MINDER_ENTRY, address, "");
}

static void
zig_noted(void *context, const char *note)
{
	tell(context, MINDER_NOTE, 0, note);
}

static void
zig_unfit(void *context, const char *why)
{
	tell(context, MINDER_UNFIT, 0, why);
	end_for(context, why);
}

/* ---- its life ---- */

static void
run(struct state *state)
{
	while (state->pid != 0) {
		const int64_t gather = state->gather_until - clock_ms(CLOCK_MONOTONIC);
		struct pollfd polls[] = { { .fd = state->signals, .events = POLLIN },
			{ .fd = gather > 0 ? -1 : state->output, .events = POLLIN },
			{ .fd = -1 }, { .fd = -1 } };

		zig_drive_polls(&state->zig, polls + 2);
		poll(polls, 4, gather > 0 ? (int)gather : LOOK_MS);
		if (polls[1].revents != 0)
			read_output(state);
		zig_drive_polled(&state->zig, polls + 2);
		if (polls[0].revents != 0)
			read_signals(state);
		zig_drive_look(&state->zig, clock_ms(CLOCK_MONOTONIC));
		look(state);
	}
}

/* ---- from start to end ---- */

/* In the instance-to-be: never returns. What goes wrong is written to @refusals. */
static _Noreturn void
become(
    const struct launch *launch, int output, int stdin_fd, int stdout_fd, int refusals)
{
	struct minder_event refused = { .kind = MINDER_REFUSED };
	const char *stage = "";
	int r = become_instance(launch, output, stdin_fd, stdout_fd, refusals, &stage);

	refused.value = (uint64_t)-r;
	snprintf(refused.text, sizeof(refused.text), "%s", stage);
	while (write(refusals, &refused, sizeof(refused)) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* Waits until the program is executed or cannot be; true if it runs. Until then it may take
 * over many seeds, and can be asked to end. */
static bool
await_start(struct state *state, int refusals)
{
	struct pollfd polls[] = { { .fd = refusals, .events = POLLIN },
		{ .fd = state->signals, .events = POLLIN } };
	struct minder_event refused;
	ssize_t n;

	while (polls[0].revents == 0) {
		poll(polls, 2, -1);
		if (polls[1].revents != 0)
			read_signals(state);
	}
	do
		n = read(refusals, &refused, sizeof(refused));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(refused))
		return true;
	job_log_say(&state->log, "instance %u: %s: %s", state->launch->instance,
	    refused.text, strerror((int)refused.value));
	tell(state, MINDER_REFUSED, refused.value, refused.text);
	return false;
}

static void
say_start(struct state *state, pid_t pid)
{
	char command[600] = "";
	size_t used = 0;

	for (size_t i = 0; i < state->launch->words_len && used < sizeof(command); i++)
		used += (size_t)snprintf(command + used, sizeof(command) - used, " %s",
		    state->launch->words[i]);
	job_log_say(&state->log, "instance %u starts: pid %d, time %lld:%s",
	    state->launch->instance, (int)pid, (long long)clock_ms(CLOCK_REALTIME),
	    command);
}

static void
say_end(struct state *state)
{
	const char *because = state->why[0] != '\0' ? ": " : "";

	if (WIFSIGNALED(state->status))
		job_log_say(&state->log, "instance %u ended: signal %d (%s)%s%s",
		    state->launch->instance, WTERMSIG(state->status),
		    strsignal(WTERMSIG(state->status)), because, state->why);
	else
		job_log_say(&state->log, "instance %u ended: exit status %d%s%s",
		    state->launch->instance, WEXITSTATUS(state->status), because,
		    state->why);
}

static int
start(struct state *state)
{
	const struct launch *launch = state->launch;
	int output[2], refusals[2], in[2] = { -1, -1 }, out[2] = { -1, -1 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid;

	if (null < 0 || pipe2(output, O_CLOEXEC) != 0 ||
	    pipe2(refusals, O_CLOEXEC) != 0)
		return -errno;
	if (launch->zig.tests_len > 0 &&
	    (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0))
		return -errno;
	state->pid = fork();
	if (state->pid == 0)
		become(launch, output[1], in[0] >= 0 ? in[0] : null,
		    out[1] >= 0 ? out[1] : output[1], refusals[1]);
	if (state->pid < 0)
		return -errno;
	pid = state->pid;
	close(output[1]);
	close(refusals[1]);
	state->output = output[0];
	fcntl(state->output, F_SETFL, O_NONBLOCK);
	fcntl(state->output, F_SETPIPE_SZ, PIPE_SIZE); /* else as it is */
	if (launch->zig.tests_len > 0) {
		close(in[0]);
		close(out[1]);
		zig_drive_start(&state->zig, launch, in[1], out[0]);
	}
	if (!await_start(state, refusals[0]))
		return -ENOEXEC;
	close(refusals[0]);
	say_start(state, pid);
	tell(state, MINDER_STARTED, (uint64_t)pid, "");
	return 0;
}

static sigset_t
signals_wanted(void)
{
	sigset_t wanted;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGHUP);
	return wanted;
}

static int
open_signals(void)
{
	const sigset_t wanted = signals_wanted();

	child_reset_signals();
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_SETMASK, &wanted, NULL);
	return signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
}

static _Noreturn void
mind(const struct launch *launch, int events, pid_t runner)
{
	struct state state = { .launch = launch,
		.events = events,
		.runner = runner,
		.output = -1,
		.zig = ZIG_DRIVE_NONE };
	int keep[] = { launch->folder, launch->group, events }, r, logs;

	child_close_all_but(keep, sizeof(keep) / sizeof(keep[0]));
	prctl(PR_SET_NAME, "fuzzsupd-minder", 0, 0, 0);
	state.zig.log = &state.log;
	state.zig.entry = zig_entry;
	state.zig.noted = zig_noted;
	state.zig.unfit = zig_unfit;
	state.zig.context = &state;
	state.signals = open_signals();
	state.signals_error = state.signals < 0 ? -errno : 0;
	logs = job_log_open(&state.log, launch->folder, launch->folder_path,
	    launch->instance, launch->log_max);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || getppid() != runner)
		_exit(1);
	setsid();
	if (logs == -EMFILE || logs == -ENFILE || logs == -ENOMEM) {
		/* It need not go on without a log: that passes. */
		tell(&state, MINDER_REFUSED, (uint64_t)-logs, "opening its log");
		_exit(0);
	}
	r = state.signals_error != 0 ? state.signals_error : start(&state);
	if (r < 0 && r != -ENOEXEC)
		tell(&state, MINDER_REFUSED, (uint64_t)-r, "starting it");
	seeds_watch_start(&state.seeds, launch);
	if (r == 0)
		run(&state);
	cgroup_kill(launch->group);
	process_tree_end(NULL, NULL, END_PATIENCE_MS);
	look_for_memory_end(&state);
	job_log_look(&state.log);
	read_output(&state);
	if (r == 0) {
		zig_drive_ended(&state.zig, launch,
		    state.deadline != 0 || state.why[0] != '\0' || state.status == 0);
		say_end(&state);
		tell(&state, MINDER_ENDED, (uint64_t)state.status, state.why);
	}
	_exit(0);
}

int
minder_start(const struct launch *launch, struct minder *ret_minder)
{
	const sigset_t wanted = signals_wanted();
	pid_t runner = getpid(), pid;
	int events[2], pidfd = -1, r;
	sigset_t before;

	if (pipe2(events, O_CLOEXEC) != 0)
		return -errno;
	fcntl(events[0], F_SETFL, O_NONBLOCK);
	/* What comes before the minder has signals of its own waits: our handlers, which
	 * it has until then, would take it for us. */
	sigprocmask(SIG_BLOCK, &wanted, &before);
	pid = fork();
	if (pid == 0)
		mind(launch, events[1], runner);
	r = pid < 0 ? -errno : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(events[1]);
	if (r == 0) {
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		r = pidfd < 0 ? -errno : 0;
	}
	if (r < 0) {
		close(events[0]);
		if (pid > 0)
			kill(pid, SIGTERM);
		return r;
	}
	*ret_minder =
	    (struct minder){ .pid = pid, .pidfd = pidfd, .events = events[0] };
	return 0;
}
