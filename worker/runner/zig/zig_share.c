/* SPDX-License-Identifier: MIT
 * Finds, from one instance of a Zig job to the others; in their minders.
 */
#include "config.h"

#include "zig_share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "banned.h"

#define FILE_MAX (16 << 20) /* then it is begun anew */
#define FIND_MAX (1 << 20)

/* The service's own folder, but nobody knows who came before: no links. */
static int
open_file(const struct zig_share *share, unsigned instance, int flags)
{
	char name[32];
	struct stat st;
	int fd;

	snprintf(name, sizeof(name), "%u.finds", instance);
	fd = openat(
	    share->folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

int
zig_share_open(struct zig_share *share, int folder, const struct zig_task *task)
{
	*share = (struct zig_share){ .folder = folder, .task = task, .own = -1 };
	if (!task->shares)
		return 0;
	share->others_len =
	    (task->instances - task->first + task->step - 1) / task->step;
	share->others = calloc(share->others_len, sizeof(*share->others));
	share->input = malloc(FIND_MAX);
	if (share->others == NULL || share->input == NULL) {
		share->others_len = 0;
		return -ENOMEM;
	}
	for (size_t i = 0; i < share->others_len; i++)
		share->others[i].fd = -1;
	share->own = open_file(share, task->first + task->instance * task->step,
	    O_WRONLY | O_APPEND | O_CREAT);
	return share->own < 0 ? share->own : 0;
}

/* A find is its length and its bytes, in one write. */
int
zig_share_add(struct zig_share *share, const unsigned char *bytes, size_t len)
{
	const uint32_t len32 = (uint32_t)len;
	const struct iovec parts[] = { { (void *)&len32, sizeof(len32) },
		{ (void *)bytes, len } };
	const off_t whole = (off_t)(sizeof(len32) + len);
	struct stat st;
	ssize_t n;

	if (share->own < 0)
		return -EBADF;
	if (len > FIND_MAX)
		return -EMSGSIZE;
	if (fstat(share->own, &st) != 0)
		return -errno;
	if (st.st_size + whole > FILE_MAX && ftruncate(share->own, 0) != 0)
		return -errno;
	n = writev(share->own, parts, 2);
	if (n == whole)
		return 0;
	/* A disk that is full: half a find would make the rest unreadable. */
	if (n > 0 && ftruncate(share->own, st.st_size) != 0)
		return -errno;
	return n < 0 ? -errno : -ENOSPC;
}

/* As zig_share_next(), of one. */
static ssize_t
next_of(struct zig_share *share, struct zig_other *other)
{
	struct stat st;
	uint32_t len;

	if (fstat(other->fd, &st) != 0)
		return -errno;
	if (st.st_size < other->read)
		other->read = 0; /* begun anew */
	if (st.st_size - other->read < (off_t)sizeof(len))
		return -EAGAIN;
	if (pread(other->fd, &len, sizeof(len), other->read) != sizeof(len))
		return -EAGAIN;
	if (len > FIND_MAX) {
		other->read = st.st_size; /* nobody wrote that */
		return -EAGAIN;
	}
	if (pread(other->fd, share->input, len, other->read + (off_t)sizeof(len)) !=
	    (ssize_t)len)
		return -EAGAIN; /* it is being written */
	other->read += (off_t)(sizeof(len) + len);
	return (ssize_t)len;
}

ssize_t
zig_share_next(struct zig_share *share, const unsigned char **ret_bytes)
{
	const struct zig_task *task = share->task;
	ssize_t n;

	for (size_t i = 0; i < share->others_len; i++) {
		const size_t at = (share->next + i) % share->others_len;
		struct zig_other *other = &share->others[at];

		if (at == task->instance)
			continue;
		if (other->fd < 0)
			other->fd = open_file(
			    share, task->first + (unsigned)at * task->step, O_RDONLY);
		n = other->fd >= 0 ? next_of(share, other) : -EAGAIN;
		if (n == -EAGAIN)
			continue;
		share->next = at + 1;
		*ret_bytes = share->input;
		return n;
	}
	return -EAGAIN;
}
