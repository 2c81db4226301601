/* SPDX-License-Identifier: MIT
 * How a job is to be run, as text: what the supervisor makes of a job's block in
 * fuzz.conf and the runner gets. "key=value" strings, each ended by NUL; keys are those
 * of the block, in one order, so that two specs are of the same job if their bytes are
 * equal.
 */
#ifndef FUZZSUP_JOB_SPEC_H
#define FUZZSUP_JOB_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "job_types.h"
#include "probe.h"

/* Fits a message. What a configuration says must leave room for what the supervisor adds:
 * folders, user, home. */
#define JOB_SPEC_MAX 8128
#define JOB_SPEC_CONF_MAX 6800

struct job_words {
	const char **items; /* NULL behind the last */
	size_t len;
};

struct job_spec {
	const char *target, *name;
	enum job_engine engine;
	enum job_restart restart;
	const char *executable;   /* the target's */
	struct job_words command; /* empty: the executable alone */
	struct job_words engine_args;
	struct job_words environment;   /* NAME=VALUE */
	struct job_words tests;         /* Zig: indexes, dealt out to instances */
	struct job_words corpus;        /* empty: in the job's own folder */
	struct job_words seeds;         /* folders that are only read */
	struct job_words instance_args; /* see job_spec_for_instance() */
	const char
	    *attach; /* output folder of somebody else's AFL++; NULL: it is run */
	const char *directory;    /* to run in; NULL: work in the job's own folder */
	const char *coverage_dir; /* where the runtime in the target writes */
	const char *folder;       /* its own, below state-dir/jobs */
	const char *cpus;         /* as "0-3,8"; NULL: where the kernel likes */
	const char *login, *home, *shell; /* of its user; NULL: it has none */
	uint32_t uid, gid;                /* to run as */
	const char *groups;               /* supplementary, as "4,27"; NULL: none */
	uint32_t instances;
	uint32_t weight;          /* of its share where jobs take turns */
	uint32_t start_limit;     /* fast ends in a row until it is failed; 0: none */
	uint64_t timeout_ms;      /* of one input; 0: the engine's own */
	uint64_t run_for_ms;      /* 0: for ever */
	uint64_t plateau_ms;      /* without a find until it is done; 0: for ever */
	uint64_t stop_timeout_ms; /* between being told to end and being killed */
	uint64_t memory_max;      /* bytes, the instance's whole tree; 0: none */
	uint64_t file_size_max;   /* bytes; 0: none */
	uint64_t open_files_max;  /* 0: as inherited */
	uint64_t processes_max;   /* 0: as inherited */
	uint64_t log_max;         /* bytes of log kept of each instance */
	bool autostart;
	char *text; /* what the pointers above point into */
	const char **words;
};

/* Appends "key=value" and its NUL to @text, which holds *@len of JOB_SPEC_MAX bytes.
 * Returns 0 or -E2BIG. */
int job_spec_add(
    char text[JOB_SPEC_MAX], size_t *len, const char *key, const char *value);

/* Reads what job_spec_add() wrote. Numbers are decimal, durations milliseconds; what is
 * not there has its default. Returns 0, -EPROTO for what is no such text, or -ENOMEM.
 * Free with job_spec_free(). */
int job_spec_parse(const char *text, size_t len, struct job_spec *ret_spec);
void job_spec_free(struct job_spec *spec);

/* What instance-args hold: items that begin with one of these. A pattern is a list as of
 * job_numbers_parse(); what follows it is for the instances that it names. */
enum job_instance_item {
	JOB_INSTANCE_PATTERN = '@',
	JOB_INSTANCE_COMMAND = 'c',     /* takes the command's place */
	JOB_INSTANCE_ARGUMENT = 'a',    /* behind engine-args */
	JOB_INSTANCE_ENVIRONMENT = 'e', /* behind environment */
};

/* @spec as it is for one of its instances: blocks of instance-args that name it apply in
 * their order. Its text is @spec's; free(ret_view->words) alone. 0, -ENOMEM or -EPROTO. */
int job_spec_for_instance(
    const struct job_spec *spec, unsigned instance, struct job_spec *ret_view);

/* Reads a list of numbers as "0-3,8" into @ret_flags, a flag each. Returns 0, or -EINVAL
 * for what is none or beyond @len. */
int job_numbers_parse(const char *text, bool *ret_flags, size_t len);

/* Whom its instances run as, with all groups. */
struct probe_user job_spec_user(const struct job_spec *spec);

#endif
