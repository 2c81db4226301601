/* SPDX-License-Identifier: MIT
 * One function's instructions: where each begins, and what does not simply go on.
 */
#include "config.h"

#include <errno.h>

#include "code_graph_parts.h"
#include "banned.h"

#define NEAR 64 /* bytes between the load of a table's entry and the leap by it */

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
	struct end end = {
		.at = behind, .start = behind - step->len, .target = CODE_NONE
	};

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
	case CODE_END:
		end.kind = END_TRAPS;
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
	if (!reserve(touches, touches->len + 1, sizeof(struct code_touch)))
		return false;
	((struct code_touch *)touches->data)[touches->len++] =
	    (struct code_touch){ behind, (uint32_t)counter };
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
int
code_ends_read(struct code_grapher *grapher, uint32_t *ret_len)
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

void
code_ends_settle(struct code_grapher *grapher)
{
	settle_ends(grapher);
	settle_pads(grapher);
}
