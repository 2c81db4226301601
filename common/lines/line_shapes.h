/* SPDX-License-Identifier: MIT
 * What a source's text says of lines beyond what machine code does: where blocks open and close,
 * and which lines go on with a statement.
 *
 * Compilers give the "}" of a block, and parts of what a condition spans, to whatever
 * instruction is at hand, or to none. A reader, and llvm-cov, take such a line for part of what it
 * closes or continues. A shape is what is needed for that, a byte or two a line, so that nobody
 * needs the text to use it. Needs no library, since the page compiles it, too.
 */
#ifndef FUZZSUP_LINE_SHAPES_H
#define FUZZSUP_LINE_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "line_states.h"

/* Of a source that is lexed line by line. */
enum source_language {
	SOURCE_UNKNOWN, /* has no shapes */
	SOURCE_C,       /* C, C++, Objective-C, D, Java and their like */
	SOURCE_RUST,
	SOURCE_ZIG,
};

/* By the extension of its name. */
enum source_language source_language_of(const char *name);

/* Bytes of the shapes of a text of @len bytes, at most. */
size_t line_shapes_max(size_t len);

/* Reads @text and writes its shapes to @ret_shapes, which has line_shapes_max() bytes. Returns how
 * many were written. Any text is taken: what cannot be meant tells nothing. */
size_t line_shapes_read(const char *text, size_t len, enum source_language language,
    unsigned char *ret_shapes);

/* Corrects @states of the lines at @order[0] to @order[len - 1], which are one file's, in their
 * order, by the @shapes_len bytes at @shapes. Nothing of these is believed unseen. @led:
 * line_scratch_led(). @kind: see line_files_find(). */
void line_shapes_apply(const unsigned char *shapes, size_t shapes_len,
    const struct wire_line *lines, const uint32_t *order, uint32_t len,
    const uint8_t *led, enum line_file_kind kind, uint8_t *states);

/* Comes before line_shapes_apply(): those of the lines that seem not to have been reached, though @lost says that a copy was begun
 * that lost them (line_scratch_lost()), become unknown. Not what stands in a block that something decides
 * on: of a copy of which it is known which way it goes the other one is left out, too. Without shapes
 * (@shapes_len 0) all. */
void line_shapes_lose(const unsigned char *shapes, size_t shapes_len,
    const struct wire_line *lines, const uint32_t *order, uint32_t len,
    const uint8_t *lost, uint8_t *states);

#endif
