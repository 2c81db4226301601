/* SPDX-License-Identifier: MIT
 * Checks of the job blocks; in the supervisor.
 */
#include "config.h"

#include "conf_job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_check.h"
#include "job_variables.h"
#include "banned.h"

#define CPUS_MAX 4096

/* ---- single values ---- */

enum check {
	CHECK_ENGINE,
	CHECK_RESTART,
	CHECK_COUNT,
	CHECK_DURATION,
	CHECK_SIZE,
	CHECK_FLAG,
	CHECK_CPUS,
	CHECK_VARIABLE,
	CHECK_WORD
};

static const struct rule {
	const char *key;
	enum check check;
	unsigned long min, max;
} rules[] = {
	{ "engine", CHECK_ENGINE, 0, 0 },
	{ "restart", CHECK_RESTART, 0, 0 },
	{ "instances", CHECK_COUNT, 1, JOB_INSTANCES_MAX },
	{ "weight", CHECK_COUNT, 1, 1000 },
	{ "start-limit", CHECK_COUNT, 0, 1000000 },
	{ "tests", CHECK_COUNT, 0, UINT32_MAX },
	{ "open-files-max", CHECK_COUNT, 16, 1 << 30 },
	{ "processes-max", CHECK_COUNT, 1, 1 << 22 },
	{ "timeout", CHECK_DURATION, 0, 0 },
	{ "run-for", CHECK_DURATION, 0, 0 },
	{ "plateau", CHECK_DURATION, 0, 0 },
	{ "stop-timeout", CHECK_DURATION, 0, 0 },
	{ "memory-max", CHECK_SIZE, 0, 0 },
	{ "file-size-max", CHECK_SIZE, 0, 0 },
	{ "log-max", CHECK_SIZE, 0, 0 },
	{ "autostart", CHECK_FLAG, 0, 0 },
	{ "cpus", CHECK_CPUS, 0, 0 },
	{ "environment", CHECK_VARIABLE, 0, 0 },
	{ "command", CHECK_WORD, 0, 0 },
	{ "engine-args", CHECK_WORD, 0, 0 },
};

/* Ends the sentence in @why with what is allowed. */
static void
list_names(const char *(*name_of)(unsigned), unsigned len, char *why, size_t why_size)
{
	size_t used;

	for (unsigned i = 0; i < len; i++) {
		used = strlen(why);
		snprintf(
		    why + used, why_size - used, "%s %s", i > 0 ? "," : "", name_of(i));
	}
}

static int
check_name(const char *value, const char *(*name_of)(unsigned), unsigned len,
    char *ret_why, size_t why_size)
{
	for (unsigned i = 0; i < len; i++)
		if (strcmp(name_of(i), value) == 0)
			return 0;
	snprintf(ret_why, why_size, "\"%.100s\": expected one of", value);
	list_names(name_of, len, ret_why, why_size);
	return -EINVAL;
}

static int
check_variables(const char *value, char *ret_why, size_t why_size)
{
	if (!job_variables_unknown(value))
		return 0;
	snprintf(ret_why, why_size, "\"%.100s\": ${FUZZSUP_…} is one of", value);
	list_names(job_variable_name, JOB_VARIABLES_LEN, ret_why, why_size);
	return -EINVAL;
}

static int
check_text(enum check check, const char *value, char *ret_why, size_t why_size)
{
	bool cpus[CPUS_MAX];

	switch (check) {
	case CHECK_FLAG:
		snprintf(ret_why, why_size, "\"%.100s\": expected yes or no", value);
		return strcmp(value, "yes") == 0 || strcmp(value, "no") == 0 ? 0
									     : -EINVAL;
	case CHECK_CPUS:
		snprintf(ret_why, why_size,
		    "\"%.100s\": expected a list of CPUs, as in \"0-3,8\"", value);
		return job_numbers_parse(value, cpus, CPUS_MAX);
	case CHECK_VARIABLE:
		snprintf(ret_why, why_size, "\"%.100s\": expected NAME=VALUE", value);
		if (strchr(value, '=') == NULL || value[0] == '=')
			return -EINVAL;
		return check_variables(value, ret_why, why_size);
	case CHECK_WORD:
		return check_variables(value, ret_why, why_size);
	default:
		return 0;
	}
}

int
conf_job_check(const char *key, const char *value, char *ret_normal, size_t size,
    char *ret_why, size_t why_size)
{
	const struct rule *rule = rules;
	int r;

	while (strcmp(rule->key, key) != 0)
		rule++; /* the grammar has no other */
	switch (rule->check) {
	case CHECK_COUNT:
		return conf_check_count(
		    value, rule->min, rule->max, ret_normal, size, ret_why, why_size);
	case CHECK_DURATION:
		return conf_check_duration(value, ret_normal, size, ret_why, why_size);
	case CHECK_SIZE:
		return conf_check_size(value, ret_normal, size, ret_why, why_size);
	case CHECK_ENGINE:
		r = check_name(
		    value, job_engine_name, JOB_ENGINES_LEN, ret_why, why_size);
		break;
	case CHECK_RESTART:
		r = check_name(
		    value, job_restart_name, JOB_RESTARTS_LEN, ret_why, why_size);
		break;
	default:
		r = check_text(rule->check, value, ret_why, why_size);
		break;
	}
	if (r == 0 && strlen(value) >= size) {
		snprintf(ret_why, why_size, "it is longer than %zu bytes", size - 1);
		r = -EINVAL;
	}
	if (r == 0)
		memcpy(ret_normal, value, strlen(value) + 1);
	return r;
}

/* ---- arguments that are ours to give ---- */

static const struct reserved {
	enum job_engine engine;
	const char *prefix;
	const char *remedy;
} reserved[] = {
	{ JOB_ENGINE_LIBFUZZER,
	    "-artifact_prefix=", "artifacts go into the job's folder" },
	{ JOB_ENGINE_LIBFUZZER,
	    "-exact_artifact_path=", "artifacts go into the job's folder" },
	{ JOB_ENGINE_LIBFUZZER, "-jobs=", "use instances = N" },
	{ JOB_ENGINE_LIBFUZZER, "-workers=", "use instances = N" },
	{ JOB_ENGINE_LIBFUZZER, "-print_final_stats=", "it is always on" },
	{ JOB_ENGINE_LIBFUZZER, "-close_fd_mask=2",
	    "the numbers are read from standard error" },
	{ JOB_ENGINE_LIBFUZZER, "-close_fd_mask=3",
	    "use -close_fd_mask=1: the numbers are read from standard error" },
	{ JOB_ENGINE_AFL, "-i", "use corpus = \"PATH\"" },
	{ JOB_ENGINE_AFL, "-o", "findings go into the job's folder" },
	{ JOB_ENGINE_AFL, "-M", "use instances = N: the first is the main one" },
	{ JOB_ENGINE_AFL, "-S",
	    "use instances = N: all but the first are secondaries" },
	{ JOB_ENGINE_AFL, "-b", "use cpus = \"0-3\"" },
	{ JOB_ENGINE_HONGGFUZZ, "-i", "use corpus = \"PATH\"" },
	{ JOB_ENGINE_HONGGFUZZ, "--input", "use corpus = \"PATH\"" },
	{ JOB_ENGINE_HONGGFUZZ, "-W", "findings go into the job's folder" },
	{ JOB_ENGINE_HONGGFUZZ, "--workspace", "findings go into the job's folder" },
	{ JOB_ENGINE_HONGGFUZZ, "--crashdir", "findings go into the job's folder" },
	{ JOB_ENGINE_HONGGFUZZ, "--statsfile", "it is written into the job's folder" },
	{ JOB_ENGINE_REPLAY, "-timeout=", "use timeout = N" },
	{ JOB_ENGINE_ZIG, "--listen=", "the runner speaks with it already" },
};

/* Of engines whose own arguments stand before the program's: those of engine-args. */
static const struct job_words *
arguments_of(const struct job_spec *spec)
{
	return spec->engine == JOB_ENGINE_LIBFUZZER || spec->engine == JOB_ENGINE_ZIG ||
		spec->engine == JOB_ENGINE_REPLAY
	    ? &spec->command
	    : &spec->engine_args;
}

static int
check_words(const struct job_spec *spec, const struct job_words *words, char *ret_why,
    size_t why_size)
{
	for (size_t i = 0; i < words->len; i++)
		for (size_t k = 0; k < sizeof(reserved) / sizeof(reserved[0]); k++)
			if (reserved[k].engine == spec->engine &&
			    strncmp(words->items[i], reserved[k].prefix,
				strlen(reserved[k].prefix)) == 0) {
				snprintf(ret_why, why_size,
				    "the argument \"%.100s\" is not yours to give: %s",
				    words->items[i], reserved[k].remedy);
				return -EINVAL;
			}
	return 0;
}

/* Each instance may have other words. */
static int
check_instances(const struct job_spec *spec, char *ret_why, size_t why_size)
{
	struct job_spec view;
	int r = 0;

	for (unsigned i = 0; i < spec->instances && r == 0; i++) {
		r = job_spec_for_instance(spec, i, &view);
		if (r < 0) {
			snprintf(ret_why, why_size, "instance-args: %s", strerror(-r));
			return -EINVAL;
		}
		r = check_words(&view, arguments_of(&view), ret_why, why_size);
		if (r == 0)
			r = check_words(&view, &view.engine_args, ret_why, why_size);
		free(view.words);
		/* They are all alike where nothing tells them apart. */
		if (spec->instance_args.len == 0)
			break;
	}
	return r;
}

static int
check_engine(const struct job_spec *spec, char *ret_why, size_t why_size)
{
	const enum job_engine engine = spec->engine;

	if (engine == JOB_ENGINE_COMMAND && spec->command.len == 0)
		snprintf(ret_why, why_size,
		    "engine \"command\" has nothing to run; expected command = "
		    "{ \"PROGRAM\", \"ARGUMENT\" }");
	else if (engine == JOB_ENGINE_REPLAY && spec->instances > 1)
		snprintf(ret_why, why_size,
		    "instances = %u: each would run the same inputs; expected 1",
		    spec->instances);
	else if (engine != JOB_ENGINE_REPLAY && spec->corpus.len > 1)
		snprintf(ret_why, why_size,
		    "corpus has %zu folders; expected one: only engine \"replay\" "
		    "takes several, seeds = { \"PATH\", … } is for the others",
		    spec->corpus.len);
	else if (spec->tests.len > 0 && engine != JOB_ENGINE_ZIG)
		snprintf(ret_why, why_size, "tests are only for engine \"zig\"");
	else if (spec->seeds.len > 0 && engine == JOB_ENGINE_ZIG)
		snprintf(ret_why, why_size,
		    "engine \"zig\" reads no folders of seeds; give them to "
		    "std.testing.fuzz in the test, as .corpus");
	else if (spec->attach != NULL && engine != JOB_ENGINE_AFL)
		snprintf(ret_why, why_size,
		    "attach is only for engine \"afl++\"; what others keep can be seen "
		    "by engine \"replay\", its corpus");
	else
		return 0;
	return -EINVAL;
}

/* An instance by its number or, of AFL++, by its name; returns where it ends. NULL: it is
 * none. */
static const char *
read_instance(const char *text, const char *engine, unsigned long *ret_number)
{
	const bool has_names = engine != NULL && strcmp(engine, "afl++") == 0;
	char *end;

	if (has_names && strncmp(text, "main", 4) == 0) {
		*ret_number = 0;
		return text + 4;
	}
	if (has_names && strncmp(text, "secondary", 9) == 0)
		text += 9;
	if (text[0] < '0' || text[0] > '9')
		return NULL;
	*ret_number = strtoul(text, &end, 10);
	return end;
}

/* As above, or a range of them, or all. */
static const char *
read_instances(const char *text, const char *engine, unsigned instances,
    unsigned long *ret_first, unsigned long *ret_last)
{
	if (text[0] == '*') {
		*ret_first = 0;
		*ret_last = instances - 1;
		return text + 1;
	}
	text = read_instance(text, engine, ret_first);
	*ret_last = *ret_first;
	if (text != NULL && text[0] == '-')
		text = read_instance(text + 1, engine, ret_last);
	return text;
}

int
conf_job_pattern(const char *pattern, const char *engine, unsigned instances,
    char *ret_normal, size_t size, char *ret_why, size_t why_size)
{
	unsigned long first = 0, last = 0;
	size_t used = 0;

	for (const char *at = pattern;; at++) {
		at = read_instances(at, engine, instances, &first, &last);
		if (at == NULL || (at[0] != ',' && at[0] != '\0') || last < first) {
			snprintf(ret_why, why_size,
			    "expected instances as in \"0\", \"1-3\", \"2,5\" or "
			    "\"*\"%s",
			    engine != NULL && strcmp(engine, "afl++") == 0
				? ", or their names: main, secondary1, …"
				: "");
			return -EINVAL;
		}
		if (last >= instances) {
			snprintf(ret_why, why_size,
			    "there is no instance %lu; instances = %u gives 0 to %u",
			    last, instances, instances - 1);
			return -EINVAL;
		}
		used += (size_t)snprintf(ret_normal + used, size - used, "%s%lu-%lu",
		    used > 0 ? "," : "", first, last);
		if (used >= size) {
			snprintf(ret_why, why_size, "it is too long");
			return -EINVAL;
		}
		if (at[0] == '\0')
			return 0;
	}
}

int
conf_job_check_spec(const struct job_spec *spec, char *ret_why, size_t why_size)
{
	int r = check_instances(spec, ret_why, why_size);

	return r == 0 ? check_engine(spec, ret_why, why_size) : r;
}

/* ---- the struct ---- */

int
conf_job_copy(const struct conf_job *from, struct conf_job *ret_job)
{
	struct conf_job copy = { .name = strdup(from->name),
		.user = from->user != NULL ? strdup(from->user) : NULL,
		.place = strdup(from->place),
		.spec = malloc(from->spec_len),
		.spec_len = from->spec_len };

	if (copy.name == NULL || copy.spec == NULL || copy.place == NULL ||
	    (from->user != NULL && copy.user == NULL)) {
		conf_job_clear(&copy);
		return -ENOMEM;
	}
	memcpy(copy.spec, from->spec, from->spec_len);
	*ret_job = copy;
	return 0;
}

void
conf_job_clear(struct conf_job *job)
{
	free(job->name);
	free(job->user);
	free(job->place);
	free(job->spec);
	*job = (struct conf_job){ 0 };
}
