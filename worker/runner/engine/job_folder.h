/* SPDX-License-Identifier: MIT
 * The folder of a job below state-dir/jobs: its logs, which are the service's, and what
 * belongs to the job's user.
 */
#ifndef FUZZSUP_JOB_FOLDER_H
#define FUZZSUP_JOB_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine.h"

/* Opens it. 0 or a negative errno. */
int job_folder_open(const char *path, int *ret_fd);

/* Makes what is missing before an instance starts, and hands over what another user of
 * the job had: work, what the engine wants, the
 * corpus with an input if there must be one. Returns 0, or a negative errno and one
 * sentence. */
int job_folder_prepare(int folder, const char *path, const struct engine *engine,
    const struct job_spec *spec, char *ret_why, size_t why_size);

/* Writes one input into @folder, for that user, if there is none. 0 or a negative errno. */
int job_folder_add_input(int folder, uid_t uid, gid_t gid);

/* True if a file in @name below @folder was written at @since_ms (Unix time) or later, or
 * if there are more files than are worth a look. Metadata alone is read. */
bool job_folder_has_since(int folder, const char *name, int64_t since_ms);

#endif
