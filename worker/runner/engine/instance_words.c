/* SPDX-License-Identifier: MIT
 * Variables and words of an instance; in the runner.
 */
#include "config.h"

#include "instance_words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "find_file.h"
#include "banned.h"

/* Where its user is at home; where that is nowhere, its own folder, since many programs
 * end without one. */
static int
add_account(const struct job_spec *spec, const char *folder, struct launch *launch)
{
	struct stat st;
	const bool home =
	    spec->home != NULL && stat(spec->home, &st) == 0 && S_ISDIR(st.st_mode);
	int r = launch_variable(
	    launch, "HOME=%s%s", home ? spec->home : folder, home ? "" : "/work");

	if (r == 0 && spec->login != NULL)
		r = launch_variable(launch, "USER=%s", spec->login);
	if (r == 0 && spec->login != NULL)
		r = launch_variable(launch, "LOGNAME=%s", spec->login);
	if (r == 0 && spec->shell != NULL && spec->shell[0] != '\0')
		r = launch_variable(launch, "SHELL=%s", spec->shell);
	return r;
}

static int
join_seeds(const struct job_spec *spec, char *ret_text, size_t size)
{
	size_t used = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < spec->seeds.len; i++) {
		used += (size_t)snprintf(ret_text + used, size - used, "%s%s",
		    i > 0 ? ":" : "", spec->seeds.items[i]);
		if (used >= size)
			return -E2BIG;
	}
	return 0;
}

static int
expand_words(struct launch *launch, struct job_words *words,
    const char *const values[JOB_VARIABLES_LEN])
{
	for (size_t i = 0; i < words->len; i++) {
		/* The lists are the view's own. */
		words->items[i] = launch_expand(launch, words->items[i], values);
		if (words->items[i] == NULL)
			return -E2BIG;
	}
	return 0;
}

static int
expand(struct launch *launch, struct job_spec *view,
    const char *const values[JOB_VARIABLES_LEN])
{
	int r = 0;

	for (unsigned i = 0; i < JOB_VARIABLES_LEN && r == 0; i++)
		if (values[i] != NULL)
			r = launch_variable(
			    launch, "%s=%s", job_variable_name(i), values[i]);
	if (r == 0)
		r = expand_words(launch, &view->command, values);
	if (r == 0)
		r = expand_words(launch, &view->engine_args, values);
	return r == 0 ? expand_words(launch, &view->environment, values) : r;
}

int
instance_words_make(const struct job_spec *spec, const struct engine_paths *paths,
    unsigned instance, struct launch *launch, struct job_spec *ret_view)
{
	char number[16], seeds[JOB_SPEC_MAX], finds[4096];
	const char *const values[JOB_VARIABLES_LEN] = {
		[JOB_FUZZSUP_TARGET] = spec->target,
		[JOB_FUZZSUP_JOB] = spec->name,
		[JOB_FUZZSUP_INSTANCE] = number,
		[JOB_FUZZSUP_EXECUTABLE] = spec->executable,
		[JOB_FUZZSUP_FOLDER] = paths->folder,
		[JOB_FUZZSUP_CORPUS] = paths->corpus,
		[JOB_FUZZSUP_SEEDS] = spec->seeds.len > 0 ? seeds : NULL,
		[JOB_FUZZSUP_DIR] = spec->coverage_dir,
		[JOB_FUZZSUP_FINDS] = finds,
	};
	struct job_spec view = { 0 };
	int r;

	launch_inherit_environment(launch);
	snprintf(number, sizeof(number), "%u", instance);
	snprintf(finds, sizeof(finds), "%.4000s/" FIND_FOLDER "/%u", paths->folder,
	    instance);
	r = add_account(spec, paths->folder, launch);
	if (r == 0)
		r = join_seeds(spec, seeds, sizeof(seeds));
	if (r == 0)
		r = job_spec_for_instance(spec, instance, &view);
	if (r == 0)
		r = expand(launch, &view, values);
	if (r < 0) {
		free(view.words);
		return r;
	}
	*ret_view = view;
	return 0;
}
