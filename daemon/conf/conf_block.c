/* SPDX-License-Identifier: MIT
 * Specs out of job blocks; libconfuse; in the supervisor.
 */
#include "config.h"

#include "conf_block.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_job.h"
#include "banned.h"

struct writer {
	char *text;
	size_t len;
	char *why;
	size_t why_size;
};

static int
add(struct writer *writer, const char *key, const char *value)
{
	int r = job_spec_add(writer->text, &writer->len, key, value);

	if (r == 0 && writer->len <= JOB_SPEC_CONF_MAX)
		return 0;
	snprintf(writer->why, writer->why_size,
	    "its settings are longer than %d bytes; shorten its lists, or let a script "
	    "hold the command",
	    JOB_SPEC_CONF_MAX);
	return -EINVAL;
}

static int
add_item(struct writer *writer, enum job_instance_item kind, const char *value)
{
	char item[JOB_SPEC_CONF_MAX + 2] = { (char)kind };

	snprintf(item + 1, sizeof(item) - 1, "%.*s", JOB_SPEC_CONF_MAX, value);
	return add(writer, "instance-args", item);
}

static int
add_items(
    struct writer *writer, enum job_instance_item kind, cfg_t *block, const char *key)
{
	int r = 0;

	for (unsigned i = 0; i < cfg_size(block, key) && r == 0; i++)
		r = add_item(writer, kind, cfg_getnstr(block, key, i));
	return r;
}

static unsigned
instances_of(cfg_t *job)
{
	const char *text = cfg_getstr(job, "instances");

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 1;
}

/* Blocks of instance-args become items of one list, in their order. */
static int
add_instance_args(struct writer *writer, cfg_t *job)
{
	char pattern[JOB_SPEC_MAX], why[256];
	int r = 0;

	for (unsigned i = 0; i < cfg_size(job, "instance-args") && r == 0; i++) {
		cfg_t *block = cfg_getnsec(job, "instance-args", i);

		r = conf_job_pattern(cfg_title(block), cfg_getstr(job, "engine"),
		    instances_of(job), pattern, sizeof(pattern), why, sizeof(why));
		if (r < 0)
			snprintf(writer->why, writer->why_size,
			    "instance-args \"%.100s\": %s", cfg_title(block), why);
		if (r == 0)
			r = add_item(writer, JOB_INSTANCE_PATTERN, pattern);
		if (r == 0)
			r = add_items(writer, JOB_INSTANCE_COMMAND, block, "command");
		if (r == 0)
			r = add_items(
			    writer, JOB_INSTANCE_ARGUMENT, block, "engine-args");
		if (r == 0)
			r = add_items(
			    writer, JOB_INSTANCE_ENVIRONMENT, block, "environment");
	}
	return r;
}

static int
write_spec(struct writer *writer, cfg_t *target, const char *name, cfg_t *job)
{
	int r = add(writer, "target", cfg_title(target));

	if (r == 0)
		r = add(writer, "name", name);
	if (r == 0)
		r = add(writer, "executable", cfg_getstr(target, "executable"));
	for (unsigned i = 0; job->opts[i].name != NULL && r == 0; i++) {
		cfg_opt_t *opt = &job->opts[i];

		for (unsigned k = 0;
		    k < cfg_opt_size(opt) && opt->type == CFGT_STR && r == 0; k++)
			if (strcmp(opt->name, "user") != 0)
				r = add(writer, opt->name, cfg_opt_getnstr(opt, k));
	}
	return r == 0 ? add_instance_args(writer, job) : r;
}

/* What runs nothing has no use for how it is run. */
static int
check_attached(cfg_t *job, char *why, size_t why_size)
{
	for (unsigned i = 0; job->opts[i].name != NULL; i++) {
		const char *key = job->opts[i].name;

		if (cfg_opt_size(&job->opts[i]) == 0 || strcmp(key, "attach") == 0 ||
		    strcmp(key, "engine") == 0)
			continue;
		snprintf(why, why_size,
		    "%s says how to run it, and attach that somebody else does; "
		    "expected one of them",
		    key);
		return -EINVAL;
	}
	return 0;
}

int
conf_block_spec(cfg_t *target, const char *name, cfg_t *block,
    char ret_text[JOB_SPEC_MAX], size_t *ret_len, char *ret_why, size_t why_size)
{
	struct writer writer = { ret_text, 0, ret_why, why_size };
	struct job_spec spec = { 0 };
	int r = 0;

	if (cfg_getstr(block, "attach") != NULL)
		r = check_attached(block, ret_why, why_size);
	if (r == 0)
		r = write_spec(&writer, target, name, block);
	if (r < 0)
		return r;
	r = job_spec_parse(ret_text, writer.len, &spec);
	if (r < 0)
		snprintf(ret_why, why_size, "%s", strerror(-r));
	if (r == 0)
		r = conf_job_check_spec(&spec, ret_why, why_size);
	job_spec_free(&spec);
	*ret_len = writer.len;
	return r;
}
