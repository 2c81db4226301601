/* SPDX-License-Identifier: MIT
 * Detached mounts; in the supervisor, and in its helper.
 */
#include "config.h"

#include "detached.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "hash.h"
#include "log.h"
#include "namespaces.h"
#include "banned.h"

#define ANSWER_MS 5000
#define MOUNTS "/proc/self/mountinfo"
#define PROPAGATION_PRIVATE (1 << 18) /* MS_PRIVATE: <sys/mount.h> is at odds */

static struct {
	bool available;
	bool by_helper;
	/* /proc/self/mountinfo tells each descriptor of changes once: for the helper, which
	 * has mounts of its own, and for detached_mounts_changed(); -1 */
	int mounts, watched;
	pid_t pid;               /* of the helper, 0: none */
	struct channel *channel; /* to it; NULL */
} state = { .mounts = -1, .watched = -1 };

static int
cut_here(int fd)
{
	struct mount_attr attributes = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
		    MOUNT_ATTR_NOEXEC,
		.propagation = PROPAGATION_PRIVATE,
	};
	int cut = (int)syscall(SYS_open_tree, fd, "",
	    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);

	if (cut < 0)
		return -errno;
	/* Linux before 5.12 cannot; Landlock forbids writing, too. */
	if (syscall(SYS_mount_setattr, cut, "", AT_EMPTY_PATH | AT_RECURSIVE,
		&attributes, sizeof(attributes)) != 0 &&
	    errno != ENOSYS) {
		int r = -errno;

		close(cut);
		return r;
	}
	return cut;
}

/* ---- the helper ---- */

/* Root of a user namespace has the right already, but not over the mounts around it. */
static int
enter_own_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0 ? 0 : namespaces_enter(CLONE_NEWNS);
}

static int
cut_path(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), cut;

	if (fd < 0)
		return -errno;
	cut = cut_here(fd);
	close(fd);
	return cut;
}

/* The answer: TREE with a descriptor, or with an errno. */
static int
answer(struct channel *channel, const struct message *question)
{
	static struct message reply;
	char path[PATH_MAX];
	int cut, r;

	snprintf(path, sizeof(path), "%.*s", (int)question->text_len, question->text);
	cut = cut_path(path);
	message_init(&reply, MESSAGE_TREE, 0);
	reply.tree.error = cut < 0 ? (uint32_t)-cut : 0;
	r = channel_send(channel, &reply, &cut, cut >= 0 ? 1 : 0);
	if (cut >= 0)
		close(cut);
	return r;
}

static void __attribute__((noreturn))
be_helper(int fd, pid_t parent)
{
	static struct message question;
	struct channel *channel = NULL;
	int fds[MESSAGE_FDS_MAX], r;
	size_t fds_len;

	child_reset_signals();
	setsid();
	prctl(PR_SET_NAME, "fuzzsupd-mounts", 0, 0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent ||
	    dup2(fd, 0) != 0 || syscall(SYS_close_range, 1, ~0U, 0) != 0)
		_exit(125);
	r = enter_own_mounts();
	if (r < 0 || channel_new(0, PARTY_MOUNTS, PARTY_SUPERVISOR, &channel) < 0)
		_exit(124);
	while (r == 0) {
		struct pollfd pollfd = { .fd = 0, .events = POLLIN };

		r = channel_receive(channel, &question, fds, &fds_len);
		if (r == -EAGAIN)
			r = poll(&pollfd, 1, -1) < 0 && errno != EINTR ? -errno : 0;
		else if (r == 0)
			r = answer(channel, &question);
	}
	_exit(0);
}

/* ---- the supervisor's side of it ---- */

static void
stop_helper(void)
{
	/* It ends with it, and is reaped as any child. */
	if (state.channel != NULL)
		channel_free(state.channel);
	state.channel = NULL;
	state.pid = 0;
}

static int
start_helper(void)
{
	pid_t parent = getpid(), pid;
	int fds[2], r = channel_pair(fds);

	if (r < 0)
		return r;
	r = channel_new(fds[0], PARTY_SUPERVISOR, PARTY_MOUNTS, &state.channel);
	if (r < 0) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	pid = fork();
	if (pid == 0)
		be_helper(fds[1], parent);
	if (pid < 0)
		r = -errno;
	close(fds[1]);
	if (r < 0)
		stop_helper();
	else
		state.pid = pid;
	return r;
}

static bool
has_changed(int mounts)
{
	struct pollfd pollfd = { .fd = mounts, .events = POLLPRI };

	return poll(&pollfd, 1, 0) > 0 && (pollfd.revents & (POLLPRI | POLLERR)) != 0;
}

static int
receive_answer(struct channel *channel, int *ret_cut)
{
	static struct message reply;
	struct pollfd pollfd = { .fd = channel_fd(channel), .events = POLLIN };
	int fds[MESSAGE_FDS_MAX], r;
	size_t fds_len = 0;

	while ((r = channel_receive(channel, &reply, fds, &fds_len)) == -EAGAIN) {
		r = poll(&pollfd, 1, ANSWER_MS);
		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
	if (r < 0)
		return r;
	if (fds_len == 1) {
		*ret_cut = fds[0];
		return 0;
	}
	while (fds_len > 0)
		close(fds[--fds_len]);
	return reply.tree.error > 0 && reply.tree.error < 4096 ? -(int)reply.tree.error
							       : -EPROTO;
}

static int
ask(const char *path, int *ret_cut)
{
	static struct message question;
	int r;

	message_init(&question, MESSAGE_CUT, 0);
	message_printf(&question, "%s", path);
	r = channel_send(state.channel, &question, NULL, 0);
	if (r == 0)
		r = receive_answer(state.channel, ret_cut);
	/* It died, or hangs: another one next time. */
	if (r == -EPIPE || r == -ETIMEDOUT)
		stop_helper();
	return r;
}

static bool
same_directory(int a, int b)
{
	struct stat first, second;

	return fstat(a, &first) == 0 && fstat(b, &second) == 0 &&
	    first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static int
cut_by_helper(int fd)
{
	char name[64], path[PATH_MAX];
	int cut = -1, r = 0;
	ssize_t len;

	if (has_changed(state.mounts))
		stop_helper();
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	len = readlink(name, path, sizeof(path) - 1);
	if (len < 0)
		return -errno;
	path[len] = '\0';
	for (int i = 0; i < 2; i++) {
		if (state.channel == NULL)
			r = start_helper();
		if (r < 0)
			return r;
		r = ask(path, &cut);
		if (r != -EPIPE)
			break;
		r = 0;
	}
	if (r == 0 && cut < 0)
		r = -EPERM; /* it ended at once, twice */
	if (r == 0 && !same_directory(fd, cut)) {
		close(cut);
		r = -ESTALE;
	}
	return r < 0 ? r : cut;
}

/* ---- all mounts ---- */

/* In place: spaces and the like stand there as \040. */
static void
unescape(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		if (text[0] == '\\' && strspn(text + 1, "01234567") >= 3) {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
			    (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/* True if @path is @folder or lies below it. */
static bool
lies_in(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strcmp(folder, "/") == 0 ||
	    (strncmp(path, folder, len) == 0 &&
		(path[len] == '/' || path[len] == '\0'));
}

/* All mounts, until one changes: every root of every target is asked for. */
static struct mounts {
	int fd; /* of the file that they were read from; tells when they change. -1 */
	size_t len;
	struct mount {
		char *where;
		uint64_t hash; /* of its line */
	} *list;
} mounts = { .fd = -1 };

static void
forget_mounts(void)
{
	for (size_t i = 0; i < mounts.len; i++)
		free(mounts.list[i].where);
	free(mounts.list);
	if (mounts.fd >= 0)
		close(mounts.fd);
	mounts = (struct mounts){ .fd = -1 };
}

/* Takes @where. */
static int
add_mount(char *where, uint64_t hash)
{
	struct mount *list;

	/* Grows at powers of two. */
	if ((mounts.len & (mounts.len - 1)) == 0) {
		list =
		    realloc(mounts.list, MAX(2 * mounts.len, 1) * sizeof(*mounts.list));
		if (list == NULL) {
			free(where);
			return -ENOMEM;
		}
		mounts.list = list;
	}
	mounts.list[mounts.len++] = (struct mount){ .where = where, .hash = hash };
	return 0;
}

/* Without memory there are fewer, and the next call reads them again. */
static void
read_mounts(void)
{
	FILE *file = fopen(MOUNTS, "re");
	char *line = NULL, *where = NULL;
	size_t size = 0;
	int r = file != NULL ? 0 : -errno;

	while (r == 0 && getline(&line, &size, file) > 0) {
		if (sscanf(line, "%*s %*s %*s %*s %ms", &where) != 1)
			continue;
		unescape(where);
		r = add_mount(where, hash_bytes(HASH_SEED, line, strlen(line)));
	}
	free(line);
	if (r == 0)
		mounts.fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 3);
	if (file != NULL)
		fclose(file);
}

uint64_t
detached_mounts_at(const char *path)
{
	uint64_t hash = HASH_SEED;

	if (mounts.fd < 0 || has_changed(mounts.fd)) {
		forget_mounts();
		read_mounts();
	}
	for (size_t i = 0; i < mounts.len; i++) {
		const struct mount *mount = &mounts.list[i];

		if (lies_in(mount->where, path) || lies_in(path, mount->where))
			hash = hash_bytes(hash, &mount->hash, sizeof(mount->hash));
	}
	return hash;
}

/* ---- for all ---- */

static int
cut(int fd)
{
	return state.by_helper ? cut_by_helper(fd) : cut_here(fd);
}

/* Without it a worker of root keeps no right to read what its user may not read
 * (common/process/sandbox.c). */
static void
tell_unavailable(int r)
{
	const bool root = geteuid() == 0;

	log_warning(
	    "sandbox: directories cannot be cut off from what lies above them (%s): a "
	    "worker that is taken over could read every file that its user may read%s; "
	    "%s",
	    strerror(-r),
	    root ? ", and sources, logs and coverage files that its user may not read "
		   "are not shown"
		 : "",
	    root ? "give the service CAP_SYS_ADMIN, or allow user namespaces"
		 : "allow user namespaces (sysctl kernel.unprivileged_userns_clone and "
		   "user.max_user_namespaces, AppArmor, the container's rules)");
}

void
detached_open(const char *directory, bool wanted)
{
	int fd, tried;

	if (!wanted)
		return;
	state.mounts = open(MOUNTS, O_RDONLY | O_CLOEXEC);
	state.watched = open(MOUNTS, O_RDONLY | O_CLOEXEC);
	fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	tried = fd < 0 ? -errno : cut(fd);
	if (tried == -EPERM) {
		state.by_helper = true;
		tried = cut(fd);
	}
	state.available = tried >= 0;
	if (tried >= 0)
		close(tried);
	else
		tell_unavailable(tried);
	if (fd >= 0)
		close(fd);
}

void
detached_close(void)
{
	stop_helper();
	forget_mounts();
	if (state.mounts >= 0)
		close(state.mounts);
	if (state.watched >= 0)
		close(state.watched);
	state.mounts = state.watched = -1;
	state.available = state.by_helper = false;
}

bool
detached_available(void)
{
	return state.available;
}

bool
detached_mounts_changed(void)
{
	return state.available && has_changed(state.watched);
}

pid_t
detached_helper(void)
{
	return state.pid;
}

int
detached_cut(int fd)
{
	int r;

	if (!state.available || fd < 0)
		return fd;
	r = cut(fd);
	close(fd);
	return r;
}
