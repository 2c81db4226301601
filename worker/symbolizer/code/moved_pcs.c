/* SPDX-License-Identifier: MIT
 * PCs that moved.
 *
 * Compilers join blocks that do the same but for the counter, which they then choose before: the
 * PCs of all of them are left where they are joined, or of one alone where another goes on to it.
 * Who counts by a constant address there counts for itself. Of others it follows only that what
 * is behind ran if they did.
 */
#include "config.h"

#include "code_graph_parts.h"
#include "banned.h"

#define LOOKED_AT 64 /* PCs at one place, and counters that a block touches */

/* Whether the counter of @pc is touched by one of those from @first up to @behind. */
static bool
is_touched(const struct code_grapher *grapher, uint32_t pc, size_t first, size_t behind)
{
	const struct code_touch *touches = grapher->touches.data;

	behind = behind - first > LOOKED_AT ? first + LOOKED_AT : behind;
	for (size_t i = first; i < behind; i++)
		if (touches[i].counter == grapher->pcs->order[pc])
			return true;
	return false;
}

/* Whether several ways lead to block @index, or to one that leads there alone and has no PC; or
 * nobody knows. */
static bool
is_join(const struct code_grapher *grapher, uint32_t index)
{
	const uint32_t *onlys = grapher->onlys.data, *before = grapher->before.data;

	for (unsigned steps = 0; steps < LOOKED_AT; steps++) {
		if (raw(grapher, index)->before != 1)
			return raw(grapher, index)->before > 1;
		if (onlys[index] == 0 || raw(grapher, before[index])->pc != CODE_NONE)
			return false;
		index = before[index];
	}
	return true;
}

/* The first of the PCs of block @index that is its own; CODE_NONE: none is known to be. @others:
 * how many more than one it has, from @at on. */
static uint32_t
own_pc(const struct code_grapher *grapher, uint32_t index, size_t at, size_t others,
    size_t first, size_t behind)
{
	const struct other_pc *list = grapher->others.data;
	const struct raw_block *block = raw(grapher, index);

	if (index == 0)
		return block->pc;
	if (is_touched(grapher, block->pc, first, behind))
		return block->pc;
	for (size_t i = at; i < at + others && i < at + LOOKED_AT; i++)
		if (is_touched(grapher, list[i].pc, first, behind))
			return list[i].pc;
	if (others == 0 &&
	    (!grapher->machine->tells_touched || grapher->pcs->counters == 0 ||
		!is_join(grapher, index)))
		return block->pc;
	return CODE_NONE;
}

/* Lets block @index lead to one for each of its PCs, and these to what it was; and there at once,
 * perhaps by a way that has no counter any more, unless it @is_settled. */
static bool
share_block(struct code_grapher *grapher, uint32_t index, size_t at, size_t others,
    bool is_settled)
{
	const struct raw_block was = *raw(grapher, index);
	const uint32_t body = (uint32_t)grapher->raw.len;
	bool ok = code_graph_add_empty(grapher, CODE_NONE);

	for (size_t i = 0; ok && i <= others; i++)
		ok = code_graph_add_empty(grapher,
		    i == 0 ? was.pc
			   : ((const struct other_pc *)grapher->others.data)[at + i - 1]
				 .pc);
	if (!ok)
		return false;
	*raw(grapher, body) = was;
	raw(grapher, body)->pc = CODE_NONE;
	raw(grapher, body)->before = 0;
	raw(grapher, body)->is_pad = false;
	*raw(grapher, index) = (struct raw_block){
		.start = was.start,
		.end = was.start,
		.jump = CODE_NONE,
		.pc = CODE_NONE,
		.edges = (uint32_t)grapher->raw_edges.len,
		.before = was.before,
		.is_pad = was.is_pad,
	};
	if (is_settled)
		((uint32_t *)grapher->bodies.data)[index] = body;
	else
		ok = code_graph_add_edge(grapher, index, body);
	for (size_t i = 0; ok && i <= others; i++)
		ok = code_graph_add_edge(grapher, index, body + 1 + (uint32_t)i);
	for (size_t i = 0; ok && i <= others; i++) {
		raw(grapher, body + 1 + (uint32_t)i)->edges =
		    (uint32_t)grapher->raw_edges.len;
		ok = code_graph_add_edge(grapher, body + 1 + (uint32_t)i, body);
	}
	return ok;
}

/* How many more PCs than one block @index has, from @at on. */
static size_t
others_at(const struct code_grapher *grapher, size_t at, uint32_t index)
{
	const struct other_pc *list = grapher->others.data;
	const size_t start = at;

	while (at < grapher->others.len && list[at].block == index)
		at++;
	return at - start;
}

/* How many counters are touched before @end, from @at on. */
static size_t
touches_at(const struct code_grapher *grapher, size_t at, uint32_t end)
{
	const struct code_touch *touches = grapher->touches.data;
	const size_t start = at;

	while (at < grapher->touches.len && touches[at].behind <= end)
		at++;
	return at - start;
}

/* Counts for each block the ways from where there is no other, of which it notes one, and makes
 * room for bodies. */
static bool
count_onlys(struct code_grapher *grapher)
{
	const size_t len = grapher->raw.len;
	const uint32_t *edges = grapher->raw_edges.data;
	uint32_t *onlys;

	if (!reserve(&grapher->onlys, len, sizeof(*onlys)) ||
	    !reserve(&grapher->before, len, sizeof(uint32_t)) ||
	    !reserve(&grapher->bodies, len, sizeof(uint32_t)))
		return false;
	onlys = grapher->onlys.data;
	memset(onlys, 0, len * sizeof(*onlys));
	memset(grapher->bodies.data, 0, len * sizeof(uint32_t));
	for (uint32_t i = 0; i < len; i++) {
		if (raw(grapher, i)->edges_len != 1)
			continue;
		onlys[edges[raw(grapher, i)->edges]]++;
		((uint32_t *)grapher->before.data)[edges[raw(grapher, i)->edges]] = i;
	}
	return true;
}

/* Who has no other way comes past the PCs: only of a branch's ways the counter can have moved. */
static void
pass_by(struct code_grapher *grapher, uint32_t len)
{
	const uint32_t *bodies = grapher->bodies.data;
	uint32_t *edges = grapher->raw_edges.data;

	for (uint32_t i = 0; i < len; i++) {
		uint32_t *to = &edges[raw(grapher, i)->edges];

		/* What was shared itself has more, or one of its own. */
		if (raw(grapher, i)->edges_len != 1 || *to >= len || bodies[*to] == 0)
			continue;
		raw(grapher, *to)->before--;
		*to = bodies[*to];
		raw(grapher, *to)->before++;
	}
}

bool
moved_pcs_share(struct code_grapher *grapher)
{
	const uint32_t len = (uint32_t)grapher->raw.len;
	size_t at = 0, first = 0, others, touched;
	uint32_t own, branches;

	if (!count_onlys(grapher))
		return false;
	for (uint32_t i = 0; i < len; i++, at += others, first += touched) {
		others = others_at(grapher, at, i);
		touched = touches_at(grapher, first, raw(grapher, i)->end);
		if (raw(grapher, i)->pc == CODE_NONE)
			continue;
		own = own_pc(grapher, i, at, others, first, first + touched);
		branches = raw(grapher, i)->before -
		    ((const uint32_t *)grapher->onlys.data)[i];
		if (own != CODE_NONE)
			raw(grapher, i)->pc = own;
		else if (!share_block(grapher, i, at, others,
			     branches > 0 && others + 1 >= branches))
			return false;
	}
	pass_by(grapher, len);
	return true;
}
