/* SPDX-License-Identifier: MIT
 * What was, as tables, JSON and files; in fuzzsupctl.
 */
#include "config.h"

#include "past.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plain_text.h"
#include "web.h"
#include "banned.h"

enum { DONE, FAILED, MISUSED };

/* ---- times ---- */

/* Seconds of "90", "90s", "5m", "2h", "3d"; -1: it is none of these. */
static long long
span(const char *text)
{
	static const struct {
		char unit;
		long seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char *end;
	const long long number = strtoll(text, &end, 10);

	if (end == text || number < 0 || number > INT64_C(1) << 45)
		return -1;
	if (*end == '\0')
		return number;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && end[1] == '\0'; i++)
		if (*end == units[i].unit)
			return number * units[i].seconds;
	return -1;
}

/* Unix seconds of a number of them (or of milliseconds), of "-1h" from now, or of a date and time of
 * this machine; -1: it is none of these. */
static long long
moment(const char *text)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
		"%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d" };
	const long long number = span(text[0] == '-' ? text + 1 : text);
	const size_t len = strlen(text);

	if (text[0] == '-' && number >= 0)
		return (long long)time(NULL) - number;
	if (number >= 0 && strspn(text, "0123456789") == len)
		return number > 100000000000 ? number / 1000 : number;
	if (strcmp(text, "now") == 0)
		return (long long)time(NULL);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);

		if (end != NULL && *end == '\0')
			return (long long)mktime(&tm);
	}
	return -1;
}

static bool
add_moment(FILE *path, const char *key, const char *text)
{
	const long long at = text != NULL ? moment(text) : 0;

	if (text == NULL)
		return true;
	if (at < 0) {
		fprintf(stderr,
		    "fuzzsupctl: --%s: \"%s\" is not a time: expected Unix seconds, a "
		    "span "
		    "like -2h, or \"2026-01-31 12:00\"\n",
		    key, text);
		return false;
	}
	fprintf(path, "&%s=%lld", key, at > 0 ? at : 1);
	return true;
}

static void
print_time(long long ms)
{
	const time_t seconds = (time_t)(ms / 1000);
	char text[40];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	fputs(text, stdout);
}

/* ---- asking ---- */

/* The answer to @path as JSON; NULL after a message. */
static json_t *
fetch(const char *addresses, const char *of, const char *path)
{
	char *body = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&body, &size);
	json_error_t error;
	json_t *answer = NULL;

	if (to == NULL)
		return NULL;
	if (web_fetch(addresses, of, path, to) == 0 && fflush(to) == 0) {
		answer = json_loadb(body, size, 0, &error);
		if (answer == NULL)
			fprintf(stderr, "fuzzsupctl: %s: the answer is not JSON: %s\n",
			    of, error.text);
	}
	fclose(to);
	free(body);
	return answer;
}

static void
print_json(const json_t *answer)
{
	json_dumpf(answer, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
	putchar('\n');
}

/* ---- history ---- */

static long long
at(const json_t *answer, const char *column, size_t place)
{
	return (long long)json_number_value(
	    json_array_get(json_object_get(answer, column), place));
}

static void
print_history(const json_t *answer)
{
	const size_t len = json_array_size(json_object_get(answer, "t"));

	printf("%-19s %10s %16s %10s %9s %8s %8s\n", "TIME", "COVERED", "EXECUTIONS",
	    "EXEC/S", "CORPUS", "CRASHES", "MEM");
	for (size_t i = 0; i < len; i++) {
		print_time(at(answer, "t", i));
		printf(" %10lld %16lld %10lld %9lld %8lld %7lldM\n",
		    at(answer, "covered", i), at(answer, "executions", i),
		    at(answer, "executions_per_second", i), at(answer, "corpus", i),
		    at(answer, "crashes", i), at(answer, "memory", i) >> 20);
	}
	if (len == 0)
		puts("nothing is known of that time");
}

/* Of TARGET, or TARGET/JOB. False after a message. */
static bool
write_history_path(FILE *path, const char *name, const struct past_wishes *wishes)
{
	const char *slash = strchr(name, '/');
	const long long step = wishes->step != NULL ? span(wishes->step) : 0;
	char *target = strndup(name, strcspn(name, "/"));

	if (target == NULL)
		return false;
	if (step < 0)
		fprintf(stderr,
		    "fuzzsupctl: --step: \"%s\" is not a time span: expected seconds, "
		    "or 5m, "
		    "1h, 1d\n",
		    wishes->step);
	fputs("/api/v1/targets/", path);
	web_quote(path, target);
	free(target);
	fprintf(path, "/history?step=%lld&job=", step);
	web_quote(path, slash != NULL ? slash + 1 : "");
	return step >= 0 && add_moment(path, "from", wishes->from) &&
	    add_moment(path, "to", wishes->to);
}

int
ctl_history(const char *addresses, const char *name, const struct past_wishes *wishes)
{
	char *path = NULL;
	size_t size;
	FILE *text = open_memstream(&path, &size);
	json_t *answer = NULL;
	bool sound;

	if (text == NULL)
		return FAILED;
	sound = write_history_path(text, name, wishes);
	fclose(text);
	if (sound)
		answer = fetch(addresses, name, path);
	free(path);
	if (answer != NULL && wishes->json)
		print_json(answer);
	else if (answer != NULL)
		print_history(answer);
	json_decref(answer);
	return answer != NULL ? DONE : sound ? FAILED : MISUSED;
}

/* ---- events ---- */

static const char *
text_of(const json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text != NULL ? text : "";
}

static void
print_event(const json_t *event)
{
	const char *target = text_of(event, "target"), *job = text_of(event, "job");
	char *words = strdup(text_of(event, "text")), about[160];

	snprintf(
	    about, sizeof(about), "%s%s%s", target, job[0] != '\0' ? "/" : "", job);
	print_time((long long)json_integer_value(json_object_get(event, "time")));
	printf("  %-14s %-20s %s\n", text_of(event, "kind"), about,
	    words != NULL ? plain_lines(words) : "");
	free(words);
}

/* Prints those beyond *@last, which it moves on. False after a message. */
static bool
print_events(const char *addresses, const char *target,
    const struct past_wishes *wishes, long long *last)
{
	const json_t *list, *event;
	char *path = NULL;
	size_t size, i;
	FILE *text = open_memstream(&path, &size);
	json_t *answer;

	if (text == NULL)
		return false;
	fprintf(text, "/api/v1/events?after=%lld&limit=%d&target=", *last,
	    *last == 0 && wishes->follow ? 20 : 10000);
	web_quote(text, target);
	fclose(text);
	answer = fetch(addresses, "events", path);
	free(path);
	list = json_object_get(answer, "events");
	if (answer != NULL && wishes->json && !wishes->follow)
		print_json(answer);
	json_array_foreach(list, i, event)
	{
		*last = (long long)json_integer_value(json_object_get(event, "id"));
		if (!wishes->json)
			print_event(event);
		else if (wishes->follow)
			print_json(event);
	}
	fflush(stdout);
	/* The archive was begun anew, and counts anew. */
	if (answer != NULL &&
	    json_integer_value(json_object_get(answer, "newest")) < *last)
		*last = 0;
	json_decref(answer);
	return answer != NULL && !ferror(stdout);
}

int
ctl_events(const char *addresses, const char *target, const struct past_wishes *wishes)
{
	long long last = 0;
	bool done;

	do
		done = print_events(addresses, target, wishes, &last);
	while (done && wishes->follow && sleep(1) == 0);
	return done ? DONE : FAILED;
}

/* ---- inputs ---- */

/* The answer to how @line, FILE:LINE, was reached first; NULL after a message. */
static json_t *
fetch_first(const char *addresses, const char *target, const char *line)
{
	const char *colon = strrchr(line, ':');
	char *path = NULL, *file, *end;
	const unsigned long number = strtoul(colon + 1, &end, 10);
	json_t *answer = NULL;
	size_t size;
	FILE *text;

	if (number == 0 || *end != '\0') {
		fprintf(stderr, "fuzzsupctl: %s: expected FILE:LINE\n", line);
		return NULL;
	}
	file = strndup(line, (size_t)(colon - line));
	text = file != NULL ? open_memstream(&path, &size) : NULL;
	if (text != NULL) {
		fputs("/api/v1/targets/", text);
		web_quote(text, target);
		fputs("/first?file=", text);
		web_quote(text, file);
		fprintf(text, "&line=%lu", number);
		fclose(text);
		answer = fetch(addresses, line, path);
	}
	free(file);
	free(path);
	return answer;
}

/* For people, beside the input itself. */
static void
tell_first(const json_t *first, const char *line)
{
	const json_t *input = json_object_get(first, "input");
	const long long ms =
	    (long long)json_integer_value(json_object_get(first, "time"));
	const char *job = text_of(first, "job");
	const time_t seconds = (time_t)(ms / 1000);
	char when[40] = "before anybody looked";
	struct tm tm;

	if (ms > 0 && localtime_r(&seconds, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(stderr, "%s: first reached %s", line, when);
	if (job[0] != '\0')
		fprintf(stderr, " by job %s, instance %lld", job,
		    (long long)json_integer_value(json_object_get(first, "instance")));
	if (input != NULL)
		fprintf(stderr, "\ninput %s, %lld bytes", text_of(input, "sha1"),
		    (long long)json_integer_value(json_object_get(input, "size")));
	if (input != NULL && text_of(first, "command")[0] != '\0')
		fprintf(stderr, "\nrun it: %s", text_of(first, "command"));
	fputc('\n', stderr);
}

/* Opened only now: a file that is there stays as it is when there is nothing to write. */
static int
write_bytes(const char *bytes, size_t size, const char *output)
{
	FILE *to = output != NULL ? fopen(output, "we") : stdout;
	bool done;

	if (to == NULL)
		goto failed;
	done = fwrite(bytes, 1, size, to) == size && fflush(to) == 0;
	if (output != NULL && fclose(to) != 0)
		done = false;
	if (done)
		return DONE;
failed:
	fprintf(stderr, "fuzzsupctl: %s: %s\n",
	    output != NULL ? output : "standard output", strerror(errno));
	return FAILED;
}

static int
write_input(const char *addresses, const char *sha1, const char *output)
{
	char path[80], *bytes = NULL;
	size_t size;
	FILE *got;
	int r = FAILED;

	if (output == NULL && isatty(STDOUT_FILENO)) {
		fprintf(stderr,
		    "fuzzsupctl: an input may do anything to a terminal: name a file "
		    "by -o, or pipe it\n");
		return MISUSED;
	}
	got = open_memstream(&bytes, &size);
	if (got == NULL)
		return FAILED;
	snprintf(path, sizeof(path), "/api/v1/inputs/%.40s", sha1);
	if (web_fetch(addresses, sha1, path, got) == 0 && fflush(got) == 0)
		r = write_bytes(bytes, size, output);
	fclose(got);
	free(bytes);
	return r;
}

int
ctl_input(const char *addresses, const char *target, const char *line,
    const struct past_wishes *wishes)
{
	json_t *first;
	const json_t *input;
	int code = FAILED;

	if (strrchr(line, ':') == NULL) {
		fprintf(stderr, "fuzzsupctl: %s: expected FILE:LINE\n", line);
		return MISUSED;
	}
	first = fetch_first(addresses, target, line);
	if (first == NULL)
		return FAILED;
	input = json_object_get(first, "input");
	if (wishes->json) {
		print_json(first);
		code = DONE;
	} else {
		tell_first(first, line);
		if (json_is_true(json_object_get(input, "kept")))
			code = write_input(
			    addresses, text_of(input, "sha1"), wishes->output);
		else
			fprintf(stderr,
			    input != NULL
				? "fuzzsupctl: %s: its bytes are not kept\n"
				: "fuzzsupctl: %s: with which input is not known: the "
				  "target was reached outside of a job, or its runtime "
				  "is an older one\n",
			    line);
	}
	json_decref(first);
	return code;
}
