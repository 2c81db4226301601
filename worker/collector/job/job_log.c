/* SPDX-License-Identifier: MIT
 * Logs that grow, are cut, and are renamed to NAME.1; in the collector.
 */
#include "config.h"

#include "job_log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "banned.h"

#define WANTED (STATX_TYPE | STATX_INO | STATX_SIZE | STATX_MTIME | STATX_BTIME)

static int64_t
nanoseconds(const struct statx_timestamp *time)
{
	/* The year 2262 is beyond; what claims to be later wraps, as an id may. */
	return (int64_t)((uint64_t)time->tv_sec * UINT64_C(1000000000) + time->tv_nsec);
}

static int
look(int fd, const char *name, int flags, struct job_file_id *ret_id)
{
	struct statx st = { 0 };

	if (statx(fd, name, flags | AT_SYMLINK_NOFOLLOW, WANTED, &st) != 0)
		return -errno;
	if (!S_ISREG(st.stx_mode))
		return -EINVAL;
	ret_id->inode = st.stx_ino;
	ret_id->size = st.stx_size;
	ret_id->changed_ns = nanoseconds(&st.stx_mtime);
	ret_id->born_ns =
	    (st.stx_mask & STATX_BTIME) != 0 ? nanoseconds(&st.stx_btime) : 0;
	return 0;
}

int
job_file_look(int directory, const char *name, struct job_file_id *ret_id)
{
	return look(directory, name, 0, ret_id);
}

bool
job_file_same(const struct job_file_id *a, const struct job_file_id *b)
{
	return a->inode == b->inode && a->born_ns == b->born_ns;
}

int
job_open_below(int directory, const char *path, int flags)
{
	struct open_how how = {
		.flags =
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (unsigned)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long fd;

	do
		fd = syscall(SYS_openat2, directory, path, &how, sizeof(how));
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : (int)fd;
}

int
job_file_open(int directory, const char *path, struct job_file_id *ret_id)
{
	int fd = job_open_below(directory, path, O_NOCTTY), r;

	if (fd < 0)
		return fd;
	r = look(fd, "", AT_EMPTY_PATH, ret_id);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static void
give(struct job_log *log, const char *line, size_t len, job_log_line_cb callback,
    void *arg)
{
	struct job_text text = { line, len };

	if (text.len > JOB_LOG_LINE_MAX)
		text.len = JOB_LOG_LINE_MAX;
	if (!log->skipping)
		callback(arg, text);
	log->skipping = false;
}

/* Gives the whole lines of @len bytes; returns how many bytes were taken. */
static size_t
split(struct job_log *log, const char *buffer, size_t len, job_log_line_cb callback,
    void *arg)
{
	const char *end;
	size_t at = 0;

	while ((end = memchr(buffer + at, '\n', len - at)) != NULL) {
		give(log, buffer + at, (size_t)(end - buffer) - at, callback, arg);
		at = (size_t)(end - buffer) + 1;
	}
	/* A line as long as that is not waited for. */
	if (at == 0 && len == JOB_LOG_PART) {
		give(log, buffer, len, callback, arg);
		log->skipping = true;
		at = len;
	}
	return at;
}

/* Reads on in the file that is @log->file. @last: nobody writes to it any more. Returns
 * true if its end was reached. */
static bool
read_on(struct job_log *log, int fd, bool last, char *buffer, job_log_line_cb callback,
    void *arg)
{
	ssize_t n;
	size_t taken;

	for (int i = 0; i < JOB_LOG_PARTS; i++) {
		n = pread(fd, buffer, JOB_LOG_PART, (off_t)log->at);
		if (n <= 0)
			return true;
		taken = split(log, buffer, (size_t)n, callback, arg);
		if (last && taken < (size_t)n && n < JOB_LOG_PART) {
			give(log, buffer + taken, (size_t)n - taken, callback, arg);
			taken = (size_t)n;
		}
		log->at += taken;
		if (n < JOB_LOG_PART)
			return true;
	}
	return false;
}

static void
switch_to(struct job_log *log, const struct job_file_id *file)
{
	log->file = *file;
	log->file.size = 0; /* not looked at yet */
	log->at = 0;
	log->skipping = false;
}

void
job_log_moved(struct job_log *log)
{
	/* A file there may have the inode number of the one that was read. */
	switch_to(log, &(struct job_file_id){ .inode = 0 });
}

/* Reads the rest of what was renamed to @name. Returns true if there is no more of it. */
static bool
read_rest(struct job_log *log, int directory, const char *name, char *buffer,
    job_log_line_cb callback, void *arg)
{
	struct job_file_id opened;
	int fd = job_file_open(directory, name, &opened);
	bool end = true;

	if (fd < 0)
		return true;
	if (job_file_same(&opened, &log->file))
		end = read_on(log, fd, true, buffer, callback, arg);
	close(fd);
	return end;
}

/* Reads on in @name. Returns true if there is more. */
static bool
read_new(struct job_log *log, int directory, const char *name, char *buffer,
    job_log_line_cb callback, void *arg)
{
	struct job_file_id opened;
	int fd = job_file_open(directory, name, &opened);
	bool end;

	if (fd < 0)
		return false;
	if (!job_file_same(&opened, &log->file)) {
		close(fd);
		return true; /* renamed meanwhile */
	}
	if (opened.size < log->at)
		switch_to(log, &opened);
	end = read_on(log, fd, false, buffer, callback, arg);
	close(fd);
	if (end) {
		log->file = opened;
		log->caught_up = true;
	}
	return !end;
}

bool
job_log_read(struct job_log *log, int directory, unsigned number, char *buffer,
    job_log_line_cb callback, void *arg)
{
	char name[24], older[24];
	struct job_file_id now = { 0 }, before;

	snprintf(name, sizeof(name), "%u.log", number);
	snprintf(older, sizeof(older), "%u.log.1", number);
	if (log->file.inode == 0 && job_file_look(directory, older, &before) == 0)
		switch_to(log, &before);
	if (job_file_look(directory, name, &now) < 0) {
		/* Not made yet, or just renamed. */
		log->caught_up = log->file.inode == 0 ||
		    read_rest(log, directory, older, buffer, callback, arg);
		return !log->caught_up;
	}
	if (!job_file_same(&now, &log->file)) {
		if (log->file.inode != 0 &&
		    !read_rest(log, directory, older, buffer, callback, arg))
			return true;
		switch_to(log, &now);
	}
	if (now.size == log->file.size && now.changed_ns == log->file.changed_ns) {
		log->caught_up = true;
		return false;
	}
	return read_new(log, directory, name, buffer, callback, arg);
}
