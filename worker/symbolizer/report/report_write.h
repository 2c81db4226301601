/* SPDX-License-Identifier: MIT
 * A report's line again, with what its tool would have printed had it known functions and
 * lines; in the symbolizer.
 */
#ifndef FUZZSUP_REPORT_WRITE_H
#define FUZZSUP_REPORT_WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "frames.h"
#include "report_line.h"

/* A line as it came, terminals' sequences and all, and what was read in its plain text. */
struct report_source {
	const char *raw;
	const struct report_line *line;
};

/* Writes @source with @frame in it, under the number @number if it has one. A line that
 * @follows gets a line feed though the source has none. */
void report_write_frame(const struct report_source *source, const struct frame *frame,
    unsigned long number, bool follows, FILE *out);

/* Writes it as it came, but with @number. */
void report_write_number(
    const struct report_source *source, unsigned long number, FILE *out);

/* Writes a REPORT_GLOBAL with the variable's name, and its size unless that is 0. */
void report_write_global(
    const struct report_source *source, const char *name, uint64_t size, FILE *out);

/* "??" for what is not known. */
const char *report_write_known(const char *text);

#endif
