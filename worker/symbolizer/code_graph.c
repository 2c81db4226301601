/* SPDX-License-Identifier: MIT
 * One function's machine code as blocks and the ways between them; in the symbolizer.
 */
#include "config.h"

#include "code_graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

#define FUNCTION_MAX (UINT64_C(1) << 28) /* bytes */
#define NEAR 64 /* bytes between the load of a table's entry and the leap by it */

enum end_kind {
	END_GOES_ON,  /* only behind it */
	END_BRANCHES, /* to target, and behind it */
	END_JUMPS,
	END_LEAPS, /* to the entries of a table, or nobody knows where */
	END_LEAVES,
	END_CRASHES,
};

/* What happens behind an instruction that does not simply go on. */
struct end {
	uint32_t at;     /* offset behind it */
	uint32_t target; /* CODE_NONE: outside */
	enum end_kind kind;
	uint32_t table; /* index of its first entry, of entries_len */
	uint32_t entries_len;
	bool leads_out; /* an entry does */
};

/* As first found; contract() makes those of the graph. */
struct raw_block {
	uint32_t start;
	uint32_t end; /* offset behind its last byte */
	uint32_t pc;
	uint32_t edges, edges_len;
	uint32_t before; /* how many lead there, the same one once */
	uint32_t into; /* the block that it became a part of; itself; CODE_NONE: out */
	uint32_t number; /* among those that remain */
	uint32_t last;   /* the newest part */
	uint64_t callee;
	bool is_entry, leaves, crashes, leaps, calls, throws, catches, is_pad;
	bool has_call;
};

/* One more PC where a block begins. */
struct other_pc {
	uint32_t block, pc;
};

/* A counter that is loaded or stored. */
struct touch {
	uint32_t behind;
	uint32_t counter; /* its number */
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
	struct array touches;    /* struct touch */
	const struct code_pcs *pcs;
	struct array raw; /* struct raw_block */
	struct array raw_edges, edges, stamps, parts, blocks;
	struct array onlys, before, bodies; /* u32, by raw block: see share_pcs() */
	struct array marks, stack;          /* u8, u32: of a walk */
	struct code_graph graph;
};

/* ---- arrays that are used again and again ---- */

static bool
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

static bool
add_u32(struct array *array, uint32_t value)
{
	if (!reserve(array, array->len + 1, sizeof(value)))
		return false;
	((uint32_t *)array->data)[array->len++] = value;
	return true;
}

static void
set_bit(struct array *bits, uint32_t at)
{
	((uint64_t *)bits->data)[at / 64] |= UINT64_C(1) << (at % 64);
}

static void
clear_bit(struct array *bits, uint32_t at)
{
	((uint64_t *)bits->data)[at / 64] &= ~(UINT64_C(1) << (at % 64));
}

static bool
bit_is_set(const struct array *bits, uint32_t at)
{
	return (((const uint64_t *)bits->data)[at / 64] >> (at % 64) & 1) != 0;
}

static bool
clear_bits(struct array *bits, uint32_t len)
{
	const size_t words = (size_t)len / 64 + 1;

	if (!reserve(bits, words, sizeof(uint64_t)))
		return false;
	memset(bits->data, 0, words * sizeof(uint64_t));
	return true;
}

/* ---- decoding ---- */

/* Places within the function, as addresses are. */
static uint32_t
place(const struct code_grapher *grapher, uint64_t address)
{
	return address - grapher->start < grapher->len
	    ? (uint32_t)(address - grapher->start)
	    : CODE_NONE;
}

static bool
read_entry(struct code_grapher *grapher, const struct code_trail *trail, uint32_t index,
    uint32_t *ret_target)
{
	const unsigned unused = 64 - trail->entry_size * 8;
	const unsigned char *at;
	uint64_t value = 0;
	size_t left = 0;

	at = code_memory_at(
	    grapher->memory, trail->table + (uint64_t)index * trail->entry_size, &left);
	if (at == NULL || left < trail->entry_size)
		return false;
	memcpy(&value, at, trail->entry_size);
	if (!trail->is_unsigned)
		value = (uint64_t)((int64_t)(value << unused) >> unused);
	*ret_target = place(grapher, trail->base + (value << trail->shift));
	return true;
}

/* Takes the entries of the table by which the leap at @address goes; false: out of memory. Where
 * nobody knows how many there are, it is as many as lead into the function. */
static bool
read_table(struct code_grapher *grapher, const struct code_trail *trail,
    uint64_t address, struct end *end)
{
	uint32_t target;

	end->table = (uint32_t)grapher->entries.len;
	end->entries_len = 0;
	if (trail->table == 0 || address - trail->loaded_at > NEAR)
		return true;
	for (uint32_t i = 0; grapher->entries_read < grapher->len &&
	    (trail->len == 0 || i < trail->len) &&
	    read_entry(grapher, trail, i, &target);
	    i++) {
		grapher->entries_read++;
		if (target == CODE_NONE && trail->len == 0)
			break;
		/* Into a part that was put elsewhere. */
		end->leads_out = end->leads_out || target == CODE_NONE;
		if (target == CODE_NONE)
			continue;
		if (!add_u32(&grapher->entries, target))
			return false;
		end->entries_len++;
	}
	return true;
}

/* Of a call that may throw; false: out of memory. */
static bool
take_throw(struct code_grapher *grapher, uint32_t behind)
{
	const uint64_t within = grapher->start + behind - 1;
	uint32_t pad;

	switch (call_sites_ask(&grapher->sites, within)) {
	case THROWS_OUT:
		return add_u32(&grapher->calls, behind);
	case THROWS_TO_PAD:
		pad = place(grapher, grapher->sites.pad);
		/* Perhaps in a part that was put elsewhere. */
		if (pad == CODE_NONE)
			return add_u32(&grapher->calls, behind);
		return add_u32(&grapher->throws, behind) &&
		    add_u32(&grapher->pad_places, pad);
	default:
		return true;
	}
}

/* False: out of memory. */
static bool
add_callee(struct code_grapher *grapher, const struct code_step *step, uint32_t behind)
{
	struct array *callees = &grapher->callees;

	if (!reserve(callees, callees->len + 1, sizeof(struct callee)))
		return false;
	((struct callee *)callees->data)[callees->len++] =
	    (struct callee){ behind, step->by_slot ? 0 : step->target };
	return true;
}

/* False: out of memory. */
static bool
take_call(struct code_grapher *grapher, const struct code_step *step, struct end *end)
{
	const enum call_end what = never_returns_ask(grapher->never, step);

	end->kind = what == CALL_CRASHES ? END_CRASHES
	    : what == CALL_NEVER_RETURNS ? END_LEAVES
					 : END_GOES_ON;
	if (what == CALL_CATCHES)
		return add_u32(&grapher->catches, end->at);
	if (what != CALL_COMES_BACK && !add_callee(grapher, step, end->at))
		return false;
	switch (never_returns_leaves(grapher->never, what)) {
	case CALL_JUMPS:
		return add_u32(&grapher->calls, end->at);
	case CALL_THROWS:
		return take_throw(grapher, end->at);
	default:
		return true;
	}
}

/* Whether the jump @step leads to one instruction that was put elsewhere, behind which a jump
 * leads back to @behind: so linkers mend what some processors do wrong. */
static bool
comes_back(struct code_grapher *grapher, const struct code_step *step, uint32_t behind,
    struct code_trail *trail)
{
	struct code_trail none = { 0 };
	const unsigned char *at;
	struct code_step patch, back;
	size_t left;

	if (step->target - grapher->start < grapher->len)
		return false;
	at = code_memory_at(grapher->memory, step->target, &left);
	if (at == NULL)
		return false;
	patch = grapher->machine->step(at, at + left, step->target, &none);
	if (patch.len == 0 || patch.kind != CODE_PLAIN)
		return false;
	back = grapher->machine->step(
	    at + patch.len, at + left, step->target + patch.len, &none);
	if (back.len == 0 || back.kind != CODE_JUMP ||
	    back.target != grapher->start + behind)
		return false;
	grapher->machine->step(at, at + left, step->target, trail);
	return true;
}

static bool
add_end(struct code_grapher *grapher, const struct code_step *step, uint32_t behind,
    struct code_trail *trail)
{
	struct end end = { .at = behind, .target = CODE_NONE };

	switch (step->kind) {
	case CODE_BRANCH:
		end.kind = END_BRANCHES;
		end.target = place(grapher, step->target);
		break;
	case CODE_JUMP:
		if (comes_back(grapher, step, behind, trail))
			return true;
		end.kind = END_JUMPS;
		end.target = place(grapher, step->target);
		break;
	case CODE_LEAP:
		end.kind = END_LEAPS;
		if (!read_table(grapher, trail, grapher->start + behind, &end))
			return false;
		break;
	case CODE_CALL:
		if (!take_call(grapher, step, &end))
			return false;
		break;
	default:
		end.kind = END_LEAVES;
		break;
	}
	if (end.kind == END_GOES_ON)
		return true;
	if (!reserve(&grapher->ends, grapher->ends.len + 1, sizeof(end)))
		return false;
	((struct end *)grapher->ends.data)[grapher->ends.len++] = end;
	set_bit(&grapher->leaders, behind);
	if (end.target != CODE_NONE)
		set_bit(&grapher->leaders, end.target);
	return true;
}

static struct code_step
step_at(struct code_grapher *grapher, uint32_t at, struct code_trail *trail)
{
	return grapher->machine->step(grapher->code + at, grapher->code + grapher->len,
	    grapher->start + at, trail);
}

static int
find_joins(struct code_grapher *grapher)
{
	struct code_trail trail = { 0 };
	struct code_step step;
	uint32_t at = 0, target;

	if (!clear_bits(&grapher->joins, grapher->len))
		return -ENOMEM;
	while (at < grapher->len) {
		step = step_at(grapher, at, &trail);
		if (step.len == 0)
			return -ENOTSUP;
		at += step.len;
		if (step.kind != CODE_JUMP && step.kind != CODE_BRANCH)
			continue;
		target = place(grapher, step.target);
		if (target != CODE_NONE && target != at)
			set_bit(&grapher->joins, target);
	}
	return 0;
}

/* False: out of memory. */
static bool
add_touch(struct code_grapher *grapher, const struct code_step *step, uint32_t behind)
{
	const uint64_t counter = step->touched - grapher->pcs->counters;
	struct array *touches = &grapher->touches;

	if (grapher->pcs->counters == 0 || counter >= CODE_NONE)
		return true;
	if (!reserve(touches, touches->len + 1, sizeof(struct touch)))
		return false;
	((struct touch *)touches->data)[touches->len++] =
	    (struct touch){ behind, (uint32_t)counter };
	return true;
}

/* Whether @step, which ends at @behind, only says where the branch before it goes on, which is
 * behind it anyway: unoptimized code has such pairs. Then they become one. */
static bool
ends_branch(struct code_grapher *grapher, const struct code_step *step, uint32_t behind)
{
	const uint32_t at = behind - step->len;
	struct end *last;

	if (step->kind != CODE_JUMP || step->target != grapher->start + behind ||
	    grapher->ends.len == 0 || !grapher->machine->wants_joins ||
	    bit_is_set(&grapher->joins, at))
		return false;
	last = (struct end *)grapher->ends.data + grapher->ends.len - 1;
	if (last->at != at || last->kind != END_BRANCHES)
		return false;
	clear_bit(&grapher->leaders, at);
	last->at = behind;
	set_bit(&grapher->leaders, behind);
	return true;
}

/* Outputs the offset behind the last instruction that is no padding. */
static int
decode(struct code_grapher *grapher, uint32_t *ret_len)
{
	const bool wants_joins = grapher->machine->wants_joins;
	struct code_trail trail = { 0 };
	struct code_step step;
	uint32_t at = 0;
	int r = wants_joins ? find_joins(grapher) : 0;

	*ret_len = 0;
	while (r == 0 && at < grapher->len) {
		trail.is_joined = wants_joins && bit_is_set(&grapher->joins, at);
		step = step_at(grapher, at, &trail);
		if (step.len == 0)
			return -ENOTSUP;
		set_bit(&grapher->starts, at);
		at += step.len;
		if (step.touched != 0 && !add_touch(grapher, &step, at))
			return -ENOMEM;
		if (step.kind == CODE_PADDING)
			continue;
		*ret_len = at;
		if (ends_branch(grapher, &step, at))
			continue;
		if (step.kind != CODE_PLAIN && !add_end(grapher, &step, at, &trail))
			return -ENOMEM;
	}
	return r;
}

/* Once it is known where the code ends, and its instructions begin: padding is outside, and a
 * table ends where an entry leads to no instruction. */
static void
settle_ends(struct code_grapher *grapher)
{
	struct end *ends = grapher->ends.data;
	const uint32_t *entries = grapher->entries.data;
	uint32_t sound, at;

	for (size_t i = 0; i < grapher->ends.len; i++) {
		if (ends[i].target != CODE_NONE && ends[i].target >= grapher->len)
			ends[i].target = CODE_NONE;
		for (sound = 0; sound < ends[i].entries_len; sound++) {
			at = entries[ends[i].table + sound];
			if (at >= grapher->len || !bit_is_set(&grapher->starts, at))
				break;
			set_bit(&grapher->leaders, at);
		}
		ends[i].entries_len = sound;
	}
}

/* The same of landing pads. */
static void
settle_pads(struct code_grapher *grapher)
{
	uint32_t *places = grapher->pad_places.data;
	size_t kept = 0;

	for (size_t i = 0; i < grapher->pad_places.len; i++)
		if (places[i] < grapher->len &&
		    bit_is_set(&grapher->starts, places[i])) {
			set_bit(&grapher->leaders, places[i]);
			places[kept++] = places[i];
		}
	grapher->pad_places.len = kept;
}

/* ---- blocks ---- */

static struct raw_block *
raw(const struct code_grapher *grapher, uint32_t index)
{
	return (struct raw_block *)grapher->raw.data + index;
}

/* Number of the block that begins at @at, a leader. */
static uint32_t
block_at(const struct code_grapher *grapher, uint32_t at)
{
	const uint64_t *words = grapher->leaders.data;
	const uint32_t *ranks = grapher->ranks.data;
	const uint64_t below = words[at / 64] & ((UINT64_C(1) << (at % 64)) - 1);

	return ranks[at / 64] + (uint32_t)__builtin_popcountll(below);
}

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
				.start = at, .end = grapher->len, .pc = CODE_NONE
			};
		}
	}
	return true;
}

/* The first there; others wait for share_pcs(). A PC behind the last instruction is nowhere. */
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
static bool
add_edge(struct code_grapher *grapher, uint32_t from, uint32_t to)
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
		ok = add_edge(grapher, from, from + 1);
	else if (goes_on)
		block->leaves = true;
	if (end == NULL)
		return ok;
	if (end->target != CODE_NONE)
		ok = ok && add_edge(grapher, from, block_at(grapher, end->target));
	else if (end->kind == END_BRANCHES || end->kind == END_JUMPS)
		block->leaves = true;
	for (uint32_t i = 0; ok && i < end->entries_len; i++)
		ok =
		    add_edge(grapher, from, block_at(grapher, entries[end->table + i]));
	block->leaps = end->kind == END_LEAPS && end->entries_len == 0;
	block->leaves =
	    block->leaves || end->kind == END_LEAVES || block->leaps || end->leads_out;
	block->crashes = end->kind == END_CRASHES;
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

/* ---- PCs that moved ---- */

/*
 * Compilers join blocks that do the same but for the counter, which they then choose before: the
 * PCs of all of them are left where they are joined, or of one alone where another goes on to it.
 * Who counts by a constant address there counts for itself. Of others it follows only that what
 * is behind ran if they did.
 */

#define LOOKED_AT 64 /* PCs at one place, and counters that a block touches */

/* Whether the counter of @pc is touched by one of those from @first up to @behind. */
static bool
is_touched(const struct code_grapher *grapher, uint32_t pc, size_t first, size_t behind)
{
	const struct touch *touches = grapher->touches.data;

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

/* One more block without code. */
static bool
add_empty(struct code_grapher *grapher, uint32_t pc)
{
	const size_t wanted = grapher->raw.len + 1;

	if (!reserve(&grapher->raw, wanted, sizeof(struct raw_block)) ||
	    !reserve(&grapher->stamps, wanted, sizeof(uint32_t)))
		return false;
	((uint32_t *)grapher->stamps.data)[grapher->raw.len] = 0;
	*raw(grapher, (uint32_t)grapher->raw.len++) = (struct raw_block){
		.start = grapher->len,
		.end = grapher->len,
		.pc = pc,
		.edges = (uint32_t)grapher->raw_edges.len,
	};
	return true;
}

/* Lets block @index lead to one for each of its PCs, and these to what it was; and there at once,
 * perhaps by a way that has no counter any more, unless it @is_settled. */
static bool
share_block(struct code_grapher *grapher, uint32_t index, size_t at, size_t others,
    bool is_settled)
{
	const struct raw_block was = *raw(grapher, index);
	const uint32_t body = (uint32_t)grapher->raw.len;
	bool ok = add_empty(grapher, CODE_NONE);

	for (size_t i = 0; ok && i <= others; i++)
		ok = add_empty(grapher,
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
		.pc = CODE_NONE,
		.edges = (uint32_t)grapher->raw_edges.len,
		.before = was.before,
		.is_pad = was.is_pad,
	};
	if (is_settled)
		((uint32_t *)grapher->bodies.data)[index] = body;
	else
		ok = add_edge(grapher, index, body);
	for (size_t i = 0; ok && i <= others; i++)
		ok = add_edge(grapher, index, body + 1 + (uint32_t)i);
	for (size_t i = 0; ok && i <= others; i++) {
		raw(grapher, body + 1 + (uint32_t)i)->edges =
		    (uint32_t)grapher->raw_edges.len;
		ok = add_edge(grapher, body + 1 + (uint32_t)i, body);
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
	const struct touch *touches = grapher->touches.data;
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

/* Settles which PCs speak for the blocks that they are at. */
static bool
share_pcs(struct code_grapher *grapher)
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

/* A leap by a table that we do not know leads to what nothing else leads to. */
static bool
guess(struct code_grapher *grapher)
{
	uint32_t orphans = 0, leaps = 0, at;

	for (uint32_t i = 0; i < grapher->raw.len; i++) {
		raw(grapher, i)->is_entry = i == 0 || raw(grapher, i)->before == 0;
		orphans += i > 0 && raw(grapher, i)->before == 0;
		leaps += raw(grapher, i)->leaps;
	}
	if (orphans == 0 || leaps == 0)
		return true;
	/* All leap to one block more, that goes on to the orphans: a way each would be many. */
	at = (uint32_t)grapher->raw.len;
	if (!reserve(&grapher->raw, grapher->raw.len + 1, sizeof(struct raw_block)) ||
	    !reserve(&grapher->stamps, grapher->raw.len + 1, sizeof(uint32_t)))
		return false;
	grapher->raw.len++;
	((uint32_t *)grapher->stamps.data)[at] = 0;
	*raw(grapher, at) = (struct raw_block){
		.start = grapher->len,
		.end = grapher->len,
		.pc = CODE_NONE,
		.edges = (uint32_t)grapher->raw_edges.len,
	};
	for (uint32_t i = 1; i < at; i++) {
		if (!raw(grapher, i)->is_entry)
			continue;
		raw(grapher, i)->is_entry = false;
		if (!add_edge(grapher, at, i))
			return false;
	}
	for (uint32_t i = 0; i < at; i++) {
		struct raw_block *block = raw(grapher, i);

		if (!block->leaps)
			continue;
		block->leaves = false;
		block->edges = (uint32_t)grapher->raw_edges.len;
		block->edges_len = 0;
		if (!add_edge(grapher, i, at))
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

		parts[i] = (struct code_part){ block->start, block->end, CODE_NONE };
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
	r = decode(grapher, &len);
	if (r < 0)
		return r;
	grapher->len = len;
	settle_ends(grapher);
	settle_pads(grapher);
	for (uint32_t i = 0; i < pcs->len; i++)
		if (place(grapher, pcs->addresses[i]) != CODE_NONE)
			set_bit(&grapher->leaders, place(grapher, pcs->addresses[i]));
	if (!cut_into_blocks(grapher))
		return -ENOMEM;
	if (!give_pcs(grapher))
		return -ENOMEM;
	mark_pads(grapher);
	if (!link_blocks(grapher) || !share_pcs(grapher) || !guess(grapher) ||
	    !contract(grapher) || !lay_out(grapher) || !find_cleanup(grapher))
		return -ENOMEM;
	*ret_graph = &grapher->graph;
	return 0;
}
