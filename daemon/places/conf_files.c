/* SPDX-License-Identifier: MIT
 * Whether what a configuration names is there.
 */
#include "config.h"

#include "conf_files.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "conf_probe.h"
#include "find_program.h"
#include "plain_text.h"
#include "privs.h"
#include "users.h"
#include "banned.h"

#define DEADLINE_MS 5000

struct check {
	conf_error_cb report_cb;
	void *context;
	size_t errors;
};

static void __attribute__((format(printf, 2, 0)))
print(struct check *check, const char *format, va_list args)
{
	char text[4608];

	vsnprintf(text, sizeof(text), format, args);
	check->report_cb(plain_string(text), check->context);
}

static void __attribute__((format(printf, 2, 3)))
report(struct check *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(check, format, args);
	va_end(args);
}

/* What a start would fail of, or a job. */
static void __attribute__((format(printf, 2, 3)))
fail(struct check *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(check, format, args);
	va_end(args);
	check->errors++;
}

/* @then: what the service makes of it. */
static void
check_path(struct check *check, const char *target, const char *what, const char *path,
    bool directory, const char *then)
{
	struct stat st;

	if (stat(path, &st) != 0)
		report(check, "warning: target %s: %s %s: %s; %s", target, what, path,
		    strerror(errno), then);
	else if (directory && !S_ISDIR(st.st_mode))
		report(check, "warning: target %s: %s %s: is not a directory", target,
		    what, path);
	else if (access(path, R_OK) != 0)
		report(check, "warning: target %s: %s %s: %s", target, what, path,
		    strerror(errno));
}

static void
check_program(struct check *check, const struct conf_job *job, const char *target,
    const char *name)
{
	char path[PATH_MAX];
	int r = find_program(name, path, sizeof(path));

	if (r < 0)
		report(check, "warning: %s: job %s/%s: %s: %s; it will be waited for",
		    job->place, target, job->name, name,
		    r == -EACCES                    ? "cannot be executed; try chmod +x"
			: r != -ENOENT              ? strerror(-r)
			: strchr(name, '/') == NULL ? "no such program in PATH"
						    : "there is no such program");
}

static void
check_attached(struct check *check, const struct conf_job *job, const char *target,
    const char *path)
{
	struct stat st;
	const char *why = stat(path, &st) != 0 ? strerror(errno)
	    : !S_ISDIR(st.st_mode)             ? "is not a directory"
					       : NULL;

	if (why != NULL)
		report(check,
		    "warning: %s: job %s/%s: attach %s: %s; it will be waited for",
		    job->place, target, job->name, path, why);
}

/* All that its instances execute, each once. */
static void
check_programs(
    struct check *check, const struct conf_job *job, const struct job_spec *spec)
{
	const char *last =
	    spec->command.len > 0 ? spec->command.items[0] : spec->executable;
	struct job_spec view;

	if (spec->engine == JOB_ENGINE_AFL)
		check_program(check, job, spec->target, "afl-fuzz");
	if (spec->engine == JOB_ENGINE_HONGGFUZZ)
		check_program(check, job, spec->target, "honggfuzz");
	if (strcmp(last, spec->executable) != 0)
		check_program(check, job, spec->target, last);
	for (unsigned i = 0; i < spec->instances && spec->instance_args.len > 0; i++) {
		if (job_spec_for_instance(spec, i, &view) < 0)
			return;
		if (view.command.len > 0 && strcmp(view.command.items[0], last) != 0) {
			last = view.command.items[0];
			check_program(check, job, spec->target, last);
		}
		free(view.words);
	}
}

static void
check_files(struct check *check, const struct conf_job *job)
{
	struct job_spec spec;

	if (job_spec_parse(job->spec, job->spec_len, &spec) < 0)
		return; /* it was made of it: only memory can be wanting */
	if (spec.attach != NULL)
		check_attached(check, job, spec.target, spec.attach);
	else
		check_programs(check, job, &spec);
	job_spec_free(&spec);
}

static void
check_target(struct check *check, const struct conf_target *target)
{
	check_path(check, target->name, "executable", target->executable, false,
	    "it will be waited for");
	if (target->coverage != NULL)
		check_path(check, target->name, "coverage", target->coverage, false,
		    "it will be waited for");
	for (size_t i = 0; i < target->source_roots.len; i++)
		check_path(check, target->name, "source root",
		    target->source_roots.items[i], true,
		    "sources below it will not be shown");
	for (size_t i = 0; i < target->jobs_len; i++)
		check_files(check, &target->jobs[i]);
}

/* ---- jobs ---- */

static void
check_job(struct check *check, const struct conf *conf,
    const struct conf_target *target, const struct conf_job *job, uid_t workers)
{
	char coverage[PATH_MAX];
	struct job_spec spec;
	struct probe_user probe_user;
	struct user user;
	int r = users_of_job(job->user, workers, &user);

	if (r < 0) {
		fail(check, "%s: job %s/%s: its user %s: %s", job->place, target->name,
		    job->name, job->user != NULL ? job->user : "", users_problem(r));
		return;
	}
	if (job_spec_parse(job->spec, job->spec_len, &spec) < 0)
		return; /* conf_load() has found it sound */
	conf_target_coverage(
	    target, &conf->coverage_dirs, spec.engine, coverage, sizeof(coverage));
	probe_user = users_for_probe(&user);
	if (spec.attach == NULL)
		check->errors += conf_probe_job(&spec, job->place, &probe_user,
		    coverage[0] != '\0' ? coverage : NULL,
		    clock_ms(CLOCK_MONOTONIC) + DEADLINE_MS, check->report_cb,
		    check->context);
	job_spec_free(&spec);
}

/* Users of workers and of jobs, and what these can do. */
static void
check_jobs(struct check *check, const struct conf *conf)
{
	struct user workers;
	int r = users_of_workers(conf->user, &workers);

	if (r < 0) {
		fail(check, "%s: user %s: %s", conf->user_place, conf->user,
		    users_problem(r));
		return;
	}
	for (size_t i = 0; i < conf->targets_len; i++)
		for (size_t k = 0; k < conf->targets[i].jobs_len; k++)
			check_job(check, conf, &conf->targets[i],
			    &conf->targets[i].jobs[k], workers.uid);
}

/* ---- the service ---- */

static void
check_folder(struct check *check, const char *key, const char *path)
{
	char why[512];
	int r = conf_probe_own(
	    path, clock_ms(CLOCK_MONOTONIC) + DEADLINE_MS, why, sizeof(why));

	if (r == -ENOSPC || r == -EDQUOT)
		report(check, "warning: %s %s: %s", key, path, why);
	else if (r < 0)
		fail(check, "error: %s %s: %s", key, path, why);
}

/* All are open at the same time: two equal ones are found, too. */
static void
check_listeners(struct check *check, const struct conf *conf)
{
	int fds[CONF_LISTEN_MAX], r;
	char text[256];
	size_t len = 0;

	for (size_t i = 0; i < conf->listen.len && len < CONF_LISTEN_MAX; i++) {
		const char *address = conf->listen.items[i];

		if (strncmp(address, "unix:", 5) == 0)
			continue; /* a service that runs may have it */
		r = privs_listen(address, &fds[len], text, sizeof(text));
		if (r == 0)
			len++;
		else
			fail(check, "error: listen %s: %s%s", address, strerror(-r),
			    r == -EADDRINUSE ? "; another program has it, or it "
					       "stands here twice"
					     : "");
	}
	while (len > 0)
		close(fds[--len]);
}

/* What a service that runs with this configuration has is not tried. */
static void
check_service(struct check *check, const struct conf *conf)
{
	char control[PATH_MAX];

	privs_control_path(conf, control, sizeof(control));
	check_folder(check, "state-dir", conf->state_dir);
	for (size_t i = 0; i < conf->coverage_dirs.len; i++)
		check_folder(check, "coverage-dir", conf->coverage_dirs.items[i]);
	if (privs_is_listening(control))
		return;
	check_listeners(check, conf);
	if (conf->control != NULL) {
		*strrchr(control, '/') = '\0';
		if (control[0] != '\0' && access(control, W_OK | X_OK) != 0)
			fail(check, "error: control %s: %s: %s", conf->control, control,
			    strerror(errno));
		if (strlen(conf->control) >=
		    sizeof(((struct sockaddr_un *)NULL)->sun_path))
			fail(check, "error: control %s: it is longer than %zu bytes",
			    conf->control,
			    sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
	}
}

size_t
conf_files_check(const struct conf *conf, conf_error_cb report_cb, void *context)
{
	struct check check = { .report_cb = report_cb, .context = context };

	check_service(&check, conf);
	for (size_t i = 0; i < conf->targets_len; i++)
		check_target(&check, &conf->targets[i]);
	check_jobs(&check, conf);
	return check.errors;
}
