/* SPDX-License-Identifier: MIT
 * Everything that is needed to start one instance of a job.
 */
#ifndef FUZZSUP_LAUNCH_H
#define FUZZSUP_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "job_variables.h"
#include "probe.h"
#include "seeds.h"

#define LAUNCH_WORDS_MAX 640
#define LAUNCH_TEXT_MAX 65536
#define ZIG_TESTS_MAX 1024

/* What an instance of a Zig test executable is to fuzz. */
struct zig_task {
	uint32_t tests[ZIG_TESTS_MAX]; /* their indexes */
	size_t tests_len;              /* 0: no such program */
	size_t untouched; /* tests of the job that stay so where it is one a process */
	/* Instances first, first + step, … below instances fuzz the same tests; this is
	 * number instance of them. Number 0 keeps the corpus. */
	unsigned instance, first, step, instances;
	bool shares;       /* there is more than one of them */
	const char *cache; /* --cache-dir */
};

struct launch {
	char program[4096];            /* to execute */
	char *words[LAUNCH_WORDS_MAX]; /* NULL behind the last, as the next */
	char *environment[LAUNCH_WORDS_MAX];
	size_t words_len, environment_len;
	char text
	    [LAUNCH_TEXT_MAX]; /* what they point into, but for our own environment */
	size_t text_len;
	char directory[4096];
	struct seeds seeds; /* what they point to lives as long as the job */
	int folder;         /* the job's, for its log; not owned */
	const char *folder_path;
	int group; /* its control group; -1: none; not owned */
	unsigned instance;
	struct probe_user user;
	int cpu;         /* -1: where the kernel likes */
	int stop_signal; /* asks it to end */
	struct zig_task zig;
	uint64_t memory_max, file_size_max, open_files_max, processes_max; /* 0: none */
	bool group_has_memory, group_has_processes; /* sees to these limits */
	uint64_t log_max, stop_timeout_ms;
};

/* Appends a word, an environment variable (a later one of the same name wins), formatted
 * as by printf. Return 0 or -E2BIG. */
int launch_word(struct launch *launch, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int launch_variable(struct launch *launch, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Starts with what a program needs of the service's own environment: where things are and
 * which language is spoken, and what sanitizers and AFL++ are told. Anything else may be
 * a secret. */
void launch_inherit_environment(struct launch *launch);

/* @text with @values in the place of its variables, in the launch's own text; NULL if that
 * is full. */
const char *launch_expand(struct launch *launch, const char *text,
    const char *const values[JOB_VARIABLES_LEN]);

#endif
