/* SPDX-License-Identifier: MIT
 * Numbers and marks in text that others wrote; in the collector.
 */
#include "config.h"

#include "job_text.h"

#include <string.h>

#include "job_types.h"
#include "banned.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void
take(struct job_text *text, size_t len)
{
	text->at += len;
	text->len -= len;
}

bool
job_text_number(struct job_text *text, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t i = 0;

	for (; i < text->len && is_digit(text->at[i]); i++) {
		number = 10 * number + (uint64_t)(text->at[i] - '0');
		if (number > JOB_COUNT_MAX)
			return false;
	}
	if (i == 0)
		return false;
	take(text, i);
	*ret_number = number;
	return true;
}

bool
job_text_decimal(struct job_text *text, uint64_t scale, uint64_t *ret_number)
{
	struct job_text rest = *text;
	uint64_t number;

	if (!job_text_number(&rest, &number) || number > JOB_COUNT_MAX / scale)
		return false;
	number *= scale;
	if (rest.len > 1 && rest.at[0] == '.' && is_digit(rest.at[1])) {
		take(&rest, 1);
		for (; rest.len > 0 && is_digit(rest.at[0]); take(&rest, 1)) {
			scale /= 10;
			number += scale * (uint64_t)(rest.at[0] - '0');
		}
	}
	*text = rest;
	*ret_number = number;
	return true;
}

bool
job_text_bytes(struct job_text *text, uint64_t *ret_bytes)
{
	static const char units[] = "KMGT";
	struct job_text rest = *text;
	const char *unit;
	unsigned shift = 0;
	uint64_t number;

	if (!job_text_number(&rest, &number))
		return false;
	unit = rest.len > 0 && rest.at[0] != '\0' ? strchr(units, rest.at[0]) : NULL;
	if (unit != NULL) {
		shift = 10 * (unsigned)(unit - units + 1);
		take(&rest, 1);
	}
	if (rest.len > 0 && (rest.at[0] == 'b' || rest.at[0] == 'B'))
		take(&rest, 1);
	if (number > JOB_COUNT_MAX >> shift)
		return false;
	*text = rest;
	*ret_bytes = number << shift;
	return true;
}

bool
job_text_skip(struct job_text *text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (text->len < len || memcmp(text->at, prefix, len) != 0)
		return false;
	take(text, len);
	return true;
}

void
job_text_blanks(struct job_text *text)
{
	while (text->len > 0 && (text->at[0] == ' ' || text->at[0] == '\t'))
		take(text, 1);
}

bool
job_text_until(struct job_text *text, char end, struct job_text *ret_part)
{
	const char *found;

	if (text->len == 0)
		return false;
	found = memchr(text->at, end, text->len);
	ret_part->at = text->at;
	ret_part->len = found != NULL ? (size_t)(found - text->at) : text->len;
	take(text, ret_part->len + (found != NULL ? 1 : 0));
	return true;
}

bool
job_text_is(const struct job_text *text, const char *word)
{
	return text->len == strlen(word) && memcmp(text->at, word, text->len) == 0;
}

/* "fuzzsupd: instance 3 starts: pid 77, time 1700000000000: ./target corpus" and
 * "fuzzsupd: instance 3 ended: exit status 77" */
struct job_mark
job_mark_parse(struct job_text line)
{
	const struct job_mark none = { 0 };
	struct job_mark mark = { 0 };
	uint64_t instance, pid, time_ms;

	if (!job_text_skip(&line, "fuzzsupd: instance ") ||
	    !job_text_number(&line, &instance) || instance >= JOB_INSTANCES_MAX)
		return none;
	mark.instance = (unsigned)instance;
	if (job_text_skip(&line, " ended")) {
		mark.kind = JOB_MARK_END;
		return mark;
	}
	if (!job_text_skip(&line, " starts: pid ") || !job_text_number(&line, &pid) ||
	    pid > INT32_MAX || !job_text_skip(&line, ", time ") ||
	    !job_text_number(&line, &time_ms))
		return none;
	mark.kind = JOB_MARK_START;
	mark.pid = (int32_t)pid;
	mark.time_ms = (int64_t)time_ms;
	return mark;
}
