/* SPDX-License-Identifier: MIT
 * AFL++: a main instance and secondaries over one output folder; in the runner.
 */
#include "config.h"

#include <signal.h>
#include <sys/param.h>

#include "engine.h"
#include "banned.h"

#define SYNC_MINUTES 20 /* of AFL++ 4 */

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

/* The main instance takes new seeds where it takes what others find (seeds.c): at its start,
 * and then as often as it looks at them, which costs more the more of them there are. It
 * looks twice as often as it is told: every half minute, with forty of them as AFL++ does
 * without being told, every ten. */
static int
add_sync(const struct job_spec *spec, struct launch *launch)
{
	const unsigned minutes =
	    spec->instances < 4 ? 1 : MIN(spec->instances / 2, SYNC_MINUTES);
	int r = launch_variable(launch, "AFL_IMPORT_FIRST=1");

	return r == 0 ? launch_variable(launch, "AFL_SYNC_TIME=%u", minutes) : r;
}

static int
command(const struct job_spec *spec, const struct engine_paths *paths,
    unsigned instance, struct launch *launch)
{
	int r = launch_word(launch, "afl-fuzz");

	if (r == 0)
		r = launch_word(launch, "-i");
	if (r == 0)
		r = spec->seeds.len > 0 ? launch_word(launch, "%s/input", paths->folder)
					: launch_word(launch, "%s", paths->corpus);
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
	if (r == 0)
		r = add_environment(launch);
	return r == 0 && instance == 0 ? add_sync(spec, launch) : r;
}

static const char *
status_text(int status)
{
	return status == 1 ? "afl-fuzz could not go on" : NULL;
}

const struct engine engine_afl = {
	.kind = JOB_ENGINE_AFL,
	.stop_signal = SIGINT,
	.folders = { "out", "corpus", "input" },
	.wants_seed = true,
	.seeds_use = SEEDS_ARE_QUEUED,
	.command = command,
	.status_text = status_text,
};
