/* SPDX-License-Identifier: MIT
 * What clients are told about targets in words: the JSON of fuzzsup.v1 and of the API.
 */
#ifndef FUZZSUP_TARGET_JSON_H
#define FUZZSUP_TARGET_JSON_H

#include "targets.h"

/* One target as in wire.h; the caller frees it. NULL without memory. */
char *target_json(const struct target *target);

/* The message of fuzzsup.v1 with all targets (@full) or those whose text is stale, made
 * of their texts as they are; @removed: ids with commas between. The caller frees it. */
char *targets_json_list(
    const struct targets *targets, bool full, const char *removed, size_t *ret_len);

/* All listed targets with their numbers, for /api/v1/targets; the caller frees it. */
char *targets_json_api(const struct targets *targets);

#endif
