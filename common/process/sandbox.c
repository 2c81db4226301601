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
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "edges.h"
#include "log.h"
#include "namespaces.h"
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
	[SANDBOX_ARCHIVE] = "archive",
};

/* Reads below directories that it is sent, which are others'. */
static bool
reads_directories(enum sandbox_kind kind)
{
	return kind == SANDBOX_COLLECTOR || kind == SANDBOX_FRONTEND;
}

/* Parses what attackers write, and needs nothing but memory and what it holds. */
static bool
only_computes(enum sandbox_kind kind)
{
	return kind == SANDBOX_SYMBOLIZER || kind == SANDBOX_FRAMES;
}

/* ---- an empty root directory ---- */

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
		r = namespaces_enter(0);
	if (r == 0 && (fchdir(fd) != 0 || chroot(".") != 0))
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

/* The folder that is its own. */
static int
enter_own_root(void)
{
	int r = geteuid() != 0 ? namespaces_enter(0) : 0;

	if (r == 0 && (fchdir(HERITAGE_DIRECTORY) != 0 || chroot(".") != 0))
		r = -errno;
	return r;
}

/* ---- user and capabilities ---- */

/* Those of @mask that we have; a container may have taken some from root. */
static int
set_capabilities(uint64_t mask)
{
	struct __user_cap_header_struct header = { .version =
						       _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) != 0)
		return -errno;
	mask &= data[0].permitted | (uint64_t)data[1].permitted << 32;
	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(mask >> (32 * i));
		data[i].permitted = data[i].effective;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) == 0 ? 0 : -errno;
}

/* Root of a user namespace can only become who exists there. To be asked while there is
 * a /proc. */
static bool
is_mapped(uid_t uid)
{
	unsigned long first, outside, len;
	FILE *map = fopen("/proc/self/uid_map", "re");
	bool found = map == NULL;

	while (!found && fscanf(map, "%lu %lu %lu", &first, &outside, &len) == 3)
		found = uid >= first && uid - first < len;
	if (map != NULL)
		fclose(map);
	return found;
}

/* Whoever reads for a service that root started must go on to see what root may see,
 * below the directories that it is sent: CAP_DAC_READ_SEARCH alone stays. Sources, logs and
 * coverage files have modes like 0600, AFL++'s folders 0700, each of another user. Where
 * ".." leads out of these directories the capability would open every file there is, so it
 * goes, too. */
static int
drop_user(enum sandbox_kind kind, const struct heritage *heritage, bool mapped)
{
	bool was_root = geteuid() == 0;
	uint64_t keep = was_root && heritage->cut_off && reads_directories(kind)
	    ? UINT64_C(1) << CAP_DAC_READ_SEARCH
	    : 0;

	if (was_root && heritage->uid != 0 && !mapped) {
		log_warning("sandbox: another user is not available here (%u is not "
			    "mapped in this user namespace); going on without",
		    (unsigned)heritage->uid);
	} else if (was_root && heritage->uid != 0) {
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

/* All that the ruleset @fd handles may be done below the folder that is its own. */
static int
allow_own_folder(int fd, uint64_t access)
{
	struct {
		uint64_t allowed_access;
		int32_t parent_fd;
	} __attribute__((packed)) rule = { access, HERITAGE_DIRECTORY };

	return syscall(SYS_landlock_add_rule, fd, 1 /* LANDLOCK_RULE_PATH_BENEATH */,
		   &rule, 0) == 0
	    ? 0
	    : -errno;
}

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
	/* All that is handled and that no rule allows is denied. Reading goes by descriptors
	 * that come later, which no rule could name now. */
	if (reads_directories(kind))
		ruleset.fs &= ~(ACCESS_FS_READ_FILE | ACCESS_FS_READ_DIR);
	ruleset.net = abi >= 4 ? ACCESS_NET_ALL : 0;
	ruleset.scoped = abi >= 6 ? SCOPE_ALL : 0;
	size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
	if (fd < 0)
		return -errno;
	if (kind == SANDBOX_ARCHIVE)
		r = allow_own_folder(fd, ruleset.fs & ~ACCESS_FS_EXECUTE);
	if (r == 0 && syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		r = -errno;
	close(fd);
	return r;
}

/* ---- limits ---- */

struct limit {
	int what;
	rlim_t soft, hard;
	bool sanitized; /* also in a build with sanitizers */
};

#define GIB(n) (UINT64_C(n) << 30)

/* A table for 2^26 PCs and the largest executable known fit; bombs do not. The size of files
 * is that of each memfd, too. */
static const struct limit limits_symbolizer[] = {
	{ RLIMIT_AS, GIB(8), GIB(8), false },
	{ RLIMIT_FSIZE, GIB(4), GIB(4), true },
	{ RLIMIT_NOFILE, 64, 64, true },
};

static const struct limit limits_frames[] = {
	{ RLIMIT_AS, GIB(4), GIB(4), false },
	{ RLIMIT_CPU, SANDBOX_FRAMES_SECONDS, RLIM_INFINITY, true },
	{ RLIMIT_NOFILE, 64, 64, true },
};

/* The PCs of the largest coverage file are 512 MB. */
static const struct limit limits_collector[] = {
	{ RLIMIT_FSIZE, GIB(1), GIB(1), true },
};

static const struct limit limits_frontend[] = {
	{ RLIMIT_FSIZE, 0, 0, true },
};

/* What it keeps is bounded by the configuration. */
static const struct limit limits_archive[] = {
	{ RLIMIT_FSIZE, GIB(64), GIB(64), true },
	{ RLIMIT_NOFILE, 256, 256, true },
};

static const struct {
	const struct limit *limits;
	size_t len;
} limits_of[SANDBOX_KINDS_LEN] = {
#define LIMITS(list) { list, sizeof(list) / sizeof((list)[0]) }
	[SANDBOX_SYMBOLIZER] = LIMITS(limits_symbolizer),
	[SANDBOX_FRAMES] = LIMITS(limits_frames),
	[SANDBOX_COLLECTOR] = LIMITS(limits_collector),
	[SANDBOX_FRONTEND] = LIMITS(limits_frontend),
	[SANDBOX_ARCHIVE] = LIMITS(limits_archive),
#undef LIMITS
};

static int
set_limit(const struct limit *limit)
{
	struct rlimit now, new;

	if (SANITIZED && !limit->sanitized)
		return 0;
	if (getrlimit((__rlimit_resource_t)limit->what, &now) != 0)
		return -errno;
	new.rlim_max = limit->hard < now.rlim_max ? limit->hard : now.rlim_max;
	new.rlim_cur = limit->soft < new.rlim_max ? limit->soft : new.rlim_max;
	return setrlimit((__rlimit_resource_t)limit->what, &new) == 0 ? 0 : -errno;
}

static int
set_limits(enum sandbox_kind kind)
{
	const struct limit no_core = { RLIMIT_CORE, 0, 0, true };
	int r = set_limit(&no_core);

	/* What is too large is EFBIG, which has words, and no death. */
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < limits_of[kind].len && r == 0; i++)
		r = set_limit(&limits_of[kind].limits[i]);
	return r;
}

static bool answers_are_limited;

void
sandbox_go_on(void)
{
	static int64_t looked_ms;
	const int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	struct limit limit = { RLIMIT_CPU, 0, RLIM_INFINITY, true };

	/* Whoever asks for thousands of addresses a second pays for one look. */
	if (!answers_are_limited || now_ms - looked_ms < 1000)
		return;
	looked_ms = now_ms;
	limit.soft = (rlim_t)(clock_ms(CLOCK_PROCESS_CPUTIME_ID) / 1000) + 1 +
	    SANDBOX_FRAMES_SECONDS;
	/* Where it cannot be raised the old one goes on to hold. */
	set_limit(&limit);
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

/* For those who make tables and segments. */
static const int calls_for_memory[] = {
	CALL(memfd_create),
	CALL(ftruncate),
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
	CALL(getuid),
	CALL(geteuid),
	CALL(openat2),
	CALL(getdents64),
};

static const int calls_for_collector[] = {
	CALL(fchdir),
	CALL(inotify_init1),
	CALL(inotify_add_watch),
	CALL(inotify_rm_watch),
};

/* In its own folder, which is its root. */
static const int calls_for_archive[] = {
	CALL(open),
	CALL(openat),
	CALL(access),
	CALL(faccessat),
	CALL(faccessat2),
	CALL(readlink),
	CALL(readlinkat),
	CALL(stat),
	CALL(lstat),
	CALL(newfstatat),
	CALL(getcwd),
	CALL(pwrite64),
	CALL(fsync),
	CALL(fdatasync),
	CALL(fallocate),
	CALL(unlink),
	CALL(unlinkat),
	CALL(rename),
	CALL(renameat),
	CALL(renameat2),
};

static const int calls_for_frontend[] = {
	CALL(accept4),
	CALL(accept),
	CALL(recvfrom),
	CALL(shutdown),
	CALL(getsockname),
	CALL(getpeername),
};

/* ---- system calls with some arguments alone ----
 *
 * The kernel looks at the lower half of what is an int: so does MASKED. */

enum sandbox_set {
	FOR_SYMBOLIZER = 1 << SANDBOX_SYMBOLIZER,
	FOR_FRAMES = 1 << SANDBOX_FRAMES,
	FOR_COLLECTOR = 1 << SANDBOX_COLLECTOR,
	FOR_FRONTEND = 1 << SANDBOX_FRONTEND,
	FOR_ARCHIVE = 1 << SANDBOX_ARCHIVE,
	FOR_LOOPS = FOR_COLLECTOR | FOR_FRONTEND | FOR_ARCHIVE,
	FOR_MEMORY = FOR_SYMBOLIZER | FOR_COLLECTOR | FOR_ARCHIVE,
	FOR_ALL = FOR_SYMBOLIZER | FOR_FRAMES | FOR_LOOPS,
};

struct rule {
	unsigned kinds; /* enum sandbox_set */
	int call;
	unsigned len;
	struct scmp_arg_cmp arguments[2];
};

#define INT_MASK UINT64_C(0xffffffff)
#define BITS(n, mask, value) \
	{ .arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (value) }
#define INT(n, value) BITS(n, INT_MASK, (value))
#define NONE(n) { .arg = (n), .op = SCMP_CMP_EQ, .datum_a = 0 }
#define FCNTL(kinds, command) \
	{ \
		kinds, CALL(fcntl), 1, \
		{ \
			INT(1, command) \
		} \
	}
#define SET_OPTION(level, name) \
	{ \
		FOR_FRONTEND, CALL(setsockopt), 2, \
		{ \
			INT(1, level), INT(2, name) \
		} \
	}
/* Of open's flags: all that could write or make something. */
#define WRITING (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY))

static const struct rule rules[] = {
	/* Memory may be mapped and protected, but never made executable. */
	{ FOR_ALL, CALL(mmap), 1, { BITS(2, PROT_EXEC, 0) } },
	{ FOR_ALL, CALL(mprotect), 1, { BITS(2, PROT_EXEC, 0) } },
	/* Our own limits may be read. */
	{ FOR_ALL, CALL(prlimit64), 2, { INT(0, 0), NONE(2) } },
	/* Each answer has seconds of its own. */
	{ FOR_FRAMES, CALL(prlimit64), 2, { INT(0, 0), INT(1, RLIMIT_CPU) } },
	/* Files may be looked at by descriptor. */
	{ FOR_ALL, CALL(newfstatat), 1, { BITS(3, AT_EMPTY_PATH, AT_EMPTY_PATH) } },
	/* O_ASYNC could send signals; who shares a descriptor relies on O_NONBLOCK. */
	FCNTL(FOR_ALL, F_GETFL),
	{ FOR_ALL, CALL(fcntl), 2,
	    { INT(1, F_SETFL), BITS(2, O_ASYNC | O_NONBLOCK, O_NONBLOCK) } },
	FCNTL(FOR_ALL, F_GETFD),
	FCNTL(FOR_ALL, F_SETFD),
	FCNTL(FOR_ALL, F_DUPFD_CLOEXEC),
	FCNTL(FOR_ALL, F_GET_SEALS),
	FCNTL(FOR_MEMORY, F_ADD_SEALS),
	/* SQLite locks its file, which nobody else opens. */
	FCNTL(FOR_ARCHIVE, F_SETLK),
	FCNTL(FOR_ARCHIVE, F_GETLK),
	/* No address: MSG_FASTOPEN would connect. */
	{ FOR_FRONTEND, CALL(sendto), 1, { NONE(4) } },
	/* libevent asks how much there is to read. */
	{ FOR_FRONTEND, CALL(ioctl), 1, { INT(1, FIONREAD) } },
	/* A connection's place is taken by /dev/null when its socket moves. */
	{ FOR_FRONTEND, CALL(dup3), 1, { INT(0, STDIN_FILENO) } },
	{ FOR_FRONTEND, CALL(getsockopt), 2, { INT(1, SOL_SOCKET), INT(2, SO_ERROR) } },
	SET_OPTION(SOL_SOCKET, SO_SNDBUF),
	SET_OPTION(SOL_SOCKET, SO_KEEPALIVE),
	SET_OPTION(IPPROTO_TCP, TCP_NODELAY),
	SET_OPTION(IPPROTO_TCP, TCP_NOTSENT_LOWAT),
	SET_OPTION(IPPROTO_TCP, TCP_KEEPIDLE),
	SET_OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT),
	{ FOR_COLLECTOR, CALL(openat), 1, { BITS(2, WRITING, O_RDONLY) } },
};

static int
allow(scmp_filter_ctx filter, const int *calls, size_t len)
{
	int r = 0;

	for (size_t i = 0; i < len && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

/* The party that a kind of sandbox is of; 0: one that has no edges. */
static enum party
party_of(enum sandbox_kind kind)
{
	return kind == SANDBOX_COLLECTOR ? PARTY_COLLECTOR
	    : kind == SANDBOX_FRONTEND   ? PARTY_FRONTEND
	    : kind == SANDBOX_ARCHIVE    ? PARTY_ARCHIVE
					 : PARTY_ANY;
}

/* Numbers of the sockets over which @kind speaks; returns how many. */
static size_t
sockets_of(enum sandbox_kind kind, int ret_fds[1 + EDGES_LEN])
{
	size_t len = 0;

	ret_fds[len++] = kind == SANDBOX_FRAMES ? HERITAGE_QUESTIONS : HERITAGE_CHANNEL;
	for (unsigned i = 0; i < EDGES_LEN; i++)
		if (party_of(kind) != PARTY_ANY &&
		    (edge_ends(i)->one == party_of(kind) ||
			edge_ends(i)->other == party_of(kind)))
			ret_fds[len++] = edge_fd((enum edge)i);
	return len;
}

/* Descriptors come and go by the channel and the edges alone: over a connection somebody could
 * lend us theirs. */
static int
allow_sockets(scmp_filter_ctx filter, enum sandbox_kind kind)
{
	int fds[1 + EDGES_LEN], r = 0;
	const size_t len = sockets_of(kind, fds);

	for (size_t i = 0; i < 2 * len && r == 0; i++) {
		const struct scmp_arg_cmp number = INT(0, (uint64_t)fds[i / 2]);

		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
		    i % 2 == 0 ? CALL(sendmsg) : CALL(recvmsg), 1, number);
	}
	return r;
}

/* abort() signals ourselves; nobody else has our pid. */
static int
allow_restricted(scmp_filter_ctx filter, enum sandbox_kind kind)
{
	const struct scmp_arg_cmp ourselves = INT(0, (uint64_t)getpid());
	int r = only_computes(kind)
	    ? 0
	    : seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(tgkill), 1, ourselves);

	if (r == 0)
		r = allow_sockets(filter, kind);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && r == 0; i++)
		if ((rules[i].kinds & 1u << kind) != 0)
			r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW,
			    rules[i].call, rules[i].len, rules[i].arguments);
	return r;
}

static bool
is_in(const int *calls, size_t len, int call)
{
	for (size_t i = 0; i < len; i++)
		if (calls[i] == call)
			return true;
	return false;
}

/* True for what is_refused() would answer and a rule allows in part: the rest is EPERM. */
static bool
has_rule(enum sandbox_kind kind, int call)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].call == call && (rules[i].kinds & 1u << kind) != 0)
			return true;
	return kind == SANDBOX_ARCHIVE &&
	    is_in(calls_for_archive, sizeof(calls_for_archive) / sizeof(int), call);
}

static int
refuse(scmp_filter_ctx filter, enum sandbox_kind kind)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(calls_refused) / sizeof(int) && r == 0; i++)
		if (!has_rule(kind, calls_refused[i]))
			r = seccomp_rule_add(
			    filter, SCMP_ACT_ERRNO(ENOENT), calls_refused[i], 0);
	return r;
}

/* The channel's number stays the channel's, and edges' theirs: a connection that took its place
 * could be lent descriptors. Nor are they shut down: an edge is also that of the lives to come.
 * A filter of its own, since one filter cannot allow all values but one. */
static int
keep_channel(enum sandbox_kind kind)
{
	int fds[1 + EDGES_LEN];
	const size_t len = sockets_of(kind, fds);
	const int calls[] = { CALL(close), CALL(shutdown) };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = 0;

	if (filter == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < 2 * len && r == 0; i++) {
		const struct scmp_arg_cmp number = INT(0, (uint64_t)fds[i / 2]);

		r = seccomp_rule_add(
		    filter, SCMP_ACT_ERRNO(EPERM), calls[i % 2], 1, number);
	}
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

static int
enter_seccomp(enum sandbox_kind kind)
{
	scmp_filter_ctx filter;
	int r = keep_channel(kind);

	if (r < 0)
		return r;
	/* Who parses what attackers write is ended by what it never needs. */
	filter = seccomp_init(
	    only_computes(kind) ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
	if (filter == NULL)
		return -ENOMEM;
#define ALLOW(list) allow(filter, list, sizeof(list) / sizeof((list)[0]))
	r = ALLOW(calls_for_all);
	if (r == 0)
		r = allow_restricted(filter, kind);
	if (r == 0)
		r = refuse(filter, kind);
	if (r == 0 && (FOR_MEMORY & 1u << kind) != 0)
		r = ALLOW(calls_for_memory);
	if (r == 0 && !only_computes(kind))
		r = ALLOW(calls_for_loops);
	if (r == 0 && kind == SANDBOX_COLLECTOR)
		r = ALLOW(calls_for_collector);
	if (r == 0 && kind == SANDBOX_FRONTEND)
		r = ALLOW(calls_for_frontend);
	if (r == 0 && kind == SANDBOX_ARCHIVE)
		r = ALLOW(calls_for_archive);
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
	bool mapped;
	int r;

	if (!heritage->sandbox) {
		log_warning("runs without its sandbox, as asked for");
		return 0;
	}
	mapped = is_mapped(heritage->uid);
	answers_are_limited = kind == SANDBOX_FRAMES;
	r = set_limits(kind);
	if (r == 0 && !SANITIZED && kind != SANDBOX_ARCHIVE)
		r = layer("an empty root directory", enter_empty_root());
	if (r == 0 && !SANITIZED && kind == SANDBOX_ARCHIVE)
		r = layer("a root directory of its own", enter_own_root());
	if (r == 0)
		r = drop_user(kind, heritage, mapped);
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
