/* SPDX-License-Identifier: MIT
 * What shapes tell of lines; see line_shapes.h. How they come to be: line_lexer.c.
 */
#include "line_shapes.h"

#include "line_shape_code.h"

/* Deeper ones count as part of the last. */
#define DEPTH_MAX 256

#define UNKNOWNS_MAX 4
#define CLOSURES_MAX 16

#define NONE UINT32_C(0xffffffff)

/* What is known of the lines of a statement that opens a block. */
enum head {
	HEAD_SURE,
	HEAD_WEAK, /* that one ran may have been concluded from the end of another block */
	HEAD_END, /* it begins with that, and nothing else of it is known to have run */
};

/* Of a statement that goes on over lines: what the next one refers to. */
struct trail {
	uint32_t last;    /* the line before; a place, or NONE */
	uint8_t raw;      /* its state at first */
	uint32_t base;    /* the last line that goes on with no operand; a place */
	bool base_is_end; /* it is known to have run as the end of a block alone */
};

/* Operands of a statement that are counted for themselves. */
struct aparts {
	uint32_t first; /* a place */
	uint32_t mask;  /* bit i: the one at first + i is one, too */
};

struct block {
	struct aparts aparts; /* of its head */
	struct trail trail; /* of the statement that opens it, which may go on behind */
	uint32_t head,
	    head_end;    /* places of the lines of the statement that opens it */
	uint32_t first;  /* place of the first line with code, so far; or NONE */
	uint32_t last;   /* the statement that stands last in it, so far; or NONE */
	uint32_t before; /* the one before that; or NONE */
	/* statements of which it is not known whether they ran, since the last label */
	uint32_t unknowns[UNKNOWNS_MAX], unknowns_len;
	/* those that seem not to have run, since one that did */
	uint32_t misses[UNKNOWNS_MAX], misses_len;
	bool last_is_simple;   /* it has no block of its own, and is no way out */
	bool last_leaves;      /* it is a way out */
	bool passes;           /* what is behind it is come to, for certain */
	bool decides, is_loop; /* its head; else its lines run at another time */
	bool is_switch, tries, is_do;
	/* Of a switch: the line with code that is next behind its last label; the same of the
	 * last one that others stand before; places, or NONE. */
	uint32_t label, group;
	uint32_t
	    binds; /* place of what names that which is matched, alone in its line; or NONE */
	bool catches;        /* what was thrown */
	bool catches_too;    /* behind another that does */
	bool is_function;    /* begins where its head is entered */
	bool is_in_function; /* one that is known as such */
	bool is_late;        /* nobody knows when it runs */
	bool has_target;     /* a run may come into it past its head */
	enum head is_head;
	bool is_guess; /* an "else" that is taken to have been reached */
	bool
	    is_contradicted; /* if it ran: neither its head did, nor what is before that */
	bool ran, unknown, has_code;
	bool rest_ran; /* a line behind the first one */
	/* conditions behind "else" that seem not to have been asked, of the chain at hand */
	uint32_t chain[UNKNOWNS_MAX], chain_len;
};

/* Lines of a block that is not part of its function's runs; places. */
struct closure {
	uint32_t start, end;
};

struct walk {
	const uint32_t *order;
	const struct wire_line *lines;
	const uint8_t *led;
	uint8_t *states;
	enum line_file_kind kind;
	uint32_t len, at; /* at: the place of the next line */
	struct block blocks[DEPTH_MAX];
	uint32_t depth; /* of open blocks; those beyond DEPTH_MAX are only counted */
	/* of the line at hand, should it open one */
	enum head is_head;
	bool is_guess;
	uint32_t binds;
	struct trail trail;
	struct aparts aparts; /* of the statement at hand */
	uint32_t
	    closed; /* the place behind the last block that ended in a line before this one */
	bool is_loop; /* what decided last */
	bool caught;  /* the line at hand ended what caught an exception */
	/* of the function at hand; if there are more, nobody knows which lines are its own */
	struct closure closures[CLOSURES_MAX];
	uint32_t closures_len;
	bool has_line; /* the line at hand has code */
};

static bool
is_missed(uint8_t state)
{
	return state == LINE_MISSED || state == LINE_IDLE;
}

static uint8_t
state_at(const struct walk *walk, uint32_t place)
{
	return walk->states[walk->order[place]];
}

static void
set_state(struct walk *walk, uint32_t place, uint8_t state)
{
	if (walk->kind == LINE_FILE_COUNTED && state == LINE_UNKNOWN &&
	    is_missed(state_at(walk, place)))
		return;
	walk->states[walk->order[place]] = state;
}

static struct block *
top(struct walk *walk)
{
	const uint32_t depth = walk->depth < DEPTH_MAX ? walk->depth : DEPTH_MAX - 1;

	return &walk->blocks[depth];
}

static void
count_line(struct walk *walk, uint32_t place)
{
	struct block *block = top(walk);
	const uint8_t state = state_at(walk, place);

	if (state == LINE_NONE)
		return;
	block->has_code = true;
	block->ran = block->ran || state >= LINE_PARTLY;
	block->unknown = block->unknown || state == LINE_UNKNOWN;
	if (block->first == NONE)
		block->first = place;
	else
		block->rest_ran = block->rest_ran || state >= LINE_PARTLY;
}

static bool
is_led(const struct walk *walk, uint32_t place)
{
	return walk->led[walk->order[place]] != 0;
}

/* Its code is known to be there, and nothing more. */
static bool
is_open(uint8_t state)
{
	return state == LINE_UNKNOWN || state == LINE_NONE;
}

/* What became of a statement of which machine code does not tell. Behind one that did not run
 * none does. */
static void
take_unknown(struct walk *walk, struct block *block, uint32_t place)
{
	if (block->passes)
		set_state(walk, place, LINE_REACHED);
	else if (block->last != NONE && is_missed(state_at(walk, block->last)))
		set_state(walk, place, LINE_MISSED);
	else if (block->unknowns_len < UNKNOWNS_MAX)
		block->unknowns[block->unknowns_len++] = place;
}

/* Who came to a statement came to those before it. */
static void
settle_unknowns(struct walk *walk, struct block *block)
{
	for (; block->unknowns_len > 0; block->unknowns_len--) {
		const uint32_t place = block->unknowns[block->unknowns_len - 1];

		if (is_open(state_at(walk, place)))
			set_state(walk, place, LINE_REACHED);
	}
}

/* Of those that lead to one that ran. */
static void
doubt_misses(struct walk *walk, struct block *block)
{
	for (; block->misses_len > 0; block->misses_len--)
		set_state(walk, block->misses[block->misses_len - 1], LINE_UNKNOWN);
}

static void
count_miss(const struct walk *walk, struct block *block, uint32_t place)
{
	const uint8_t state = state_at(walk, place);

	if (state >= LINE_PARTLY)
		block->misses_len = 0;
	else if (is_missed(state) && block->misses_len < UNKNOWNS_MAX)
		block->misses[block->misses_len++] = place;
}

/* Statements of one block run one after the other. Compilers share the code of a "return" among
 * many; of two others that contradict each other nobody can tell which is wrong. */
static void
take_statement(struct walk *walk, uint32_t place, uint32_t flags)
{
	struct block *block = top(walk);
	const bool leaves = (flags & SHAPE_LEAVES) != 0;

	if (is_open(state_at(walk, place)))
		take_unknown(walk, block, place);
	else if (block->passes && is_missed(state_at(walk, place)))
		set_state(walk, place,
		    leaves || (block->is_function && block->last == NONE) ||
			    (block->is_in_function &&
				state_at(walk, place) == LINE_IDLE)
			? LINE_REACHED
			: LINE_UNKNOWN);
	if (block->last != NONE && state_at(walk, place) >= LINE_PARTLY &&
	    is_missed(state_at(walk, block->last))) {
		set_state(walk, place, leaves ? LINE_MISSED : LINE_UNKNOWN);
		if (!leaves)
			doubt_misses(walk, block);
	} else if (state_at(walk, place) >= LINE_PARTLY && is_led(walk, place)) {
		settle_unknowns(walk, block);
	}
	block->chain_len = 0;
	count_miss(walk, block, place);
	block->before = block->last;
	block->last = place;
	block->last_is_simple = !leaves;
	block->last_leaves = leaves;
	block->passes = (flags & (SHAPE_LEAVES | SHAPE_DECIDES)) == 0 &&
	    state_at(walk, place) >= LINE_PARTLY;
}

/* A run may come to what is next from anywhere. */
static void
forget_statements(struct walk *walk)
{
	top(walk)->last = top(walk)->before = NONE;
	top(walk)->passes = false;
	top(walk)->unknowns_len = top(walk)->misses_len = 0;
}

static void
take_label(struct walk *walk)
{
	struct block *block = top(walk);

	if (block->label == walk->at)
		block->group = walk->at;
	block->label = walk->at;
}

/* A label in the block at hand: who came there did not come through its head, nor, up to the
 * function or the switch, through those around it. */
static void
take_target(struct walk *walk, bool is_case)
{
	uint32_t i = walk->depth < DEPTH_MAX ? walk->depth : DEPTH_MAX - 1;

	for (; i > 0; i--) {
		struct block *block = &walk->blocks[i];

		if (is_case ? block->is_switch : !block->decides)
			return;
		block->has_target = true;
	}
}

/* ---- blocks ---- */

/* Whether nothing in it ran, for certain. */
static bool
is_passed_by(const struct block *block)
{
	return block->has_code && !block->ran && !block->unknown;
}

static bool
any_ran(const struct walk *walk, uint32_t start, uint32_t end)
{
	for (uint32_t i = start; i < end; i++)
		if (state_at(walk, i) >= LINE_PARTLY)
			return true;
	return false;
}

static bool
all_missed(const struct walk *walk, uint32_t start, uint32_t end)
{
	for (uint32_t i = start; i < end; i++)
		if (!is_missed(state_at(walk, i)))
			return false;
	return start < end;
}

static void
open_block(struct walk *walk, uint32_t head, uint32_t head_end, uint32_t flags)
{
	const bool is_function = (flags & SHAPE_FUNCTION) != 0,
		   is_part = top(walk)->is_in_function && top(walk)->passes &&
	    (flags & (SHAPE_FUNCTION | SHAPE_DECIDES | SHAPE_LATE)) == 0,
		   is_in_function = top(walk)->is_in_function || is_function;

	const struct block *outer = top(walk);

	if (is_function)
		walk->closures_len = 0;
	top(walk)->last_is_simple = top(walk)->last_leaves = false;
	/* Of "if" and "else" either may do. */
	if ((flags & SHAPE_ELSE) == 0)
		top(walk)->passes = false;
	walk->depth++;
	if (walk->depth < DEPTH_MAX)
		walk->blocks[walk->depth] = (struct block){ .aparts = walk->aparts,
			.trail = walk->trail,
			.head = head,
			.head_end = head_end,
			.first = NONE,
			.last = NONE,
			.before = NONE,
			.label = NONE,
			.binds = walk->binds,
			.group = NONE,
			.decides = (flags & SHAPE_DECIDES) != 0,
			.is_loop = (flags & SHAPE_LOOP) != 0,
			.is_switch = (flags & SHAPE_SWITCH) != 0,
			.is_do = (flags & SHAPE_DO) != 0,
			.catches = (flags & SHAPE_CATCH) != 0,
			.catches_too = (flags & SHAPE_CATCH) != 0 && walk->caught,
			.is_function = is_function,
			.is_contradicted = outer->before < head &&
			    outer->last >= head && outer->last < head_end &&
			    is_missed(state_at(walk, outer->before)) &&
			    all_missed(walk, head, head_end),
			.is_late = (flags & SHAPE_LATE) != 0,
			.is_in_function = is_in_function,
			.passes =
			    is_part || (is_function && any_ran(walk, head, head_end)),
			.is_head = walk->is_head,
			.is_guess = walk->is_guess && (flags & SHAPE_PLAIN_ELSE) != 0 };
}

/* Where conditions and what they decide on are computed in one go, all of it seems to have run.
 * Of a block of which nothing else did nobody can tell. */
static void
doubt_first(struct walk *walk, struct block *block)
{
	if (!block->decides || block->is_loop || block->has_target ||
	    block->first == NONE || block->rest_ran ||
	    state_at(walk, block->first) < LINE_PARTLY || is_led(walk, block->first))
		return;
	set_state(walk, block->first, LINE_UNKNOWN);
	block->ran = false;
	block->unknown = true;
}

/* "do" has no code; what seems so belongs to what stands in its block. */
static void
end_do(struct walk *walk, const struct block *block)
{
	const bool missed = is_passed_by(block);

	for (uint32_t i = block->head; i < block->head_end; i++) {
		if (missed && state_at(walk, i) > LINE_MISSED)
			set_state(walk, i, LINE_MISSED);
		count_line(walk, i);
	}
}

static void
note_closure(struct walk *walk, const struct block *block)
{
	if (walk->closures_len < CLOSURES_MAX)
		walk->closures[walk->closures_len] =
		    (struct closure){ block->head_end, walk->at + walk->has_line };
	walk->closures_len += walk->closures_len <= CLOSURES_MAX;
}

/* Code that others have, too, seems to have run here. */
static void
doubt_block(struct walk *walk, struct block *block)
{
	for (uint32_t i = block->head_end; i < walk->at; i++)
		if (state_at(walk, i) >= LINE_PARTLY)
			set_state(walk, i, LINE_UNKNOWN);
	block->ran = block->rest_ran = false;
	block->unknown = true;
}

/* A pattern that stands alone gives its names to the block: llvm-cov says of it what it says of that. */
static void
end_binding(struct walk *walk, const struct block *block)
{
	if (block->binds == NONE || block->ran ||
	    state_at(walk, block->binds) < LINE_PARTLY)
		return;
	set_state(walk, block->binds, is_passed_by(block) ? LINE_MISSED : LINE_UNKNOWN);
}

static bool
is_apart(const struct aparts *aparts, uint32_t place)
{
	return place >= aparts->first && place - aparts->first < 32 &&
	    (aparts->mask >> (place - aparts->first) & 1) != 0;
}

static void
add_apart(struct aparts *aparts, uint32_t place)
{
	if (aparts->mask == 0)
		aparts->first = place;
	if (place - aparts->first < 32)
		aparts->mask |= UINT32_C(1) << (place - aparts->first);
}

/* Whoever comes into a block came through its head. */
static struct block
close_block(struct walk *walk)
{
	struct block block = *top(walk), *outer;

	if (walk->depth == 0)
		return (struct block){ 0 };
	walk->depth--;
	if (walk->depth + 1 >= DEPTH_MAX)
		return (struct block){ 0 };
	walk->trail = block.trail;
	doubt_first(walk, &block);
	if (block.is_contradicted && block.ran)
		doubt_block(walk, &block);
	if (block.is_do)
		end_do(walk, &block);
	end_binding(walk, &block);
	if (block.is_guess && is_passed_by(&block))
		set_state(walk, block.head, LINE_UNKNOWN);
	for (uint32_t i = block.head;
	    block.ran && !block.has_target && i < block.head_end; i++)
		if (state_at(walk, i) < LINE_PARTLY && !is_apart(&block.aparts, i))
			set_state(walk, i, LINE_REACHED);
	outer = top(walk);
	if (block.is_late)
		note_closure(walk, &block);
	if (block.is_late && !block.ran) {
		forget_statements(walk);
		return block;
	}
	if (outer->first == NONE) {
		outer->first = block.first;
		outer->rest_ran = block.rest_ran;
	} else {
		outer->rest_ran = outer->rest_ran || block.ran;
	}
	outer->ran = outer->ran || block.ran;
	outer->unknown = outer->unknown || block.unknown;
	outer->has_code = outer->has_code || block.has_code;
	outer->passes = outer->passes || (block.passes && !block.is_loop);
	if (!block.decides || block.has_target)
		forget_statements(walk);
	return block;
}

/* ---- lines ---- */

/* Whether what decides on @block ran. */
static bool
head_ran(const struct walk *walk, const struct block *block)
{
	return block->is_head == HEAD_SURE &&
	    any_ran(walk, block->head, block->head_end);
}

/* Whether a line of what decides on @block has @state. */
static bool
head_has(const struct walk *walk, const struct block *block, uint8_t state)
{
	for (uint32_t i = block->head; i < block->head_end; i++)
		if (state_at(walk, i) == state)
			return true;
	return false;
}

/* Of "if" and what stands behind its "else" one was come to. */
static void
take_other_way(
    struct walk *walk, uint32_t place, const struct block *block, uint32_t flags)
{
	const uint8_t state = state_at(walk, place);
	const bool missed = is_passed_by(block);

	if (is_missed(state) && missed && block->is_head == HEAD_WEAK)
		set_state(walk, place, LINE_UNKNOWN);
	if ((!missed && block->has_code) || !head_ran(walk, block))
		return;
	/* Of the first way nobody knows, and of what the other one asks it seems that nobody did. */
	if (!missed && (flags & SHAPE_PLAIN_ELSE) == 0 && is_missed(state)) {
		set_state(walk, place, LINE_UNKNOWN);
		return;
	}
	walk->is_guess = is_missed(state);
	set_state(walk, place, LINE_REACHED);
	/* Where the first way has no code it may have been that one. */
	if (missed)
		walk->is_head = HEAD_SURE;
}

/* Of the switch at hand: those labels of which several stand before one statement, the last ones. */
static bool
group_ran(struct walk *walk)
{
	const uint32_t group = top(walk)->group;

	return group < walk->at && state_at(walk, group) >= LINE_PARTLY;
}

/* What it is known of the line at @place, which is the end of @block alone, by what kind of block
 * that is. True: all is said. */
static bool
end_by_kind(
    struct walk *walk, uint32_t place, const struct block *block, uint32_t flags)
{
	const bool ran = state_at(walk, place) >= LINE_PARTLY;
	const uint8_t last =
	    block->last != NONE ? state_at(walk, block->last) : LINE_UNKNOWN;

	/* Nobody comes to the end of a case's own block behind its "return", and the code that
	 * stands there belongs to all cases: it ran if that one did. llvm-cov counts those that
	 * came to labels one after the other above it; where that is not the same nothing is
	 * said. */
	if (!block->decides && top(walk)->is_switch && block->last_leaves) {
		set_state(walk, place,
		    is_missed(last)                              ? last
			: last >= LINE_PARTLY && group_ran(walk) ? LINE_REACHED
								 : LINE_NONE);
		return true;
	}
	/* Who came into a function without code came out of it. */
	if (!block->decides && !block->has_code && !block->is_late &&
	    !block->has_target && state_at(walk, place) == LINE_UNKNOWN &&
	    block->head_end > block->head &&
	    state_at(walk, block->head_end - 1) >= LINE_PARTLY) {
		set_state(walk, place, LINE_REACHED);
		return true;
	}
	/* Of what is thrown the last part is the same whoever catches it. */
	if (block->catches_too && !block->has_code && ran) {
		set_state(walk, place, LINE_UNKNOWN);
		return true;
	}
	if (block->is_function && block->passes) {
		if (!ran)
			set_state(walk, place, LINE_REACHED);
		return true;
	}
	if ((flags & SHAPE_FALLS) == 0 || !head_ran(walk, block) ||
	    !(block->ran || is_passed_by(block)))
		return false;
	/* Who came from inside says nothing, and nobody may have gone the other way. */
	if (is_passed_by(block))
		set_state(walk, place, LINE_REACHED);
	else if (head_has(walk, block, LINE_PARTLY))
		set_state(walk, place, LINE_UNKNOWN);
	return true;
}

/* The same, by what became of what is in it. */
static bool
end_by_content(struct walk *walk, uint32_t place, const struct block *block)
{
	const uint8_t state = state_at(walk, place);
	const uint8_t last =
	    block->last != NONE ? state_at(walk, block->last) : LINE_UNKNOWN;
	const bool is_simple = block->last != NONE && block->last_is_simple;

	if (is_passed_by(block) ||
	    (is_simple && block->decides && last == LINE_MISSED && !block->tries)) {
		if (state > LINE_MISSED)
			set_state(walk, place, LINE_MISSED);
		return true;
	}
	/* Nobody came there past what stands last; but code is shared where ways meet. */
	if (block->last == NONE ||
	    !(is_missed(last) ||
		(last == LINE_UNKNOWN &&
		    ((is_simple && state < LINE_PARTLY) || block->last_leaves))))
		return false;
	if (state >= LINE_PARTLY && !block->decides && !is_simple)
		set_state(walk, block->last, LINE_UNKNOWN);
	set_state(walk, place, LINE_UNKNOWN);
	return true;
}

/* The line at @place begins with the end of @block. */
static void
end_line(struct walk *walk, uint32_t place, const struct block *block, uint32_t flags)
{
	uint8_t state;

	if ((flags & SHAPE_ALL) != 0 &&
	    (end_by_kind(walk, place, block, flags) ||
		end_by_content(walk, place, block)))
		return;
	state = state_at(walk, place);
	if ((flags & SHAPE_ELSE) != 0 && is_missed(state) &&
	    head_has(walk, block, LINE_UNKNOWN)) {
		state = LINE_UNKNOWN;
		set_state(walk, place, state);
	}
	if (state >= LINE_PARTLY) {
		if (block->ran && !is_led(walk, place))
			walk->is_head = HEAD_WEAK;
		return;
	}
	walk->is_head = HEAD_END;
	if ((flags & SHAPE_ELSE) != 0)
		take_other_way(walk, place, block, flags);
	if (block->ran &&
	    (block->last == NONE || !is_missed(state_at(walk, block->last))))
		set_state(walk, place, LINE_REACHED);
}

/* The line at @place goes on with the statement of the one before it: what evaluates a part of it
 * began it, and what is never evaluated stands in a line that was begun. */
static void
go_on(struct walk *walk, uint32_t place, uint32_t first_line, bool is_inner)
{
	const struct trail *trail = &walk->trail;
	const uint8_t state = state_at(walk, place);
	uint8_t before;

	if (trail->last == NONE ||
	    walk->lines[walk->order[trail->last]].line < first_line)
		return;
	before = is_inner ? trail->raw : state_at(walk, trail->base);
	if (before >= LINE_PARTLY && state < LINE_PARTLY) {
		if (is_inner)
			set_state(walk, place, LINE_UNKNOWN);
		else if (!trail->base_is_end)
			set_state(walk, place, LINE_PARTLY);
	} else if (before < LINE_PARTLY && state >= LINE_PARTLY) {
		if (!is_led(walk, place)) {
			set_state(walk, place, LINE_UNKNOWN);
			return;
		}
		set_state(walk, trail->last, LINE_REACHED);
		count_line(walk, trail->last);
	}
}

/* The first line at or behind @line, of those before the next one. */
static uint32_t
place_from(const struct walk *walk, uint32_t line)
{
	uint32_t place = walk->at;

	while (place > 0 && walk->lines[walk->order[place - 1]].line >= line)
		place--;
	return place;
}

static void
pass_line(struct walk *walk, uint32_t place, uint8_t raw, bool is_inner)
{
	walk->trail.last = place;
	walk->trail.raw = raw;
	if (!is_inner) {
		walk->trail.base = place;
		walk->trail.base_is_end = walk->is_head == HEAD_END;
	}
	walk->at++;
}

/* The line at @place ran, and is all that a condition decides on: that was asked, or the code is
 * another's, too. */
static void
take_controlled(struct walk *walk, uint32_t place)
{
	const struct block *block = top(walk);
	const bool missed =
	    block->last != NONE && is_missed(state_at(walk, block->last));

	if (missed || (!walk->is_loop && !is_led(walk, place)))
		set_state(walk, place, LINE_UNKNOWN);
}

/* Who was asked for a condition was asked for those before it. */
static void
take_chain(struct walk *walk, uint32_t place)
{
	struct block *block = top(walk);
	const uint8_t state = state_at(walk, place);

	if (is_missed(state) && block->chain_len < UNKNOWNS_MAX) {
		block->chain[block->chain_len++] = place;
		return;
	}
	if (state < LINE_PARTLY || !is_led(walk, place))
		return;
	for (; block->chain_len > 0; block->chain_len--)
		set_state(walk, block->chain[block->chain_len - 1], LINE_REACHED);
	if (block->last != NONE && is_missed(state_at(walk, block->last)))
		set_state(walk, block->last, LINE_REACHED);
}

/* A function that seems never to have been entered may have been put where it is called. */
static void
doubt_function(struct walk *walk, uint32_t start, uint32_t end)
{
	if (walk->kind != LINE_FILE_INLINED)
		return;
	for (uint32_t i = start; i < end; i++)
		if (state_at(walk, i) > LINE_MISSED)
			return;
	for (uint32_t i = start; i < end; i++)
		if (is_missed(state_at(walk, i)))
			set_state(walk, i, LINE_UNKNOWN);
}

static bool
is_in_closure(const struct walk *walk, uint32_t place)
{
	for (uint32_t i = 0; i < walk->closures_len; i++)
		if (place >= walk->closures[i].start && place < walk->closures[i].end)
			return true;
	return false;
}

/* Of a function that was entered: that a line's function never was is said of another copy. */
static void
doubt_copies(struct walk *walk, uint32_t start, uint32_t end)
{
	if (walk->closures_len > CLOSURES_MAX)
		return;
	for (uint32_t i = start; i < end; i++)
		if (state_at(walk, i) == LINE_IDLE && !is_in_closure(walk, i))
			set_state(walk, i, LINE_UNKNOWN);
	/* Of one around this one nobody knows. */
	walk->closures_len = CLOSURES_MAX + 1;
}

/* What the line at @place ends. */
static void
close_blocks(struct walk *walk, uint32_t place, const struct line_shape *shape)
{
	walk->caught = false;
	for (uint32_t i = 0; i < shape->closes; i++) {
		const struct block block = close_block(walk);

		walk->caught = block.catches;
		if (i == 0 && walk->has_line && (shape->flags & SHAPE_ENDS) != 0)
			end_line(walk, place, &block, shape->flags);
		if ((block.is_function || !block.is_in_function) &&
		    (shape->flags & SHAPE_TINY) != 0)
			doubt_function(walk, block.head, place + walk->has_line);
		if (block.is_function && block.ran)
			doubt_copies(walk, block.head, place + walk->has_line);
	}
	if (walk->has_line && shape->closes == 0 && (shape->flags & SHAPE_TINY) != 0)
		doubt_function(walk, place, place + 1);
}

/* What else is said of the line at @place, which has code. */
static void
take_line(struct walk *walk, uint32_t place, uint32_t flags)
{
	const uint32_t no_statement =
	    SHAPE_GOES_ON | SHAPE_ENDS | SHAPE_CONTROLLED | SHAPE_HOOK;
	const uint8_t state = state_at(walk, place);

	if (((flags & SHAPE_HOOK) != 0 && state >= LINE_PARTLY) ||
	    ((flags & SHAPE_ASKS) != 0 && state == LINE_MISSED))
		set_state(walk, place, LINE_UNKNOWN);
	if ((flags & SHAPE_ELSE) != 0)
		take_chain(walk, place);
	if ((flags & no_statement) == 0)
		take_statement(walk, place, flags);
	if ((flags & SHAPE_DO) == 0)
		count_line(walk, place);
}

/* Where the lines begin that decide on what the line at hand opens. Of a statement that has another
 * block before (Rust's closures, one after the other) those behind it. */
static uint32_t
head_from(const struct walk *walk, const struct line_shape *shape)
{
	const uint32_t head = place_from(walk, shape->line - shape->head);

	return head > walk->closed ? head : walk->closed;
}

/* A function of C's languages that may have been inlined without a trace is known by the line of
 * its brace, at @place; what stands before that (a constructor's initializers) belongs to it. */
static void
doubt_head(struct walk *walk, const struct line_shape *shape, uint32_t place)
{
	if (shape->opens != 1 ||
	    (shape->flags & (SHAPE_DECIDES | SHAPE_FUNCTION)) != 0 ||
	    top(walk)->is_in_function || state_at(walk, place) != LINE_UNKNOWN)
		return;
	for (uint32_t i = place_from(walk, shape->line - shape->head); i < place; i++)
		if (state_at(walk, i) == LINE_IDLE)
			set_state(walk, i, LINE_UNKNOWN);
}

static void
take_shape(struct walk *walk, const struct line_shape *shape)
{
	const bool has_line = walk->at < walk->len &&
	    walk->lines[walk->order[walk->at]].line == shape->line;
	const uint32_t place = walk->at, flags = shape->flags;
	const uint8_t raw = has_line ? state_at(walk, place) : LINE_NONE;
	const bool is_inner = (flags & SHAPE_INNER) != 0;

	walk->has_line = has_line;
	/* A statement of several lines opens a block in its last one. */
	if ((flags & SHAPE_GOES_ON) == 0 && (shape->opens == 0 || shape->head == 0)) {
		walk->is_head = HEAD_SURE;
		walk->is_guess = false;
		walk->binds = NONE;
		walk->aparts.mask = 0;
	}
	if ((flags & SHAPE_LABEL) != 0)
		forget_statements(walk);
	if ((flags & (SHAPE_CASE | SHAPE_TARGET)) != 0)
		take_target(walk, (flags & SHAPE_CASE) != 0);
	if ((flags & SHAPE_CASE) != 0)
		take_label(walk);
	if ((flags & SHAPE_TRIES) != 0)
		top(walk)->tries = true;
	if (has_line && (flags & SHAPE_BINDS) != 0)
		walk->binds = place;
	if (has_line)
		doubt_head(walk, shape, place);
	if (has_line && (flags & SHAPE_APART) != 0)
		add_apart(&walk->aparts, place);
	else if (has_line && (flags & SHAPE_GOES_ON) != 0)
		go_on(walk, place, shape->line - shape->head, is_inner);
	if (has_line && (flags & (SHAPE_CONTROLLED | SHAPE_ELSE)) == SHAPE_CONTROLLED &&
	    raw >= LINE_PARTLY)
		take_controlled(walk, place);
	close_blocks(walk, place, shape);
	if (has_line) {
		take_line(walk, place, flags);
		pass_line(walk, place, raw, is_inner);
	} else if ((flags & (SHAPE_LEAVES | SHAPE_DECIDES)) != 0) {
		/* A way out that no instruction is told of is one all the same. */
		top(walk)->passes = false;
		top(walk)->last_leaves = (flags & SHAPE_LEAVES) != 0;
		top(walk)->label = NONE;
	}
	if ((flags & SHAPE_DECIDES) != 0)
		walk->is_loop = (flags & SHAPE_LOOP) != 0;
	if ((flags & SHAPE_LABEL) != 0)
		forget_statements(walk);
	for (uint32_t i = 0; i < shape->opens; i++)
		open_block(walk, head_from(walk, shape), walk->at, flags);
	if (shape->closes > 0)
		walk->closed = walk->at;
}

void
line_shapes_apply(const unsigned char *shapes, size_t shapes_len,
    const struct wire_line *lines, const uint32_t *order, uint32_t len,
    const uint8_t *led, enum line_file_kind kind, uint8_t *states)
{
	struct walk walk = { .order = order,
		.lines = lines,
		.led = led,
		.kind = kind,
		.states = states,
		.len = len };
	struct line_shape shape = { 0 };
	size_t at = 0;

	walk.blocks[0].first = walk.blocks[0].last = walk.blocks[0].before = NONE;
	walk.blocks[0].label = walk.blocks[0].group = NONE;
	walk.binds = walk.blocks[0].binds = walk.trail.last = NONE;
	while (line_shape_read(shapes, shapes_len, &at, &shape)) {
		while (walk.at < len && lines[order[walk.at]].line < shape.line) {
			const uint8_t raw = state_at(&walk, walk.at);

			take_statement(&walk, walk.at, 0);
			count_line(&walk, walk.at);
			walk.is_head = HEAD_SURE;
			pass_line(&walk, walk.at, raw, false);
		}
		take_shape(&walk, &shape);
	}
}
