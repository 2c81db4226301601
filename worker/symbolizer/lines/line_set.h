/* SPDX-License-Identifier: MIT
 * Source lines, each once, numbered as they come; in the symbolizer.
 */
#ifndef FUZZSUP_LINE_SET_H
#define FUZZSUP_LINE_SET_H

#include <stdint.h>

#include "wire.h"

/* For whoever uses the set; at first 0. */
struct line_marks {
	uint32_t block, function;
};

/* Zeroed is empty. */
struct line_set {
	struct wire_line *lines;
	struct line_marks *marks; /* of each line */
	uint32_t len, size;
	uint32_t *slots; /* number + 1; a power of two of them */
	uint32_t mask;
};

void line_set_free(struct line_set *set);

/* Outputs the number of @line, which is added if it is new. Returns 0 or -ENOMEM. */
int line_set_add(struct line_set *set, struct wire_line line, uint32_t *ret_number);

#endif
