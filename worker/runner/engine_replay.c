/* SPDX-License-Identifier: MIT
 * A target that is linked with libfuzzsup_replay, over the inputs of any fuzzer; in the
 * runner.
 */
#include "config.h"

#include <signal.h>

#include "engine.h"
#include "banned.h"

static int
command(const struct job_spec *spec, const struct engine_paths *paths,
    unsigned instance, struct launch *launch)
{
	int r = engine_add_command(spec, launch);

	(void)instance;
	if (r == 0 && spec->timeout_ms > 0)
		r = launch_word(launch, "-timeout=%llu",
		    (unsigned long long)((spec->timeout_ms + 999) / 1000));
	/* Flags, and further folders. */
	if (r == 0)
		r = engine_add_words(&spec->engine_args, launch);
	return r == 0 ? launch_word(launch, "%s", paths->corpus) : r;
}

static const char *
status_text(int status)
{
	switch (status) {
	case 2:
		return "it does not know an argument: see its log";
	case 3:
		return "the target ended before its first input: see its log";
	default:
		return NULL;
	}
}

const struct engine engine_replay = {
	.kind = JOB_ENGINE_REPLAY,
	.stop_signal = SIGTERM,
	.folders = { "corpus" },
	.command = command,
	.status_text = status_text,
};
