/* SPDX-License-Identifier: MIT
 * One line's shape, and its bytes: how many lines behind the last one that has a shape, what it
 * is, and what of that has a number (LEB128).
 */
#ifndef FUZZSUP_LINE_SHAPE_CODE_H
#define FUZZSUP_LINE_SHAPE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SHAPE_GOES_ON = 1, /* with the statement of the line before */
	SHAPE_ENDS = 2,    /* begins with the end of a block */
	SHAPE_ALL = 4,     /* and is nothing else */
	SHAPE_CLOSES = 8,  /* ends blocks; how many */
	SHAPE_OPENS = 16,  /* begins blocks; how many */
	SHAPE_HEAD = 32,   /* its statement began before it; how many lines */
	SHAPE_LABEL = 64,  /* has a label: a run may come from anywhere */
	SHAPE_CONTROLLED =
	    128,              /* begins with what an "if" without a block decides on */
	SHAPE_ELSE = 256,     /* "else" stands behind the end of the block */
	SHAPE_LEAVES = 512,   /* begins with "return", "break" and the like */
	SHAPE_DECIDES = 1024, /* has an "if", a loop, or may leave within */
	SHAPE_LOOP = 2048,
	SHAPE_SWITCH = 4096,  /* opens what "case" belongs to */
	SHAPE_CASE = 8192,    /* a label that a switch leads to */
	SHAPE_TARGET = 16384, /* one that a goto leads to */
	SHAPE_TRIES = 32768,  /* may leave for a failure, as Rust's "?" */
	SHAPE_INNER =
	    65536, /* goes on with what may not have been evaluated, though what began
	                        before it was: an operand of "&&", "||", or "?" */
	SHAPE_PLAIN_ELSE = 131072, /* what it opens needs no other condition */
	SHAPE_DO = 1 << 18,        /* opens a block that runs once at least */
	SHAPE_FUNCTION = 1 << 19,  /* opens one that begins where its head is entered */
	SHAPE_CATCH = 1 << 20,
	SHAPE_TINY = 1 << 21, /* ends a function that compilers may put wherever it is
	                         called, with nothing that tells of it */
	SHAPE_ASKS =
	    1 << 22, /* what it has may have run without what can be seen of it */
	SHAPE_HOOK = 1 << 23, /* ends an expression and leaves for a failure, no more */
	SHAPE_LATE = 1 << 24, /* opens what may run at another time, or never */
	SHAPE_FALLS = 1 << 25, /* ends what stands for the other way, too */
	SHAPE_BINDS = 1 << 26, /* names what its block gets, and no more */
	SHAPE_APART = 1 << 27, /* an operand that is counted where it stands (Rust) */
};

/* What is more cannot be meant, and would cost who reads it. */
#define SHAPE_BLOCKS_MAX 1000
#define SHAPE_HEAD_MAX 255
#define SHAPE_BYTES_MAX 15

struct line_shape {
	uint32_t line; /* from 1 */
	uint32_t flags, closes, opens, head;
};

static inline bool
shape_number(const unsigned char *bytes, size_t len, size_t *at, uint32_t *ret_number)
{
	uint32_t number = 0;

	for (unsigned shift = 0; shift < 32 && *at < len; shift += 7) {
		const unsigned char byte = bytes[(*at)++];

		number |= (uint32_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*ret_number = number;
			return true;
		}
	}
	return false;
}

/* The shape behind @shape. False at the end, or where the bytes are none. */
static inline bool
line_shape_read(
    const unsigned char *bytes, size_t len, size_t *at, struct line_shape *shape)
{
	uint32_t step;

	if (!shape_number(bytes, len, at, &step) || step == 0 ||
	    step > UINT32_MAX - shape->line ||
	    !shape_number(bytes, len, at, &shape->flags))
		return false;
	shape->line += step;
	shape->closes = shape->opens = shape->head = 0;
	return ((shape->flags & SHAPE_CLOSES) == 0 ||
		   shape_number(bytes, len, at, &shape->closes)) &&
	    ((shape->flags & SHAPE_OPENS) == 0 ||
		shape_number(bytes, len, at, &shape->opens)) &&
	    ((shape->flags & SHAPE_HEAD) == 0 ||
		shape_number(bytes, len, at, &shape->head)) &&
	    shape->closes <= SHAPE_BLOCKS_MAX && shape->opens <= SHAPE_BLOCKS_MAX &&
	    shape->head <= SHAPE_HEAD_MAX && shape->head < shape->line;
}

#endif
