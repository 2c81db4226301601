/* SPDX-License-Identifier: MIT
 * A child that tries what a user may do; in the supervisor and the runner.
 */
#include "config.h"

#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "probe_inputs.h"
#include "banned.h"

#define WRITE_SIZE 4096
#define END_WAIT_MS 50
#define USER_SIZE 40

/* What the last look found; no more than one is made at a time. */
static struct probe_unread unread;

/* ---- trying; in the child ---- */

static int
fill(int fd)
{
	static const char bytes[WRITE_SIZE];
	ssize_t n = write(fd, bytes, sizeof(bytes));
	int r = n < 0 ? -errno : n < (ssize_t)sizeof(bytes) ? -ENOSPC : 0;

	/* Network file systems tell now. */
	return close(fd) != 0 && r == 0 ? -errno : r;
}

/* For file systems that know no files without a name. */
static int
try_named(const char *folder)
{
	char path[PATH_MAX];
	int fd, r;

	if (snprintf(path, sizeof(path), "%s/.fuzzsupd-probe-%d", folder,
		(int)getpid()) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fill(fd);
	unlink(path);
	return r;
}

/* Without a name, so that a fuzzer that reads the folder never sees it. */
static int
try_write(const char *folder)
{
	int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fill(fd);
	return errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL
	    ? try_named(folder)
	    : -errno;
}

static int
try_read(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int
try_execute(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return -errno;
	return !S_ISREG(st.st_mode) ? -EACCES : access(path, X_OK) != 0 ? -errno : 0;
}

static int
try_inputs(const struct probe_item *item)
{
	probe_inputs(item->path, item->kind == PROBE_REPLAY, &unread);
	return unread.count > 0 ? -EACCES : 0;
}

static int
try(const struct probe_item *item)
{
	struct stat st;
	int r;

	switch (item->kind) {
	case PROBE_WRITE:
		r = try_write(item->path);
		break;
	case PROBE_READ:
		r = try_read(item->path);
		break;
	case PROBE_ENTER:
		r = stat(item->path, &st) != 0 ? -errno
		    : !S_ISDIR(st.st_mode)     ? -ENOTDIR
					       : 0;
		if (r == 0 && access(item->path, X_OK) != 0)
			r = -errno;
		break;
	case PROBE_INPUTS:
	case PROBE_REPLAY:
		r = try_inputs(item);
		break;
	default:
		r = try_execute(item->path);
		break;
	}
	return r == -ENOENT && item->may_miss ? 0 : r;
}

/* ---- saying what is wrong; in the child ---- */

static void
name_user(uid_t uid, char ret_name[USER_SIZE])
{
	const struct passwd *entry = getpwuid(uid);

	if (entry != NULL)
		snprintf(ret_name, USER_SIZE, "%.32s", entry->pw_name);
	else
		snprintf(ret_name, USER_SIZE, "%u", (unsigned)uid);
}

/* Whether root started the service; anybody else's can neither run a job as another user nor
 * give a file away. In the child, before it becomes the job's user. */
static bool by_root;

static const char *
user_name(void)
{
	static char name[USER_SIZE];

	name_user(geteuid(), name);
	return name;
}

/* Who could do what we cannot: the owner, but for root, whom nobody is advised to be. */
static const char *
other_user(const char *path)
{
	static char text[USER_SIZE + 16];
	char name[USER_SIZE];
	struct stat st;

	if (!by_root)
		return "another place";
	if (stat(path, &st) != 0 || st.st_uid == 0 || st.st_uid == geteuid())
		return "another user";
	name_user(st.st_uid, name);
	snprintf(text, sizeof(text), "user = \"%s\"", name);
	return text;
}

/* The topmost folder above @path that we may not pass; empty if there is none. */
static void
find_closed(const char *path, char ret_closed[PATH_MAX])
{
	snprintf(ret_closed, PATH_MAX, "%s", path);
	for (char *slash = ret_closed; (slash = strchr(slash + 1, '/')) != NULL;) {
		*slash = '\0';
		if (access(ret_closed, X_OK) != 0)
			return;
		*slash = '/';
	}
	ret_closed[0] = '\0';
}

static void
describe_rights(const struct probe_item *item, char *ret_text, size_t size)
{
	static const char *const words[] = { "write there", "read it", "enter it",
		"execute it" };
	const char *user = user_name(), *verb = words[item->kind];
	char closed[PATH_MAX];
	struct stat st;

	find_closed(item->path, closed);
	if (closed[0] != '\0')
		snprintf(ret_text, size,
		    "user %s may not pass %.150s; chmod o+x that, or name %s", user,
		    closed, other_user(closed));
	else if (stat(item->path, &st) == 0 && st.st_uid == geteuid())
		snprintf(
		    ret_text, size, "user %s cannot %s; chmod u+rwx it", user, verb);
	else if (item->kind != PROBE_WRITE)
		snprintf(ret_text, size, "user %s cannot %s; chmod o+rx it, or name %s",
		    user, verb, other_user(item->path));
	else if (item->shared)
		snprintf(ret_text, size,
		    "user %s cannot %s; chmod 1777 %.150s, since jobs of other users "
		    "write there, too",
		    user, verb, item->path);
	else
		snprintf(ret_text, size,
		    "user %s cannot %s; %schown -R %s %.150s, or name %s", user, verb,
		    by_root ? "" : "as root: ", user, item->path,
		    by_root ? "another user" : "another folder");
}

/* How many is news each time that a fuzzer finds one: beyond nine, roughly. */
static void
count_more(unsigned more, char *ret_text, size_t size)
{
	unsigned about = 10;

	while (about * 10 <= more)
		about *= 10;
	if (more == 0)
		ret_text[0] = '\0';
	else if (more < 10)
		snprintf(ret_text, size, " and %u more", more);
	else
		snprintf(ret_text, size, " and %u or more others", about);
}

/* A fuzzer makes the next file as it made this one: chmod alone helps for a while. */
static void
describe_unread(const struct probe_item *item, char *ret_text, size_t size)
{
	const char *other = other_user(unread.path);
	struct stat st;
	char more[40];

	count_more(unread.count - 1, more, sizeof(more));
	if (stat(unread.path, &st) == 0 && st.st_uid == geteuid())
		snprintf(ret_text, size,
		    "%.200s%s: user %s cannot read it; chmod u+r%s it", unread.path,
		    more, user_name(), unread.is_folder ? "x" : "");
	else if (item->kind == PROBE_REPLAY)
		snprintf(ret_text, size,
		    "%.200s%s: user %s cannot read it; name %s for this job, or chmod "
		    "o+r%s it",
		    unread.path, more, user_name(), other, unread.is_folder ? "x" : "");
	else
		snprintf(ret_text, size,
		    "%.200s%s: user %s cannot read it; chmod o+r%s it", unread.path,
		    more, user_name(), unread.is_folder ? "x" : "");
}

/* "No space left" is said of inodes and quotas, too. */
static const char *
describe_space(const char *path)
{
	struct statvfs fs;

	if (statvfs(path, &fs) == 0 && fs.f_files > 0 && fs.f_favail == 0)
		return "no inodes left on its file system; remove files";
	return "no space left on device; make room";
}

static void
describe(const struct probe_item *item, int error, char *ret_text, size_t size)
{
	char what[400] = "";

	if (item->kind == PROBE_INPUTS || item->kind == PROBE_REPLAY) {
		describe_unread(item, ret_text, size);
		return;
	}
	switch (error) {
	case -EACCES:
	case -EPERM:
		describe_rights(item, what, sizeof(what));
		break;
	case -ENOSPC:
		snprintf(what, sizeof(what), "%s", describe_space(item->path));
		break;
	case -EDQUOT:
		snprintf(what, sizeof(what), "the disk quota of user %s is used up",
		    user_name());
		break;
	case -EROFS:
		snprintf(what, sizeof(what),
		    "its file system is read-only; name another folder, or mount it "
		    "for writing");
		break;
	case -ENOENT:
		snprintf(what, sizeof(what),
		    access(item->path, F_OK) == 0 ? "no file can be made there"
						  : "it is not there");
		break;
	case -ENOTDIR:
		snprintf(what, sizeof(what), "it is not a folder");
		break;
	default:
		snprintf(what, sizeof(what), "%s", strerror(-error));
		break;
	}
	snprintf(ret_text, size, "%.200s: %s", item->path, what);
}

/* ---- the child ---- */

int
probe_become(const struct probe_user *user)
{
	if (geteuid() == 0 &&
	    (setgroups(user->groups_len, user->groups) != 0 ||
		setresgid(user->gid, user->gid, user->gid) != 0 ||
		setresuid(user->uid, user->uid, user->uid) != 0))
		return -errno;
	if (geteuid() != user->uid)
		return -EPERM;
	/* A change of user forgets it. */
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ? -errno : 0;
}

static void
answer(int fd, uint32_t item, int error, const char *text)
{
	struct probe_answer answer = { .item = item, .error = -error };

	snprintf(answer.text, sizeof(answer.text), "%s", text);
	while (write(fd, &answer, sizeof(answer)) < 0 && errno == EINTR)
		;
}

static void
try_all(
    int fd, const struct probe_user *user, const struct probe_item *items, size_t len)
{
	char text[sizeof(((struct probe_answer *)NULL)->text)];
	bool is_user = false;
	int r;

	by_root = geteuid() == 0;
	for (size_t i = 0; i < len; i++) {
		if (!items[i].as_we_are && !is_user) {
			r = probe_become(user);
			if (r < 0) {
				snprintf(text, sizeof(text), "becoming user %u: %s",
				    (unsigned)user->uid, strerror(-r));
				answer(fd, PROBE_DONE, r, text);
				return;
			}
			is_user = true;
		}
		r = try(&items[i]);
		text[0] = '\0';
		if (r < 0)
			describe(&items[i], r, text, sizeof(text));
		answer(fd, (uint32_t)i, r, text);
	}
	answer(fd, PROBE_DONE, 0, "");
}

static void
reset(int fd, int keep, pid_t parent)
{
	int fds[] = { fd, keep };

	child_reset_signals();
	prctl(PR_SET_NAME, "fuzzsupd-probe", 0, 0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
		_exit(1);
	child_close_all_but(fds, sizeof(fds) / sizeof(fds[0]));
}

/* ---- from outside ---- */

int
probe_start(const struct probe_user *user, const struct probe_item *items, size_t len,
    probe_first_cb first, void *context, int keep, struct probe *ret_probe)
{
	char text[sizeof(((struct probe_answer *)NULL)->text)] = "";
	const pid_t parent = getpid();
	sigset_t all, before;
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	/* Our handlers, which it has until they are reset, would take its signals for
	 * ours. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0) {
		reset(fds[1], keep, parent);
		r = first != NULL ? first(context, text, sizeof(text)) : 0;
		if (r < 0)
			answer(fds[1], PROBE_DONE, r, text);
		else
			try_all(fds[1], user, items, len);
		_exit(0);
	}
	r = pid < 0 ? -errno : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(fds[1]);
	if (r < 0) {
		close(fds[0]);
		return r;
	}
	*ret_probe = (struct probe){ .pid = pid, .fd = fds[0] };
	return 0;
}

int
probe_read(struct probe *probe, struct probe_answer *ret_answer)
{
	ssize_t n;

	do
		n = read(probe->fd, ret_answer, sizeof(*ret_answer));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -EAGAIN : -EPIPE;
	if (n != (ssize_t)sizeof(*ret_answer))
		return -EPIPE;
	ret_answer->text[sizeof(ret_answer->text) - 1] = '\0';
	return 0;
}

bool
probe_reap(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) != 0;
}

bool
probe_kill(pid_t pid)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	bool reaped = false;

	kill(pid, SIGKILL);
	for (int ms = 0; ms < END_WAIT_MS && !reaped; ms++) {
		reaped = probe_reap(pid);
		if (!reaped)
			nanosleep(&moment, NULL);
	}
	return reaped;
}

bool
probe_end(struct probe *probe)
{
	const pid_t pid = probe->pid;

	if (pid == 0)
		return true;
	close(probe->fd);
	*probe = (struct probe){ .fd = -1 };
	return probe_kill(pid);
}
