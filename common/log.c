/* SPDX-License-Identifier: MIT
 * Log lines on stderr; in the supervisor and in every worker.
 */
#include "config.h"

#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "banned.h"

static const char *name;
static int threshold = LOG_LEVEL_NOTICE;
static bool to_journal;

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

void
log_write(enum log_level level, const char *format, ...)
{
	static const char *const words[] = { "error: ", "warning: ", "", "debug: " };
	static const char *const journal[] = { "<3>", "<4>", "<5>", "<7>" };
	char line[4096];
	va_list args;
	int used, more, saved = errno;

	if ((int)level > threshold)
		return;
	used = snprintf(line, sizeof(line), "%sfuzzsupd: %s%s%s",
	    to_journal ? journal[level] : "", name != NULL ? name : "",
	    name != NULL ? ": " : "", to_journal ? "" : words[level]);
	if (used < 0 || (size_t)used >= sizeof(line))
		return;
	va_start(args, format);
	more = vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, args);
	va_end(args);
	if (more < 0)
		return;
	used += more;
	if ((size_t)used > sizeof(line) - 2)
		used = sizeof(line) - 2;
	line[used++] = '\n';
	/* One write, so that lines of several processes never mix; where the log cannot
	 * be written there is nobody to tell. */
	while (write(STDERR_FILENO, line, (size_t)used) == -1 && errno == EINTR)
		;
	errno = saved;
}

/* Bytes of the well-formed UTF-8 sequence at @text, 0 if there is none. */
static size_t
utf8_sequence(const unsigned char *text, size_t len)
{
	size_t need, i;

	if (text[0] >= 0x20 && text[0] < 0x7f)
		return 1;
	need = text[0] >= 0xc2 && text[0] < 0xe0 ? 2
	    : text[0] >= 0xe0 && text[0] < 0xf0  ? 3
	    : text[0] >= 0xf0 && text[0] < 0xf5  ? 4
						 : 0;
	if (need == 0 || need > len || (text[0] == 0xc2 && text[1] < 0xa0))
		return 0;
	for (i = 1; i < need; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return need;
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
		n = utf8_sequence(bytes + i, len - i);
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
