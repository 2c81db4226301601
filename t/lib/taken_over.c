/* SPDX-License-Identifier: MIT
 * A worker in the hands of an attacker; started by a real supervisor, as fuzzsupd-NAME, in
 * the place of the real one.
 *
 * It takes the same heritage and is sent the same descriptors; each act is done by a child
 * that enters the worker's own sandbox first, so that one which is deadly ends that act
 * alone. One line for each goes to standard error:
 *
 *   seen KEY: VALUE                                               of such a process in /proc
 *   act NAME: refused | killed | nothing to try | GOT THROUGH     what nobody may
 *   may NAME: yes | no                                            what its work needs
 *
 * TAKEN_OVER_SECRET names a file that lies beside what workers are sent.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "channel.h"
#include "edges.h"
#include "heritage.h"
#include "log.h"
#include "sandbox.h"

#define FDS_MAX 256
#define SENT_MAX 64
#define DEPTH 12
#define NOBODY 65534
#define GATHER_MS 60000

/* More than errno: an act for which there is nothing to try. */
#define NOTHING 4096

static struct {
	enum sandbox_kind kind;
	struct heritage heritage;
	struct channel *channel; /* NULL: frames */
	pid_t parent, self;
	int sent[SENT_MAX];
	size_t sent_len;
	int pids[1024];
	size_t pids_len;
	int connection
	    [2]; /* with a descriptor of "/" in it, as a stranger would lend it */
	const char *secret;
	union {
		struct file_handle handle;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle; /* of the secret */
	bool has_handle;
} us;

/* ---- helpers: 0 got through, -errno refused, NOTHING ---- */

static int
result(long r)
{
	return r >= 0 ? 0 : -errno;
}

/* The worst of several tries: what got through, else the last refusal. */
static void
worse(int *all, int one)
{
	if (*all != 0)
		*all = one == NOTHING && *all != NOTHING ? *all : one;
}

static bool
is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool
is_held(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* The symbolizer is sent one file to write: the table that it keeps. */
static bool
is_given_to_write(int fd)
{
	struct stat st;

	return us.kind == SANDBOX_SYMBOLIZER && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode) && st.st_nlink > 0 &&
	    (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

static int
open_how(int directory, const char *path, uint64_t flags, uint64_t mode)
{
	struct open_how how = { .flags = flags, .mode = mode };

	return (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
}

/* Each directory that it holds, and the current one. */
static int
for_directories(int (*one)(int directory))
{
	int all = NOTHING;

	for (int fd = 0; fd < FDS_MAX; fd++)
		if (is_held(fd) && is_directory(fd))
			worse(&all, one(fd));
	worse(&all, one(AT_FDCWD));
	return all;
}

static int
for_descriptors(int (*one)(int fd))
{
	int all = NOTHING;

	for (int fd = 0; fd < FDS_MAX; fd++)
		if (is_held(fd))
			worse(&all, one(fd));
	return all;
}

static int
for_processes(int (*one)(pid_t pid))
{
	int all = NOTHING;

	for (size_t i = 0; i < us.pids_len; i++)
		worse(&all, one(us.pids[i]));
	return all;
}

static int
for_heights(int directory, int (*one)(int directory, const char *path))
{
	char path[4096] = "";
	size_t used = 0;
	int all = NOTHING;

	for (int i = 0; i < DEPTH; i++) {
		memcpy(path + used, "../", 4);
		used += 3;
		snprintf(path + used, sizeof(path) - used, "%s", us.secret + 1);
		worse(&all, one(directory, path));
		path[used] = '\0';
	}
	return all;
}

/* ---- leaving directories ---- */

static int
up_openat2_one(int directory, const char *path)
{
	return result(open_how(directory, path, O_RDONLY, 0));
}

static int
up_openat2(int directory)
{
	return for_heights(directory, up_openat2_one);
}

static int
act_up_openat2(void)
{
	return for_directories(up_openat2);
}

static int
up_openat_one(int directory, const char *path)
{
	return result(openat(directory, path, O_RDONLY));
}

static int
up_openat(int directory)
{
	return for_heights(directory, up_openat_one);
}

static int
act_up_openat(void)
{
	return for_directories(up_openat);
}

static int
up_stat_one(int directory, const char *path)
{
	struct stat st;

	return result(syscall(SYS_newfstatat, directory, path, &st, AT_EMPTY_PATH));
}

static int
up_stat(int directory)
{
	return for_heights(directory, up_stat_one);
}

static int
act_up_stat(void)
{
	return for_directories(up_stat);
}

static int
up_statx_one(int directory, const char *path)
{
	struct statx st;

	return result(syscall(SYS_statx, directory, path, 0, STATX_BASIC_STATS, &st));
}

static int
up_statx(int directory)
{
	return for_heights(directory, up_statx_one);
}

static int
act_up_statx(void)
{
	return for_directories(up_statx);
}

static int
up_walk(int directory)
{
	if (directory != AT_FDCWD && fchdir(directory) != 0)
		return -errno;
	return for_heights(AT_FDCWD, up_openat2_one);
}

static int
act_up_walk(void)
{
	return for_directories(up_walk);
}

static int
up_watch_one(int directory, const char *path)
{
	char folder[4096];
	int watch = inotify_init1(IN_CLOEXEC);
	char *slash;

	(void)directory;
	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash != NULL)
		*slash = '\0';
	return watch < 0 ? -errno
			 : result(inotify_add_watch(watch, folder, IN_ALL_EVENTS));
}

static int
up_watch(int directory)
{
	if (directory != AT_FDCWD && fchdir(directory) != 0)
		return -errno;
	return for_heights(AT_FDCWD, up_watch_one);
}

static int
act_up_watch(void)
{
	return for_directories(up_watch);
}

static int
act_absolute(void)
{
	int all = result(open_how(AT_FDCWD, us.secret, O_RDONLY, 0));

	worse(&all, result(syscall(SYS_open, us.secret, O_RDONLY)));
	worse(&all, result(openat(AT_FDCWD, us.secret, O_RDONLY)));
	worse(&all, result(openat(AT_FDCWD, "/etc/passwd", O_RDONLY)));
	worse(&all, result(openat(AT_FDCWD, "/proc/self/status", O_RDONLY)));
	return all;
}

static int
act_terminal(void)
{
	return result(open_how(AT_FDCWD, "/dev/tty", O_RDONLY, 0));
}

static int
by_handle(int fd)
{
	return result(open_by_handle_at(fd, &us.handle.handle, O_RDONLY));
}

static int
act_handle(void)
{
	return us.has_handle ? for_descriptors(by_handle) : NOTHING;
}

static int
name_handle(int fd)
{
	struct file_handle handle = { 0 };
	int mount;

	if (name_to_handle_at(fd, "", &handle, &mount, AT_EMPTY_PATH) != 0 &&
	    errno == EOVERFLOW)
		return 0;
	return -errno;
}

static int
act_name_handle(void)
{
	return for_descriptors(name_handle);
}

static int
enter(int fd)
{
	int all;

	if (fchdir(fd) != 0)
		return -errno;
	all = result(chroot("."));
	worse(&all, result(chroot("..")));
	return all;
}

static int
act_chroot(void)
{
	return for_directories(enter);
}

/* ---- changing files ---- */

static int
make_in(int directory)
{
	int all = result(openat(directory, "made", O_WRONLY | O_CREAT, 0600));

	worse(&all, result(open_how(directory, "made", O_WRONLY | O_CREAT, 0600)));
	worse(&all, result(open_how(directory, ".", O_RDWR | O_TMPFILE, 0600)));
	worse(&all, result(mkdirat(directory, "folder", 0700)));
	worse(&all, result(mknodat(directory, "fifo", S_IFIFO | 0600, 0)));
	worse(&all, result(symlinkat("/", directory, "link")));
	return all;
}

static int
act_make(void)
{
	/* In its own folder, which is its root: the only directory that it holds. */
	if (us.kind == SANDBOX_ARCHIVE)
		return NOTHING;
	return for_directories(make_in);
}

/* Every directory of the test has one of these. */
static const char *const known_files[] = { "file", "fuzz_json.c", "index.html", "1.log",
	"doorbell" };
#define KNOWN (sizeof(known_files) / sizeof(known_files[0]))

static int
change_in(int directory)
{
	int all = NOTHING;

	for (size_t i = 0; i < KNOWN; i++) {
		const char *name = known_files[i];

		if (strcmp(name, "doorbell") != 0) {
			worse(&all, result(openat(directory, name, O_WRONLY)));
			worse(&all, result(open_how(directory, name, O_RDWR, 0)));
			worse(
			    &all, result(openat(directory, name, O_RDONLY | O_TRUNC)));
		}
		worse(&all, result(unlinkat(directory, name, 0)));
		worse(&all, result(renameat(directory, name, directory, "other")));
		worse(&all, result(linkat(directory, name, directory, "other", 0)));
		worse(&all, result(fchmodat(directory, name, 0777, 0)));
		worse(&all, result(fchownat(directory, name, 0, 0, 0)));
		worse(&all, result(utimensat(directory, name, NULL, 0)));
	}
	return all;
}

static int
act_change(void)
{
	return for_directories(change_in);
}

static int
change_held(int fd)
{
	int all = result(fchmod(fd, 0777));

	worse(&all, result(fchown(fd, 0, 0)));
	worse(&all, result(futimens(fd, NULL)));
	worse(&all, result(syscall(SYS_fsetxattr, fd, "user.x", "x", 1, 0)));
	return all;
}

static int
act_change_held(void)
{
	return for_descriptors(change_held);
}

static int
cut_held(int fd)
{
	struct stat st;
	int all;

	if (is_given_to_write(fd))
		return NOTHING;
	all = result(ftruncate(fd, 0));
	if (fstat(fd, &st) == 0)
		worse(&all, result(ftruncate(fd, st.st_size + 4096)));
	worse(&all, result(fallocate(fd, 0, 0, 1 << 20)));
	return all;
}

static int
act_cut_held(void)
{
	return for_descriptors(cut_held);
}

/* The log is a pipe: neither to be read nor to be cut. */
static int
act_log(void)
{
	char byte;
	int all = result(pread(STDERR_FILENO, &byte, 1, 0));

	worse(&all, result(lseek(STDERR_FILENO, 0, SEEK_SET)));
	worse(&all, result(ftruncate(STDERR_FILENO, 0)));
	worse(&all, result(read(STDERR_FILENO, &byte, 1)));
	return all;
}

/* ---- descriptors ---- */

static int
control(int fd)
{
	struct termios termios;
	int number = 0, all;

	all = result(ioctl(fd, TIOCSTI, "x"));
	worse(&all, result(ioctl(fd, TCGETS, &termios)));
	worse(&all, result(ioctl(fd, TIOCSCTTY, 1)));
	worse(&all, result(ioctl(fd, TIOCGPGRP, &number)));
	worse(&all, result(ioctl(fd, FIONBIO, &number)));
	worse(&all, result(ioctl(fd, FIOASYNC, &number)));
	worse(&all, result(ioctl(fd, FIOCLEX)));
	worse(&all, result(syscall(SYS_ioctl, fd, FIOCLEX | UINT64_C(1) << 32, 0)));
	worse(&all, result(ioctl(fd, _IO(0, 2), &number)));
	return all;
}

static int
act_control(void)
{
	return for_descriptors(control);
}

static int
own(int fd)
{
	int all = result(fcntl(fd, F_SETOWN, us.parent));

	worse(&all, result(fcntl(fd, F_SETSIG, SIGKILL)));
	worse(&all, result(fcntl(fd, F_NOTIFY, 1)));
	worse(&all, result(fcntl(fd, F_SETLEASE, F_RDLCK)));
	worse(&all, result(fcntl(fd, F_SETPIPE_SZ, 4096)));
	worse(&all, result(fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK)));
	worse(&all, result(fcntl(fd, F_SETFL, 0)));
	return all;
}

static int
act_own(void)
{
	return for_descriptors(own);
}

static int
lock(int fd)
{
	struct flock lock = { .l_type = F_RDLCK };
	int all = result(fcntl(fd, F_SETLK, &lock));

	worse(&all, result(fcntl(fd, F_OFD_SETLK, &lock)));
	return all;
}

static int
act_lock(void)
{
	/* Its own file, which nobody else opens. */
	if (us.kind == SANDBOX_ARCHIVE)
		return NOTHING;
	return for_descriptors(lock);
}

static int
seal(int fd)
{
	return result(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

static int
act_seal(void)
{
	return for_descriptors(seal);
}

static int
receive_by(int socket)
{
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr header = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space) };

	/* A try before may have taken it. */
	return recvmsg(socket, &header, MSG_DONTWAIT) >= 0 || errno == EAGAIN ? 0
									      : -errno;
}

/* What somebody lends over a connection. */
static int
act_lent(void)
{
	return receive_by(us.connection[0]);
}

/* The same, with the connection at @place, where a channel is. */
static int
receive_at(int place)
{
	struct stat there, ours;

	close(place);
	syscall(SYS_close, place | UINT64_C(1) << 32, 0);
	fcntl(us.connection[0], F_DUPFD_CLOEXEC, place);
	if (fstat(place, &there) != 0 || fstat(us.connection[0], &ours) != 0 ||
	    there.st_ino != ours.st_ino) {
		syscall(SYS_dup2, us.connection[0], place);
		syscall(SYS_dup3, us.connection[0], place, 0);
		return -EPERM;
	}
	return receive_by(place);
}

static int
act_lent_by_channel(void)
{
	return receive_at(
	    us.kind == SANDBOX_FRAMES ? HERITAGE_QUESTIONS : HERITAGE_CHANNEL);
}

/* One that it has. */
static int
own_edge(void)
{
	return edge_fd(us.kind == SANDBOX_ARCHIVE ? EDGE_FRONTEND_ARCHIVE
		: us.kind == SANDBOX_COLLECTOR    ? EDGE_COLLECTOR_ARCHIVE
						  : EDGE_FRONTEND_RUNNER);
}

static int
act_lent_by_edge(void)
{
	return receive_at(own_edge());
}

/* An edge would be of no use to the lives that come. */
static int
act_shut_down(void)
{
	int all = result(shutdown(own_edge(), SHUT_RDWR));

	worse(&all,
	    result(shutdown(
		us.kind == SANDBOX_FRAMES ? HERITAGE_QUESTIONS : HERITAGE_CHANNEL,
		SHUT_RDWR)));
	return all;
}

/* ---- processes ---- */

static int
signal_one(pid_t pid)
{
	siginfo_t info = { .si_code = SI_QUEUE };
	int all = result(kill(pid, 0)), pidfd;

	worse(&all, result(syscall(SYS_tgkill, pid, pid, 0)));
	worse(&all, result(syscall(SYS_tkill, pid, 0)));
	worse(&all, result(syscall(SYS_rt_sigqueueinfo, pid, 0, &info)));
	worse(&all, result(syscall(SYS_rt_tgsigqueueinfo, pid, pid, 0, &info)));
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	worse(&all, result(pidfd));
	return all;
}

static int
act_signal(void)
{
	return for_processes(signal_one);
}

static int
act_signal_all(void)
{
	int all = result(kill(-1, 0));

	worse(&all, result(kill(0, 0)));
	return all;
}

static int
spy(pid_t pid)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { &us, 1 };
	int all = result(ptrace(PTRACE_ATTACH, pid, NULL, NULL));

	worse(&all, result(process_vm_readv(pid, &here, 1, &there, 1, 0)));
	worse(&all, result(process_vm_writev(pid, &here, 1, &there, 1, 0)));
	worse(&all, result(syscall(SYS_kcmp, pid, us.self, 0, 0, 0)));
	return all;
}

static int
act_spy(void)
{
	return for_processes(spy);
}

static int
limit(pid_t pid)
{
	struct rlimit now;
	int all = result(syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, NULL, &now));

	worse(&all, result(setpriority(PRIO_PROCESS, (id_t)pid, 19)));
	worse(&all, result(syscall(SYS_sched_setaffinity, pid, 8, "\1\0\0\0\0\0\0")));
	return all;
}

static int
act_limit(void)
{
	return for_processes(limit);
}

static int
act_fork(void)
{
	long pid = syscall(SYS_fork);

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int
act_clone3(void)
{
	uint64_t arguments[8] = { 0, 0, 0, 0, SIGCHLD };
	long pid = syscall(SYS_clone3, arguments, sizeof(arguments));

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int
act_exec(void)
{
	char *const words[] = { (char *)"/bin/true", NULL };

	return result(execve(words[0], words, words + 1));
}

static int
exec_held(int fd)
{
	char *const words[] = { (char *)"true", NULL };

	return result(syscall(SYS_execveat, fd, "", words, words + 1, AT_EMPTY_PATH));
}

static int
act_exec_held(void)
{
	return for_descriptors(exec_held);
}

/* ---- the network ---- */

static int
act_socket(void)
{
	int pair[2];
	int all = result(socket(AF_INET, SOCK_STREAM, 0));

	worse(&all, result(socket(AF_UNIX, SOCK_STREAM, 0)));
	worse(&all, result(socket(AF_NETLINK, SOCK_RAW, 0)));
	worse(&all, result(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)));
	return all;
}

static int
reach(int fd)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	const struct sockaddr *to = (const struct sockaddr *)&address;
	int all = result(connect(fd, to, sizeof(address)));

	worse(&all, result(bind(fd, to, sizeof(address))));
	worse(&all, result(listen(fd, 1)));
	worse(&all, result(sendto(fd, "x", 1, MSG_FASTOPEN, to, sizeof(address))));
	return all;
}

static int
act_reach(void)
{
	return for_descriptors(reach);
}

static int
option(int fd)
{
	const int on = 1;
	int all = result(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));

	worse(&all,
	    result(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &on, sizeof(on))));
	worse(&all, result(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on))));
	return all;
}

static int
act_option(void)
{
	return for_descriptors(option);
}

/* ---- memory ---- */

static int
act_executable_memory(void)
{
	void *page = mmap(
	    NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int all = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0) != MAP_FAILED
	    ? 0
	    : -errno;

	worse(&all, result(mprotect(page, 4096, PROT_READ | PROT_EXEC)));
	worse(&all, result(syscall(SYS_pkey_mprotect, page, 4096, PROT_EXEC, -1)));
	return all;
}

static int
act_implied_exec(void)
{
	return result(personality(READ_IMPLIES_EXEC));
}

static int
map_exec(int fd)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED
	    ? 0
	    : -errno;
}

static int
act_map_exec(void)
{
	return for_descriptors(map_exec);
}

/* The front-end writes the directory's lock. */
static int
map_writable(int fd)
{
	if (is_given_to_write(fd) ||
	    (us.kind == SANDBOX_FRONTEND && fd == HERITAGE_DIRECTORY))
		return NOTHING;
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED
	    ? 0
	    : -errno;
}

static int
act_map_writable(void)
{
	return for_descriptors(map_writable);
}

static int
make_writable(int fd)
{
	void *map;

	if (is_given_to_write(fd) ||
	    (us.kind == SANDBOX_FRONTEND && fd == HERITAGE_DIRECTORY))
		return NOTHING;
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	return map == MAP_FAILED ? -errno
				 : result(mprotect(map, 4096, PROT_READ | PROT_WRITE));
}

static int
act_make_writable(void)
{
	return for_descriptors(make_writable);
}

static int
overwrite(int fd)
{
	struct stat st;

	if (is_given_to_write(fd) || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (us.kind == SANDBOX_FRONTEND && fd == HERITAGE_DIRECTORY))
		return NOTHING;
	return result(write(fd, "x", 1));
}

static int
act_overwrite(void)
{
	return for_descriptors(overwrite);
}

static int
act_endless_memory(void)
{
	int fd = memfd_create("endless", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	return result(ftruncate(fd, (off_t)1 << 40));
}

static int
act_secret_memory(void)
{
	int all = result(syscall(447, 0)); /* memfd_secret */

	worse(&all, result(syscall(SYS_shmget, 1, 4096, 0600 | 01000)));
	worse(&all, result(mlockall(MCL_CURRENT)));
	return all;
}

/* ---- privileges ---- */

static int
act_user(void)
{
	int all = result(setresuid(0, 0, 0));

	worse(&all, result(setresgid(0, 0, 0)));
	worse(&all, result(syscall(SYS_setgroups, 0, NULL)));
	return all;
}

static int
act_capabilities(void)
{
	uint32_t header[2] = { 0x20080522, 0 }, data[6] = { ~0U, ~0U, 0, ~0U, ~0U, 0 };

	return result(syscall(SYS_capset, header, data));
}

static int
act_prctl(void)
{
	int all = result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));

	worse(&all, result(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)));
	worse(&all, result(prctl(PR_SET_PTRACER, -1, 0, 0, 0)));
	worse(&all, result(prctl(PR_SET_MM, 1, 0, 0, 0)));
	return all;
}

static int
act_raise_limits(void)
{
	const struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };

	int all = result(setrlimit(RLIMIT_FSIZE, &more));

	worse(&all, result(setrlimit(RLIMIT_AS, &more)));
	return all;
}

static int
act_namespaces(void)
{
	int all = result(unshare(CLONE_NEWUSER));

	worse(&all, result(unshare(CLONE_NEWNS)));
	for (int fd = 0; fd < FDS_MAX; fd++)
		if (is_held(fd))
			worse(&all, result(setns(fd, 0)));
	return all;
}

static int
mount_by(int fd)
{
	int all = result(syscall(SYS_open_tree, fd, "", AT_EMPTY_PATH));

	worse(&all, result(syscall(SYS_move_mount, fd, "", AT_FDCWD, ".", 4)));
	worse(&all, result(syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, NULL, 0)));
	return all;
}

static int
act_mount(void)
{
	int all = for_descriptors(mount_by);

	worse(&all, result(mount("none", "/", "tmpfs", 0, NULL)));
	worse(&all, result(umount2("/", MNT_DETACH)));
	worse(&all, result(syscall(SYS_fsopen, "tmpfs", 0)));
	worse(&all, result(syscall(SYS_pivot_root, ".", ".")));
	return all;
}

/* ---- corners of the kernel ---- */

static int
act_io_uring(void)
{
	char parameters[120] = { 0 };

	return result(syscall(SYS_io_uring_setup, 1, parameters));
}

static int
act_bpf(void)
{
	char attributes[64] = { 0 };
	int all = result(syscall(SYS_bpf, 0, attributes, sizeof(attributes)));

	worse(&all, result(syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0)));
	worse(&all, result(syscall(SYS_userfaultfd, 1)));
	return all;
}

static int
act_keys(void)
{
	int all = result(syscall(SYS_keyctl, 0, -3, 1));

	worse(&all, result(syscall(SYS_add_key, "user", "x", "x", 1, -3)));
	worse(&all, result(syscall(SYS_request_key, "user", "x", NULL, -3)));
	return all;
}

static int
act_machine(void)
{
	int all = result(syscall(SYS_sethostname, "x", 1));

	worse(&all, result(syscall(SYS_syslog, 3, NULL, 0)));
	worse(&all, result(syscall(SYS_init_module, NULL, 0, "")));
	worse(&all, result(syscall(SYS_swapoff, "/none")));
	worse(&all, result(syscall(SYS_acct, NULL)));
	return all;
}

static int
act_filter(void)
{
	return result(syscall(SYS_seccomp, 2, 0, NULL));
}

/* Calls by another ABI's numbers. */
static int
act_x32(void)
{
#ifdef __x86_64__
	return result(syscall(0x40000000 | SYS_getpid));
#else
	return NOTHING;
#endif
}

static int
act_i386(void)
{
#ifdef __x86_64__
	long r;

	__asm__ volatile("int $0x80"
	    : "=a"(r)
	    : "a"(20L)
	    : "memory", "r8", "r9", "r10", "r11");
	if (r < 0)
		errno = (int)-r;
	return r < 0 ? -errno : 0;
#else
	return NOTHING;
#endif
}

/* ---- what its work needs ---- */

static int
read_below(int directory)
{
	int all = NOTHING;

	for (size_t i = 0; i < KNOWN - 1; i++)
		worse(&all,
		    result(
			open_how(directory, known_files[i], O_RDONLY | O_NONBLOCK, 0)));
	return all;
}

static int
may_read_below(void)
{
	return for_directories(read_below);
}

static int
list_below(int directory)
{
	char space[4096];
	int fd = open_how(directory, ".", O_RDONLY | O_DIRECTORY, 0);

	return fd < 0                                                ? -errno
	    : syscall(SYS_getdents64, fd, space, sizeof(space)) > 48 ? 0
								     : -ENOENT;
}

static int
may_list(void)
{
	return for_directories(list_below);
}

static int
watch_below(int directory)
{
	int watch = inotify_init1(IN_CLOEXEC);

	if (watch < 0 || directory == AT_FDCWD || fchdir(directory) != 0)
		return -errno;
	return result(inotify_add_watch(watch, ".", IN_CREATE));
}

static int
may_watch(void)
{
	return for_directories(watch_below);
}

static int
may_make_memory(void)
{
	return result(memfd_create("memory", MFD_CLOEXEC));
}

static int
may_write_directory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, HERITAGE_DIRECTORY,
		   0) != MAP_FAILED
	    ? 0
	    : -errno;
}

static int
accept_by(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	if (fd <= HERITAGE_CHANNEL || poll(&pollfd, 1, 0) < 0)
		return -errno;
	/* Nobody connects: that it would have to wait is as good. */
	return (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0                        ? NOTHING
	    : accept4(fd, NULL, NULL, SOCK_NONBLOCK) >= 0 || errno == EAGAIN ? 0
									     : -errno;
}

static int
may_accept(void)
{
	return for_descriptors(accept_by);
}

static int
write_given(int fd)
{
	return is_given_to_write(fd) ? result(write(fd, "x", 1)) : NOTHING;
}

static int
may_write_file(void)
{
	return for_descriptors(write_given);
}

static int
may_signal_itself(void)
{
	return result(syscall(SYS_tgkill, getpid(), gettid(), 0));
}

/* ---- one after the other ---- */

struct act {
	const char *name;
	int (*act)(void);
};

static const struct act acts[] = {
	{ "leave a directory by openat2(\"..\")", act_up_openat2 },
	{ "leave a directory by openat(\"..\")", act_up_openat },
	{ "leave a directory by fstatat(\"..\")", act_up_stat },
	{ "leave a directory by statx(\"..\")", act_up_statx },
	{ "leave a directory by fchdir and \"..\"", act_up_walk },
	{ "watch a directory above", act_up_watch },
	{ "open an absolute path", act_absolute },
	{ "open the terminal", act_terminal },
	{ "open a file by its handle", act_handle },
	{ "make a file's handle", act_name_handle },
	{ "change the root directory", act_chroot },
	{ "make files, folders, links", act_make },
	{ "write, rename, remove files below a directory", act_change },
	{ "change mode, owner, times of what it holds", act_change_held },
	{ "cut or grow what it holds", act_cut_held },
	{ "ioctl on what it holds, the terminal's too", act_control },
	{ "own, lease, notify, O_ASYNC, blocking", act_own },
	{ "lock files", act_lock },
	{ "seal what it holds", act_seal },
	{ "take a descriptor that a stranger lends", act_lent },
	{ "the same, in the channel's place", act_lent_by_channel },
	{ "the same, in an edge's place", act_lent_by_edge },
	{ "shut down a channel", act_shut_down },
	{ "signal another process", act_signal },
	{ "signal all, or its group", act_signal_all },
	{ "trace, read or write another process", act_spy },
	{ "limits, priority, cores of another process", act_limit },
	{ "fork", act_fork },
	{ "clone3", act_clone3 },
	{ "execute a program", act_exec },
	{ "execute what it holds", act_exec_held },
	{ "make a socket", act_socket },
	{ "connect, bind, listen, TCP fast open", act_reach },
	{ "set sockets' options of all kinds", act_option },
	{ "make memory executable", act_executable_memory },
	{ "personality(READ_IMPLIES_EXEC)", act_implied_exec },
	{ "map what it holds executable", act_map_exec },
	{ "map what it holds writable", act_map_writable },
	{ "make a read-only map writable", act_make_writable },
	{ "write into files and memory that it holds", act_overwrite },
	{ "a memfd of a terabyte", act_endless_memory },
	{ "secret memory, System V memory, locked memory", act_secret_memory },
	{ "become another user", act_user },
	{ "take capabilities", act_capabilities },
	{ "prctl: be traced, outlive the supervisor", act_prctl },
	{ "raise its limits", act_raise_limits },
	{ "enter or make a namespace", act_namespaces },
	{ "mount, move, unmount", act_mount },
	{ "io_uring", act_io_uring },
	{ "bpf, perf, userfaultfd", act_bpf },
	{ "keys of the kernel", act_keys },
	{ "modules, host name, kernel log, swap", act_machine },
	{ "another seccomp filter", act_filter },
	{ "system calls by x32 numbers", act_x32 },
	{ "system calls by i386 numbers", act_i386 },
	{ "read or cut the log", act_log },
};

/* The archive's own, which is its root. */
static int
may_keep(void)
{
	int fd = open("taken-over", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return fd >= 0 ? result(unlink("taken-over")) : -errno;
}

static const struct act rights[] = {
	{ "make files in the folder that is its own", may_keep },
	{ "open files below directories that it was sent", may_read_below },
	{ "list these directories", may_list },
	{ "watch these directories", may_watch },
	{ "make memory to share", may_make_memory },
	{ "write the file that it was sent", may_write_file },
	{ "write the directory page", may_write_directory },
	{ "accept connections", may_accept },
	{ "signal itself", may_signal_itself },
};

static int *answer; /* of a child; in shared memory */

static void
run(const char *word, const struct act *act, bool is_right)
{
	int status = 0;
	pid_t pid;

	*answer = INT32_MIN;
	pid = fork();
	if (pid == 0) {
		if (sandbox_enter(us.kind, &us.heritage) != 0)
			_exit(99);
		*answer = act->act();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fprintf(stderr, "%s %s: cannot be tried: %m\n", word, act->name);
	else if (WIFSIGNALED(status))
		fprintf(stderr, "%s %s: %s\n", word, act->name,
		    is_right                         ? "no"
			: WTERMSIG(status) == SIGSYS ? "killed"
						     : "died of another signal");
	else if (WEXITSTATUS(status) != 0 || *answer == INT32_MIN)
		fprintf(stderr, "%s %s: cannot be tried: exit code %d\n", word,
		    act->name, WEXITSTATUS(status));
	else if (is_right)
		fprintf(stderr, "%s %s: %s\n", word, act->name,
		    *answer == 0 ? "yes" : "no");
	else
		fprintf(stderr, "%s %s: %s\n", word, act->name,
		    *answer == 0             ? "GOT THROUGH"
			: *answer == NOTHING ? "nothing to try"
					     : "refused");
}

/* What /proc tells of a process in this sandbox, one "seen KEY: VALUE" a line. */
static void
look_at(pid_t pid)
{
	static const char *const keys[] = {
		"Uid:", "CapEff:", "NoNewPrivs:", "Seccomp:"
	};
	char path[64], line[256], root[256];
	FILE *status;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (strncmp(line, keys[i], strlen(keys[i])) == 0)
				fprintf(stderr, "seen %s", line);
	if (status != NULL)
		fclose(status);
	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	len = readlink(path, root, sizeof(root) - 1);
	fprintf(
	    stderr, "seen root: %.*s\n", len < 0 ? 1 : (int)len, len < 0 ? "?" : root);
}

static void
observe(void)
{
	int here[2], there[2];
	char byte = 0;
	pid_t pid;

	if (pipe2(here, O_CLOEXEC) != 0 || pipe2(there, O_CLOEXEC) != 0)
		return;
	pid = fork();
	if (pid == 0) {
		close(there[1]);
		if (sandbox_enter(us.kind, &us.heritage) == 0 &&
		    write(here[1], "x", 1) == 1 && read(there[0], &byte, 1) == 0)
			_exit(0);
		_exit(1);
	}
	close(there[0]);
	close(here[1]);
	if (pid > 0 && read(here[0], &byte, 1) == 1)
		look_at(pid);
	close(there[1]);
	close(here[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* ---- before ---- */

/* What is awaited before it acts; the rest comes by the way. */
static const enum message_type awaited[][7] = {
	[SANDBOX_SYMBOLIZER] = { MESSAGE_SYMBOLIZE },
	[SANDBOX_FRAMES] = { MESSAGE_NONE },
	[SANDBOX_COLLECTOR] = { MESSAGE_COLLECT, MESSAGE_COVERAGE_DIR,
	    MESSAGE_COLLECT_JOB },
	[SANDBOX_FRONTEND] = { MESSAGE_SHARE, MESSAGE_LISTENER, MESSAGE_SOURCE_ROOT,
	    MESSAGE_SERVE_TABLE, MESSAGE_SERVE_LIVE, MESSAGE_SERVE_JOB },
	[SANDBOX_ARCHIVE] = { MESSAGE_KEEP, MESSAGE_KEEP_TARGET, MESSAGE_KEEP_JOB },
};

static bool
has_all(const bool *seen)
{
	for (size_t i = 0; awaited[us.kind][i] != MESSAGE_NONE; i++)
		if (!seen[awaited[us.kind][i]])
			return false;
	return true;
}

static void
gather(void)
{
	static struct message message;
	bool seen[MESSAGE_TYPES_LEN] = { false };
	struct pollfd pollfd = { .fd = channel_fd(us.channel), .events = POLLIN };
	int fds[MESSAGE_FDS_MAX], r;
	size_t fds_len;

	while (!has_all(seen)) {
		r = channel_receive(us.channel, &message, fds, &fds_len);
		if (r == -EAGAIN && poll(&pollfd, 1, GATHER_MS) <= 0)
			break;
		if (r == -EAGAIN)
			continue;
		if (r < 0)
			break;
		seen[message.type] = true;
	}
	for (size_t i = 0; awaited[us.kind][i] != MESSAGE_NONE; i++)
		if (!seen[awaited[us.kind][i]])
			fprintf(stderr,
			    "act be sent %s: cannot be tried: it never came\n",
			    message_type_name(awaited[us.kind][i]));
}

static void
find_processes(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t pid;

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		pid = (pid_t)atoi(entry->d_name);
		if (pid > 0 && pid != getpid() && us.pids_len < 1024)
			us.pids[us.pids_len++] = pid;
	}
	if (proc != NULL)
		closedir(proc);
}

/* A stranger's end has sent a descriptor of the root directory. */
static void
lend(void)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)"x", 1 };
	struct msghdr header = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *part = CMSG_FIRSTHDR(&header);
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, us.connection) != 0)
		return;
	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(part), &root, sizeof(root));
	if (sendmsg(us.connection[1], &header, MSG_NOSIGNAL) < 0)
		perror("act lend a descriptor: cannot be tried");
	close(root);
}

static int
kind_of(const char *name)
{
	return strstr(name, "collector") != NULL ? SANDBOX_COLLECTOR
	    : strstr(name, "frontend") != NULL   ? SANDBOX_FRONTEND
	    : strstr(name, "archive") != NULL    ? SANDBOX_ARCHIVE
						 : SANDBOX_SYMBOLIZER;
}

static int
take(int argc, char **argv)
{
	static const char *const names[] = { "symbolizer", "frames", "collector",
		"frontend", "archive" };

	us.kind = (enum sandbox_kind)kind_of(argv[0]);
	if (argc > 1 && strcmp(argv[1], "frames") == 0) {
		us.kind = SANDBOX_FRAMES;
		/* As frames_mode.c does it. */
		us.heritage.sandbox = true;
		us.heritage.uid = geteuid() == 0 ? NOBODY : geteuid();
		us.heritage.gid = geteuid() == 0 ? NOBODY : getegid();
		log_open("symbolizer", LOG_LEVEL_ERR);
		return 0;
	}
	if (heritage_take(argc, argv, names[us.kind], &us.heritage) < 0)
		return -1;
	/* As worker/archive/main.c does it. */
	if (us.kind == SANDBOX_ARCHIVE && fchdir(HERITAGE_DIRECTORY) != 0)
		return -1;
	return channel_new(HERITAGE_CHANNEL, PARTY_ANY, PARTY_ANY, &us.channel);
}

int
main(int argc, char **argv)
{
	int mount;

	if (take(argc, argv) < 0)
		return 2;
	us.parent = getppid();
	us.self = getpid();
	us.secret = getenv("TAKEN_OVER_SECRET");
	if (us.secret == NULL || us.secret[0] != '/')
		return 2;
	answer = mmap(NULL, sizeof(*answer), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	us.handle.handle.handle_bytes = MAX_HANDLE_SZ;
	us.has_handle =
	    name_to_handle_at(AT_FDCWD, us.secret, &us.handle.handle, &mount, 0) == 0;
	signal(SIGPIPE, SIG_IGN);
	if (us.channel != NULL)
		gather();
	fprintf(stderr, "own session: %s\n", getsid(0) == getpid() ? "yes" : "no");
	find_processes();
	observe();
	lend();
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		run("act", &acts[i], false);
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		run("may", &rights[i], true);
	fprintf(stderr, "taken over: done\n");
	/* Until the supervisor ends it. */
	while (us.channel != NULL)
		pause();
	return 0;
}
