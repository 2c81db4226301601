/* SPDX-License-Identifier: MIT
 * Lines that inlined copies lost; see line_shapes.h.
 */
#include "line_shapes.h"

#include "line_shape_code.h"

/* Deeper blocks count as those that they are in. */
#define DEPTH_MAX 256

struct walk {
	const struct wire_line *lines;
	const uint32_t *order;
	uint32_t len, at; /* the place of the next line */
	const uint8_t *lost;
	uint8_t *states;
	uint32_t depth,
	    deciding; /* blocks that are open; those of them that something decides on */
	uint8_t decides[DEPTH_MAX]; /* by block */
};

/* The lines up to @line. */
static void
lose_up_to(struct walk *walk, uint32_t line, bool all)
{
	for (; walk->at < walk->len && walk->lines[walk->order[walk->at]].line <= line;
	    walk->at++) {
		uint8_t *state = &walk->states[walk->order[walk->at]];

		if (all && walk->lost[walk->order[walk->at]] != 0 &&
		    (*state == LINE_MISSED || *state == LINE_IDLE))
			*state = LINE_UNKNOWN;
	}
}

static void
close_block(struct walk *walk)
{
	if (walk->depth == 0)
		return;
	walk->depth--;
	if (walk->depth < DEPTH_MAX)
		walk->deciding -= walk->decides[walk->depth];
}

static void
open_block(struct walk *walk, bool decides)
{
	if (walk->depth < DEPTH_MAX) {
		walk->decides[walk->depth] = decides;
		walk->deciding += decides;
	}
	walk->depth++;
}

void
line_shapes_lose(const unsigned char *shapes, size_t shapes_len,
    const struct wire_line *lines, const uint32_t *order, uint32_t len,
    const uint8_t *lost, uint8_t *states)
{
	/* In Rust the arms of a match begin with what is a label elsewhere. */
	const uint32_t deciding = SHAPE_DECIDES | SHAPE_LABEL | SHAPE_ELSE,
		       decided =
			   SHAPE_CONTROLLED | SHAPE_LABEL | SHAPE_INNER | SHAPE_ELSE;
	struct walk walk = { .lines = lines,
		.order = order,
		.len = len,
		.lost = lost,
		.states = states };
	struct line_shape shape = { 0 };
	uint32_t ends;
	size_t at = 0;

	while (line_shape_read(shapes, shapes_len, &at, &shape)) {
		lose_up_to(&walk, shape.line - 1, walk.deciding == 0);
		ends = walk.deciding; /* a block's end belongs to it */
		for (uint32_t i = 0; i < shape.closes; i++)
			close_block(&walk);
		if ((shape.flags & SHAPE_ENDS) == 0)
			ends = walk.deciding;
		lose_up_to(
		    &walk, shape.line, ends == 0 && (shape.flags & decided) == 0);
		for (uint32_t i = 0; i < shape.opens; i++)
			open_block(&walk, (shape.flags & deciding) != 0);
	}
	lose_up_to(&walk, UINT32_MAX, walk.deciding == 0);
}
