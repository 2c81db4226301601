/* SPDX-License-Identifier: MIT
 * fork and exec of workers; in the supervisor.
 */
#include "config.h"

#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"
#include "heritage.h"
#include "banned.h"

#define WORDS 6

struct command {
	char path[PATH_MAX];
	char name[64];
	char words[WORDS][40];
	char *argv[WORDS + 2];
};

const char *
spawn_folder(void)
{
	const char *folder = getenv("FUZZSUPD_LIBEXEC");

	return folder != NULL && folder[0] != '\0' ? folder : PKGLIBEXECDIR;
}

const char *
spawn_web_folder(void)
{
	const char *folder = getenv("FUZZSUPD_WEB");

	return folder != NULL && folder[0] != '\0' ? folder : PKGDATADIR "/web";
}

static int
make_command(const struct spawn_request *request, struct command *ret_command)
{
	struct command *command = ret_command;
	size_t size = sizeof(command->words[0]);
	int n = snprintf(command->path, sizeof(command->path), "%s/fuzzsupd-%s",
	    request->folder, request->name);

	if (n < 0 || (size_t)n >= sizeof(command->path))
		return -ENAMETOOLONG;
	snprintf(command->name, sizeof(command->name), "fuzzsupd-%s", request->name);
	snprintf(command->words[0], size, "parent=%d", (int)getpid());
	snprintf(command->words[1], size, "log=%d", request->log_level);
	snprintf(command->words[2], size, "sandbox=%d",
	    request->sandbox ? 1 + request->cut_off : 0);
	snprintf(command->words[3], size, "uid=%u", (unsigned)request->uid);
	snprintf(command->words[4], size, "gid=%u", (unsigned)request->gid);
	snprintf(command->words[5], size, "slot=%u", request->slot);
	command->argv[0] = command->name;
	for (int i = 0; i < WORDS; i++)
		command->argv[i + 1] = command->words[i];
	command->argv[WORDS + 1] = NULL;
	return access(command->path, X_OK) == 0 ? 0 : -errno;
}

/* Puts each descriptor where the worker expects it. First all move out of the way, so
 * that none overwrites another. */
static void
place_descriptors(const struct spawn_request *request)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int from[HERITAGE_END] = { null, request->log, request->log, request->channel,
		request->news, request->directory };

	for (int i = 0; i < EDGES_LEN; i++)
		from[HERITAGE_EDGES + i] = request->edges[i];

	for (int to = 0; to < HERITAGE_END; to++) {
		from[to] = fcntl(
		    from[to] >= 0 ? from[to] : null, F_DUPFD_CLOEXEC, HERITAGE_END);
		if (from[to] < 0)
			_exit(126);
	}
	for (int to = 0; to < HERITAGE_END; to++)
		if (dup2(from[to], to) < 0)
			_exit(126);
	if (syscall(SYS_close_range, HERITAGE_END, ~0U, 0) != 0)
		_exit(126);
}

static void __attribute__((noreturn))
become_worker(
    const struct spawn_request *request, struct command *command, pid_t parent)
{
	/* The parent may have died before the kernel knew that we care. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
		_exit(125);
	/* A terminal's signals are for the supervisor alone, which ends workers in order:
	 * an interrupted runner would end its jobs by SIGKILL. */
	setsid();
	child_reset_signals();
	place_descriptors(request);
	execv(command->path, command->argv);
	_exit(127);
}

int
spawn_worker(const struct spawn_request *request, pid_t *ret_pid, int *ret_pidfd)
{
	struct command command;
	pid_t parent = getpid(), pid;
	int r = make_command(request, &command), pidfd;

	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_worker(request, &command, parent);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		r = -errno;
		kill(pid, SIGKILL); /* ours and not reaped: the pid is still its own */
		return r;
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}
