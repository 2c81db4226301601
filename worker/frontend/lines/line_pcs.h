/* SPDX-License-Identifier: MIT
 * Which PCs prove that a line was reached.
 */
#ifndef FUZZSUP_LINE_PCS_H
#define FUZZSUP_LINE_PCS_H

#include <stddef.h>
#include <stdint.h>

struct block_table;
struct source_table;
struct target;

#define LINE_PCS_MAX 700

/* Finds the file that clients know as @name, or the only one whose name ends so, behind a slash. Returns its
 * number in the target's tables; -ENOENT: there is none; -ENOTUNIQ: there are several, two of which
 * @ret_several names, for free(); -EAGAIN: there is no table yet; or -ENOMEM. */
int64_t line_pcs_file(struct target *target, const char *name, char **ret_several);

/* What it is looked for in; @blocks NULL: there is no block table. */
struct line_pcs_of {
	const struct source_table *table;
	const struct block_table *blocks;
	const uint64_t *bits; /* reached PCs */
};

/* Index of the line in @blocks; WIRE_LINE_NONE: no block names it. */
uint32_t line_pcs_line(const struct block_table *blocks, uint32_t file, uint32_t line);

/* Fills @ret_pcs with indexes of reached PCs, at most LINE_PCS_MAX, of a line that was reached: those that stand in
 * it; where there are none such those of which one alone proves that it ran; else those of its function
 * that come nearest to it from above, and else those of its file that do. Returns how many there are, or
 * -ENOMEM. */
int line_pcs_find(const struct line_pcs_of *of, uint32_t file, uint32_t line,
    uint32_t ret_pcs[LINE_PCS_MAX]);

#endif
