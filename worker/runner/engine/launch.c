/* SPDX-License-Identifier: MIT
 * Gathering what an instance is started with; in the runner.
 */
#include "config.h"

#include "launch.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

extern char **environ;

/* A formatted copy in the launch's own text; NULL if it is full. */
static char *
store(struct launch *launch, const char *format, va_list args)
{
	char *at = launch->text + launch->text_len;
	size_t left = sizeof(launch->text) - launch->text_len;
	int n = vsnprintf(at, left, format, args);

	if (n < 0 || (size_t)n >= left)
		return NULL;
	launch->text_len += (size_t)n + 1;
	return at;
}

int
launch_word(struct launch *launch, const char *format, ...)
{
	va_list args;
	char *word;

	if (launch->words_len + 1 >= LAUNCH_WORDS_MAX)
		return -E2BIG;
	va_start(args, format);
	word = store(launch, format, args);
	va_end(args);
	if (word == NULL)
		return -E2BIG;
	launch->words[launch->words_len++] = word;
	return 0;
}

static int
set_variable(struct launch *launch, char *variable)
{
	size_t name = strcspn(variable, "=") + 1;

	for (size_t i = 0; i < launch->environment_len; i++)
		if (strncmp(launch->environment[i], variable, name) == 0) {
			launch->environment[i] = variable;
			return 0;
		}
	if (launch->environment_len + 1 >= LAUNCH_WORDS_MAX)
		return -E2BIG;
	launch->environment[launch->environment_len++] = variable;
	return 0;
}

int
launch_variable(struct launch *launch, const char *format, ...)
{
	va_list args;
	char *variable;

	va_start(args, format);
	variable = store(launch, format, args);
	va_end(args);
	return variable != NULL ? set_variable(launch, variable) : -E2BIG;
}

/* Patterns as of fnmatch(3). */
static bool
is_inherited(const char *variable)
{
	static const char *const names[] = { "PATH=*", "LANG=*", "LANGUAGE=*", "LC_*",
		"TZ=*", "TMPDIR=*", "LD_LIBRARY_PATH=*", "*SAN_OPTIONS=*",
		"*SAN_SYMBOLIZER_PATH=*", "AFL_*" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const size_t name = strcspn(variable, "=");
		char start[64];

		/* Values must not match. */
		if (name + 2 > sizeof(start))
			return false;
		memcpy(start, variable, name + 1);
		start[name + 1] = '\0';
		if (fnmatch(names[i], start, 0) == 0)
			return true;
	}
	return false;
}

void
launch_inherit_environment(struct launch *launch)
{
	for (char **variable = environ; *variable != NULL; variable++)
		if (is_inherited(*variable))
			set_variable(launch, *variable);
}

const char *
launch_expand(struct launch *launch, const char *text,
    const char *const values[JOB_VARIABLES_LEN])
{
	char *at = launch->text + launch->text_len;

	if (job_variables_expand(
		text, values, at, sizeof(launch->text) - launch->text_len) < 0)
		return NULL;
	launch->text_len += strlen(at) + 1;
	return at;
}
