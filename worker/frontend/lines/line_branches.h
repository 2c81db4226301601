/* SPDX-License-Identifier: MIT
 * The ways out of each line of a target, of all functions together, in steps; in the front-end.
 */
#ifndef FUZZSUP_LINE_BRANCHES_H
#define FUZZSUP_LINE_BRANCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "line_job.h"

#define LINE_BRANCHES_MAX 64 /* of one line that are told */

struct line_branch_entry;

struct line_branches {
	const struct line_job *job;
	uint32_t *first; /* by line: its first entry; UINT32_MAX: it has none */
	struct line_branch_entry *list;
	uint32_t len, size;
	struct line_count *counts,
	    all; /* as those of lines, when all is done: ways; those taken */
	uint32_t function, place; /* that come next */
	bool failed;              /* out of memory */
	size_t counted;           /* bytes among the memory of answers */
};

/* Of what @job, which is done, and lives as long, concluded. Returns 0 or -ENOMEM; to be ended in
 * any case. */
int line_branches_begin(struct line_branches *branches, const struct line_job *job);

/* Some milliseconds of it. False: all was done before, or it failed. */
bool line_branches_step(struct line_branches *branches);
void line_branches_end(struct line_branches *branches);

/* Writes whether each way out of the line with index @line was taken, ordered by where it leads, and
 * returns how many there are: none of a line whose state is not known, or that has one way. */
uint32_t line_branches_of(const struct line_branches *branches, uint32_t line,
    bool ret_taken[LINE_BRANCHES_MAX]);

#endif
