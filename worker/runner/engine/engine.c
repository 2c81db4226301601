/* SPDX-License-Identifier: MIT
 * The table of engines; in the runner.
 */
#include "config.h"

#include "engine.h"

#include "banned.h"

const struct engine *
engine_of(enum job_engine kind)
{
	static const struct engine *const engines[JOB_ENGINES_LEN] = {
		[JOB_ENGINE_LIBFUZZER] = &engine_libfuzzer,
		[JOB_ENGINE_AFL] = &engine_afl,
		[JOB_ENGINE_HONGGFUZZ] = &engine_honggfuzz,
		[JOB_ENGINE_ZIG] = &engine_zig,
		[JOB_ENGINE_REPLAY] = &engine_replay,
		[JOB_ENGINE_COMMAND] = &engine_command,
	};

	return engines[kind];
}

int
engine_add_words(const struct job_words *words, struct launch *launch)
{
	int r = 0;

	for (size_t i = 0; i < words->len && r == 0; i++)
		r = launch_word(launch, "%s", words->items[i]);
	return r;
}

int
engine_add_command(const struct job_spec *spec, struct launch *launch)
{
	return spec->command.len > 0 ? engine_add_words(&spec->command, launch)
				     : launch_word(launch, "%s", spec->executable);
}
