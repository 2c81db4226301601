/* SPDX-License-Identifier: MIT
 * Inlined calls by address; in the symbolizer.
 *
 * Scopes are numbered as they stand, so that one is followed by all that is in it. Their
 * ranges are swept from low to high addresses; where one begins or ends the innermost scope is
 * found anew: from the outermost on the first one that is open and lies in the last.
 */
#include "config.h"

#include "function_scopes.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grow.h"
#include "banned.h"

/* Blocks and inlined calls around an address. */
#define DEPTH_MAX 1024
/* The function itself. */
#define OUTSIDE UINT32_MAX
/* Scopes that are open at once take their place among the others; a compiler's are in each
 * other, and lie at the end. So many moves an edge are out of all proportion. */
#define MOVES_MAX 1024

struct scope {
	const unsigned char *at;
	uint32_t parent;
	uint16_t depth;
	bool is_call;
};

/* Where a scope begins or ends. */
struct edge {
	uint64_t address;
	uint32_t scope;
	bool begins;
};

/* Up to the next one's start the innermost scope is that. */
struct stretch {
	uint64_t start;
	uint32_t scope;
};

struct function_scopes {
	struct scope *scopes;
	size_t scopes_len, scopes_size;
	struct stretch *stretches;
	size_t stretches_len;
};

struct sweep {
	struct function_scopes *scopes;
	struct edge *edges;
	size_t edges_len, edges_size;
	uint32_t *open; /* ascending */
	size_t open_len, open_size;
	uint64_t moves_left;
};

/* ---- reading ---- */

static int
add_edge(struct sweep *sweep, uint64_t address, uint32_t scope, bool begins)
{
	if (!grow((void **)&sweep->edges, sweep->edges_len, &sweep->edges_size,
		sizeof(*sweep->edges)))
		return -ENOMEM;
	sweep->edges[sweep->edges_len++] = (struct edge){ address, scope, begins };
	return 0;
}

static int
add_ranges(struct sweep *sweep, const struct die *die, const struct die_unit *unit,
    const struct die_ranges_sources *sources, size_t *budget, uint32_t scope)
{
	struct die_ranges ranges;
	uint64_t start, end;
	int r = 0;

	die_ranges_start(&ranges, sources, &unit->format, &die->code);
	while (r == 0 && die_ranges_next(&ranges, &start, &end)) {
		if (*budget == 0)
			return -E2BIG;
		--*budget;
		if (start >= end)
			continue;
		r = add_edge(sweep, start, scope, true);
		if (r == 0)
			r = add_edge(sweep, end, scope, false);
	}
	return r;
}

static bool
is_scope(unsigned tag)
{
	switch (tag) {
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
		return true;
	default:
		return false;
	}
}

static int
add_scope(struct function_scopes *scopes, const struct die *die, uint32_t parent)
{
	if (scopes->scopes_len >= OUTSIDE - 1)
		return -E2BIG;
	if (!grow((void **)&scopes->scopes, scopes->scopes_len, &scopes->scopes_size,
		sizeof(*scopes->scopes)))
		return -ENOMEM;
	scopes->scopes[scopes->scopes_len++] = (struct scope){ die->at, parent,
		(uint16_t)die->depth, die->tag == DW_TAG_inlined_subroutine };
	return 0;
}

/* Below what is no scope, as a function in the function, there is none of ours; and none in
 * a scope without code. */
static int
read_scopes(struct sweep *sweep, const struct die_unit *unit, const unsigned char *at,
    const struct die_ranges_sources *sources, size_t *budget)
{
	struct function_scopes *scopes = sweep->scopes;
	uint32_t path[DEPTH_MAX + 2] = { [0] = OUTSIDE }; /* by depth */
	size_t deepest = 1;                               /* depth that may have some */
	struct die_walk walk;
	struct die die;
	int r = 0;

	die_walk_start(&walk, unit, at);
	if (!die_walk_next(&walk, &die))
		return 0;
	while (r == 0 && die_walk_next(&walk, &die)) {
		if (die.depth > deepest)
			continue;
		deepest = die.depth;
		if (!is_scope(die.tag) || !die.has_code)
			continue;
		path[die.depth] = (uint32_t)scopes->scopes_len;
		r = add_scope(scopes, &die, path[die.depth - 1]);
		if (r == 0)
			r = add_ranges(
			    sweep, &die, unit, sources, budget, path[die.depth]);
		if (die.depth <= DEPTH_MAX)
			deepest = die.depth + 1;
	}
	return r;
}

/* ---- the sweep ---- */

/* At one address the innermost ends first, then the outermost begins. */
static int
compare_edges(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->begins != y->begins)
		return x->begins ? 1 : -1;
	if (x->scope != y->scope)
		return (x->scope < y->scope) == x->begins ? -1 : 1;
	return 0;
}

/* A scope whose ranges lie over each other is open more than once. */
static int
turn_edge(struct sweep *sweep, const struct edge *edge)
{
	size_t low = 0, high = sweep->open_len, middle, moved;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (sweep->open[middle] < edge->scope)
			low = middle + 1;
		else
			high = middle;
	}
	moved = sweep->open_len - low + 1;
	if (sweep->moves_left < moved)
		return -E2BIG;
	sweep->moves_left -= moved;
	if (!edge->begins) {
		if (low < sweep->open_len && sweep->open[low] == edge->scope)
			memmove(sweep->open + low, sweep->open + low + 1,
			    (--sweep->open_len - low) * sizeof(*sweep->open));
		return 0;
	}
	if (!grow((void **)&sweep->open, sweep->open_len, &sweep->open_size,
		sizeof(*sweep->open)))
		return -ENOMEM;
	memmove(sweep->open + low + 1, sweep->open + low,
	    (sweep->open_len++ - low) * sizeof(*sweep->open));
	sweep->open[low] = edge->scope;
	return 0;
}

/* The innermost scope now. */
static int
find_innermost(struct sweep *sweep, uint32_t *ret_scope)
{
	uint32_t at = OUTSIDE;

	if (sweep->moves_left < sweep->open_len)
		return -E2BIG;
	sweep->moves_left -= sweep->open_len;
	for (size_t i = 0; i < sweep->open_len; i++)
		if (sweep->scopes->scopes[sweep->open[i]].parent == at)
			at = sweep->open[i];
	*ret_scope = at;
	return 0;
}

static int
sweep_all(struct sweep *sweep)
{
	struct function_scopes *scopes = sweep->scopes;
	const size_t len = sweep->edges_len;
	uint32_t scope, last = OUTSIDE;
	int r = 0;

	if (len == 0)
		return 0;
	qsort(sweep->edges, len, sizeof(*sweep->edges), compare_edges);
	sweep->moves_left = (uint64_t)len * MOVES_MAX;
	scopes->stretches = calloc(len, sizeof(*scopes->stretches));
	if (scopes->stretches == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < len && r == 0; i++) {
		r = turn_edge(sweep, &sweep->edges[i]);
		if (r < 0 ||
		    (i + 1 < len &&
			sweep->edges[i + 1].address == sweep->edges[i].address))
			continue;
		r = find_innermost(sweep, &scope);
		if (r < 0 || scope == last)
			continue;
		last = scope;
		scopes->stretches[scopes->stretches_len++] =
		    (struct stretch){ sweep->edges[i].address, scope };
	}
	return r;
}

int
function_scopes_read(const struct die_unit *unit, const unsigned char *at,
    const struct die_ranges_sources *sources, size_t *budget,
    struct function_scopes **ret_scopes)
{
	struct function_scopes *scopes = calloc(1, sizeof(*scopes));
	struct sweep sweep = { .scopes = scopes };
	int r;

	if (scopes == NULL)
		return -ENOMEM;
	r = read_scopes(&sweep, unit, at, sources, budget);
	if (r == 0)
		r = sweep_all(&sweep);
	free(sweep.edges);
	free(sweep.open);
	if (r < 0) {
		function_scopes_free(scopes);
		return r;
	}
	*ret_scopes = scopes;
	return 0;
}

void
function_scopes_free(struct function_scopes *scopes)
{
	if (scopes == NULL)
		return;
	free(scopes->scopes);
	free(scopes->stretches);
	free(scopes);
}

size_t
function_scopes_len(const struct function_scopes *scopes)
{
	return scopes->scopes_len + scopes->stretches_len;
}

/* ---- questions ---- */

static uint32_t
innermost(const struct function_scopes *scopes, uint64_t address)
{
	size_t low = 0, high = scopes->stretches_len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (scopes->stretches[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? scopes->stretches[low - 1].scope : OUTSIDE;
}

size_t
function_scopes_find(const struct function_scopes *scopes, uint64_t address,
    const unsigned char **calls, size_t max, bool *ret_cut)
{
	const uint32_t first = innermost(scopes, address);
	size_t len = 0, at;

	*ret_cut = first != OUTSIDE && scopes->scopes[first].depth > DEPTH_MAX;
	for (uint32_t i = first; i != OUTSIDE; i = scopes->scopes[i].parent)
		len += scopes->scopes[i].is_call;
	*ret_cut = *ret_cut || len > max;
	if (*ret_cut)
		return 0;
	at = len;
	for (uint32_t i = first; i != OUTSIDE; i = scopes->scopes[i].parent)
		if (scopes->scopes[i].is_call)
			calls[--at] = scopes->scopes[i].at;
	return len;
}
