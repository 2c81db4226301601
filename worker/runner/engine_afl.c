/* SPDX-License-Identifier: MIT
 * AFL++: a main instance and secondaries over one output folder; in the runner.
 */
#include "config.h"

#include <signal.h>

#include "engine.h"
#include "banned.h"

/* What it would ask a person, or take from the machine without asking; a user's own
 * environment comes later and has the last word. */
static int
add_environment(struct launch *launch)
{
	static const char *const variables[] = { "AFL_AUTORESUME=1", "AFL_NO_UI=1",
		"AFL_NO_AFFINITY=1", "AFL_SKIP_CPUFREQ=1",
		"AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1",
		"AFL_FUZZER_STATS_UPDATE_INTERVAL=5" };
	int r = 0;

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]) && r == 0; i++)
		r = launch_variable(launch, "%s", variables[i]);
	return r;
}

static int
command(const struct job_spec *spec, const struct engine_paths *paths,
    unsigned instance, struct launch *launch)
{
	int r = launch_word(launch, "afl-fuzz");

	if (r == 0)
		r = launch_word(launch, "-i");
	if (r == 0)
		r = launch_word(launch, "%s", paths->corpus);
	if (r == 0)
		r = launch_word(launch, "-o");
	if (r == 0)
		r = launch_word(launch, "%s/out", paths->folder);
	if (r == 0)
		r = launch_word(launch, instance == 0 ? "-M" : "-S");
	if (r == 0)
		r = instance == 0 ? launch_word(launch, "main")
				  : launch_word(launch, "secondary%u", instance);
	if (r == 0 && spec->timeout_ms > 0) {
		r = launch_word(launch, "-t");
		if (r == 0)
			r = launch_word(
			    launch, "%llu", (unsigned long long)spec->timeout_ms);
	}
	if (r == 0)
		r = engine_add_words(&spec->engine_args, launch);
	if (r == 0)
		r = launch_word(launch, "--");
	if (r == 0)
		r = engine_add_command(spec, launch);
	return r == 0 ? add_environment(launch) : r;
}

static const char *
status_text(int status)
{
	return status == 1 ? "afl-fuzz could not go on" : NULL;
}

const struct engine engine_afl = {
	.kind = JOB_ENGINE_AFL,
	.stop_signal = SIGINT,
	.folders = { "out", "corpus" },
	.wants_seed = true,
	.command = command,
	.status_text = status_text,
};
