/* SPDX-License-Identifier: MIT
 * Zig 0.14's fuzzer, which is in the test executable itself; in the runner.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

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

static int
command(const struct job_spec *spec, const struct engine_paths *paths,
    unsigned instance, struct launch *launch)
{
	const struct job_words *tests = &spec->tests;
	int r = engine_add_command(spec, launch);

	if (r == 0)
		r = engine_add_words(&spec->engine_args, launch);
	if (r == 0)
		r = add_cache(spec, paths, launch);
	/* Another one each, or instances would try the same inputs. */
	if (r == 0)
		r = launch_word(launch, "--seed=0x%x", arc4random());
	if (r == 0)
		r = launch_word(launch, "--listen=-");
	launch->zig_test =
	    tests->len > 0 ? strtol(tests->items[instance % tests->len], NULL, 10) : 0;
	return r;
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
	.folders = { "cache", "cache/v", "corpus" },
	.command = command,
	.status_text = status_text,
};
