/* SPDX-License-Identifier: MIT
 * Size-limited, rotated logs; in the minder of an instance.
 */
#include "config.h"

#include "job_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "banned.h"

#define MAX_AT_LEAST 8192
#define BYTES_PER_SECOND (1 << 20)
#define OURS "fuzzsupd: "
#define NOT_OURS "> " /* stands before a line of an instance's that looks like ours */

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

/* Of a minder that was killed. */
static bool
lacks_an_end(const struct job_log *log)
{
	int fd = openat(
	    log->folder, log->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char last = '\n';

	if (fd < 0)
		return false;
	if (log->size > 0 && pread(fd, &last, 1, (off_t)log->size - 1) != 1)
		last = '\n';
	close(fd);
	return last != '\n';
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
	log->in_line = r == 0 && lacks_an_end(log);
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
		/* The rest of a line must not look like one of ours, either. */
		if (open_newer(log) == 0 && log->in_line &&
		    write(log->fd, NOT_OURS, sizeof(NOT_OURS) - 1) > 0)
			log->size += sizeof(NOT_OURS) - 1;
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
		log->in_line = text[n - 1] != '\n';
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

/* ---- what an instance says is not what we say ---- */

static void
release_held(struct job_log *log)
{
	const size_t len = log->held_len;

	log->held_len = 0;
	put(log, log->held, len);
}

/* The beginning of a line, as much of it as tells whether it looks like ours. Returns how many bytes of
 * @text it took. */
static size_t
begin_line(struct job_log *log, const char *text, size_t len)
{
	const size_t wanted = sizeof(OURS) - 1 - log->held_len, n = MIN(len, wanted);

	if (memcmp(text, OURS + log->held_len, n) != 0) {
		release_held(log);
		/* What does not go on as ours is a line as any other. */
		log->in_line = true;
		return 0;
	}
	memcpy(log->held + log->held_len, text, n);
	log->held_len += n;
	if (n == wanted) {
		/* In one: between two writes the log may go on in a new file. */
		log->held_len = 0;
		put(log, NOT_OURS OURS, sizeof(NOT_OURS OURS) - 1);
	}
	return n;
}

/* A log tells where runs begin and end by lines of ours, which nobody else may write. */
static void
put_foreign(struct job_log *log, const char *text, size_t len)
{
	while (len > 0) {
		const char *feed;
		size_t n;

		if (!log->in_line) {
			n = begin_line(log, text, len);
		} else {
			feed = memchr(text, '\n', len);
			n = feed != NULL ? (size_t)(feed - text) + 1 : len;
			/* Lines that begin as no line of ours does go on in one write. */
			while (feed != NULL && n < len && text[n] != OURS[0]) {
				feed = memchr(text + n, '\n', len - n);
				n = feed != NULL ? (size_t)(feed - text) + 1 : len;
			}
			put(log, text, n);
		}
		text += n;
		len -= n;
	}
}

void
job_log_write(struct job_log *log, const char *text, size_t len)
{
	size_t now;

	renew_budget(log);
	now = MIN(len, log->budget);
	log->budget -= now;
	log->left_out += len - now;
	put_foreign(log, text, now);
}

void
job_log_say(struct job_log *log, const char *format, ...)
{
	char line[1024];
	va_list args;
	int n, m;

	if (log->left_out > 0)
		tell_left_out(log);
	release_held(log);
	if (log->in_line)
		put(log, "\n", 1);
	n = snprintf(line, sizeof(line), OURS);
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
