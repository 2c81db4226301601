/* SPDX-License-Identifier: MIT
 * The configuration: fuzz.conf and its drop-ins, read by libconfuse and checked.
 */
#ifndef FUZZSUP_CONF_H
#define FUZZSUP_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf_archive.h"
#include "conf_job.h"
#include "string_list.h"

#define CONF_TARGETS_MAX 2048
#define CONF_LISTEN_MAX 16

/* All paths are absolute; relative ones counted from the file in which they stood. */
struct conf_target {
	char *name;
	char *executable;
	char *coverage; /* file or directory; NULL: the default directories */
	struct string_list source_roots;
	struct string_list source_exclude;
	struct string_list entry_points;
	struct conf_job *jobs; /* in the order of the file */
	size_t jobs_len;
};

struct conf {
	struct string_list listen; /* 127.0.0.1:PORT, [::1]:PORT or unix:PATH */
	char *state_dir;
	char *control;       /* NULL: the default */
	char *user;          /* NULL: the default */
	char *user_place;    /* "fuzz.conf:3", where that stands */
	char *wasm_compiler; /* NULL: search for one; "": none */
	struct string_list allowed_hosts;
	struct string_list coverage_dirs; /* empty: the defaults */
	struct string_list debug_roots; /* where separate debug files are looked for */
	unsigned symbolize_timeout;     /* seconds */
	unsigned max_running;           /* instances of jobs at once; 0: all */
	uint64_t turn_ms;               /* of a job, where they take turns */
	struct string_list health_ignores; /* checks (health.h), TARGET, TARGET/JOB */
	struct conf_archive archive;
	uint64_t health_patience_ms;       /* with a job that waits for its program */
	struct conf_target *targets;       /* sorted by name */
	size_t targets_len;
	bool
	    is_empty; /* it has no target, nor any option that says where and as whom */
};

/* Is called for every error, with "fuzz.conf:12: …", no newline. */
typedef void (*conf_error_cb)(const char *message, void *context);

/* Reads the file at @path. Returns 0, -EINVAL after errors were reported, or -ENOMEM.
 */
int conf_load(
    const char *path, conf_error_cb error_cb, void *context, struct conf **ret_conf);
void conf_free(struct conf *conf);

/* NULL if there is none of that name. */
const struct conf_target *conf_find(const struct conf *conf, const char *name);

/* True if both describe the same target, whatever its jobs. */
bool conf_target_equal(const struct conf_target *a, const struct conf_target *b);
void conf_target_clear(struct conf_target *target);
int conf_target_copy(const struct conf_target *from, struct conf_target *ret_target);

/* The folder where the runtime in the target writes if a job of that engine runs it;
 * @defaults: where the service looks for all targets. "" if only the engine knows. */
void conf_target_coverage(const struct conf_target *target,
    const struct string_list *defaults, enum job_engine engine, char *ret_path,
    size_t size);

/* True if @name may name a target: [A-Za-z0-9][A-Za-z0-9._-]{0,62}. */
bool conf_name_valid(const char *name);

#endif
