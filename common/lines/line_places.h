/* SPDX-License-Identifier: MIT
 * Where functions' own lines lie, and what follows for one that was never entered, though it was
 * put into others. Needs no library, as line_states.h.
 */
#ifndef FUZZSUP_LINE_PLACES_H
#define FUZZSUP_LINE_PLACES_H

#include "line_states.h"

/* Where a function's own lines lie: those of its file from its first line up to the next
 * function's. Both arrays are the caller's, and by line. */
struct line_places {
	uint32_t *places; /* its index in order */
	uint32_t
	    *limits; /* of a function that begins there: the place behind its lines */
};
void line_places_find(const struct line_blocks_view *view, struct line_places *places);

/* How a file was compiled (enum line_file_kind), by file; @kinds is zeroed before. */
void line_files_find(const struct line_blocks_view *view, uint8_t *kinds);

/* Of function @index, which is idle: if one of its own lines was reached, then in a copy of it
 * that was inlined elsewhere, and of lines that are seen in the function alone nobody can tell; nor
 * if nothing may be left of its copies (WIRE_FUNCTION_FOLDS).
 * When all functions' states are there. True if a state changed. */
bool line_states_doubt(const struct line_blocks_view *view, uint32_t index,
    const struct line_places *places, struct line_scratch *scratch, uint8_t *states);

#endif
