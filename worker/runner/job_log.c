/* SPDX-License-Identifier: MIT
 * Size-limited, rotated logs; in the minder of an instance.
 */
#include "config.h"

#include "job_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "banned.h"

#define MAX_AT_LEAST 8192
#define BYTES_PER_SECOND (1 << 20)

/* What lies there is ours alone to write, but nobody knows who came before: no links. */
static int
open_newer(struct job_log *log)
{
	struct stat st;

	log->fd = openat(log->folder, log->name,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if (log->fd < 0) {
		log->error = errno;
		return -errno;
	}
	if (fstat(log->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(log->fd);
		log->fd = -1;
		log->error = EINVAL;
		return -EINVAL;
	}
	log->size = (uint64_t)st.st_size;
	log->safe = MIN(log->safe, log->size);
	return 0;
}

int
job_log_open(
    struct job_log *log, int folder, const char *path, unsigned instance, uint64_t max)
{
	int r;

	*log = (struct job_log){ .folder = folder, .path = path, .fd = -1 };
	log->max = MAX(max, MAX_AT_LEAST);
	log->budget = BYTES_PER_SECOND;
	snprintf(log->name, sizeof(log->name), "%u.log", instance);
	snprintf(log->older, sizeof(log->older), "%s.1", log->name);
	r = open_newer(log);
	log->safe = log->size;
	return r;
}

void
job_log_close(struct job_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

static void
put(struct job_log *log, const char *text, size_t len)
{
	ssize_t n;

	if (log->fd < 0 && open_newer(log) < 0)
		log->lost += len;
	if (log->fd >= 0 && log->size > 0 && log->size + len > log->max / 2) {
		job_log_close(log);
		renameat(log->folder, log->name, log->folder, log->older);
		log->safe = 0;
		open_newer(log);
	}
	while (log->fd >= 0 && len > 0) {
		n = write(log->fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		/* A full disk: the job goes on without a log, which is said. */
		log->error = n < 0 ? errno : n == 0 ? ENOSPC : 0;
		if (n <= 0)
			return;
		log->size += (uint64_t)n;
		text += n;
		len -= (size_t)n;
	}
}

static void
tell_left_out(struct job_log *log)
{
	uint64_t left_out = log->left_out;

	log->left_out = 0;
	if (left_out > 0)
		job_log_say(log, "%llu bytes left out: more than %d a second",
		    (unsigned long long)left_out, BYTES_PER_SECOND);
}

/* ---- a log, or a folder, that was deleted ---- */

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Everybody who holds the folder by its number has the new one then. */
static int
follow_folder(struct job_log *log)
{
	int fd = open(log->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	struct stat held, there;

	if (fd < 0)
		return -errno;
	if (fstat(log->folder, &held) != 0 || fstat(fd, &there) != 0 ||
	    (!same_file(&held, &there) && dup3(fd, log->folder, O_CLOEXEC) < 0))
		r = -errno;
	close(fd);
	return r;
}

/* Nobody finds by its name what is written there. One that was only moved away with its folder
 * is kept while no other folder is there. */
static bool
is_lost(const struct job_log *log)
{
	struct stat file, held, there;

	if (fstat(log->fd, &file) != 0 || file.st_nlink == 0)
		return true;
	return stat(log->path, &there) == 0 && fstat(log->folder, &held) == 0 &&
	    !same_file(&held, &there);
}

static void
tell_replaced(struct job_log *log)
{
	const uint64_t lost = log->lost;

	if (log->fd < 0 || (!log->replaced && lost == 0))
		return;
	log->replaced = false;
	log->lost = 0;
	if (lost > 0)
		job_log_say(log, "the log goes on here: up to %llu bytes are lost",
		    (unsigned long long)lost);
	else
		job_log_say(log, "the log goes on here: its file was taken away");
}

static void
reopen(struct job_log *log)
{
	int r = follow_folder(log);

	if (r < 0)
		log->error = -r;
	else
		open_newer(log);
	tell_replaced(log);
}

void
job_log_look(struct job_log *log)
{
	struct stat st;

	if (log->fd >= 0 && !is_lost(log)) {
		log->safe = log->size;
		return;
	}
	if (log->fd >= 0) {
		if (fstat(log->fd, &st) != 0 || st.st_nlink == 0)
			log->lost += log->size - log->safe;
		log->replaced = true;
		log->safe = 0;
		job_log_close(log);
	}
	reopen(log);
}

static void
renew_budget(struct job_log *log)
{
	const int64_t second = clock_ms(CLOCK_MONOTONIC) / 1000;

	if (second == log->second)
		return;
	log->second = second;
	log->budget = BYTES_PER_SECOND;
	/* A machine without descriptors or inodes has some again. */
	if (log->fd < 0)
		reopen(log);
	tell_left_out(log);
}

void
job_log_write(struct job_log *log, const char *text, size_t len)
{
	size_t now;

	renew_budget(log);
	now = MIN(len, log->budget);
	log->budget -= now;
	log->left_out += len - now;
	if (now > 0)
		put(log, text, now);
}

void
job_log_say(struct job_log *log, const char *format, ...)
{
	char line[1024];
	va_list args;
	int n, m;

	if (log->left_out > 0)
		tell_left_out(log);
	n = snprintf(line, sizeof(line), "fuzzsupd: ");
	va_start(args, format);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, args);
	va_end(args);
	n = MIN(n + MAX(m, 0), (int)sizeof(line) - 2);
	for (int i = 0; i < n; i++)
		if (line[i] == '\n')
			line[i] = ' ';
	line[n++] = '\n';
	put(log, line, (size_t)n);
}
