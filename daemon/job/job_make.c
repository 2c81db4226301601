/* SPDX-License-Identifier: MIT
 * Making a job of its block in the configuration; in the supervisor.
 */
#include "config.h"

#include "job_make.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "clock.h"
#include "job_spec.h"
#include "make_folder.h"
#include "privs.h"
#include "users.h"
#include "banned.h"

void
job_free(struct job *job)
{
	free(job->target);
	free(job->name);
	free(job->spec);
	free(job->folder);
	string_list_clear(&job->corpus);
	free(job->ends);
	free(job->others);
	free(job->executable);
	job_attach_free(job->attach);
	free(job);
}

static int
add_number(char *text, size_t *len, const char *key, unsigned long number)
{
	char value[24];

	snprintf(value, sizeof(value), "%lu", number);
	return job_spec_add(text, len, key, value);
}

void
job_refuse(struct job *job, const char *format, ...)
{
	va_list args;

	if (job->problem[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(job->problem, sizeof(job->problem), format, args);
	va_end(args);
	job->report = (struct job_report){ .state = JOB_STATE_FAILED,
		.instances = job->instances,
		.starts = job_starts(job),
		.ran_ms = job_ran_ms(job),
		.since_ms = clock_ms(CLOCK_REALTIME) };
	memcpy(job->report.reason, job->problem, sizeof(job->report.reason));
	job->has_report = true;
}

static int
add_user(const struct jobs *jobs, const struct conf_job *conf, struct job *job,
    char *text, size_t *len)
{
	char groups[USER_GROUPS_MAX * 11];
	struct user user;
	int r = users_of_job(conf->user, jobs->supervisor->setup.uid, &user);

	if (r < 0) {
		job_refuse(job, "its user %s: %s", conf->user != NULL ? conf->user : "",
		    users_problem(r));
		job->uid = UINT32_MAX;
		return 0;
	}
	job->uid = user.uid;
	users_print_groups(&user, groups, sizeof(groups));
	r = add_number(text, len, "uid", user.uid);
	if (r == 0)
		r = add_number(text, len, "gid", user.gid);
	if (r == 0 && groups[0] != '\0')
		r = job_spec_add(text, len, "groups", groups);
	return r;
}

int
job_complete(const struct jobs *jobs, const struct conf_target *target,
    const struct conf_job *conf, struct job *job)
{
	char text[JOB_SPEC_MAX], coverage[4096];
	size_t len = conf->spec_len;
	int r;

	conf_target_coverage(target, &jobs->supervisor->coverage_dirs, job->engine,
	    coverage, sizeof(coverage));
	memcpy(text, conf->spec, len);
	r = job_spec_add(text, &len, "folder", job->folder);
	if (r == 0 && coverage[0] != '\0')
		r = job_spec_add(text, &len, "coverage-dir", coverage);
	if (r == 0)
		r = add_user(jobs, conf, job, text, &len);
	if (r == 0)
		r = account_add(job->uid, text, &len);
	if (r == -E2BIG) {
		job_refuse(job, "its settings and folders are longer than %d bytes",
		    JOB_SPEC_MAX);
		r = 0;
	}
	free(job->spec);
	job->spec = malloc(len);
	if (job->spec == NULL)
		return -ENOMEM;
	memcpy(job->spec, text, len);
	job->spec_len = len;
	return r;
}

static bool
runs_target(const struct job_spec *spec)
{
	return spec->command.len == 0 ||
	    strcmp(spec->command.items[0], spec->executable) == 0;
}

/* The instances that do not run what the job does, as a list; NULL if there are none. */
static int
name_others(const struct job_spec *spec, char **ret_others)
{
	char text[JOB_INSTANCES_MAX * 4] = "";
	struct job_spec view;
	size_t used = 0;
	int r;

	for (unsigned i = 0; i < spec->instances && spec->instance_args.len > 0; i++) {
		r = job_spec_for_instance(spec, i, &view);
		if (r < 0)
			return r;
		if (!runs_target(&view))
			used += (size_t)snprintf(text + used, sizeof(text) - used,
			    "%s%u", used > 0 ? "," : "", i);
		free(view.words);
	}
	if (used == 0)
		return 0;
	*ret_others = strdup(text);
	return *ret_others != NULL ? 0 : -ENOMEM;
}

int
job_make(const struct jobs *jobs, const struct conf_target *target,
    const struct conf_job *conf, struct job **ret_job)
{
	struct job *job = calloc(1, sizeof(*job));
	struct job_spec spec = { 0 };
	int r;

	if (job == NULL)
		return -ENOMEM;
	r = job_spec_parse(conf->spec, conf->spec_len, &spec);
	job->target = strdup(target->name);
	job->name = strdup(conf->name);
	job->executable = strdup(target->executable);
	if (r == 0 &&
	    (job->target == NULL || job->name == NULL || job->executable == NULL ||
		asprintf(&job->folder, "%s/jobs/%s/%s",
		    jobs->supervisor->conf->state_dir, target->name, conf->name) < 0))
		r = -ENOMEM;
	job->engine = spec.engine;
	job->instances = spec.instances;
	if (r == 0) {
		job->runs_target = runs_target(&spec);
		r = name_others(&spec, &job->others);
	}
	for (size_t i = 0;
	    r == 0 && spec.engine != JOB_ENGINE_REPLAY && i < spec.corpus.len; i++)
		r = string_list_add(&job->corpus, spec.corpus.items[i]);
	if (r == 0 && spec.attach != NULL)
		r = job_attach_new(spec.attach, &job->attach);
	job->plateau_ms = spec.plateau_ms;
	job->autostart = job->wanted = spec.autostart;
	job_spec_free(&spec);
	if (r == 0)
		r = job_complete(jobs, target, conf, job);
	if (r < 0) {
		job_free(job);
		return r;
	}
	r = make_folder(job->folder, 0755);
	if (r < 0)
		job_refuse(job, "its folder %.200s cannot be made: %s", job->folder,
		    strerror(-r));
	*ret_job = job;
	return 0;
}
