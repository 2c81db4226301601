/* SPDX-License-Identifier: MIT
 * A target that is linked with libfuzzsup_replay, over the inputs of any fuzzer; in the
 * runner.
 */
#include "config.h"

#include <signal.h>

#include "engine.h"
#include "banned.h"

/* Its own limit ends the input, ours would the whole driver: let it be first. */
static int
add_limits(const struct job_spec *spec, struct launch *launch)
{
	int r = 0;

	if (spec->timeout_ms > 0)
		r = launch_word(launch, "-timeout=%llu",
		    (unsigned long long)((spec->timeout_ms + 999) / 1000));
	if (r == 0 && spec->memory_max > 0)
		r = launch_word(launch, "-rss_limit_mb=%llu",
		    (unsigned long long)(spec->memory_max / 16 * 15 >> 20));
	return r;
}

static int
command(const struct job_spec *spec, const struct engine_paths *paths,
    unsigned instance, struct launch *launch)
{
	int r = engine_add_command(spec, launch);

	(void)instance;
	if (r == 0)
		r = add_limits(spec, launch);
	if (r == 0)
		r = engine_add_words(&spec->engine_args, launch);
	if (r == 0)
		r = spec->corpus.len > 0 ? engine_add_words(&spec->corpus, launch)
					 : launch_word(launch, "%s", paths->corpus);
	return r == 0 ? engine_add_words(&spec->seeds, launch) : r;
}

static const char *
status_text(int status)
{
	switch (status) {
	case 2:
		return "it does not know an argument";
	case 3:
		return "the target ended before its first input";
	default:
		return NULL;
	}
}

const struct engine engine_replay = {
	.kind = JOB_ENGINE_REPLAY,
	.stop_signal = SIGTERM,
	.folders = { "corpus" },
	.follows = true,
	.command = command,
	.status_text = status_text,
};
