/* SPDX-License-Identifier: MIT
 * Whose a line is: what became of the lines of each function.
 *
 * Of the functions that execute a line of their own file the line is the one's that begins at it
 * or nearest above it; else the one's that begins nearest below. So each line is one function's, also
 * where functions stand within each other; a function that has a copy of its own is counted there,
 * and one that was inlined wherever it is called is counted in a caller. What functions that begin
 * at one line (a template's) have is the same.
 * Needs no library, since the page compiles it, too; takes only memory that it is given.
 */
#ifndef FUZZSUP_LINE_OWNERS_H
#define FUZZSUP_LINE_OWNERS_H

#include "line_places.h"

#define LINE_OWNER_NONE UINT32_C(0xffffffff)
#define LINE_OWNER_INLINED UINT32_C(0x80000000) /* others have copies of one of it */

/* The page reads these as words. */
struct line_sums {
	uint32_t lines; /* of a known state */
	uint32_t reached;
	uint32_t partly;  /* of those: one of their ways was never taken */
	uint32_t unknown; /* besides */
	/* 1: one ran that stands at its first line or behind, of functions that are inlined */
	uint32_t entered;
	/* Place of the first one of a known state, behind its first line if there is one;
	 * LINE_OWNER_NONE: none. */
	uint32_t first;
};

/* All arrays are the caller's. A group is functions that begin at one line. */
struct line_owners {
	uint32_t *owner;  /* by line: the group that it is of; LINE_OWNER_NONE */
	uint32_t *groups; /* by function: its group; LINE_OWNER_NONE */
	/* by group, of which there are no more than functions: its first line, with
	 * LINE_OWNER_INLINED; what became of its lines */
	uint32_t *heads;
	struct line_sums *sums;
	uint32_t groups_len;
	const struct line_places *places;
};

/* Makes the groups. @places must be there, and live as long. */
void line_owners_begin(const struct line_blocks_view *view,
    const struct line_places *places, struct line_owners *owners);

/* Adds the lines of function @index. Sums are right when all functions were added. */
void line_owners_add(const struct line_blocks_view *view, uint32_t index,
    struct line_scratch *scratch, struct line_owners *owners);

/* Counts the lines of one file anew, which stand at the places from @from up to @to, by @states. */
void line_owners_count(const struct line_blocks_view *view, uint32_t from, uint32_t to,
    const uint8_t *states, struct line_owners *owners);

/* What became of the lines of function @index; NULL: nobody knows where it begins. */
const struct line_sums *line_owners_sums(
    const struct line_owners *owners, uint32_t index);

/* The first line of @group. */
uint32_t line_owners_head(const struct line_owners *owners, uint32_t group);

/* The function of @view whose lowest PC has the place @first; LINE_OWNER_NONE: none. */
uint32_t line_owners_find(const struct line_blocks_view *view, uint32_t first);

#endif
