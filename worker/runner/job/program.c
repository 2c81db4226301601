/* SPDX-License-Identifier: MIT
 * Builds of a program; in the runner, but for what is said to be in the probe, which is a
 * process of its own.
 */
#include "config.h"

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "become.h"
#include "child.h"
#include "find_program.h"
#include "unfinished.h"
#include "banned.h"

#define PROBE_S 20 /* a slow disk may take some time */

struct answer {
	int32_t error;
	char why[124];
};

struct program
program_look(const char *name)
{
	struct program program = { 0 };
	int r = find_program(name, program.path, sizeof(program.path));

	if (r == -ENOENT)
		snprintf(program.path, sizeof(program.path), "%s", name);
	program.is_there = r != -ENOENT && stat(program.path, &program.st) == 0;
	return program;
}

bool
program_same(const struct program *a, const struct program *b)
{
	return a->is_there == b->is_there && a->st.st_dev == b->st.st_dev &&
	    a->st.st_ino == b->st.st_ino && a->st.st_size == b->st.st_size &&
	    a->st.st_mode == b->st.st_mode &&
	    a->st.st_mtim.tv_sec == b->st.st_mtim.tv_sec &&
	    a->st.st_mtim.tv_nsec == b->st.st_mtim.tv_nsec;
}

/* ---- in the probe ---- */

static void
refuse(struct answer *answer, int error, const char *why)
{
	answer->error = error;
	snprintf(answer->why, sizeof(answer->why), "%s", why);
}

/* In a child of the probe's, which its end kills. */
static _Noreturn void
execute(const char *path, int refusals)
{
	char *words[] = { (char *)(uintptr_t)path, NULL };
	int error;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* Without it the program would run. */
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(0);
	execve(path, words, words + 1);
	error = -errno;
	while (write(refusals, &error, sizeof(error)) < 0 && errno == EINTR)
		;
	_exit(1);
}

static void
check_execution(const char *path, struct answer *answer)
{
	int refusals[2], error = 0;
	pid_t pid;

	if (pipe2(refusals, O_CLOEXEC) != 0) {
		refuse(answer, -errno, strerror(errno));
		return;
	}
	pid = fork();
	if (pid == 0)
		execute(path, refusals[1]);
	if (pid < 0)
		error = -errno;
	close(refusals[1]);
	/* The pipe ends with the execution. */
	if (pid > 0 && read(refusals[0], &error, sizeof(error)) < 0)
		error = 0;
	if (error != 0)
		refuse(answer, error, strerror(-error));
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, __WALL);
	}
}

static _Noreturn void
probe(
    const struct program *program, const struct probe_user *user, int to, pid_t runner)
{
	struct answer answer = { 0 };
	const char *why;
	int keep[] = { to }, r;

	child_reset_signals();
	setsid();
	alarm(PROBE_S);
	child_close_all_but(keep, 1);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != runner)
		_exit(1);
	/* A lease is for the file's owner or for root; bytes of a foreign file are not. */
	r = unfinished_file(program->path, &why);
	if (r < 0)
		refuse(&answer, r, why);
	r = become_user(user);
	if (r < 0 && answer.error == 0)
		refuse(&answer, r, "becoming its user");
	if (answer.error == 0)
		check_execution(program->path, &answer);
	while (write(to, &answer, sizeof(answer)) < 0 && errno == EINTR)
		;
	_exit(0);
}

/* ---- in the runner ---- */

void
program_probe_end(struct program_probe *probe)
{
	if (probe->pid == 0)
		return;
	probe_kill(probe->pid); /* one that hangs is swept some time (runner.c) */
	event_free(probe->readable);
	close(probe->from);
	probe->readable = NULL;
	probe->pid = 0;
}

static void
readable_cb(evutil_socket_t fd, short what, void *context)
{
	struct program_probe *probe = context;
	struct answer answer;
	ssize_t n = read(fd, &answer, sizeof(answer));

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(answer))
		refuse(&answer, -EAGAIN, "looking at it took too long");
	answer.why[sizeof(answer.why) - 1] = '\0';
	program_probe_end(probe);
	probe->answer(probe->context, answer.error, answer.why);
}

int
program_probe_start(struct program_probe *probe_of, struct event_base *base,
    const struct program *program, const struct probe_user *user,
    void (*answer)(void *context, int error, const char *why), void *context)
{
	pid_t runner = getpid(), pid;
	struct event *readable;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	readable = event_new(base, fds[0], EV_READ | EV_PERSIST, readable_cb, probe_of);
	pid = readable != NULL ? fork() : -1;
	if (pid == 0)
		probe(program, user, fds[1], runner);
	r = readable == NULL ? -ENOMEM : pid < 0 ? -errno : 0;
	close(fds[1]);
	if (r < 0) {
		close(fds[0]);
		if (readable != NULL)
			event_free(readable);
		return r;
	}
	probe_of->program = *program;
	probe_of->pid = pid;
	probe_of->from = fds[0];
	probe_of->readable = readable;
	probe_of->answer = answer;
	probe_of->context = context;
	event_add(readable, NULL);
	return 0;
}
