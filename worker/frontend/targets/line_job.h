/* SPDX-License-Identifier: MIT
 * Concludes what became of all lines of a target, in steps; in the front-end.
 */
#ifndef FUZZSUP_LINE_JOB_H
#define FUZZSUP_LINE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "line_places.h"

struct target;
struct target_blocks;
struct target_table;

struct line_count {
	uint32_t found, hit; /* lines of a known state; those that were reached */
};

struct line_job {
	/* References of its own: the target may go meanwhile. */
	struct target_table *table;
	struct target_blocks *blocks;
	uint64_t *bits;                 /* as they were when it began */
	uint8_t *states;                /* by line; when all is done */
	struct line_count *counts, all; /* by file; of those that are not excluded */
	bool failed;                    /* the block table contradicts itself */

	struct source_shapes *shapes;
	struct line_scratch *scratch;
	struct line_places places;
	bool *idle;         /* by function */
	uint8_t *kinds;     /* by file (line_files_find) */
	uint32_t concluded; /* functions */
	uint32_t doubted;
	bool has_sources;
	uint32_t corrected; /* place of the line whose file is corrected next */
	size_t counted;     /* bytes among the memory of answers */
};

/* Of @target, which has a block table, as it is now. Returns 0, or -ENOMEM: it may be tried
 * again. */
int line_job_begin(struct line_job *job, struct target *target);

/* Some milliseconds of it. False: all was done before. */
bool line_job_step(struct line_job *job);
void line_job_end(struct line_job *job);

#endif
