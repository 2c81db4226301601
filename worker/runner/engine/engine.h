/* SPDX-License-Identifier: MIT
 * What is particular to a fuzz engine: one file and one row of this table each.
 */
#ifndef FUZZSUP_ENGINE_H
#define FUZZSUP_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "job_spec.h"
#include "launch.h"

/* Where the files of a job lie; all below its folder, but for a corpus elsewhere. */
struct engine_paths {
	const char *folder;
	const char *corpus;
	const char *directory; /* that it runs in */
};

/* What its end means that nobody asked for. */
enum engine_end {
	ENGINE_END_FAILURE,
	ENGINE_END_FIND,   /* it found something, which it ends at by design */
	ENGINE_END_UNSURE, /* a find, if it left one in artifacts/ */
};

struct engine {
	enum job_engine kind;
	int stop_signal;
	/* Folders that it wants below the job's, NULL behind the last. */
	const char *folders[6];
	/* Whether its corpus is somebody else's, who may not even have begun. */
	bool follows;
	/* Whether it writes what it finds into its corpus. */
	bool writes_corpus;
	/* Whether it wants one input at least in its corpus. */
	bool wants_seed;
	/* How it comes to the job's seeds. */
	enum seeds_use seeds_use;
	/* Appends words and environment; words[0] is looked for in PATH. Returns 0 or
	 * -E2BIG. */
	int (*command)(const struct job_spec *spec, const struct engine_paths *paths,
	    unsigned instance, struct launch *launch);
	/* What an exit status other than 0 means, in a few words; NULL: nobody knows. May
	 * be NULL itself. */
	const char *(*status_text)(int status);
	/* What an end other than with exit status 0 means, @status as of wait(2), and how
	 * it could go on after such a find. Both may be NULL: it goes on by itself. */
	enum engine_end (*end)(int status);
	const char *(*way_out)(int status);
};

const struct engine *engine_of(enum job_engine kind);

/* The command of a spec, or its executable alone. 0 or -E2BIG. */
int engine_add_command(const struct job_spec *spec, struct launch *launch);
int engine_add_words(const struct job_words *words, struct launch *launch);

extern const struct engine engine_libfuzzer, engine_afl, engine_honggfuzz, engine_zig,
    engine_replay, engine_command;

#endif
