/* SPDX-License-Identifier: MIT
 * Replay: a coverage build of a target, linked with libfuzzsup_replay, runs every input
 * that comes into a corpus; in the runner.
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
	if (r == 0)
		r = engine_add_words(&spec->engine_args, launch);
	if (r == 0 && spec->timeout_ms > 0)
		r = launch_word(launch, "-timeout=%llu",
		    (unsigned long long)((spec->timeout_ms + 999) / 1000));
	if (r == 0)
		r = launch_word(launch, "-watch");
	return r == 0 ? launch_word(launch, "%s", paths->corpus) : r;
}

static const char *
status_text(int status)
{
	(void)status;
	return NULL;
}

static bool
is_find(int status)
{
	(void)status;
	return false;
}

const struct engine engine_replay = {
	.kind = JOB_ENGINE_REPLAY,
	.stop_signal = SIGTERM,
	.folders = { "artifacts", "corpus" },
	.command = command,
	.status_text = status_text,
	.is_find = is_find,
};
