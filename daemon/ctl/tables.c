/* SPDX-License-Identifier: MIT
 * Tables and JSON; in fuzzsupctl.
 */
#include "config.h"

#include "tables.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/param.h>
#include <time.h>
#include <unistd.h>

#include "plain_text.h"
#include "banned.h"

#define COLUMNS_MAX 16
#define WIDTH_AT_LEAST 60
#define WIDE 120

/* How a column is shown. */
enum look {
	LOOK_TEXT,
	LOOK_NUMBER, /* short: 182k */
	LOOK_COUNT,  /* as it is */
	LOOK_UNITS,  /* likewise, and of what: "2710 lines" */
	LOOK_BYTES,
	LOOK_SINCE,  /* Unix milliseconds, as the time that has passed */
	LOOK_LAST,   /* text that takes what the terminal has left */
	LOOK_HIDDEN, /* only in JSON */
	LOOK_HIDDEN_NUMBER,
};

struct columns {
	int len;
	struct column {
		const char *key, *title;
		enum look look;
		int width;
	} items[COLUMNS_MAX];
};

const struct columns columns_targets = { 9,
	{ { "name", "TARGET", LOOK_TEXT, 24 }, { "state", "STATE", LOOK_TEXT, 12 },
	    { "lines_reached", "REACHED", LOOK_COUNT, 9 },
	    { "lines", "OF", LOOK_UNITS, 15 }, { "covered", "", LOOK_HIDDEN_NUMBER, 0 },
	    { "pcs", "", LOOK_HIDDEN_NUMBER, 0 }, { "build_id", "", LOOK_HIDDEN, 0 },
	    { "lines_reason", "", LOOK_HIDDEN, 0 },
	    { "reason", "REASON", LOOK_LAST, 0 } } };
enum { TARGETS_REACHED = 2, TARGETS_LINES, TARGETS_COVERED, TARGETS_PCS };

const struct columns columns_jobs = { 16,
	{ { "name", "JOB", LOOK_TEXT, 24 }, { "engine", "ENGINE", LOOK_TEXT, 10 },
	    { "state", "STATE", LOOK_TEXT, 10 }, { "running", "RUN", LOOK_COUNT, 4 },
	    { "instances", "OF", LOOK_COUNT, 4 },
	    { "starts", "", LOOK_HIDDEN_NUMBER, 0 },
	    { "pid", "", LOOK_HIDDEN_NUMBER, 0 },
	    { "executions", "EXECS", LOOK_NUMBER, 8 }, { "rate", "/S", LOOK_NUMBER, 7 },
	    { "crashes", "CRASHES", LOOK_NUMBER, 8 },
	    { "memory", "MEMORY", LOOK_BYTES, 8 },
	    { "since_ms", "SINCE", LOOK_SINCE, 6 }, { "health", "", LOOK_HIDDEN, 0 },
	    { "health_since_ms", "", LOOK_HIDDEN_NUMBER, 0 },
	    { "attached", "", LOOK_HIDDEN, 0 },
	    { "reason", "REASON", LOOK_LAST, 0 } } };

const struct columns columns_workers = { 4,
	{ { "name", "WORKER", LOOK_TEXT, 12 }, { "state", "STATE", LOOK_TEXT, 12 },
	    { "pid", "PID", LOOK_COUNT, 8 }, { "starts", "STARTS", LOOK_COUNT, 8 } } };

const struct columns columns_health = { 4,
	{ { "check", "CHECK", LOOK_TEXT, 14 }, { "subject", "OF", LOOK_TEXT, 24 },
	    { "since_ms", "SINCE", LOOK_SINCE, 6 },
	    { "text", "NOT WELL", LOOK_LAST, 0 } } };

static bool
is_number(enum look look)
{
	return look != LOOK_TEXT && look != LOOK_LAST && look != LOOK_HIDDEN;
}

/* Cuts @line at its tabs. */
static bool
split(const struct columns *columns, char *line, char **ret_values)
{
	for (int i = 0; i < columns->len; i++) {
		ret_values[i] = strsep(&line, "\t");
		if (ret_values[i] == NULL)
			return false;
	}
	return true;
}

/* ---- JSON ---- */

/* A character that must not be shown, as JSON writes it; all of them have at most three
 * bytes. */
static void
print_escaped(const unsigned char *text, int len)
{
	unsigned character = len == 1 ? text[0] : text[0] & (0x7fu >> len);

	for (int i = 1; i < len; i++)
		character = character << 6 | (text[i] & 0x3f);
	printf("\\u%04x", character);
}

static void
print_json_string(const char *text)
{
	bool shown;
	int n;

	putchar('"');
	for (; *text != '\0'; text += n > 0 ? n : 1) {
		n = plain_character(text, strlen(text), &shown);
		if (n <= 0)
			fputs("\\ufffd", stdout);
		else if (!shown)
			print_escaped((const unsigned char *)text, n);
		else if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else
			fwrite(text, 1, (size_t)n, stdout);
	}
	putchar('"');
}

void
print_json(const struct columns *columns, const char *key, char *lines)
{
	char *values[COLUMNS_MAX], *line;
	bool first = true;

	printf("\"%s\":[", key);
	while ((line = strsep(&lines, "\n")) != NULL) {
		if (!split(columns, line, values))
			continue;
		printf("%s{", first ? "" : ",");
		first = false;
		for (int i = 0; i < columns->len; i++) {
			printf("%s\"%s\":", i > 0 ? "," : "", columns->items[i].key);
			if (!is_number(columns->items[i].look))
				print_json_string(values[i]);
			else
				fputs(values[i][0] != '-' ? values[i] : "null", stdout);
		}
		putchar('}');
	}
	putchar(']');
}

/* ---- tables ---- */

static int
terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 0;
	return MAX(size.ws_col, WIDTH_AT_LEAST);
}

static void
format_short(double value, double step, const char *units, char *ret_text, size_t size)
{
	while (value >= step && units[1] != '\0') {
		value /= step;
		units++;
	}
	if (units[0] == ' ')
		snprintf(ret_text, size, "%.0f", value);
	else
		snprintf(ret_text, size, "%.*f%c", value < 10 ? 1 : 0, value, units[0]);
}

static void
format_since(const char *value, char *ret_text, size_t size)
{
	long long seconds = (long long)time(NULL) - strtoll(value, NULL, 10) / 1000;

	if (strcmp(value, "0") == 0)
		snprintf(ret_text, size, "-");
	else if (seconds < 120)
		snprintf(ret_text, size, "%llds", MAX(seconds, 0));
	else if (seconds < 7200)
		snprintf(ret_text, size, "%lldm", seconds / 60);
	else if (seconds < 172800)
		snprintf(ret_text, size, "%lldh", seconds / 3600);
	else
		snprintf(ret_text, size, "%lldd", seconds / 86400);
}

/* Bytes of @text that are at most @width characters of UTF-8. */
static int
cut(const char *text, int width)
{
	int bytes = 0;

	for (; text[bytes] != '\0'; bytes++)
		if (((unsigned char)text[bytes] & 0xc0) != 0x80 && width-- == 0)
			break;
	return bytes;
}

/* Of the first column: names may take twice their room where a terminal is wide, and all
 * that they need where there is none. */
static int
name_width(const struct column *column, const char *lines, int terminal)
{
	const int most = terminal == 0 ? INT_MAX
	    : terminal >= WIDE         ? 2 * column->width
				       : column->width;
	int width = column->width;

	for (; lines != NULL; lines = strchr(lines, '\n')) {
		lines += lines[0] == '\n';
		width = MAX(width, (int)strcspn(lines, "\t\n"));
	}
	return MIN(width, most);
}

/* With dots where it is longer. */
static void
print_text(const char *text, int width)
{
	int bytes = cut(text, width);

	if (text[bytes] == '\0')
		printf("%-*s ", width, text);
	else
		printf("%.*s… ", cut(text, width - 1), text);
}

static void
print_value(const struct column *column, const char *value, const char *unit, int width,
    int left)
{
	char text[32];

	switch (column->look) {
	case LOOK_TEXT:
		print_text(value, width);
		return;
	case LOOK_LAST:
		printf(
		    " %.*s", left > 0 ? cut(value, left) : (int)strlen(value), value);
		return;
	case LOOK_NUMBER:
		if (value[0] != '-')
			format_short(
			    strtod(value, NULL), 1000, " kMGT", text, sizeof(text));
		break;
	case LOOK_BYTES:
		format_short(strtod(value, NULL), 1024, " KMGT", text, sizeof(text));
		break;
	case LOOK_UNITS:
		snprintf(text, sizeof(text), "%s %s", value, unit);
		break;
	case LOOK_SINCE:
		format_since(value, text, sizeof(text));
		break;
	default:
		snprintf(text, sizeof(text), "%s", value);
		break;
	}
	printf("%*s ", column->width, value[0] == '-' ? "-" : text);
}

/* Of a target whose lines nobody knows, or not yet, PCs are shown. Returns what is. */
static const char *
choose_unit(char **values)
{
	if (values[TARGETS_LINES][0] != '-')
		return "lines";
	values[TARGETS_REACHED] = values[TARGETS_COVERED];
	values[TARGETS_LINES] = values[TARGETS_PCS];
	return "PCs";
}

/* The share of lines, or PCs, that were reached, rounded down as on the page: 100 % is all. */
static void
print_share(const char *covered, const char *of)
{
	double all = strtod(of, NULL);
	char share[16] = "";

	if (covered[0] != '-' && all > 0)
		snprintf(share, sizeof(share), "%.1f%%",
		    (double)(unsigned long)(1000 * strtod(covered, NULL) / all) / 10);
	printf("%6s ", share);
}

static bool
is_shown(const struct column *column)
{
	return column->look != LOOK_HIDDEN && column->look != LOOK_HIDDEN_NUMBER;
}

void
print_table(const struct columns *columns, char *lines)
{
	const bool has_share = columns == &columns_targets;
	int left = terminal_width();
	const int names = name_width(&columns->items[0], plain_lines(lines), left);
	char *values[COLUMNS_MAX], *line;
	const char *unit = "";

	for (int i = 0; i < columns->len; i++) {
		const struct column *column = &columns->items[i];
		const int width = i == 0 ? names : column->width;

		if (!is_shown(column))
			continue;
		if (has_share && column->look == LOOK_LAST) {
			printf("%6s ", "");
			left -= 7;
		}
		if (column->look == LOOK_LAST)
			printf(" %s", column->title);
		else if (is_number(column->look))
			printf("%*s ", width, column->title);
		else
			printf("%-*s ", width, column->title);
		left -= width + 1;
	}
	putchar('\n');
	while ((line = strsep(&lines, "\n")) != NULL) {
		if (!split(columns, line, values))
			continue;
		if (has_share)
			unit = choose_unit(values);
		for (int i = 0; i < columns->len; i++) {
			if (!is_shown(&columns->items[i]))
				continue;
			if (has_share && columns->items[i].look == LOOK_LAST)
				print_share(
				    values[TARGETS_REACHED], values[TARGETS_LINES]);
			print_value(&columns->items[i], values[i], unit,
			    i == 0 ? names : columns->items[i].width, left);
		}
		putchar('\n');
	}
}
