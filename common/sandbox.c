/* SPDX-License-Identifier: MIT
 * Giving up what a worker does not need; Linux: namespaces, Landlock, seccomp, rlimits.
 */
#include "config.h"

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "banned.h"

/* Debian 12's headers stop at ABI 2 of Landlock. */
#define ACCESS_FS_EXECUTE (1ULL << 0)
#define ACCESS_FS_READ_FILE (1ULL << 2)
#define ACCESS_FS_READ_DIR (1ULL << 3)
#define ACCESS_NET_ALL 3ULL /* ABI 4: bind, connect */
#define SCOPE_ALL 3ULL      /* ABI 6: abstract unix sockets, signals */

#ifdef WITH_SANITIZERS
/* AddressSanitizer reserves terabytes, and reads /proc and forks when it reports. */
#define SANITIZED true
#else
#define SANITIZED false
#endif

struct ruleset {
	uint64_t fs, net, scoped;
};

static const char *const kind_names[SANDBOX_KINDS_LEN] = {
	[SANDBOX_SYMBOLIZER] = "symbolizer",
	[SANDBOX_FRAMES] = "frames",
	[SANDBOX_COLLECTOR] = "collector",
	[SANDBOX_FRONTEND] = "frontend",
};

/* Parses what attackers write, and needs nothing but memory and what it holds. */
static bool
only_computes(enum sandbox_kind kind)
{
	return kind == SANDBOX_SYMBOLIZER || kind == SANDBOX_FRAMES;
}

/* ---- an empty root directory ---- */

static int
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;
	size_t len = strlen(text);

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		r = -errno;
	close(fd);
	return r;
}

/* As another user than root: a user namespace of our own, in which we may chroot. */
static int
enter_user_namespace(void)
{
	unsigned uid = (unsigned)geteuid(), gid = (unsigned)getegid();
	char map[64];
	int r;

	if (unshare(CLONE_NEWUSER) != 0)
		return -errno;
	r = write_file("/proc/self/setgroups", "deny");
	if (r < 0)
		return r;
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	r = write_file("/proc/self/uid_map", map);
	if (r < 0)
		return r;
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	return write_file("/proc/self/gid_map", map);
}

/* A directory that is removed while it is our root stays empty for ever: nothing can be
 * made in it. */
static int
enter_empty_root(void)
{
	char path[] = "/tmp/fuzzsupd-empty-XXXXXX";
	int r = 0, fd;

	if (mkdtemp(path) == NULL)
		return -errno;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		r = -errno;
	rmdir(path);
	if (geteuid() != 0 && r == 0)
		r = enter_user_namespace();
	if (r == 0 && (fchdir(fd) != 0 || chroot(".") != 0))
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

/* ---- user and capabilities ---- */

static int
set_capabilities(uint64_t mask)
{
	struct __user_cap_header_struct header = { .version =
						       _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(mask >> (32 * i));
		data[i].permitted = data[i].effective;
	}
	return syscall(SYS_capset, &header, data) == 0 ? 0 : -errno;
}

/* Whoever reads for a service that root started must go on to see what root may see,
 * below the directories that it is sent: CAP_DAC_READ_SEARCH alone stays. */
static int
drop_user(enum sandbox_kind kind, const struct heritage *heritage)
{
	bool was_root = geteuid() == 0;
	uint64_t keep =
	    was_root && !only_computes(kind) ? UINT64_C(1) << CAP_DAC_READ_SEARCH : 0;

	if (was_root && heritage->uid != 0) {
		if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 ||
		    setgroups(0, NULL) != 0 ||
		    setresgid(heritage->gid, heritage->gid, heritage->gid) != 0 ||
		    setresuid(heritage->uid, heritage->uid, heritage->uid) != 0)
			return -errno;
	}
	/* Another user's process is no longer told when its parent dies. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return -errno;
	return set_capabilities(keep);
}

/* ---- Landlock ---- */

static int
enter_landlock(enum sandbox_kind kind)
{
	static const uint64_t fs_by_abi[] = { 0, 0x1fff, 0x3fff, 0x7fff, 0x7fff,
		0xffff };
	struct ruleset ruleset = { 0 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	size_t size;
	int fd, r = 0;

	if (abi < 1)
		return errno != 0 ? -errno : -ENOSYS;
	ruleset.fs = fs_by_abi[abi < 5 ? abi : 5];
	/* No rule is added, so all that is handled is denied. Reading goes by descriptors
	 * that come later, which no rule could name now. */
	if (!only_computes(kind))
		ruleset.fs &= ~(ACCESS_FS_READ_FILE | ACCESS_FS_READ_DIR);
	ruleset.net = abi >= 4 ? ACCESS_NET_ALL : 0;
	ruleset.scoped = abi >= 6 ? SCOPE_ALL : 0;
	size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		r = -errno;
	close(fd);
	return r;
}

/* ---- limits ---- */

static int
set_limits(enum sandbox_kind kind)
{
	const struct rlimit none = { 0, 0 };
	/* A table for 2^26 PCs and the largest executable known fit; bombs do not. */
	const struct rlimit memory = { UINT64_C(8) << 30, UINT64_C(8) << 30 };
	const struct rlimit memory_frames = { UINT64_C(4) << 30, UINT64_C(4) << 30 };
	const struct rlimit seconds = { SANDBOX_FRAMES_SECONDS,
		SANDBOX_FRAMES_SECONDS + 1 };

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return -errno;
	if (kind == SANDBOX_SYMBOLIZER && !SANITIZED &&
	    setrlimit(RLIMIT_AS, &memory) != 0)
		return -errno;
	if (kind == SANDBOX_FRAMES &&
	    ((!SANITIZED && setrlimit(RLIMIT_AS, &memory_frames) != 0) ||
		setrlimit(RLIMIT_CPU, &seconds) != 0))
		return -errno;
	return 0;
}

/* ---- system calls ---- */

#define CALL(name) SCMP_SYS(name)

static const int calls_for_all[] = {
	CALL(read),
	CALL(write),
	CALL(readv),
	CALL(writev),
	CALL(pread64),
	CALL(preadv),
	CALL(close),
	CALL(munmap),
	CALL(brk),
	CALL(madvise),
	CALL(mremap),
	CALL(fstat),
	CALL(lseek),
	CALL(fcntl),
	CALL(memfd_create),
	CALL(ftruncate),
	CALL(sendmsg),
	CALL(recvmsg),
	CALL(poll),
	CALL(ppoll),
	CALL(getrandom),
	CALL(clock_gettime),
	CALL(gettimeofday),
	CALL(futex),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(sigaltstack),
	CALL(restart_syscall),
	CALL(getpid),
	CALL(gettid),
	CALL(getppid),
	CALL(exit),
	CALL(exit_group),
	CALL(dup),
};

/* Asked out of habit by libraries that can do without an answer. */
static const int calls_refused[] = {
	CALL(open),
	CALL(openat),
	CALL(access),
	CALL(faccessat2),
	CALL(readlink),
	CALL(readlinkat),
	CALL(stat),
	CALL(lstat),
	CALL(sysinfo),
	CALL(getcwd),
	CALL(ioctl),
	CALL(uname),
};

static const int calls_for_loops[] = {
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_wait),
	CALL(epoll_pwait),
	CALL(timerfd_create),
	CALL(timerfd_settime),
	CALL(clock_nanosleep),
	CALL(nanosleep),
	CALL(statx),
	CALL(sched_yield),
	CALL(tgkill),
	CALL(getuid),
	CALL(geteuid),
};

static const int calls_for_collector[] = {
	CALL(openat),
	CALL(getdents64),
	CALL(fchdir),
	CALL(inotify_init1),
	CALL(inotify_add_watch),
	CALL(inotify_rm_watch),
	CALL(openat2),
};

static const int calls_for_frontend[] = {
	CALL(openat2),
	CALL(accept4),
	CALL(accept),
	CALL(sendto),
	CALL(recvfrom),
	CALL(shutdown),
	CALL(getsockopt),
	CALL(setsockopt),
	CALL(getsockname),
	CALL(getpeername),
	CALL(dup3),
	CALL(sendfile),
	CALL(getdents64),
	CALL(ioctl),
};

static int
allow(scmp_filter_ctx filter, const int *calls, size_t len)
{
	int r = 0;

	for (size_t i = 0; i < len && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

/* Memory may be mapped and protected, but never made executable; limits may be read,
 * but not set; files may be looked at by descriptor. */
static int
allow_restricted(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp no_limit = SCMP_A2(SCMP_CMP_EQ, 0);
	const struct scmp_arg_cmp by_descriptor =
	    SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH);
	int r;

	r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(mmap), 1, no_exec);
	if (r == 0)
		r = seccomp_rule_add(
		    filter, SCMP_ACT_ALLOW, CALL(mprotect), 1, no_exec);
	if (r == 0)
		r = seccomp_rule_add(
		    filter, SCMP_ACT_ALLOW, CALL(prlimit64), 1, no_limit);
	if (r == 0)
		r = seccomp_rule_add(
		    filter, SCMP_ACT_ALLOW, CALL(newfstatat), 1, by_descriptor);
	return r;
}

static int
refuse(scmp_filter_ctx filter, enum sandbox_kind kind)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(calls_refused) / sizeof(int) && r == 0; i++) {
		if ((kind == SANDBOX_COLLECTOR && calls_refused[i] == CALL(openat)) ||
		    (kind == SANDBOX_FRONTEND && calls_refused[i] == CALL(ioctl)))
			continue;
		r = seccomp_rule_add(
		    filter, SCMP_ACT_ERRNO(ENOENT), calls_refused[i], 0);
	}
	return r;
}

static int
enter_seccomp(enum sandbox_kind kind)
{
	scmp_filter_ctx filter;
	int r;

	/* Who parses what attackers write is ended by what it never needs. */
	filter = seccomp_init(
	    only_computes(kind) ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
	if (filter == NULL)
		return -ENOMEM;
#define ALLOW(list) allow(filter, list, sizeof(list) / sizeof((list)[0]))
	r = ALLOW(calls_for_all);
	if (r == 0)
		r = allow_restricted(filter);
	if (r == 0)
		r = refuse(filter, kind);
	if (r == 0 && !only_computes(kind))
		r = ALLOW(calls_for_loops);
	if (r == 0 && kind == SANDBOX_COLLECTOR)
		r = ALLOW(calls_for_collector);
	if (r == 0 && kind == SANDBOX_FRONTEND)
		r = ALLOW(calls_for_frontend);
#undef ALLOW
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

/* A layer that the kernel or a container lacks is said, and done without. */
static int
layer(const char *what, int r)
{
	if (r == -ENOSYS || r == -EOPNOTSUPP || r == -EPERM || r == -EINVAL) {
		log_warning("sandbox: %s is not available here (%s); going on without",
		    what, strerror(-r));
		return 0;
	}
	if (r < 0)
		log_err("sandbox: %s: %s", what, strerror(-r));
	return r;
}

int
sandbox_enter(enum sandbox_kind kind, const struct heritage *heritage)
{
	int r;

	if (!heritage->sandbox) {
		log_warning("runs without its sandbox, as asked for");
		return 0;
	}
	r = set_limits(kind);
	if (r == 0 && !SANITIZED)
		r = layer("an empty root directory", enter_empty_root());
	if (r == 0)
		r = drop_user(kind, heritage);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		r = -errno;
	if (r == 0 && !SANITIZED)
		r = layer("Landlock", enter_landlock(kind));
	if (r == 0 && !SANITIZED)
		r = layer("seccomp", enter_seccomp(kind));
	if (r < 0)
		log_err("sandbox: cannot enter that of the %s: %s", kind_names[kind],
		    strerror(-r));
	return r;
}
