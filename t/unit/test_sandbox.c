/* SPDX-License-Identifier: MIT
 * What a taken-over worker tries in its sandbox, and what it must still be able to do.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "clock.h"
#include "log.h"
#include "sandbox.h"
#include "shared_memory.h"

static int directory; /* with one file, "file", opened before the sandbox */
static char directory_path[] = "/tmp/fuzzsup-sandbox-XXXXXX";
static int own; /* the archive's folder */
static char own_path[] = "/tmp/fuzzsup-sandbox-own-XXXXXX";

/* Runs @attempt in a sandboxed child. Returns its answer, or -signal that ended it. */
static int
in_sandbox(enum sandbox_kind kind, int (*attempt)(void))
{
	struct heritage heritage = {
		.sandbox = true, .cut_off = true, .uid = 65534, .gid = 65534
	};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (geteuid() != 0) {
			heritage.uid = geteuid();
			heritage.gid = getegid();
		}
		log_open("test", LOG_LEVEL_ERR);
		if (dup2(own, HERITAGE_DIRECTORY) < 0 ||
		    (kind == SANDBOX_ARCHIVE && fchdir(own) != 0))
			_exit(98);
		if (sandbox_enter(kind, &heritage) != 0)
			_exit(99);
		_exit(attempt());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Attempts answer 0 where they were refused, 1 where they got through. */
static int
try_read_file(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0;
}

static int
try_create_file(void)
{
	return open("/tmp/fuzzsup-escaped", O_WRONLY | O_CREAT, 0600) >= 0;
}

static int
try_create_below(void)
{
	return openat(directory, "new", O_WRONLY | O_CREAT, 0600) >= 0;
}

static int
try_leave_root(void)
{
	if (fchdir(directory) != 0)
		return 0;
	return open("../etc/passwd", O_RDONLY) >= 0 && chroot("..") == 0;
}

static int
try_exec(void)
{
	char *const words[] = { (char *)"/bin/true", NULL };

	execve(words[0], words, NULL);
	return errno == ENOENT && geteuid() == 0;
}

static int
try_fork(void)
{
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static int
try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static int
try_kill_parent(void)
{
	return kill(getppid(), 0) == 0;
}

static int
try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static int
try_executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0) != MAP_FAILED;
}

static int
try_handle(void)
{
	union {
		struct file_handle handle;
		char space[128];
	} u = { .handle = { .handle_bytes = 8, .handle_type = 1 } };

	return open_by_handle_at(directory, &u.handle, O_RDONLY) >= 0 || errno != EPERM;
}

static int
try_io_uring(void)
{
	char parameters[120] = { 0 };

	return syscall(425, 1, parameters) >= 0;
}

static int (*const attempts[])(void) = {
	try_read_file,
	try_create_file,
	try_create_below,
	try_leave_root,
	try_exec,
	try_fork,
	try_socket,
	try_kill_parent,
	try_ptrace,
	try_executable_memory,
	try_handle,
	try_io_uring,
};

static void
test_attempts_are_refused(void **state)
{
	(void)state;
	for (int kind = 0; kind < SANDBOX_KINDS_LEN; kind++) {
		for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
			int r = in_sandbox((enum sandbox_kind)kind, attempts[i]);

			if (r != 0 && r != -SIGSYS)
				fail_msg("kind %d, attempt %zu: %d", kind, i, r);
		}
	}
}

/* ---- what must work; 0 is success ---- */

static int
use_memory(void)
{
	const void *data;
	size_t len;
	char *big = malloc(64 << 20);
	int fd = shared_memory_create("x");

	if (big == NULL || fd < 0)
		return 1;
	memset(big, 1, 64 << 20);
	if (shared_memory_append(fd, big, 1 << 20) != 0 ||
	    shared_memory_seal(fd) != 0 ||
	    shared_memory_map_sealed(fd, &data, &len) != 0)
		return 2;
	free(big);
	log_write(LOG_LEVEL_DEBUG, "works");
	return len == 1 << 20 ? 0 : 3;
}

static int
use_watch(void)
{
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (watch < 0 || fchdir(directory) != 0)
		return 1;
	return inotify_add_watch(watch, ".", IN_CREATE) >= 0 ? 0 : 2;
}

static int
use_file_below(void)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = { O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0, 0x08 | 0x02 };
	char byte;
	int fd = (int)syscall(437, directory, "file", &how, sizeof(how));

	return fd >= 0 && read(fd, &byte, 1) == 1 && byte == 'x' ? 0 : 1;
}

static int
use_file_below_at(void)
{
	struct stat st;
	int fd = openat(directory, "file", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_size == 1 ? 0 : 1;
}

static int
use_own_folder(void)
{
	char byte;
	int fd = open("new", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return fd >= 0 && pwrite(fd, "x", 1, 0) == 1 && fsync(fd) == 0 &&
		pread(fd, &byte, 1, 0) == 1 && ftruncate(fd, 0) == 0 &&
		rename("new", "newer") == 0 && unlink("newer") == 0
	    ? 0
	    : 1;
}

static void
test_work_goes_on(void **state)
{
	(void)state;
	assert_int_equal(in_sandbox(SANDBOX_SYMBOLIZER, use_memory), 0);
	assert_int_equal(in_sandbox(SANDBOX_COLLECTOR, use_memory), 0);
	assert_int_equal(in_sandbox(SANDBOX_COLLECTOR, use_watch), 0);
	assert_int_equal(in_sandbox(SANDBOX_COLLECTOR, use_file_below_at), 0);
	assert_int_equal(in_sandbox(SANDBOX_COLLECTOR, use_file_below), 0);
	assert_int_equal(in_sandbox(SANDBOX_FRONTEND, use_file_below), 0);
	assert_int_equal(in_sandbox(SANDBOX_ARCHIVE, use_own_folder), 0);
	assert_int_equal(in_sandbox(SANDBOX_ARCHIVE, use_memory), 0);
	assert_int_equal(in_sandbox(SANDBOX_ARCHIVE, use_file_below), 1);
}

/* Behind those that a sandboxed process is given, whatever this one was begun with. */
static int
open_directory(const char *path)
{
	const int low = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		  fd = fcntl(low, F_DUPFD_CLOEXEC, 64);

	close(low);
	return fd;
}

static int
make_directory(void **state)
{
	int fd;

	(void)state;
	assert_non_null(mkdtemp(directory_path));
	assert_non_null(mkdtemp(own_path));
	own = open_directory(own_path);
	assert_int_equal(fchmod(own, 0777), 0);
	directory = open_directory(directory_path);
	/* Only its owner may read it: a service that root started must be able to. */
	fd = openat(directory, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	return close(fd);
}

static int
remove_directory(void **state)
{
	(void)state;
	unlinkat(directory, "file", 0);
	rmdir(own_path);
	return rmdir(directory_path);
}

/* Computes for a second, so that the limit has to move. */
static int
go_on_after_a_second(void)
{
	struct rlimit before, after;

	getrlimit(RLIMIT_CPU, &before);
	while (clock_ms(CLOCK_PROCESS_CPUTIME_ID) < 1100)
		;
	sandbox_go_on();
	getrlimit(RLIMIT_CPU, &after);
	return before.rlim_cur == SANDBOX_FRAMES_SECONDS &&
	    after.rlim_cur == SANDBOX_FRAMES_SECONDS + 2;
}

static int
raise_memory(void)
{
	const struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };

	return setrlimit(RLIMIT_AS, &more) == 0;
}

/* However long somebody asks, no answer takes more than its seconds. */
static void
test_answers_have_seconds_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(in_sandbox(SANDBOX_FRAMES, go_on_after_a_second), 1);
	assert_int_not_equal(in_sandbox(SANDBOX_FRAMES, raise_memory), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attempts_are_refused),
		cmocka_unit_test(test_work_goes_on),
		cmocka_unit_test(test_answers_have_seconds_of_their_own),
	};

#ifdef WITH_SANITIZERS
	puts("1..0 # SKIP sanitizers need what the sandbox denies; the release build "
	     "runs it");
	return 0;
#endif
	return cmocka_run_group_tests_name(
	    "sandbox", tests, make_directory, remove_directory);
}
