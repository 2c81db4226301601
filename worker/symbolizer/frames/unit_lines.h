/* SPDX-License-Identifier: MIT
 * The line table of one compilation unit, kept so that many addresses can be asked; in the
 * symbolizer.
 */
#ifndef FUZZSUP_UNIT_LINES_H
#define FUZZSUP_UNIT_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "elf_image.h"
#include "line_names.h"
#include "line_program.h"

struct unit_lines;

/* Reads the table at @offset of .debug_line (@section). Sequences that begin where @image
 * has no code were thrown away by the linker. Returns 0, -EBADMSG or -ENOTSUP if there is
 * no sound table, or -ENOMEM. What comes before damage counts. */
int unit_lines_read(const struct elf_image *image, const struct elf_section *section,
    const struct line_strings *strings, uint64_t offset, struct unit_lines **ret_lines);
void unit_lines_free(struct unit_lines *lines);

/* Rows that are held. */
size_t unit_lines_len(const struct unit_lines *lines);

/* The row that covers @address; NULL if there is none. */
const struct line_row *unit_lines_find(
    const struct unit_lines *lines, uint64_t address);

/* Path of @file for free(), joined and not normalised, with @directory (of the unit; may
 * be NULL) before it; NULL if there is no such file. */
char *unit_lines_path(
    const struct unit_lines *lines, uint64_t file, const char *directory);

#endif
