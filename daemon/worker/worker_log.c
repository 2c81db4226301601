/* SPDX-License-Identifier: MIT
 * Lines of workers on their way into the log; in the supervisor.
 */
#include "config.h"

#include "worker_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "banned.h"

#define PIPE_SIZE (1 << 20)
#define LINE_MAX_BYTES 4096 /* longer ones are cut into several */
#define PER_TURN (64 << 10)
#define DRAIN_MAX (2 * PIPE_SIZE) /* who writes faster than we read is not waited for */
/* A day of nonsense is less than 3 GB; a start with -v fits into the first part. */
#define BUDGET_MAX (INT64_C(8) << 20)
#define BUDGET_PER_MS 32

struct worker_log {
	LIST_ENTRY(worker_log) in_all;
	const char *name;
	struct worker_log_budget *budget;
	struct event *readable;
	int fd;
	bool left;  /* by its worker */
	size_t len; /* of the line that has not ended yet */
	char line[LINE_MAX_BYTES];
};

static LIST_HEAD(, worker_log) all = LIST_HEAD_INITIALIZER(all);

/* ---- one line ---- */

/* Length of what log.c, in the worker, writes before each line; 0 where it did not. */
static size_t
own_prefix(const char *name, bool journal, const char *line, size_t len)
{
	char prefix[64];
	const size_t priority = journal ? 3 : 0;
	int n = snprintf(prefix, sizeof(prefix), "fuzzsupd: %s: ", name);

	if (n < 0 || len < priority + (size_t)n ||
	    memcmp(line + priority, prefix, (size_t)n) != 0)
		return 0;
	if (journal &&
	    (line[0] != '<' || line[1] < '3' || line[1] > '7' || line[2] != '>'))
		return 0;
	return priority + (size_t)n;
}

size_t
worker_log_line(const char *name, bool journal, const char *line, size_t len,
    char *buffer, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t used = 0, i = 0, n;

	if (own_prefix(name, journal, line, len) == 0)
		used = (size_t)snprintf(
		    buffer, size, "%sfuzzsupd: %s: ", journal ? "<4>" : "", name);
	while (i < len && used + 5 < size) {
		n = line[i] == '\t'
		    ? 1
		    : log_printable((const unsigned char *)line + i, len - i);
		if (n == 0) {
			buffer[used++] = '\\';
			buffer[used++] = 'x';
			buffer[used++] = digits[(unsigned char)line[i] >> 4];
			buffer[used++] = digits[(unsigned char)line[i] & 15];
			i++;
		}
		for (; n > 0; n--)
			buffer[used++] = line[i++];
	}
	buffer[used++] = '\n';
	return used;
}

static void
write_all(const char *bytes, size_t len)
{
	while (write(STDERR_FILENO, bytes, len) == -1 && errno == EINTR)
		;
}

/* False where the line is one too many. */
static bool
afford(struct worker_log *log, size_t len)
{
	struct worker_log_budget *budget = log->budget;
	int64_t now = clock_ms(CLOCK_MONOTONIC);

	if (budget->counted_ms == 0)
		budget->left = BUDGET_MAX;
	else
		budget->left += (now - budget->counted_ms) * BUDGET_PER_MS;
	if (budget->left > BUDGET_MAX)
		budget->left = BUDGET_MAX;
	budget->counted_ms = now;
	if (budget->left < (int64_t)len) {
		budget->dropped += len;
		return false;
	}
	budget->left -= (int64_t)len;
	if (budget->dropped > 0)
		log_warning(
		    "%s: %llu bytes that it wrote to this log were left out: it "
		    "writes more than %d kB a second",
		    log->name, (unsigned long long)budget->dropped, BUDGET_PER_MS);
	budget->dropped = 0;
	return true;
}

static void
end_line(struct worker_log *log)
{
	char buffer[4 * LINE_MAX_BYTES + WORKER_LOG_EXTRA];
	const size_t len = log->len;

	log->len = 0;
	if (afford(log, len + 1))
		write_all(buffer,
		    worker_log_line(log->name, log_to_journal(), log->line, len, buffer,
			sizeof(buffer)));
}

/* ---- the pipe ---- */

static void
take(struct worker_log *log, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '\n')
			log->line[log->len++] = bytes[i];
		if (bytes[i] == '\n' || log->len == sizeof(log->line))
			end_line(log);
	}
}

/* Reads at most @max bytes. False where nobody can write any more. */
static bool
read_some(struct worker_log *log, size_t max)
{
	static char buffer[PER_TURN];
	ssize_t n = -1;

	for (size_t done = 0; done < max; done += (size_t)n) {
		n = read(log->fd, buffer, sizeof(buffer));
		if (n < 0 && errno == EINTR) {
			n = 0;
			continue;
		}
		if (n <= 0)
			break;
		take(log, buffer, (size_t)n);
	}
	if (n == 0 && log->len > 0)
		end_line(log);
	return n != 0;
}

static void
log_free(struct worker_log *log)
{
	LIST_REMOVE(log, in_all);
	if (log->readable != NULL)
		event_free(log->readable);
	close(log->fd);
	free(log);
}

static void
readable_cb(evutil_socket_t fd, short what, void *context)
{
	struct worker_log *log = context;

	(void)fd;
	(void)what;
	if (read_some(log, PER_TURN))
		return;
	if (log->left)
		log_free(log);
	else
		event_del(log->readable);
}

int
worker_log_open(struct event_base *base, const char *name,
    struct worker_log_budget *budget, struct worker_log **ret_log, int *ret_fd)
{
	struct worker_log *log = calloc(1, sizeof(*log));
	int fds[2], r;

	if (log == NULL)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) != 0) {
		r = -errno;
		free(log);
		return r;
	}
	/* The worker's end blocks: a sanitizer's report that comes at once fits or waits. */
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(fds[0], F_SETPIPE_SZ, PIPE_SIZE);
	*log = (struct worker_log){ .name = name, .budget = budget, .fd = fds[0] };
	log->readable = event_new(base, fds[0], EV_READ | EV_PERSIST, readable_cb, log);
	if (log->readable == NULL || event_add(log->readable, NULL) != 0) {
		close(fds[1]);
		LIST_INSERT_HEAD(&all, log, in_all);
		log_free(log);
		return -ENOMEM;
	}
	LIST_INSERT_HEAD(&all, log, in_all);
	*ret_log = log;
	*ret_fd = fds[1];
	return 0;
}

void
worker_log_drain(struct worker_log *log)
{
	if (log != NULL)
		read_some(log, DRAIN_MAX);
}

void
worker_log_leave(struct worker_log *log)
{
	if (log == NULL)
		return;
	log->left = true;
	if (!read_some(log, DRAIN_MAX))
		log_free(log);
}

void
worker_log_close_all(void)
{
	struct worker_log *log;

	while ((log = LIST_FIRST(&all)) != NULL) {
		read_some(log, DRAIN_MAX);
		if (log->len > 0)
			end_line(log);
		log_free(log);
	}
}
