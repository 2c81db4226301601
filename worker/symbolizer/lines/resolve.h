/* SPDX-License-Identifier: MIT
 * The merge of sorted PCs with the rows of .debug_line; in the symbolizer.
 */
#ifndef FUZZSUP_RESOLVE_H
#define FUZZSUP_RESOLVE_H

#include <stdint.h>

#include "elf_image.h"
#include "failure.h"
#include "path_table.h"
#include "wire.h"

struct resolve_job {
	struct elf_image *alternate; /* alternate.h; NULL: there is none */
	const uint64_t *sorted;      /* PCs, ascending */
	const uint32_t *order;       /* index in PC-table order of each of them */
	uint32_t len;
	struct path_table *paths; /* grows */
	struct wire_location
	    *locations; /* len; all of them are written, in PC-table order */
	size_t window;  /* see line_window.h; 0 is usual */
};

/* Finds the location of every PC: that of the last row at or below it, in the first
 * sequence that covers it; unknown where there is none. A damaged table loses only
 * itself; that is said in @remarks. Returns 0, -ENODATA if there are no lines or none for
 * any of the PCs, or another negative errno, with @remarks said. */
int resolve_lines(
    struct elf_image *image, const struct resolve_job *job, struct failure *remarks);

#endif
