/* SPDX-License-Identifier: MIT
 * All targets, by name and by id, kept in step with the shared directory.
 */
#ifndef FUZZSUP_TARGETS_H
#define FUZZSUP_TARGETS_H

#include "snapshot.h"
#include "target.h"

struct targets {
	struct target **sorted; /* by name, then id */
	size_t len, capacity;
};

/* Called for a target right before it is freed, to part with whoever watches it. */
typedef void (*targets_gone_cb)(struct target *target, void *arg);

void targets_free(struct targets *targets);

struct target *targets_by_id(const struct targets *targets, uint32_t id);

/* Of several with one name (one is about to go) the youngest. NULL: none. */
struct target *targets_by_name(
    const struct targets *targets, const char *name, size_t len);

/* Finds or makes it. NULL without memory, or if there would be too many. */
struct target *targets_need(struct targets *targets, uint32_t id, const char *name);

/* Frees those that are neither listed nor served. */
void targets_sweep(struct targets *targets, targets_gone_cb gone, void *arg);

/* Takes over what the directory says; those it no longer lists lose their mark. */
void targets_apply(struct targets *targets, const struct snapshot *snapshot);

/* What the root base URL shows: the first by name that has coverage, else the first that
 * has a table. NULL: none yet. */
struct target *targets_default(const struct targets *targets);

#endif
