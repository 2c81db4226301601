/* SPDX-License-Identifier: MIT
 * honggfuzz; in the runner.
 */
#include "config.h"

#include <signal.h>

#include "engine.h"
#include "banned.h"

static int
command(const struct job_spec *spec, const struct engine_paths *paths,
    unsigned instance, struct launch *launch)
{
	int r = launch_word(launch, "honggfuzz");

	(void)instance;
	if (r == 0)
		r = launch_word(launch, "--input");
	if (r == 0)
		r = launch_word(launch, "%s", paths->corpus);
	if (r == 0)
		r = launch_word(launch, "--workspace=%s/honggfuzz", paths->folder);
	if (r == 0)
		r = launch_word(launch, "--crashdir=%s/artifacts", paths->folder);
	if (r == 0)
		r = launch_word(
		    launch, "--statsfile=%s/honggfuzz/stats", paths->folder);
	if (r == 0)
		r = launch_word(launch, "--verbose");
	if (r == 0 && spec->timeout_ms > 0)
		r = launch_word(launch, "--timeout=%llu",
		    (unsigned long long)((spec->timeout_ms + 999) / 1000));
	if (r == 0)
		r = engine_add_words(&spec->engine_args, launch);
	if (r == 0)
		r = launch_word(launch, "--");
	return r == 0 ? engine_add_command(spec, launch) : r;
}

const struct engine engine_honggfuzz = {
	.kind = JOB_ENGINE_HONGGFUZZ,
	.stop_signal = SIGINT,
	.folders = { "artifacts", "corpus", "honggfuzz" },
	.wants_seed = true,
	.seeds_use = SEEDS_ARE_COPIED,
	.writes_corpus = true,
	.command = command,
};
