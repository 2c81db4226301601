/* SPDX-License-Identifier: MIT
 * What replay jobs follow; in the supervisor.
 */
#include "config.h"

#include "conf_follow.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

struct follower {
	char text[JOB_SPEC_MAX];
	size_t len;
	size_t own_len; /* of what its block says itself */
};

static bool
is_there(const struct follower *follower, const char *path)
{
	for (size_t at = follower->own_len; at < follower->len;
	    at += strlen(follower->text + at) + 1)
		if (strcmp(follower->text + at + strlen("corpus="), path) == 0)
			return true;
	return false;
}

static int
follow(struct follower *follower, const char *path)
{
	if (is_there(follower, path))
		return 0;
	if (follower->len + strlen(path) + strlen("corpus=") + 1 > JOB_SPEC_CONF_MAX)
		return -E2BIG;
	return job_spec_add(follower->text, &follower->len, "corpus", path);
}

static int
follow_own_folder(struct follower *follower, const struct conf *conf,
    const struct job_spec *spec, const char *below)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/jobs/%s/%s/%s", conf->state_dir,
		spec->target, spec->name, below) >= (int)sizeof(path))
		return -E2BIG;
	return follow(follower, path);
}

static bool
makes_inputs(const struct job_spec *spec)
{
	return spec->engine != JOB_ENGINE_REPLAY && spec->engine != JOB_ENGINE_ZIG;
}

/* Where a job that finds inputs keeps them, and what it begins with. */
static int
follow_job(
    struct follower *follower, const struct conf *conf, const struct job_spec *spec)
{
	int r = 0;

	if (!makes_inputs(spec))
		return 0;
	if (spec->attach != NULL)
		return follow(follower, spec->attach);
	for (size_t i = 0; i < spec->corpus.len && r == 0; i++)
		r = follow(follower, spec->corpus.items[i]);
	if (r == 0 && spec->corpus.len == 0)
		r = follow_own_folder(follower, conf, spec, "corpus");
	if (r == 0 && spec->engine == JOB_ENGINE_AFL)
		r = follow_own_folder(follower, conf, spec, "out");
	for (size_t i = 0; i < spec->seeds.len && r == 0; i++)
		r = follow(follower, spec->seeds.items[i]);
	return r;
}

static int
follow_others(const struct conf *conf, const struct conf_target *target,
    struct conf_job *job, struct follower *follower)
{
	struct job_spec spec;
	int r = 0;

	memcpy(follower->text, job->spec, job->spec_len);
	follower->len = follower->own_len = job->spec_len;
	for (size_t i = 0; i < target->jobs_len && r == 0; i++) {
		r = job_spec_parse(
		    target->jobs[i].spec, target->jobs[i].spec_len, &spec);
		if (r < 0)
			return r;
		r = follow_job(follower, conf, &spec);
		job_spec_free(&spec);
	}
	return r;
}

/* Inputs are often their owner's alone: AFL++ makes its folders so. A driver of no user of
 * its own runs as the one who makes them, where that is one. */
static int
follow_user(const struct conf_target *target, struct conf_job *job)
{
	const char *user = NULL;
	struct job_spec spec;
	bool is_found;

	for (size_t i = 0; i < target->jobs_len; i++) {
		int r = job_spec_parse(
		    target->jobs[i].spec, target->jobs[i].spec_len, &spec);

		if (r < 0)
			return r;
		is_found = makes_inputs(&spec) && spec.attach == NULL;
		job_spec_free(&spec);
		if (!is_found)
			continue;
		if (target->jobs[i].user == NULL ||
		    (user != NULL && strcmp(target->jobs[i].user, user) != 0))
			return 0;
		user = target->jobs[i].user;
	}
	if (user == NULL)
		return 0;
	job->user = strdup(user);
	return job->user != NULL ? 0 : -ENOMEM;
}

static int
complete(const struct conf *conf, const struct conf_target *target,
    struct conf_job *job, conf_error_cb error_cb, void *context)
{
	struct follower follower;
	char message[PATH_MAX + 256];
	struct job_spec spec;
	bool follows;
	char *text;
	int r = job_spec_parse(job->spec, job->spec_len, &spec);

	if (r < 0)
		return r;
	follows = spec.engine == JOB_ENGINE_REPLAY && spec.corpus.len == 0;
	job_spec_free(&spec);
	if (!follows)
		return 0;
	r = follow_others(conf, target, job, &follower);
	if (r == -E2BIG) {
		snprintf(message, sizeof(message),
		    "%s: job \"%s\": the folders of its target's jobs, which it "
		    "follows, "
		    "are longer than %d bytes; name some in corpus, and others in a "
		    "second "
		    "job",
		    job->place, job->name, JOB_SPEC_CONF_MAX);
		error_cb(message, context);
		return -EINVAL;
	}
	if (r == 0 && job->user == NULL)
		r = follow_user(target, job);
	if (r < 0)
		return r;
	text = malloc(follower.len);
	if (text == NULL)
		return -ENOMEM;
	memcpy(text, follower.text, follower.len);
	free(job->spec);
	job->spec = text;
	job->spec_len = follower.len;
	return 0;
}

int
conf_follow(struct conf *conf, conf_error_cb error_cb, void *context)
{
	int r = 0;

	for (size_t i = 0; i < conf->targets_len; i++)
		for (size_t k = 0; k < conf->targets[i].jobs_len && r == 0; k++)
			r = complete(conf, &conf->targets[i], &conf->targets[i].jobs[k],
			    error_cb, context);
	return r;
}
