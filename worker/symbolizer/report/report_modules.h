/* SPDX-License-Identifier: MIT
 * Which executable a report's line speaks of, and where in it: the user's own, or another
 * build of it that is kept; in the symbolizer. What was left alone is told at the end.
 */
#ifndef FUZZSUP_REPORT_MODULES_H
#define FUZZSUP_REPORT_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"
#include "report_line.h"

struct report_modules;

/* Where a line's code lies. */
struct report_spot {
	struct frames *frames; /* of the build that the line names */
	uint64_t address;      /* link-time, of an instruction */
};

/* @frames: the user's executable; @names: what reports may call it, @names_len paths whose
 * last components count. Both must outlive it. @open_cb opens other builds, with
 * TABLE_WANTS_BUILD; NULL: there are none. Returns 0 or -ENOMEM. */
int report_modules_new(struct frames *frames, const char *const *names,
    size_t names_len, frames_open_cb open_cb, void *context,
    struct report_modules **ret_modules);
void report_modules_free(struct report_modules *modules);

/* Whether @line's code can be looked up; if so outputs where. What is of another build is
 * remarked on standard error when that build is met first. */
bool report_modules_find(struct report_modules *modules, const struct report_line *line,
    struct report_spot *ret_spot);

/* Whether @line names no module, and its PC does not lie in the executable as far as it is
 * known where that was loaded. */
bool report_modules_misses_base(
    const struct report_modules *modules, const struct report_line *line);

/* Concludes from the PCs of one stack where its process has the executable: there all of
 * them that lie in its code stand behind calls, five at least, and nowhere else. */
void report_modules_conclude_base(
    struct report_modules *modules, const uint64_t *pcs, size_t len);

/* Counts a frame that needs nothing. */
void report_modules_pass(struct report_modules *modules);

/* Counts what became of a line that was found, or of an address: @is_told if there is an
 * answer. */
void report_modules_count(struct report_modules *modules, bool is_told);

/* Says on standard error what was left alone, and the remedy. Returns whether lines of
 * another build were, or such that can only be of one. */
bool report_modules_conclude(
    const struct report_modules *modules, const char *executable);

#endif
