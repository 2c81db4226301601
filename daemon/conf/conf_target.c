/* SPDX-License-Identifier: MIT
 * What can be done with a configuration once it is read; in the supervisor.
 */
#include "config.h"

#include "conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "banned.h"

void
conf_target_clear(struct conf_target *target)
{
	free(target->name);
	free(target->executable);
	free(target->coverage);
	string_list_clear(&target->source_roots);
	string_list_clear(&target->source_exclude);
	string_list_clear(&target->entry_points);
	for (size_t i = 0; i < target->jobs_len; i++)
		conf_job_clear(&target->jobs[i]);
	free(target->jobs);
	*target = (struct conf_target){ 0 };
}

static int
copy_jobs(const struct conf_target *from, struct conf_target *copy)
{
	int r = 0;

	copy->jobs = calloc(from->jobs_len + 1, sizeof(*copy->jobs));
	if (copy->jobs == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < from->jobs_len && r == 0; i++) {
		r = conf_job_copy(&from->jobs[i], &copy->jobs[i]);
		copy->jobs_len += r == 0;
	}
	return r;
}

int
conf_target_copy(const struct conf_target *from, struct conf_target *ret_target)
{
	struct conf_target copy = { 0 };
	int r;

	copy.name = strdup(from->name);
	copy.executable = strdup(from->executable);
	if (from->coverage != NULL)
		copy.coverage = strdup(from->coverage);
	r = copy.name == NULL || copy.executable == NULL ||
		(from->coverage != NULL && copy.coverage == NULL)
	    ? -ENOMEM
	    : 0;
	if (r == 0)
		r = string_list_copy(&copy.source_roots, &from->source_roots);
	if (r == 0)
		r = string_list_copy(&copy.source_exclude, &from->source_exclude);
	if (r == 0)
		r = string_list_copy(&copy.entry_points, &from->entry_points);
	if (r == 0)
		r = copy_jobs(from, &copy);
	if (r < 0) {
		conf_target_clear(&copy);
		return r;
	}
	*ret_target = copy;
	return 0;
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
conf_target_equal(const struct conf_target *a, const struct conf_target *b)
{
	return same(a->name, b->name) && same(a->executable, b->executable) &&
	    same(a->coverage, b->coverage) &&
	    string_list_equal(&a->source_roots, &b->source_roots) &&
	    string_list_equal(&a->source_exclude, &b->source_exclude) &&
	    string_list_equal(&a->entry_points, &b->entry_points);
}

static int
compare_name(const void *name, const void *target)
{
	return strcmp(name, ((const struct conf_target *)target)->name);
}

const struct conf_target *
conf_find(const struct conf *conf, const char *name)
{
	return bsearch(name, conf->targets, conf->targets_len, sizeof(*conf->targets),
	    compare_name);
}

bool
conf_name_valid(const char *name)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = name != NULL ? strlen(name) : 0;

	return len > 0 && len <= 63 && strspn(name, letters) == len &&
	    strchr("._-", name[0]) == NULL;
}

void
conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	for (size_t i = 0; i < conf->targets_len; i++)
		conf_target_clear(&conf->targets[i]);
	free(conf->targets);
	string_list_clear(&conf->listen);
	string_list_clear(&conf->allowed_hosts);
	string_list_clear(&conf->coverage_dirs);
	string_list_clear(&conf->debug_roots);
	string_list_clear(&conf->health_ignores);
	free(conf->state_dir);
	free(conf->control);
	free(conf->user);
	free(conf->user_place);
	free(conf->wasm_compiler);
	free(conf);
}

void
conf_target_coverage(const struct conf_target *target,
    const struct string_list *defaults, enum job_engine engine, char *ret_path,
    size_t size)
{
	const char *path = target->coverage;
	struct stat st;

	ret_path[0] = '\0';
	if (path == NULL && engine != JOB_ENGINE_ZIG && defaults->len > 0)
		path = defaults->items[0];
	if (path == NULL)
		return;
	snprintf(ret_path, size, "%s", path);
	/* A file's folder: new builds make new files there. */
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode) && strchr(path, '/') != path)
		*strrchr(ret_path, '/') = '\0';
}
