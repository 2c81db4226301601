/* SPDX-License-Identifier: MIT
 * What clients are told about targets in words: the JSON of fuzzsup.v1 and of the API.
 */
#ifndef FUZZSUP_TARGET_JSON_H
#define FUZZSUP_TARGET_JSON_H

#include "targets.h"

/* One target as in wire.h; the caller frees it. NULL without memory. */
char *target_json(const struct target *target);

/* All listed targets with their numbers, for /api/v1/targets; the caller frees it. */
char *targets_json_api(const struct targets *targets);

#endif
