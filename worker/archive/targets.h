/* SPDX-License-Identifier: MIT
 * Targets and jobs whose history is kept: what is sampled of them, and when each PC of a build was
 * reached first; in the archive.
 */
#ifndef FUZZSUP_ARCHIVE_TARGETS_H
#define FUZZSUP_ARCHIVE_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job_types.h"
#include "series.h"
#include "store.h"

struct targets;

int targets_new(
    struct store *store, struct all_series *series, struct targets **ret_targets);
void targets_free(struct targets *targets);

/* Target @id is called @name. Returns 0 or -ENOMEM. */
int targets_keep(
    struct targets *targets, uint32_t id, const char *name, const char *executable);

/* What it reached is in the live segment @fd (which stays the caller's), of the build that @build_id
 * tells from others. Returns 0 or a negative errno. */
int targets_set_live(struct targets *targets, uint32_t id, int fd, const char *build_id,
    int64_t built_ms);
void targets_forget(struct targets *targets, uint32_t id);

/* The same of a job. */
int targets_keep_job(struct targets *targets, uint32_t id, const char *target,
    const char *job, const char *engine);
void targets_forget_job(struct targets *targets, uint32_t id);

/* What is known of a job now. */
void targets_set_job(struct targets *targets, const struct job_sample *sample);

/* Samples everything at @now (Unix seconds). */
void targets_sample(struct targets *targets, int64_t now);

/* The file is open, and may be another one. */
void targets_load(struct targets *targets);

/* In a transaction: writes what is new. True if there is more, to be written soon. */
bool targets_write(struct targets *targets);

/* In a transaction, now and then: forgets first hits of builds beyond the newest ones of their target, as many as
 * targets_set_keep() says (0: of none), a part at a time. */
void targets_set_keep(struct targets *targets, uint32_t builds);
void targets_prune(struct targets *targets);

/* It was kept, or came to nothing. */
void targets_written(struct targets *targets, bool kept);

/* Name of job @id; NULL: there is none such. */
const char *targets_job_name(const struct targets *targets, uint32_t id);

/* Writes a shell's words that run INPUT as the job does; "" where that is not known. */
void targets_command(const struct targets *targets, const char *target, const char *job,
    char *ret_text, size_t size);

/* Row of the build that target @id has now; 0: it is not known yet; -ESTALE: it is another one than @build_id
 * (hex, cut off; "": any). */
int64_t targets_build_of(
    const struct targets *targets, uint32_t id, const char *build_id);

/* Row of the build that @target has now, 0: none; and when it was built. */
int64_t targets_build(
    struct targets *targets, const char *target, int64_t *ret_built_ms);

#endif
