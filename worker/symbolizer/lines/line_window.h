/* SPDX-License-Identifier: MIT
 * .debug_line, a window of it at a time: the largest section that there is, but each byte of
 * it is wanted once, soon after the one before it; in the symbolizer.
 */
#ifndef FUZZSUP_LINE_WINDOW_H
#define FUZZSUP_LINE_WINDOW_H

#include <stddef.h>

#include "elf_image.h"
#include "failure.h"
#include "line_program.h"

struct line_window;

/* Over the section of @image, both of which must live as long. @size: bytes to have at a
 * time, more where a table's header or an opcode takes more; 0: what is fast. Returns 0, -ENOENT
 * (nothing said) if there is none or it is empty, or another negative errno with @failure said. */
int line_window_new(struct elf_image *image, size_t size,
    struct line_window **ret_window, struct failure *failure);
void line_window_free(struct line_window *window);

/* The next table as line_table_next() has it, never with -EAGAIN; or -EIO or -ENOMEM with
 * the failure said. What it points to lives until the next call. */
int line_window_next(struct line_window *window, struct line_table *ret_table);

/* What @program, of the newest table, wants for LINE_MORE. Returns 0, or -EIO or -ENOMEM
 * with the failure said. */
int line_window_go_on(struct line_window *window, struct line_program *program);

#endif
