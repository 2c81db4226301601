/* SPDX-License-Identifier: MIT
 * One function's machine code as blocks and the ways between them; in the symbolizer.
 */
#include "config.h"

#include <errno.h>

#include "code_graph_parts.h"
#include "banned.h"

#define FUNCTION_MAX (UINT64_C(1) << 28) /* bytes */

/* ---- blocks ---- */

static bool
cut_into_blocks(struct code_grapher *grapher)
{
	const size_t words_len = (size_t)grapher->len / 64 + 1;
	const uint64_t *words = grapher->leaders.data;
	struct raw_block *block = NULL;
	uint32_t at;

	if (!reserve(&grapher->ranks, words_len, sizeof(uint32_t)))
		return false;
	grapher->raw.len = 0;
	for (size_t i = 0; i < words_len; i++) {
		((uint32_t *)grapher->ranks.data)[i] = (uint32_t)grapher->raw.len;
		for (uint64_t word = words[i]; word != 0; word &= word - 1) {
			at = (uint32_t)i * 64 + (uint32_t)__builtin_ctzll(word);
			if (at >= grapher->len)
				break;
			if (!reserve(
				&grapher->raw, grapher->raw.len + 1, sizeof(*block)))
				return false;
			if (block != NULL)
				raw(grapher, (uint32_t)grapher->raw.len - 1)->end = at;
			block = raw(grapher, (uint32_t)grapher->raw.len++);
			*block = (struct raw_block){
				.start = at,
				.end = grapher->len,
				.jump = CODE_NONE,
				.pc = CODE_NONE,
			};
		}
	}
	return true;
}

/* The first there; others wait for moved_pcs_share(). A PC behind the last instruction is nowhere. */
static bool
give_pcs(struct code_grapher *grapher)
{
	const struct code_pcs *pcs = grapher->pcs;
	struct array *others = &grapher->others;

	for (uint32_t i = 0; i < pcs->len; i++) {
		const uint32_t at = place(grapher, pcs->addresses[i]);
		struct raw_block *block;

		if (at == CODE_NONE ||
		    (at == 0 && pcs->entry != CODE_NONE && pcs->entry != i))
			continue;
		block = raw(grapher, block_at(grapher, at));
		if (block->pc == CODE_NONE) {
			block->pc = i;
			continue;
		}
		if (!reserve(others, others->len + 1, sizeof(struct other_pc)))
			return false;
		((struct other_pc *)others->data)[others->len++] =
		    (struct other_pc){ block_at(grapher, at), i };
	}
	return true;
}

static void
mark_pads(struct code_grapher *grapher)
{
	const uint32_t *places = grapher->pad_places.data;

	for (size_t i = 0; i < grapher->pad_places.len; i++)
		raw(grapher, block_at(grapher, places[i]))->is_pad = true;
}

/* ---- ways ---- */

/* From @from to @to, once. */
bool
code_graph_add_edge(struct code_grapher *grapher, uint32_t from, uint32_t to)
{
	uint32_t *stamps = grapher->stamps.data;

	if (stamps[to] == from + 1)
		return true;
	stamps[to] = from + 1;
	raw(grapher, from)->edges_len++;
	raw(grapher, to)->before++;
	return add_u32(&grapher->raw_edges, to);
}

static bool
add_ways(struct code_grapher *grapher, uint32_t from, const struct end *end)
{
	const uint32_t *entries = grapher->entries.data;
	struct raw_block *block = raw(grapher, from);
	const bool goes_on =
	    end == NULL || end->kind == END_GOES_ON || end->kind == END_BRANCHES;
	bool ok = true;

	block->edges = (uint32_t)grapher->raw_edges.len;
	if (goes_on && from + 1 < grapher->raw.len)
		ok = code_graph_add_edge(grapher, from, from + 1);
	else if (goes_on)
		block->leaves = true;
	if (end == NULL)
		return ok;
	if (end->target != CODE_NONE)
		ok = ok &&
		    code_graph_add_edge(grapher, from, block_at(grapher, end->target));
	else if (end->kind == END_BRANCHES || end->kind == END_JUMPS)
		block->leaves = true;
	for (uint32_t i = 0; ok && i < end->entries_len; i++)
		ok = code_graph_add_edge(
		    grapher, from, block_at(grapher, entries[end->table + i]));
	block->leaps = end->kind == END_LEAPS && end->entries_len == 0;
	block->leaves = block->leaves || end->kind == END_LEAVES ||
	    end->kind == END_TRAPS || block->leaps || end->leads_out;
	block->traps = end->kind == END_TRAPS && end->start == block->start;
	block->crashes = end->kind == END_CRASHES;
	if (end->kind == END_JUMPS && end->target != CODE_NONE)
		block->jump = end->start;
	return ok;
}

/* Moves behind those that end up to @end; true if there were some. */
static bool
pass_calls(const struct array *calls, size_t *next, uint32_t end)
{
	const uint32_t *ends = calls->data;
	const size_t start = *next;

	while (*next < calls->len && ends[*next] <= end)
		++*next;
	return *next > start;
}

/* The first of those in @block. */
static void
take_callee(const struct code_grapher *grapher, struct raw_block *block, size_t *next)
{
	const struct callee *callees = grapher->callees.data;

	for (; *next < grapher->callees.len && callees[*next].behind <= block->end;
	    ++*next) {
		if (!block->has_call)
			block->callee = callees[*next].address;
		block->has_call = true;
	}
}

static bool
link_blocks(struct code_grapher *grapher)
{
	const struct end *ends = grapher->ends.data;
	size_t next = 0, call = 0, throw = 0, catch = 0, callee = 0;

	grapher->raw_edges.len = 0;
	if (!reserve(&grapher->stamps, grapher->raw.len, sizeof(uint32_t)))
		return false;
	memset(grapher->stamps.data, 0, grapher->raw.len * sizeof(uint32_t));
	for (uint32_t i = 0; i < grapher->raw.len; i++) {
		while (next < grapher->ends.len && ends[next].at < raw(grapher, i)->end)
			next++;
		take_callee(grapher, raw(grapher, i), &callee);
		raw(grapher, i)->calls =
		    pass_calls(&grapher->calls, &call, raw(grapher, i)->end);
		raw(grapher, i)->throws =
		    pass_calls(&grapher->throws, &throw, raw(grapher, i)->end);
		raw(grapher, i)->catches =
		    pass_calls(&grapher->catches, &catch, raw(grapher, i)->end);
		if (!add_ways(grapher, i,
			next < grapher->ends.len &&
				ends[next].at == raw(grapher, i)->end
			    ? &ends[next]
			    : NULL))
			return false;
	}
	return true;
}

bool
code_graph_add_empty(struct code_grapher *grapher, uint32_t pc)
{
	const size_t wanted = grapher->raw.len + 1;

	if (!reserve(&grapher->raw, wanted, sizeof(struct raw_block)) ||
	    !reserve(&grapher->stamps, wanted, sizeof(uint32_t)))
		return false;
	((uint32_t *)grapher->stamps.data)[grapher->raw.len] = 0;
	*raw(grapher, (uint32_t)grapher->raw.len++) = (struct raw_block){
		.start = grapher->len,
		.end = grapher->len,
		.jump = CODE_NONE,
		.pc = pc,
		.edges = (uint32_t)grapher->raw_edges.len,
	};
	return true;
}

/* A leap by a table that we do not know leads to what nothing else leads to. */
static bool
guess(struct code_grapher *grapher)
{
	uint32_t orphans = 0, leaps = 0, at;

	for (uint32_t i = 0; i < grapher->raw.len; i++) {
		struct raw_block *block = raw(grapher, i);

		/* What stands behind a call that never comes back is no place to be. */
		if (i > 0 && block->before == 0 && block->traps && !block->is_pad) {
			block->crashes = true;
			continue;
		}
		block->is_entry = i == 0 || block->before == 0;
		orphans += i > 0 && block->before == 0;
		leaps += block->leaps;
	}
	if (orphans == 0 || leaps == 0)
		return true;
	/* All leap to one block more, that goes on to the orphans: a way each would be many. */
	at = (uint32_t)grapher->raw.len;
	if (!code_graph_add_empty(grapher, CODE_NONE))
		return false;
	for (uint32_t i = 1; i < at; i++) {
		if (!raw(grapher, i)->is_entry)
			continue;
		raw(grapher, i)->is_entry = false;
		if (!code_graph_add_edge(grapher, at, i))
			return false;
	}
	for (uint32_t i = 0; i < at; i++) {
		struct raw_block *block = raw(grapher, i);

		if (!block->leaps)
			continue;
		block->leaves = false;
		block->edges = (uint32_t)grapher->raw_edges.len;
		block->edges_len = 0;
		if (!code_graph_add_edge(grapher, i, at))
			return false;
	}
	return true;
}

/* ---- less of them ---- */

static bool
is_out(const struct raw_block *block)
{
	return block->crashes && block->pc == CODE_NONE;
}

/* The one block that is left behind @block; CODE_NONE: there are none or several. */
static uint32_t
only_next(const struct code_grapher *grapher, const struct raw_block *block)
{
	const uint32_t *edges =
	    (const uint32_t *)grapher->raw_edges.data + block->edges;
	uint32_t only = CODE_NONE;

	if (block->leaves)
		return CODE_NONE;
	for (uint32_t i = 0; i < block->edges_len; i++) {
		if (is_out(raw(grapher, edges[i])))
			continue;
		if (only != CODE_NONE)
			return CODE_NONE;
		only = edges[i];
	}
	return only;
}

/* Block @from and what always runs behind it, and nothing else does, become one. */
static void
swallow(struct code_grapher *grapher, uint32_t from)
{
	struct raw_block *block = raw(grapher, from), *behind;
	struct code_part *parts = grapher->parts.data;
	uint32_t next;

	while ((next = only_next(grapher, block)) != CODE_NONE && next != from) {
		behind = raw(grapher, next);
		if (behind->is_entry || behind->before != 1 || behind->into != next ||
		    (behind->pc != CODE_NONE && block->pc != CODE_NONE))
			return;
		/* That the one behind did not run says nothing of this one. */
		if (behind->pc != CODE_NONE && (block->calls || block->throws))
			return;
		behind->into = from;
		parts[block->last].next = next;
		block->last = behind->last;
		block->pc = block->pc != CODE_NONE ? block->pc : behind->pc;
		block->edges = behind->edges;
		block->edges_len = behind->edges_len;
		block->leaves = behind->leaves;
		block->calls = block->calls || behind->calls;
		block->throws = block->throws || behind->throws;
		block->catches = block->catches || behind->catches;
		block->callee = block->has_call ? block->callee : behind->callee;
		block->has_call = block->has_call || behind->has_call;
		block->is_pad = block->is_pad || behind->is_pad;
	}
}

static uint32_t
final_number(const struct code_grapher *grapher, uint32_t index)
{
	struct raw_block *block = raw(grapher, index);

	while (block->into != index) {
		/* Halve the way for who comes later. */
		block->into = raw(grapher, block->into)->into;
		index = block->into;
		block = raw(grapher, index);
	}
	return block->number;
}

static bool
contract(struct code_grapher *grapher)
{
	const uint32_t len = (uint32_t)grapher->raw.len;
	struct code_part *parts;

	if (!reserve(&grapher->parts, len, sizeof(*parts)))
		return false;
	parts = grapher->parts.data;
	for (uint32_t i = 0; i < len; i++) {
		struct raw_block *block = raw(grapher, i);

		parts[i] = (struct code_part){ block->start, block->end,
			block->jump < block->end ? block->jump : block->end,
			CODE_NONE };
		block->last = i;
		block->into = is_out(block) ? CODE_NONE : i;
		/* Where no run comes from, none comes. */
		for (uint32_t e = 0; is_out(block) && e < block->edges_len; e++)
			raw(grapher,
			    ((uint32_t *)grapher->raw_edges.data)[block->edges + e])
			    ->before--;
	}
	for (uint32_t i = 0; i < len; i++)
		if (raw(grapher, i)->into == i)
			swallow(grapher, i);
	return true;
}

static bool
lay_out(struct code_grapher *grapher)
{
	const uint32_t len = (uint32_t)grapher->raw.len;
	const uint32_t *edges = grapher->raw_edges.data;
	struct code_block *blocks;
	uint32_t number = 0, to;

	for (uint32_t i = 0; i < len; i++)
		if (raw(grapher, i)->into == i)
			raw(grapher, i)->number = number++;
	if (!reserve(&grapher->blocks, number, sizeof(*blocks)) ||
	    !reserve(&grapher->edges, grapher->raw_edges.len, sizeof(*edges)))
		return false;
	blocks = grapher->blocks.data;
	grapher->edges.len = 0;
	number = 0;
	for (uint32_t i = 0; i < len; i++) {
		const struct raw_block *block = raw(grapher, i);
		struct code_block *made = &blocks[number];

		if (block->into != i)
			continue;
		number++;
		*made = (struct code_block){ .part = i,
			.pc = block->pc,
			.edges = (uint32_t)grapher->edges.len,
			.is_entry = block->is_entry,
			.leaves = block->leaves,
			.calls = block->calls,
			.throws = block->throws,
			.callee = block->callee };
		for (uint32_t e = 0; e < block->edges_len; e++) {
			to = edges[block->edges + e];
			if (raw(grapher, to)->into != CODE_NONE &&
			    !add_u32(&grapher->edges, final_number(grapher, to)))
				return false;
		}
		made->edges_len = (uint32_t)grapher->edges.len - made->edges;
	}
	grapher->graph = (struct code_graph){
		.parts = grapher->parts.data,
		.parts_len = len,
		.touches = grapher->touches.data,
		.touches_len = (uint32_t)grapher->touches.len,
		.blocks = blocks,
		.edges = grapher->edges.data,
		.blocks_len = number,
		.edges_len = (uint32_t)grapher->edges.len,
	};
	return true;
}

/* ---- what is come to by a throw ---- */

enum {
	PLAIN = 1, /* from the start of the function */
	HANDLES = 2,
	PAD = 4,
};

static void
spread(struct code_grapher *grapher, uint32_t from, uint8_t mark)
{
	const struct code_graph *graph = &grapher->graph;
	uint8_t *marks = grapher->marks.data;
	uint32_t *stack = grapher->stack.data;
	uint32_t len = 0, at, to;

	if ((marks[from] & mark) != 0)
		return;
	marks[from] |= mark;
	stack[len++] = from;
	while (len > 0) {
		at = stack[--len];
		for (uint32_t e = 0; e < graph->blocks[at].edges_len; e++) {
			to = graph->edges[graph->blocks[at].edges + e];
			if ((marks[to] & mark) != 0)
				continue;
			marks[to] |= mark;
			stack[len++] = to;
		}
	}
}

/* Landing pads, and what is behind them, up to where something is caught. */
static bool
find_cleanup(struct code_grapher *grapher)
{
	struct code_block *blocks = grapher->graph.blocks;
	const uint32_t len = grapher->graph.blocks_len;
	uint8_t *marks;

	if (grapher->pad_places.len == 0 || len == 0)
		return true;
	if (!reserve(&grapher->marks, len, sizeof(*marks)) ||
	    !reserve(&grapher->stack, len, sizeof(uint32_t)))
		return false;
	marks = grapher->marks.data;
	memset(marks, 0, len);
	spread(grapher, 0, PLAIN);
	for (uint32_t i = 0; i < grapher->raw.len; i++) {
		const struct raw_block *block = raw(grapher, i);

		if (block->into != i)
			continue;
		if (block->catches)
			spread(grapher, block->number, HANDLES);
		if (block->is_pad)
			spread(grapher, block->number, PAD);
	}
	for (uint32_t i = 0; i < len; i++)
		blocks[i].is_cleanup = marks[i] == PAD;
	return true;
}

/* ---- the whole ---- */

int
code_grapher_new(struct code_memory *memory, const struct code_machine *machine,
    struct never_returns *never, const struct landing_pads *pads,
    struct code_grapher **ret_grapher)
{
	struct code_grapher *grapher = calloc(1, sizeof(*grapher));

	if (grapher == NULL)
		return -ENOMEM;
	grapher->memory = memory;
	grapher->machine = machine;
	grapher->never = never;
	grapher->pads = pads;
	*ret_grapher = grapher;
	return 0;
}

void
code_grapher_free(struct code_grapher *grapher)
{
	if (grapher == NULL)
		return;
	free(grapher->starts.data);
	free(grapher->leaders.data);
	free(grapher->joins.data);
	free(grapher->ranks.data);
	free(grapher->ends.data);
	free(grapher->entries.data);
	free(grapher->calls.data);
	free(grapher->throws.data);
	free(grapher->catches.data);
	free(grapher->pad_places.data);
	free(grapher->callees.data);
	free(grapher->others.data);
	free(grapher->onlys.data);
	free(grapher->before.data);
	free(grapher->bodies.data);
	free(grapher->touches.data);
	free(grapher->marks.data);
	free(grapher->stack.data);
	free(grapher->raw.data);
	free(grapher->raw_edges.data);
	free(grapher->edges.data);
	free(grapher->stamps.data);
	free(grapher->parts.data);
	free(grapher->blocks.data);
	free(grapher);
}

int
code_grapher_run(struct code_grapher *grapher, const struct function_range *range,
    const struct code_pcs *pcs, const struct code_graph **ret_graph)
{
	uint32_t len;
	size_t left;
	int r;

	grapher->code = code_memory_at(grapher->memory, range->start, &left);
	if (grapher->code == NULL)
		return -ENOTSUP;
	/* A symbol without a size reaches to the next one, or to the end of all. */
	if (range->end - range->start < left)
		left = range->end - range->start;
	if (left > FUNCTION_MAX)
		return -ENOTSUP;
	grapher->start = range->start;
	grapher->len = (uint32_t)left;
	grapher->ends.len = grapher->entries.len = grapher->calls.len = 0;
	grapher->throws.len = grapher->catches.len = grapher->pad_places.len = 0;
	grapher->callees.len = 0;
	grapher->others.len = grapher->touches.len = 0;
	grapher->entries_read = 0;
	grapher->pcs = pcs;
	call_sites_start(grapher->pads, range->start, &grapher->sites);
	if (!clear_bits(&grapher->starts, grapher->len) ||
	    !clear_bits(&grapher->leaders, grapher->len))
		return -ENOMEM;
	set_bit(&grapher->leaders, 0);
	r = code_ends_read(grapher, &len);
	if (r < 0)
		return r;
	grapher->len = len;
	code_ends_settle(grapher);
	for (uint32_t i = 0; i < pcs->len; i++)
		if (place(grapher, pcs->addresses[i]) != CODE_NONE)
			set_bit(&grapher->leaders, place(grapher, pcs->addresses[i]));
	if (!cut_into_blocks(grapher))
		return -ENOMEM;
	if (!give_pcs(grapher))
		return -ENOMEM;
	mark_pads(grapher);
	if (!link_blocks(grapher) || !moved_pcs_share(grapher) || !guess(grapher) ||
	    !contract(grapher) || !lay_out(grapher) || !find_cleanup(grapher))
		return -ENOMEM;
	*ret_graph = &grapher->graph;
	return 0;
}
