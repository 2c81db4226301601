/* SPDX-License-Identifier: MIT
 * What became of source lines, concluded from a block table and the PCs that were reached.
 *
 * A block with a PC is known. Of the others: without the blocks whose PC was not reached, and in
 * one function, what dominates or post-dominates a block that ran did run, too; what cannot be
 * reached from an entry, or reaches no end, did not; the rest is not known.
 * Needs no library, since the page compiles it, too; takes only memory that it is given.
 */
#ifndef FUZZSUP_LINE_STATES_H
#define FUZZSUP_LINE_STATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* Of a block or a line. Of several blocks of a line the largest counts. */
enum line_state {
	LINE_NONE,    /* no block names it */
	LINE_IDLE,    /* not reached; nor was anything else of its function */
	LINE_MISSED,  /* not reached */
	LINE_UNKNOWN, /* nobody can tell */
	LINE_PARTLY, /* reached; but of its ways out one was never taken, in each function */
	LINE_REACHED,
};

/* How a file was compiled. */
enum line_file_kind {
	LINE_FILE_PLAIN,
	/* Functions of it were inlined, small ones perhaps without a trace: of one that seems
	 * never to have run nobody can tell. */
	LINE_FILE_INLINED,
	/* All of it was counted before the compiler inlined and joined anything
	 * (WIRE_FUNCTION_COUNTED): what seems not to have run did not. */
	LINE_FILE_COUNTED,
};

/* Whether a line of that state counts as one: it has code, and it is known what became of it. */
static inline bool
line_state_counts(uint8_t state)
{
	return state != LINE_NONE && state != LINE_UNKNOWN;
}

/* A block table, wherever it comes from; its arrays are as its header says. */
struct line_blocks_view {
	const struct wire_blocks *header;
	const struct wire_blocks_function *functions;
	const unsigned char *code;
	const struct wire_line *lines;
	const uint32_t *order; /* indexes of lines by file and line */
	const uint32_t *families, *family_lines;
};

/* Whether families begin where the one before ends, and their lines are lines. */
bool line_families_are_sound(const struct line_blocks_view *view);

/* What became of a function. */
enum line_function {
	LINE_FUNCTION_BAD, /* its code is malformed */
	LINE_FUNCTION_IDLE,
	LINE_FUNCTION_ENTERED,
};

struct line_scratch;

/* Bytes of memory that line_states_function() needs for the functions of @header; 0: more than
 * there can be. It is to be aligned as a pointer. */
size_t line_scratch_size(const struct wire_blocks *header);

/* Prepares @memory, of that size. */
struct line_scratch *line_scratch_lay(void *memory, const struct wire_blocks *header);

/* Raises the states of all lines that function @index executes, in @states (by line), to what
 * @bits (reached PCs, by PC-table index) tell of them. Where its code is malformed, some may have
 * been raised. */
enum line_function line_states_function(const struct line_blocks_view *view,
    uint32_t index, const uint64_t *bits, struct line_scratch *scratch,
    uint8_t *states);

/* Files of which a line's state was raised, each once; the arrays are the caller's, by file. */
struct line_news {
	uint8_t *marks;
	uint32_t *list;
	uint32_t len;
};

static inline void
line_news_add(struct line_news *news, uint32_t file)
{
	if (news->marks[file])
		return;
	news->marks[file] = 1;
	news->list[news->len++] = file;
}

/* One of them, of which there must be some. */
static inline uint32_t
line_news_take(struct line_news *news)
{
	const uint32_t file = news->list[--news->len];

	news->marks[file] = 0;
	return file;
}

/* By line: 1 where a function came to it otherwise than behind a line that stands a little above
 * it, in one block of machine code. What only stands behind such a one may have been computed
 * before it was known whether it is wanted. Of all functions since the scratch was laid; lives
 * with it. */
const uint8_t *line_scratch_led(const struct line_scratch *scratch);

/* From now on nothing was reached yet: what line_scratch_led() and line_scratch_lost() tell begins anew. */
void line_scratch_forget(struct line_scratch *scratch);

/* By line: 1 where a copy of its function that was begun has not what others have of it. */
const uint8_t *line_scratch_lost(const struct line_scratch *scratch);

/* From now on line_states_function() tells @news (NULL: nobody). */
void line_scratch_news(struct line_scratch *scratch, struct line_news *news);

/* Sets @owner (by PC-table index) to @index for the PCs of that function. */
void line_blocks_owner(const struct line_blocks_view *view, uint32_t index,
    struct line_scratch *scratch, uint32_t *owner);

/* Tells @taker the lines that function @index executes, block by block: one may be told several
 * times. Where its code is malformed, not all. */
typedef void line_taker(void *context, uint32_t line);
void line_blocks_lines(const struct line_blocks_view *view, uint32_t index,
    struct line_scratch *scratch, line_taker *taker, void *context);

/* A way out of a line: to which line, and whether any function went it. */
struct line_way {
	uint32_t to; /* index of a line */
	bool taken;
};

/* Adds the ways that function @index has behind line @line, where it branches and was come to, to
 * the @len that stand in @ways already, each line once; no more than @max. Returns how many
 * there are then. */
uint32_t line_states_ways(const struct line_blocks_view *view, uint32_t index,
    const uint64_t *bits, struct line_scratch *scratch, uint32_t line,
    struct line_way *ways, uint32_t len, uint32_t max);

/* What became of a way. Of several with the same ends the largest counts. */
enum line_branch {
	BRANCH_UNTRIED, /* nobody came to where it begins */
	BRANCH_MISSED,
	BRANCH_TAKEN,
};

/* Told of a way from line @from, where a block that goes on at more than one place ends, to
 * line @to: both are indexes of lines, never the same. */
typedef void line_branch_taker(
    void *context, uint32_t from, uint32_t to, enum line_branch branch);

/* Tells @taker all ways of function @index of which it is known what became of them; one may be
 * told several times. */
void line_states_branches(const struct line_blocks_view *view, uint32_t index,
    const uint64_t *bits, struct line_scratch *scratch, line_branch_taker *taker,
    void *context);

#endif
