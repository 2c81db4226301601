/* SPDX-License-Identifier: MIT
 * One function's machine code as blocks and the ways between them; in the symbolizer.
 *
 * A block begins where a jump leads, behind one, behind a call that never returns, and at each
 * PC. Blocks that always run together are one, and blocks that end in a sanitizer's report or
 * in abort() are left out, unless they hold a PC: no run that goes on comes there.
 */
#ifndef FUZZSUP_CODE_GRAPH_H
#define FUZZSUP_CODE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "code_memory.h"
#include "code_step.h"
#include "function_ranges.h"
#include "landing_pads.h"
#include "never_returns.h"

#define CODE_NONE UINT32_MAX

/* A stretch of code that belongs to a block. */
struct code_part {
	uint32_t start, end; /* bytes from the function's start */
	uint32_t jump; /* where it does nothing any more but go on elsewhere; end */
	uint32_t next; /* part of the same block; CODE_NONE: it was the last */
};

struct code_block {
	uint32_t part; /* its first */
	uint32_t pc;   /* place of its PC among those given; CODE_NONE: it has none */
	uint32_t edges, edges_len; /* the blocks that it goes on to */
	uint64_t
	    callee;    /* function that it calls before any other; 0: it is not known */
	bool is_entry; /* nothing that is known leads there: the first, landing pads */
	bool leaves;   /* the function may end behind it */
	bool calls;    /* it may end within it: what it calls may leave it, too */
	bool throws;   /* what it calls may throw to a landing pad of the function */
	bool is_cleanup; /* only what is thrown comes there, and it does not stay */
};

/* A counter that is loaded or stored. */
struct code_touch {
	uint32_t
	    behind; /* bytes from the function's start to the end of the instruction */
	uint32_t counter; /* its number */
};

struct code_graph {
	struct code_part *parts;   /* nearly ascending by start; some are empty */
	struct code_block *blocks; /* ascending */
	uint32_t *edges;
	const struct code_touch *touches; /* in order of the code */
	uint32_t parts_len, blocks_len, edges_len, touches_len;
};

/* PCs of a function. */
struct code_pcs {
	const uint64_t *addresses; /* ascending, all in it */
	const uint32_t *order;     /* their places in the PC table */
	uint32_t len;
	/* Of several at the function's start the one that is its own; CODE_NONE: nobody knows.
	 * Compilers leave labels of code that they removed there, and where a function ends. */
	uint32_t entry;
	uint64_t counters; /* address of the first PC's byte; 0: there are none */
};

struct code_grapher;

/* What is given must live as long. Returns 0 or -ENOMEM. */
int code_grapher_new(struct code_memory *memory, const struct code_machine *machine,
    struct never_returns *never, const struct landing_pads *pads,
    struct code_grapher **ret_grapher);
void code_grapher_free(struct code_grapher *grapher);

/* Makes the graph of the function at @range and its @pcs. It lives until the next call. Returns 0; -ENOTSUP if there is no code, or an instruction that
 * is not known; or -ENOMEM. */
int code_grapher_run(struct code_grapher *grapher, const struct function_range *range,
    const struct code_pcs *pcs, const struct code_graph **ret_graph);

#endif
