/* SPDX-License-Identifier: MIT
 * Zig's own fuzzer, which is in the test executable itself; in the runner.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "engine.h"
#include "banned.h"

/* Its coverage files lie in "v" below its cache. */
static int
add_cache(const struct job_spec *spec, const struct engine_paths *paths,
    struct launch *launch)
{
	const char *coverage = spec->coverage_dir;
	size_t len = coverage != NULL ? strlen(coverage) : 0;

	if (len > 2 && strcmp(coverage + len - 2, "/v") == 0)
		return launch_word(
		    launch, "--cache-dir=%.*s", (int)(len - 2), coverage);
	return launch_word(launch, "--cache-dir=%s/cache", paths->folder);
}

/* Tests are dealt out to instances; where there are more instances than tests, some fuzz
 * the same. */
static void
deal_tests(const struct job_spec *spec, unsigned instance, struct zig_task *task)
{
	const struct job_words *tests = &spec->tests;
	const unsigned tests_len = tests->len > 0 ? (unsigned)tests->len : 1;

	task->instances = spec->instances;
	task->step = MIN(tests_len, spec->instances);
	task->first = instance % task->step;
	task->instance = instance / task->step;
	task->shares = task->first + task->step < spec->instances;
	task->untouched = tests_len - task->step;
	for (unsigned i = task->first; i < tests_len && task->tests_len < ZIG_TESTS_MAX;
	    i += task->step)
		task->tests[task->tests_len++] =
		    tests->len > 0 ? (uint32_t)strtoul(tests->items[i], NULL, 10) : 0;
}

static int
command(const struct job_spec *spec, const struct engine_paths *paths,
    unsigned instance, struct launch *launch)
{
	int r = engine_add_command(spec, launch);

	if (r == 0)
		r = engine_add_words(&spec->engine_args, launch);
	if (r == 0)
		r = add_cache(spec, paths, launch);
	if (r < 0)
		return r;
	launch->zig.cache =
	    launch->words[launch->words_len - 1] + strlen("--cache-dir=");
	deal_tests(spec, instance, &launch->zig);
	/* Another one each, or instances would try the same inputs. */
	r = launch_word(launch, "--seed=0x%x", arc4random());
	return r == 0 ? launch_word(launch, "--listen=-") : r;
}

static const char *
status_text(int status)
{
	(void)status;
	return "a failed test";
}

const struct engine engine_zig = {
	.kind = JOB_ENGINE_ZIG,
	.stop_signal = SIGTERM,
	.folders = { "cache", "cache/v", "cache/tmp", "corpus", "artifacts" },
	.command = command,
	.status_text = status_text,
};
