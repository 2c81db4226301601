/* SPDX-License-Identifier: MIT
 * Any program, as it stands in the configuration; in the runner.
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

	(void)paths;
	(void)instance;
	return r == 0 ? engine_add_words(&spec->engine_args, launch) : r;
}

const struct engine engine_command = {
	.kind = JOB_ENGINE_COMMAND,
	.stop_signal = SIGTERM,
	.folders = { "artifacts", "corpus" },
	.command = command,
};
