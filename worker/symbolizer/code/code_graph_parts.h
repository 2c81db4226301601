/* SPDX-License-Identifier: MIT
 * What code_graph.c, code_ends.c and moved_pcs.c share: a function whose graph is being made.
 */
#ifndef FUZZSUP_CODE_GRAPH_PARTS_H
#define FUZZSUP_CODE_GRAPH_PARTS_H

#include <stdlib.h>
#include <string.h>

#include "code_graph.h"

enum end_kind {
	END_GOES_ON,  /* only behind it */
	END_BRANCHES, /* to target, and behind it */
	END_JUMPS,
	END_LEAPS, /* to the entries of a table, or nobody knows where */
	END_LEAVES,
	END_TRAPS, /* by an instruction that is there to be no way */
	END_CRASHES,
};

/* What happens behind an instruction that does not simply go on. */
struct end {
	uint32_t at;     /* offset behind it */
	uint32_t start;  /* where it begins */
	uint32_t target; /* CODE_NONE: outside */
	enum end_kind kind;
	uint32_t table; /* index of its first entry, of entries_len */
	uint32_t entries_len;
	bool leads_out; /* an entry does */
};

/* As first found; contract() makes those of the graph. */
struct raw_block {
	uint32_t start;
	uint32_t end;  /* offset behind its last byte */
	uint32_t jump; /* offset of what only says where it goes on; CODE_NONE */
	uint32_t pc;
	uint32_t edges, edges_len;
	uint32_t before; /* how many lead there, the same one once */
	uint32_t into; /* the block that it became a part of; itself; CODE_NONE: out */
	uint32_t number; /* among those that remain */
	uint32_t last;   /* the newest part */
	uint64_t callee;
	bool is_entry, leaves, crashes, leaps, calls, throws, catches, is_pad;
	bool has_call;
	bool traps; /* at once */
};

/* One more PC where a block begins. */
struct other_pc {
	uint32_t block, pc;
};

/* A call of what may be anything, or of a function of the program. */
struct callee {
	uint32_t behind;
	uint64_t address; /* 0: not known */
};

struct array {
	void *data;
	size_t len, size; /* elements */
};

struct code_grapher {
	struct code_memory *memory;
	const struct code_machine *machine;
	struct never_returns *never;
	const struct landing_pads *pads;
	/* of the function at hand */
	struct call_sites sites;
	const unsigned char *code;
	uint64_t start;
	uint32_t len;
	struct array starts;  /* u64: bits, where instructions begin */
	struct array leaders; /* u64: bits, where blocks begin */
	struct array
	    joins; /* u64: bits, where jumps lead, but for those to what is behind
			       * them anyway; if the machine wants it */
	struct array ranks;    /* u32 a word of leaders: blocks before it */
	struct array ends;     /* struct end */
	struct array entries;  /* u32: targets in tables */
	uint32_t entries_read; /* at most as many as the function has bytes */
	/* u32: ends of calls that may leave the function, that may throw to a pad of it, and that
	 * begin to handle what was thrown */
	struct array calls, throws, catches;
	struct array pad_places; /* u32, in no order */
	struct array callees;    /* struct callee */
	struct array others;     /* struct other_pc, by block */
	struct array touches;    /* struct code_touch */
	const struct code_pcs *pcs;
	struct array raw; /* struct raw_block */
	struct array raw_edges, edges, stamps, parts, blocks;
	struct array onlys, before,
	    bodies;                /* u32, by raw block: see moved_pcs_share() */
	struct array marks, stack; /* u8, u32: of a walk */
	struct code_graph graph;
};

/* ---- arrays that are used again and again ---- */

static inline bool
reserve(struct array *array, size_t len, size_t element)
{
	size_t wanted = array->size * 2 > len ? array->size * 2 : len;
	void *larger;

	if (len <= array->size)
		return true;
	larger = realloc(array->data, wanted * element);
	if (larger == NULL)
		return false;
	array->data = larger;
	array->size = wanted;
	return true;
}

static inline bool
add_u32(struct array *array, uint32_t value)
{
	if (!reserve(array, array->len + 1, sizeof(value)))
		return false;
	((uint32_t *)array->data)[array->len++] = value;
	return true;
}

static inline void
set_bit(struct array *bits, uint32_t at)
{
	((uint64_t *)bits->data)[at / 64] |= UINT64_C(1) << (at % 64);
}

static inline void
clear_bit(struct array *bits, uint32_t at)
{
	((uint64_t *)bits->data)[at / 64] &= ~(UINT64_C(1) << (at % 64));
}

static inline bool
bit_is_set(const struct array *bits, uint32_t at)
{
	return (((const uint64_t *)bits->data)[at / 64] >> (at % 64) & 1) != 0;
}

static inline bool
clear_bits(struct array *bits, uint32_t len)
{
	const size_t words = (size_t)len / 64 + 1;

	if (!reserve(bits, words, sizeof(uint64_t)))
		return false;
	memset(bits->data, 0, words * sizeof(uint64_t));
	return true;
}

/* ---- places ---- */

/* Places within the function, as addresses are. */
static inline uint32_t
place(const struct code_grapher *grapher, uint64_t address)
{
	return address - grapher->start < grapher->len
	    ? (uint32_t)(address - grapher->start)
	    : CODE_NONE;
}

static inline struct raw_block *
raw(const struct code_grapher *grapher, uint32_t index)
{
	return (struct raw_block *)grapher->raw.data + index;
}

/* Number of the block that begins at @at, a leader. */
static inline uint32_t
block_at(const struct code_grapher *grapher, uint32_t at)
{
	const uint64_t *words = grapher->leaders.data;
	const uint32_t *ranks = grapher->ranks.data;
	const uint64_t below = words[at / 64] & ((UINT64_C(1) << (at % 64)) - 1);

	return ranks[at / 64] + (uint32_t)__builtin_popcountll(below);
}

/* ---- parts ---- */

/* Decodes all of the function, as far as its code goes on (@ret_len bytes): where instructions
 * begin, what does not simply go on, calls, counters that are touched. Returns 0; -ENOTSUP if
 * there is an instruction that is not known; or -ENOMEM. code_ends.c */
int code_ends_read(struct code_grapher *grapher, uint32_t *ret_len);

/* Once it is known where the code ends, and its instructions begin: padding is outside, a table
 * ends where an entry leads to no instruction, and landing pads are where instructions are. */
void code_ends_settle(struct code_grapher *grapher);

/* Adds a way from block @from to @to, once. False: out of memory. code_graph.c */
bool code_graph_add_edge(struct code_grapher *grapher, uint32_t from, uint32_t to);

/* Adds a block without code, which has the PC whose place is @pc (CODE_NONE: none), behind all
 * others; its ways come next. False: out of memory. code_graph.c */
bool code_graph_add_empty(struct code_grapher *grapher, uint32_t pc);

/* Settles which PCs speak for the blocks that they are at. False: out of memory. moved_pcs.c */
bool moved_pcs_share(struct code_grapher *grapher);

#endif
