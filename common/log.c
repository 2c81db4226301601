/* SPDX-License-Identifier: MIT
 * Log lines on stderr; in the supervisor and in every worker.
 */
#include "config.h"

#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "plain_text.h"
#include "banned.h"

#define WAIT_MS 1000 /* for a supervisor that does not read what its workers say */

static const char *name;
static int threshold = LOG_LEVEL_NOTICE;
static bool to_journal;
static unsigned lost; /* lines */

void
log_open(const char *worker_name, int level)
{
	name = worker_name;
	threshold = level;
	to_journal = getenv("JOURNAL_STREAM") != NULL;
}

int
log_level(void)
{
	return threshold;
}

bool
log_to_journal(void)
{
	return to_journal;
}

/* A worker's log is a pipe to the supervisor: if that hangs, workers must not. After one
 * wait in vain nothing is waited for until there is room again. */
static bool
has_room(void)
{
	struct pollfd pollfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	const int patience = lost == 0 ? WAIT_MS : 0;

	return name == NULL || poll(&pollfd, 1, patience) != 0;
}

static void
write_line(const char *line, size_t len)
{
	/* Where the log cannot be written there is nobody to tell. */
	while (write(STDERR_FILENO, line, len) == -1 && errno == EINTR)
		;
}

/* Begins a line; returns its length, 0 if it does not fit. */
static size_t
begin_line(enum log_level level, char *line, size_t size)
{
	static const char *const words[] = { "error: ", "warning: ", "", "debug: " };
	static const char *const journal[] = { "<3>", "<4>", "<5>", "<7>" };
	int used = snprintf(line, size, "%sfuzzsupd: %s%s%s",
	    to_journal ? journal[level] : "", name != NULL ? name : "",
	    name != NULL ? ": " : "", to_journal ? "" : words[level]);

	return used < 0 || (size_t)used >= size ? 0 : (size_t)used;
}

static void
tell_lost(void)
{
	char line[160];
	size_t used = begin_line(LOG_LEVEL_WARNING, line, sizeof(line));
	int more = snprintf(line + used, sizeof(line) - used,
	    "%u lines are missing here: the supervisor did not read them\n", lost);

	lost = 0;
	if (used > 0 && more > 0)
		write_line(line, used + (size_t)more);
}

void
log_write(enum log_level level, const char *format, ...)
{
	char line[4096];
	va_list args;
	size_t used;
	int more, saved = errno;

	if ((int)level > threshold)
		return;
	used = begin_line(level, line, sizeof(line));
	if (used == 0)
		return;
	va_start(args, format);
	more = vsnprintf(line + used, sizeof(line) - used - 1, format, args);
	va_end(args);
	if (more < 0)
		return;
	if ((size_t)more > sizeof(line) - 2 - used)
		more = (int)(sizeof(line) - 2 - used);
	used += plain_line(line + used, (size_t)more);
	line[used++] = '\n';
	if (!has_room()) {
		lost++;
	} else {
		if (lost > 0)
			tell_lost();
		/* One write, so that lines of several processes never mix. */
		write_line(line, used);
	}
	errno = saved;
}

size_t
log_printable(const unsigned char *text, size_t len)
{
	bool shown = false;
	int n = plain_character(text, len, &shown);

	return n > 0 && shown ? (size_t)n : 0;
}

const char *
log_quote(const void *text, size_t len, char *buffer, size_t size)
{
	static const char digits[] = "0123456789abcdef", ellipsis[] = "…";
	const unsigned char *bytes = text;
	size_t used = 0, i = 0, n;

	if (size < 16)
		return "\"\"";
	buffer[used++] = '"';
	while (i < len) {
		n = log_printable(bytes + i, len - i);
		if (used + 4 + sizeof(ellipsis) + 1 > size) {
			for (n = 0; n < sizeof(ellipsis) - 1; n++)
				buffer[used++] = ellipsis[n];
			break;
		}
		if (n == 0 || bytes[i] == '"' || bytes[i] == '\\') {
			buffer[used++] = '\\';
			buffer[used++] = 'x';
			buffer[used++] = digits[bytes[i] >> 4];
			buffer[used++] = digits[bytes[i] & 15];
			i++;
			continue;
		}
		while (n-- > 0)
			buffer[used++] = (char)bytes[i++];
	}
	buffer[used++] = '"';
	buffer[used] = '\0';
	return buffer;
}
