/* SPDX-License-Identifier: MIT
 * Which PCs prove that a line was reached.
 */
#ifndef FUZZSUP_LINE_PCS_H
#define FUZZSUP_LINE_PCS_H

#include <stddef.h>
#include <stdint.h>

struct target;

#define LINE_PCS_MAX 700

/* Finds the file that clients know as @name, or the only one whose name ends so, behind a slash. Returns its
 * number in the target's tables; -ENOENT: there is none; -ENOTUNIQ: there are several, two of which
 * @ret_several names, for free(); -EAGAIN: there is no table yet; or -ENOMEM. */
int64_t line_pcs_file(struct target *target, const char *name, char **ret_several);

/* Fills @ret_pcs with indexes of reached PCs, at most LINE_PCS_MAX: those that stand in @line of @file; where there are
 * none such those of which one alone proves that the line ran, and else those of its function that come nearest
 * to it from above. Returns how many there are, 0: nobody came there, or -ENOMEM. */
int line_pcs_find(struct target *target, uint32_t file, uint32_t line,
    uint32_t ret_pcs[LINE_PCS_MAX]);

#endif
