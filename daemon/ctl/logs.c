/* SPDX-License-Identifier: MIT
 * The tail of a job's logs, which lie in files; in fuzzsupctl.
 */
#include "config.h"

#include "logs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plain_text.h"
#include "banned.h"

#define TAIL_BYTES 16384
#define TEXT_MAX 65536 /* bytes read at a time */
#define LOGS_MAX 1024

struct log {
	char path[PATH_MAX];
	char label[160]; /* before each line; "" for the only log */
	int fd;
	bool at_line_start;
	struct plain_text plain;
};

struct logs {
	struct log items[LOGS_MAX];
	size_t len;
	int notify;
};

/* Terminals obey what they are sent: foreign text loses what is for them. */
static void
print(struct log *log, const char *text, size_t len)
{
	char plain[TEXT_MAX + PLAIN_TEXT_HELD];

	len = plain_text(&log->plain, text, len, plain);
	for (size_t i = 0; i < len; i++) {
		if (log->at_line_start && log->label[0] != '\0')
			printf("[%s] ", log->label);
		log->at_line_start = plain[i] == '\n';
		putchar(plain[i]);
	}
}

static void
print_rest(struct log *log)
{
	char text[TEXT_MAX];
	ssize_t n;

	while (log->fd >= 0 && (n = read(log->fd, text, sizeof(text))) > 0)
		print(log, text, (size_t)n);
	fflush(stdout);
}

static int
open_file(const char *path)
{
	return open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/* Moves to the first line of the last @bytes. */
static void
seek_tail(int fd, off_t size, off_t bytes)
{
	char byte;

	if (size <= bytes)
		return;
	lseek(fd, size - bytes, SEEK_SET);
	while (read(fd, &byte, 1) == 1 && byte != '\n')
		;
}

static void
open_log(struct log *log)
{
	log->fd = open_file(log->path);
	log->at_line_start = true;
}

/* Right after a log was renamed its end is in the older one. */
static void
print_tail(struct log *log)
{
	char older_path[sizeof(log->path) + 2];
	struct stat st, older_st;
	int newer, older;

	if (log->fd < 0 || fstat(log->fd, &st) != 0)
		return;
	seek_tail(log->fd, st.st_size, TAIL_BYTES);
	snprintf(older_path, sizeof(older_path), "%s.1", log->path);
	older = st.st_size < TAIL_BYTES ? open_file(older_path) : -1;
	if (older >= 0 && fstat(older, &older_st) == 0 &&
	    older_st.st_ino != st.st_ino) {
		seek_tail(older, older_st.st_size, TAIL_BYTES - st.st_size);
		newer = log->fd;
		log->fd = older;
		print_rest(log);
		log->fd = newer;
	}
	if (older >= 0)
		close(older);
	print_rest(log);
}

/* A log that was rotated away is read to its end, then the new one. */
static void
look_again(struct log *log)
{
	struct stat old, new;

	print_rest(log);
	if (stat(log->path, &new) != 0 ||
	    (log->fd >= 0 && fstat(log->fd, &old) == 0 && old.st_ino == new.st_ino))
		return;
	if (log->fd >= 0)
		close(log->fd);
	open_log(log);
	print_rest(log);
}

static void
add_job(struct logs *logs, const char *name, unsigned instances, const char *folder,
    bool only)
{
	for (unsigned i = 0; i < instances && logs->len < LOGS_MAX; i++) {
		struct log *log = &logs->items[logs->len++];

		snprintf(log->path, sizeof(log->path), "%s/%u.log", folder, i);
		if (instances > 1)
			snprintf(log->label, sizeof(log->label), "%s %u", name, i);
		else if (!only)
			snprintf(log->label, sizeof(log->label), "%s", name);
		open_log(log);
	}
	if (logs->notify >= 0)
		inotify_add_watch(
		    logs->notify, folder, IN_MODIFY | IN_MOVED_FROM | IN_CREATE);
}

static int
follow_all(struct logs *logs)
{
	char events[65536];
	struct pollfd polls[] = { { .fd = logs->notify, .events = POLLIN },
		{ .fd = STDOUT_FILENO } };

	for (;;) {
		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			return EXIT_FAILURE;
		if ((polls[1].revents & (POLLERR | POLLHUP)) != 0)
			return EXIT_SUCCESS; /* nobody reads any more */
		if (read(logs->notify, events, sizeof(events)) < 0 && errno != EINTR)
			return EXIT_FAILURE;
		for (size_t i = 0; i < logs->len; i++)
			look_again(&logs->items[i]);
	}
}

int
ctl_logs(char *lines, bool follow)
{
	static struct logs logs;
	char *line, *columns[3];
	bool only = strchr(lines, '\n') == strrchr(lines, '\n'), any = false;

	logs.notify = follow ? inotify_init1(IN_CLOEXEC) : -1;
	while ((line = strsep(&lines, "\n")) != NULL) {
		for (int i = 0; i < 3; i++)
			columns[i] = strsep(&line, "\t");
		if (columns[2] != NULL)
			add_job(&logs, columns[0],
			    (unsigned)strtoul(columns[1], NULL, 10), columns[2], only);
	}
	for (size_t i = 0; i < logs.len; i++) {
		any = any || logs.items[i].fd >= 0;
		print_tail(&logs.items[i]);
	}
	if (follow)
		return follow_all(&logs);
	if (!any)
		fprintf(stderr, "fuzzsupctl: %s: no log yet\n", logs.items[0].path);
	return any ? EXIT_SUCCESS : EXIT_FAILURE;
}
