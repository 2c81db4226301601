/* SPDX-License-Identifier: MIT
 * The history of a target or a job as columns; in the archive.
 */
#ifndef FUZZSUP_ARCHIVE_HISTORY_H
#define FUZZSUP_ARCHIVE_HISTORY_H

#include <jansson.h>

#include "series.h"

#define HISTORY_POINTS 1000       /* about as many where no step is wanted */
#define HISTORY_POINTS_MAX 100000 /* and never more */

struct history_wish {
	const char *target, *job; /* job: "" for the target's own */
	int64_t from, to;         /* Unix seconds; 0: from the first on, up to now */
	int64_t step;             /* seconds; 0: what gives about HISTORY_POINTS */
};

/* {"t":[ms…],"covered":[…],"executions":[…],"executions_per_second":[…],"corpus":[…],"crashes":[…],
 * "memory":[…],"build":[…]}: columns of equal length, "build" the rows of builds. NULL: out
 * of memory. */
json_t *history_read(
    struct all_series *all, const struct history_wish *wish, int64_t now);

#endif
