/* SPDX-License-Identifier: MIT
 * A fork server of one process at a time: the parent, which never runs the target, hands
 * over lengths and gets bytes back. In the replay driver.
 */
#include "replay_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

/* How often the process looks at its memory, in inputs. */
#define MEMORY_PERIOD 16

/* How often the parent looks whether it shall end. */
#define STOP_PERIOD_MS 200

#define DONE '.'
#define LAST 'l' /* done, and enough: the next input wants a new process */

/* libFuzzer's */
#define HANG_STATUS 70
#define MEMORY_STATUS 71

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
RT_WEAK int LLVMFuzzerInitialize(int *argc, char ***argv);

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

/* A crash is told of by its status; dumping 100,000 of them would fill disks. 1 and not 0,
 * which is too small for a file, but only 1 keeps a program that is piped to away. */
static void
forbid_dumps(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 1, 1 });
}

struct memory {
	uint64_t resident;
	uint64_t data; /* what only we may write to, resident or not */
};

/* 0 where it cannot be known: the target may have closed the file. */
static struct memory
look_at_memory(int statm)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned long long resident = 0, data = 0;
	char text[256];
	ssize_t n = pread(statm, text, sizeof(text) - 1, 0);

	if (n > 0) {
		text[n] = '\0';
		sscanf(text, "%*s %llu %*s %*s %*s %llu", &resident, &data);
	}
	return (struct memory){ resident * page, data * page };
}

/* No limit of the kernel's counts what is resident. What will be added to it is counted as
 * data, from what is there now: AddressSanitizer's shadow alone is 16 TB. Returns the size
 * of data from which on no further input is to be run; 0: none. */
static uint64_t
limit_memory(int statm, uint64_t memory_max)
{
	const struct memory now = look_at_memory(statm);
	const uint64_t room = memory_max > now.resident ? memory_max - now.resident : 0;
	const rlim_t limit = (rlim_t)(now.data + room);

	if (now.data == 0 || memory_max == 0)
		return 0;
	setrlimit(RLIMIT_DATA, &(struct rlimit){ limit, limit });
	return now.data + room / 2;
}

/* A copy of just its size: what reads behind it is found by a sanitizer. */
static void
run(const unsigned char *input, size_t len)
{
	unsigned char *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		_exit(MEMORY_STATUS);
	memcpy(copy, input, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static _Noreturn void
serve(const struct replay_child *child, int socket)
{
	const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char answer = DONE;
	const pid_t self = getpid();
	uint64_t len, data_max;

	/* What is on standard input, and what a terminal sends to all, is the parent's. What
	 * the target sends to its group is not: all that it forks ends with it. */
	setpgid(0, 0);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	dup2(null, STDIN_FILENO);
	forbid_dumps();
	set_handlers();
	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(child->argc, child->argv);
	data_max = limit_memory(statm, child->memory_max);
	if (send(socket, &answer, 1, MSG_NOSIGNAL) != 1)
		_exit(0);
	for (unsigned i = 1; recv(socket, &len, sizeof(len), 0) == sizeof(len); i++) {
		run(child->input, (size_t)len);
		if (getpid() != self)
			_exit(0); /* the target forked, and returned twice */
		/* Inputs that keep a little each shall not be the last one's fault. */
		if (data_max > 0 && i % MEMORY_PERIOD == 0 &&
		    look_at_memory(statm).data > data_max)
			answer = LAST;
		if (send(socket, &answer, 1, MSG_NOSIGNAL) != 1 || answer == LAST)
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

/* A child that lets go of its socket is not always about to end; and what it has forked
 * never is. Before it is reaped its number is nobody else's. */
static void
kill_group(const struct replay_child *child)
{
	if (kill(-child->pid, SIGKILL) != 0)
		kill(child->pid, SIGKILL);
}

/* Gives it time to end, if it is about to; outputs how it ended. */
static void
bury(struct replay_child *child, unsigned grace_ms, int *ret_status)
{
	struct pollfd ended = { .fd = child->pidfd, .events = POLLIN };

	if (grace_ms > 0)
		poll(&ended, 1, child->pidfd >= 0 ? (int)grace_ms : 50);
	kill_group(child);
	while (waitpid(child->pid, ret_status, 0) < 0 && errno == EINTR)
		;
	close(child->socket);
	if (child->pidfd >= 0)
		close(child->pidfd);
	child->pid = 0;
}

static int
least(int64_t a, int64_t b)
{
	return (int)(a < b ? a : b);
}

/* Waits for the child's answer, a byte. 0: time is over. -1: it has ended. A descendant may
 * hold the socket open for longer than the child lives, hence the second descriptor. */
static int
wait_for_byte(const struct replay_child *child, unsigned timeout_ms)
{
	const int64_t end = now_ms() + timeout_ms;
	struct pollfd fds[2] = { { .fd = child->socket, .events = POLLIN },
		{ .fd = child->pidfd, .events = POLLIN } };
	char byte;
	int n;

	for (int64_t left = timeout_ms; left > 0 && !*child->stop;
	    left = end - now_ms()) {
		n = poll(fds, 2, least(left, STOP_PERIOD_MS));
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0 && fds[0].revents != 0)
			return recv(child->socket, &byte, 1, 0) == 1 ? byte : -1;
		if (n > 0)
			return -1;
	}
	return 0;
}

/* Returns 0, or a negative errno, or -ECHILD with the status of one that ended. */
static int
start(struct replay_child *child, int *ret_status)
{
	const pid_t parent = getpid();
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	child->pid = fork();
	if (child->pid < 0) {
		r = -errno;
		close(ends[0]);
		close(ends[1]);
		child->pid = 0;
		return r;
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
	r = wait_for_byte(child, INITIALIZE_MS);
	if (r > 0)
		return 0;
	bury(child, r < 0 ? GRACE_MS : 0, ret_status);
	return -ECHILD;
}

/* Starts a process where there is none, or where it ended since the last input, whose
 * fault that may be; but only once. Returns as start(). */
static int
hand_over(struct replay_child *child, size_t len, int *ret_status)
{
	const uint64_t word = len;
	bool is_new;
	int r;

	for (;;) {
		is_new = child->pid == 0;
		r = is_new ? start(child, ret_status) : 0;
		if (r < 0)
			return r;
		if (send(child->socket, &word, sizeof(word), MSG_NOSIGNAL) ==
		    sizeof(word))
			return 0;
		bury(child, GRACE_MS, ret_status);
		if (is_new)
			return -ECHILD;
	}
}

enum replay_end
replay_child_run(struct replay_child *child, size_t len, int *ret_status)
{
	int answer, r;

	*ret_status = 0;
	r = hand_over(child, len, ret_status);
	if (r < 0) {
		errno = -r;
		return REPLAY_BROKEN;
	}
	answer = wait_for_byte(child, child->timeout_ms);
	if (answer == 0)
		kill(child->pid, SIGALRM); /* it can still say what it reached */
	if (answer != DONE)
		bury(child, GRACE_MS, ret_status);
	return answer > 0 ? REPLAY_OK : answer == 0 ? REPLAY_HANG : REPLAY_CRASH;
}

void
replay_child_end(struct replay_child *child)
{
	int status;

	if (child->pid == 0)
		return;
	shutdown(child->socket, SHUT_RDWR);
	bury(child, GRACE_MS, &status);
}
