/* SPDX-License-Identifier: MIT
 * Which lines each copy of an inlined function has, and which all copies of it have together; in
 * the symbolizer.
 *
 * A row of the line table is of the innermost copy that it lies in. What others of a family have
 * and one has not was executed there without an instruction of its own, or never can be: nobody
 * can tell.
 */
#ifndef FUZZSUP_BLOCK_COPIES_H
#define FUZZSUP_BLOCK_COPIES_H

#include <stddef.h>
#include <stdint.h>

#include "inlined_copies.h"
#include "number_list.h"

struct begun_copy {
	uint64_t start; /* address */
	uint32_t copy, family;
	uint32_t block; /* for whoever uses it */
};

#define COPIES_DEEP 64

/* Zeroed, but for @copies, is empty. */
struct block_copies {
	const struct inlined_copies *copies;
	/* of the function at hand */
	struct begun_copy *begun; /* in it, with all of their code */
	size_t begun_len, begun_size;
	uint32_t *places; /* by copy: in begun, from 1; 0: not there */
	struct number_list
	    lines;   /* place in begun << 32 | line, ascending in the end */
	size_t next; /* range */
	uint64_t end;
	/* ranges that the last row lies in; deeper ones take the place of the last */
	uint32_t open[COPIES_DEEP], open_len;
	/* family << 32 | line: of the function at hand, and of all, ascending in the end */
	struct number_list fresh, families;
	uint64_t *sorted, *spare;
	uint32_t *order;
	size_t room;
};

/* Returns 0 or -ENOMEM, as all do; to be freed in any case. */
int block_copies_open(struct block_copies *copies, const struct inlined_copies *all);
void block_copies_free(struct block_copies *copies);

/* Begins with the function from @start up to @end. */
int block_copies_begin(struct block_copies *copies, uint64_t start, uint64_t end);

/* The innermost copy, of those that there are others of, that has the code at @address; NULL: none.
 * Addresses are asked for ascending. */
const struct inlined_range *block_copies_at(
    struct block_copies *copies, uint64_t address);

/* A row that @copy has is of line @number. */
int block_copies_row(
    struct block_copies *copies, const struct inlined_range *copy, uint32_t number);

/* No more rows: lines are there. */
int block_copies_end(struct block_copies *copies);

/* No more functions: families are there; none, if there would be too many lines in them. */
int block_copies_finish(struct block_copies *copies);

#endif
