/* SPDX-License-Identifier: MIT
 * A fork server of one process at a time: the parent, which never runs the target, hands
 * over lengths and gets bytes back. In the replay driver.
 */
#include "replay_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rt_engine.h"

/* How long a process that was told of its time limit may take to end. */
#define GRACE_MS 2000

/* For all that the target does before its first input. */
#define INITIALIZE_MS 300000

#define HANG_STATUS 70 /* libFuzzer's */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
RT_WEAK int LLVMFuzzerInitialize(int *argc, char ***argv);
RT_WEAK void __sanitizer_set_death_callback(void (*callback)(void));

/* ---- the child ---- */

static void
die_of(int signal_number)
{
	fuzzsup_rt_end_run();
	raise(signal_number); /* SA_RESETHAND: for good */
}

static void
take_too_long(int unused)
{
	(void)unused;
	fuzzsup_rt_end_run();
	_exit(HANG_STATUS);
}

/* What a sanitizer handles stays its own; it calls us before it ends the process. */
static void
set_handlers(void)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP,
		SIGSYS };
	static char room[64 << 10]; /* not of the heap, where it would be a leak */
	const stack_t stack = { .ss_sp = room, .ss_size = sizeof(room) };
	struct sigaction action = { .sa_handler = die_of,
		.sa_flags = SA_RESETHAND | SA_NODEFER | SA_ONSTACK };
	struct sigaction before;
	stack_t old;

	if (sigaltstack(NULL, &old) == 0 && (old.ss_flags & SS_DISABLE) != 0)
		sigaltstack(&stack, NULL);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		if (sigaction(deadly[i], NULL, &before) == 0 &&
		    before.sa_handler == SIG_DFL)
			sigaction(deadly[i], &action, NULL);
	action.sa_handler = take_too_long;
	sigaction(SIGALRM, &action, NULL);
	if (__sanitizer_set_death_callback != NULL)
		__sanitizer_set_death_callback(fuzzsup_rt_end_run);
}

/* A copy of just its size: what reads behind it is found by a sanitizer. */
static void
run(const unsigned char *input, size_t len)
{
	unsigned char *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		return;
	memcpy(copy, input, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static _Noreturn void
serve(const struct replay_child *child, int socket)
{
	const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const char done = '.';
	uint64_t len;

	/* What is on standard input, and what a terminal sends to all, is the parent's. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	dup2(null, STDIN_FILENO);
	set_handlers();
	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(child->argc, child->argv);
	if (send(socket, &done, 1, MSG_NOSIGNAL) != 1)
		_exit(0);
	while (recv(socket, &len, sizeof(len), 0) == sizeof(len)) {
		run(child->input, (size_t)len);
		if (send(socket, &done, 1, MSG_NOSIGNAL) != 1)
			break;
	}
	exit(0);
}

/* ---- the parent ---- */

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

int
replay_child_begin(struct replay_child *child)
{
	void *map = mmap(NULL, child->size_max, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	child->input = map;
	return 0;
}

/* Also of descriptors; outputs how it ended. */
static void
bury(struct replay_child *child, int *ret_status)
{
	while (waitpid(child->pid, ret_status, 0) < 0 && errno == EINTR)
		;
	close(child->socket);
	if (child->pidfd >= 0)
		close(child->pidfd);
	child->pid = 0;
}

/* Waits for the child's byte: 1. 0: time is over. -1: it has ended. A descendant may hold
 * the socket open for longer than the child lives, hence the second descriptor. */
static int
wait_for_byte(struct replay_child *child, unsigned timeout_ms)
{
	const int64_t end = now_ms() + timeout_ms;
	struct pollfd fds[2] = { { .fd = child->socket, .events = POLLIN },
		{ .fd = child->pidfd, .events = POLLIN } };
	int64_t left;
	char byte;
	int n;

	for (;;) {
		left = end - now_ms();
		n = poll(fds, 2, left > 0 ? (int)left : 0);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0 && fds[0].revents != 0)
			return recv(child->socket, &byte, 1, 0) == 1 ? 1 : -1;
		if (n > 0 && fds[1].revents != 0)
			return -1;
		if (n == 0 && left <= 0)
			return 0;
	}
}

/* Ends a child that takes too long, first in a way in which it can still say what it
 * reached. */
static void
stop_hanging(struct replay_child *child)
{
	struct pollfd ended = { .fd = child->pidfd, .events = POLLIN };

	kill(child->pid, SIGALRM);
	poll(&ended, 1, child->pidfd >= 0 ? GRACE_MS : 50);
	kill(child->pid, SIGKILL);
}

static bool
start(struct replay_child *child, int *ret_status)
{
	const pid_t parent = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	child->pid = fork();
	if (child->pid < 0) {
		close(ends[0]);
		close(ends[1]);
		child->pid = 0;
		return false;
	}
	if (child->pid == 0) {
		close(ends[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		serve(child, ends[1]);
	}
	close(ends[1]);
	child->socket = ends[0];
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	if (wait_for_byte(child, INITIALIZE_MS) == 1)
		return true;
	kill(child->pid, SIGKILL);
	bury(child, ret_status);
	return false;
}

enum replay_end
replay_child_run(struct replay_child *child, size_t len, int *ret_status)
{
	const uint64_t word = len;
	int answer;

	*ret_status = 0;
	if (child->pid == 0 && !start(child, ret_status))
		return REPLAY_BROKEN;
	/* One that ended between two inputs says so below. */
	if (send(child->socket, &word, sizeof(word), MSG_NOSIGNAL) != sizeof(word)) {
		bury(child, ret_status);
		return REPLAY_CRASH;
	}
	answer = wait_for_byte(child, child->timeout_ms);
	if (answer == 1)
		return REPLAY_OK;
	if (answer == 0)
		stop_hanging(child);
	bury(child, ret_status);
	return answer == 0 ? REPLAY_HANG : REPLAY_CRASH;
}

void
replay_child_end(struct replay_child *child)
{
	struct pollfd ended = { .fd = child->pidfd, .events = POLLIN };
	int status;

	if (child->pid == 0)
		return;
	shutdown(child->socket, SHUT_RDWR);
	poll(&ended, 1, child->pidfd >= 0 ? GRACE_MS : 50);
	kill(child->pid, SIGKILL);
	bury(child, &status);
}
