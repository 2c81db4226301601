/* SPDX-License-Identifier: MIT
 * What became of the lines of each function of a target, in steps; in the front-end.
 */
#ifndef FUZZSUP_LINE_FUNCTIONS_H
#define FUZZSUP_LINE_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "line_job.h"
#include "line_owners.h"

struct line_functions {
	const struct line_job *job;
	struct line_owners owners;
	uint32_t *memory;
	uint32_t function, place; /* that come next */
	size_t counted;           /* bytes among the memory of answers */
};

/* Some milliseconds of it, of what @job, which is done, and lives as long, concluded. @functions is
 * zeroed before the first step, and to be ended in any case. False: all was done before; then
 * line_owners_sums() tells of it. @ret_failed is set if there is no memory. */
bool line_functions_step(
    struct line_functions *functions, const struct line_job *job, bool *ret_failed);
void line_functions_end(struct line_functions *functions);

/* Whether a PC of function @index of the block table was reached, or, if others have copies of it, one
 * of its lines. */
bool line_functions_entered(const struct line_functions *functions, uint32_t index);

#endif
