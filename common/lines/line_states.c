/* SPDX-License-Identifier: MIT
 * What became of source lines, concluded from a block table and the PCs that were reached.
 */
#include "line_states.h"

#define NONE UINT32_C(0xffffffff)

/* Intersections of dominators may be many in code that nobody's compiler made. */
#define STEPS_EACH 256
#define STEPS_MORE 100000
/* Lines of families that are looked at, for each byte of copies. */
#define STEPS_A_BYTE 64

/* A condition stands that many lines above what it decides on, at most, and in a block that many
 * lines before it. */
#define HEAD_LINES 32
#define LOOK_BACK 8

enum {
	SEEN = 1,      /* it is known whether it ran */
	RAN = 2,       /* it is known that it did */
	FROM = 4,      /* a run can come there */
	TO_END = 8,    /* a run that is there can come to an end */
	SURE = 16,     /* ran, as others tell */
	IN_ORDER = 32, /* visited by the walk at hand */
	THROWS = 32,   /* before any walk */
	ENTRY = 64,
	LEAVES = 128,
};

struct line_scratch {
	uint32_t blocks_len, edges_len, lines_len;
	uint8_t *flags;
	/* edges of a block: from its start on, up to the start of the next one */
	uint32_t *starts, *edges;
	uint32_t *back_starts, *back_edges;
	uint32_t *order;         /* blocks by the end of their visit */
	uint32_t *number;        /* of each block in order, from 1 */
	uint32_t *above;         /* its nearest dominator; NONE: not known yet */
	uint32_t *stack, *place; /* of the walk: a block, and its next edge */
	uint8_t
	    *partly; /* by line: a branch of this function never went one of its ways */
	uint8_t *led;  /* by line: see line_scratch_led() */
	uint8_t *lost; /* by line: a copy that was begun has not what others have */
	const unsigned char *at, *end;
	bool is_bad;
	struct line_news *news; /* NULL: nobody wants to know */
};

/* ---- memory ---- */

static uint64_t
scratch_bytes(const struct wire_blocks *header)
{
	const uint64_t blocks = (uint64_t)header->blocks_max + 2;

	return sizeof(struct line_scratch) + 7 * 4 * blocks +
	    2 * 4 * (uint64_t)header->edges_max + ((blocks + 7) & ~UINT64_C(7)) +
	    3 * (uint64_t)header->lines_len;
}

size_t
line_scratch_size(const struct wire_blocks *header)
{
	const uint64_t size = scratch_bytes(header);

	return size < SIZE_MAX / 2 ? (size_t)size : 0;
}

struct line_scratch *
line_scratch_lay(void *memory, const struct wire_blocks *header)
{
	const size_t blocks = (size_t)header->blocks_max + 2;
	struct line_scratch *scratch = memory;
	uint32_t *next = (uint32_t *)(scratch + 1);

	scratch->starts = next;
	scratch->back_starts = next += blocks;
	scratch->order = next += blocks;
	scratch->number = next += blocks;
	scratch->above = next += blocks;
	scratch->stack = next += blocks;
	scratch->place = next += blocks;
	scratch->edges = next += blocks;
	scratch->back_edges = next += header->edges_max;
	scratch->flags = (uint8_t *)(next + header->edges_max);
	scratch->news = NULL;
	scratch->partly = scratch->flags + blocks;
	scratch->led = scratch->partly + header->lines_len;
	scratch->lost = scratch->led + header->lines_len;
	scratch->lines_len = header->lines_len;
	for (uint32_t i = 0; i < header->lines_len; i++)
		scratch->partly[i] = 0;
	line_scratch_forget(scratch);
	return scratch;
}

void
line_scratch_forget(struct line_scratch *scratch)
{
	for (uint32_t i = 0; i < scratch->lines_len; i++)
		scratch->led[i] = scratch->lost[i] = 0;
}

const uint8_t *
line_scratch_led(const struct line_scratch *scratch)
{
	return scratch->led;
}

const uint8_t *
line_scratch_lost(const struct line_scratch *scratch)
{
	return scratch->lost;
}

/* ---- the code ---- */

static uint32_t
number(struct line_scratch *scratch)
{
	uint32_t value = 0, byte;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		if (scratch->at == scratch->end)
			break;
		byte = *scratch->at++;
		value |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	scratch->is_bad = true;
	scratch->at = scratch->end;
	return 0;
}

/* A number that is told as a step from @from. */
static uint32_t
number_from(struct line_scratch *scratch, uint32_t from)
{
	const uint32_t value = number(scratch);

	return from + (value >> 1 ^ (uint32_t)-(int32_t)(value & 1));
}

/* What stands before a block's lines. */
struct lines_head {
	uint32_t len;
	uint32_t callee; /* PC; NONE: it tells of none */
	uint32_t weak;   /* of them, the last ones: see WIRE_LINES_WEAK */
	bool is_cleanup;
};

static struct lines_head
lines_head(struct line_scratch *scratch, const struct wire_blocks_function *function)
{
	const uint32_t value = number(scratch);
	struct lines_head head = { .len = value >> WIRE_LINES_FLAGS,
		.callee = NONE,
		.is_cleanup = (value & WIRE_LINES_CLEANUP) != 0 };

	if ((value & WIRE_LINES_CALLEE) != 0)
		head.callee = number_from(scratch, function->pc);
	if ((value & WIRE_LINES_WEAK) != 0)
		head.weak = number(scratch);
	return head;
}

static void
skip(struct line_scratch *scratch, uint32_t numbers)
{
	for (; numbers > 0 && !scratch->is_bad; numbers--)
		number(scratch);
}

/* Reads blocks, what is known of them, and edges; lines are left for later. */
static bool
read_blocks(struct line_scratch *scratch, const struct line_blocks_view *view,
    const struct wire_blocks_function *function, const uint64_t *bits)
{
	uint32_t edges = 0, pc = function->pc, head, len;
	struct lines_head lines;

	scratch->blocks_len = function->blocks_len;
	scratch->edges_len = function->edges_len;
	scratch->at = view->code + function->code;
	scratch->end = scratch->at + function->code_len;
	scratch->is_bad = false;
	for (uint32_t i = 0; i < function->blocks_len && !scratch->is_bad; i++) {
		head = number(scratch);
		len = head >> WIRE_BLOCK_FLAGS;
		scratch->flags[i] = (uint8_t)((head & WIRE_BLOCK_ENTRY ? ENTRY : 0) |
		    (head & WIRE_BLOCK_LEAVES ? LEAVES : 0) |
		    (head & WIRE_BLOCK_CALLS ? TO_END : 0) |
		    (head & WIRE_BLOCK_THROWS ? THROWS : 0));
		if ((head & WIRE_BLOCK_PC) != 0) {
			pc = number_from(scratch, pc);
			if (pc >= view->header->pcs_len)
				return false;
			scratch->flags[i] |=
			    (bits[pc / 64] >> pc % 64 & 1) != 0 ? SEEN | RAN : SEEN;
			pc++;
		}
		scratch->starts[i] = edges;
		if (len > function->edges_len - edges)
			return false;
		for (; len > 0; len--) {
			const uint32_t to = number_from(scratch, i + 1);

			if (to >= function->blocks_len)
				return false;
			scratch->edges[edges++] = to;
		}
		lines = lines_head(scratch, function);
		skip(scratch, lines.len);
		/* What it calls never ran: nor did it. */
		if (lines.callee < view->header->pcs_len &&
		    (bits[lines.callee / 64] >> lines.callee % 64 & 1) == 0)
			scratch->flags[i] |= SEEN;
	}
	scratch->starts[function->blocks_len] = edges;
	scratch->edges_len = edges;
	return !scratch->is_bad;
}

static void
turn_edges(struct line_scratch *scratch)
{
	uint32_t *starts = scratch->back_starts;
	const uint32_t len = scratch->blocks_len;

	for (uint32_t i = 0; i <= len + 1; i++)
		starts[i] = 0;
	/* Two places further, so that filling moves each start to where it belongs. */
	for (uint32_t i = 0; i < scratch->edges_len; i++)
		starts[scratch->edges[i] + 2]++;
	for (uint32_t i = 2; i <= len + 1; i++)
		starts[i] += starts[i - 1];
	for (uint32_t i = 0; i < len; i++)
		for (uint32_t e = scratch->starts[i]; e < scratch->starts[i + 1]; e++)
			scratch->back_edges[starts[scratch->edges[e] + 1]++] = i;
}

/* ---- walks ---- */

/* One direction: forward from entries, or backward from what leaves. */
struct way {
	const uint32_t *starts, *edges;
	const uint32_t *back_starts, *back_edges;
	uint8_t root; /* flag */
};

static struct way
forward(const struct line_scratch *scratch)
{
	return (struct way){ scratch->starts, scratch->edges, scratch->back_starts,
		scratch->back_edges, ENTRY };
}

static struct way
backward(const struct line_scratch *scratch)
{
	return (struct way){ scratch->back_starts, scratch->back_edges, scratch->starts,
		scratch->edges, LEAVES };
}

static bool
can_run(uint8_t flags)
{
	return (flags & (SEEN | RAN)) != SEEN;
}

/* Gives @mark to all that can be reached from blocks whose flags of @mask are @roots. */
static void
flood(struct line_scratch *scratch, const struct way *way, uint8_t mask, uint8_t roots,
    uint8_t mark)
{
	uint8_t *flags = scratch->flags;
	uint32_t len = 0, at, to;

	for (uint32_t i = 0; i < scratch->blocks_len; i++) {
		if ((flags[i] & mask) == roots && can_run(flags[i]))
			scratch->stack[len++] = i;
	}
	for (uint32_t i = 0; i < len; i++)
		flags[scratch->stack[i]] |= mark;
	while (len > 0) {
		at = scratch->stack[--len];
		for (uint32_t e = way->starts[at]; e < way->starts[at + 1]; e++) {
			to = way->edges[e];
			if ((flags[to] & mark) != 0 || !can_run(flags[to]))
				continue;
			flags[to] |= mark;
			scratch->stack[len++] = to;
		}
	}
}

/* Visits what is behind @root and has all of @marks, and adds each block to the order when all
 * behind it are there. */
static uint32_t
visit(struct line_scratch *scratch, const struct way *way, uint8_t marks, uint32_t root,
    uint32_t visited)
{
	uint8_t *flags = scratch->flags;
	uint32_t len = 0, at, to;

	flags[root] |= IN_ORDER;
	scratch->stack[len] = root;
	scratch->place[len++] = way->starts[root];
	while (len > 0) {
		at = scratch->stack[len - 1];
		if (scratch->place[len - 1] == way->starts[at + 1]) {
			scratch->order[visited++] = at;
			scratch->number[at] = visited;
			len--;
			continue;
		}
		to = way->edges[scratch->place[len - 1]++];
		if ((flags[to] & IN_ORDER) != 0 || (flags[to] & marks) != marks)
			continue;
		flags[to] |= IN_ORDER;
		scratch->stack[len] = to;
		scratch->place[len++] = way->starts[to];
	}
	return visited;
}

/* Where both ways up meet; the root of all is blocks_len. */
static uint32_t
meet(const struct line_scratch *scratch, uint32_t a, uint32_t b, uint64_t *steps)
{
	while (a != b && *steps > 0) {
		if (scratch->number[a] < scratch->number[b])
			a = scratch->above[a];
		else
			b = scratch->above[b];
		--*steps;
	}
	return a;
}

static uint32_t
nearest(const struct line_scratch *scratch, const struct way *way, uint32_t block,
    uint64_t *steps)
{
	const uint32_t root = scratch->blocks_len;
	uint32_t best = (scratch->flags[block] & way->root) != 0 ? root : NONE;

	for (uint32_t e = way->back_starts[block]; e < way->back_starts[block + 1];
	    e++) {
		const uint32_t from = way->back_edges[e];

		if ((scratch->flags[from] & IN_ORDER) == 0 ||
		    scratch->above[from] == NONE)
			continue;
		best = best == NONE ? from : meet(scratch, best, from, steps);
	}
	return best;
}

/* The nearest dominator of each block with all of @marks, after Cooper, Harvey and Kennedy. False:
 * it took too long. */
static bool
find_dominators(struct line_scratch *scratch, const struct way *way, uint8_t marks)
{
	const uint32_t root = scratch->blocks_len;
	uint64_t steps = (uint64_t)STEPS_EACH * scratch->blocks_len + STEPS_MORE;
	uint32_t visited = 0, best;
	bool changed = true;

	for (uint32_t i = 0; i < root; i++) {
		scratch->flags[i] &= (uint8_t)~IN_ORDER;
		scratch->above[i] = NONE;
	}
	for (uint32_t i = 0; i < root; i++)
		if ((scratch->flags[i] & way->root) != 0 &&
		    (scratch->flags[i] & (marks | IN_ORDER)) == marks)
			visited = visit(scratch, way, marks, i, visited);
	scratch->above[root] = root;
	scratch->number[root] = visited + 1;
	while (changed && steps > 0) {
		changed = false;
		for (uint32_t i = visited; i-- > 0;) {
			best = nearest(scratch, way, scratch->order[i], &steps);
			if (scratch->above[scratch->order[i]] == best)
				continue;
			scratch->above[scratch->order[i]] = best;
			changed = true;
		}
	}
	return steps > 0;
}

/* What dominates a block that ran, ran. */
static void
spread(struct line_scratch *scratch, const struct way *way, uint8_t marks)
{
	uint32_t at;

	if (!find_dominators(scratch, way, marks))
		return;
	/* From now on: those above it are sure. */
	for (uint32_t i = 0; i < scratch->blocks_len; i++)
		scratch->flags[i] &= (uint8_t)~IN_ORDER;
	for (uint32_t i = 0; i < scratch->blocks_len; i++) {
		if ((scratch->flags[i] & RAN) == 0)
			continue;
		for (at = i; at != NONE && at != scratch->blocks_len &&
		    (scratch->flags[at] & IN_ORDER) == 0;
		    at = scratch->above[at])
			scratch->flags[at] |= SURE | IN_ORDER;
	}
}

/* ---- what follows ---- */

/* Whether a run may have come to a landing pad: to what nothing else leads to. */
static bool
may_have_thrown(const struct line_scratch *scratch)
{
	const uint8_t both = FROM | TO_END;

	for (uint32_t i = 1; i < scratch->blocks_len; i++)
		if ((scratch->flags[i] & ENTRY) != 0 && can_run(scratch->flags[i]) &&
		    (scratch->flags[i] & both) == both)
			return true;
	return false;
}

/* Where runs can come from, and go to. */
static void
flood_all(struct line_scratch *scratch, const struct way *to, const struct way *back)
{
	flood(scratch, to, ENTRY, ENTRY, FROM);
	flood(scratch, to, RAN, RAN, FROM); /* though nothing that ran leads there */
	flood(scratch, back, LEAVES, LEAVES, TO_END);
	/* What ran and cannot come to an end went on for ever, or died: there, or behind. */
	flood(scratch, to, RAN | TO_END, RAN, TO_END);
	flood(scratch, back, TO_END, TO_END, TO_END);
	if (!may_have_thrown(scratch))
		return;
	for (uint32_t i = 0; i < scratch->blocks_len; i++)
		if ((scratch->flags[i] & THROWS) != 0)
			scratch->flags[i] |= TO_END;
	flood(scratch, back, TO_END, TO_END, TO_END);
}

/* Whether a run may go from @block to where none of those ways goes on that lead to where the
 * function is left. */
static bool
may_go_astray(const struct line_scratch *scratch, uint32_t block)
{
	const uint8_t both = FROM | TO_END;

	for (uint32_t e = scratch->starts[block]; e < scratch->starts[block + 1]; e++)
		if ((scratch->flags[scratch->edges[e]] & (both | SURE)) == both)
			return true;
	return false;
}

/* Of runs that ended by what was called some did so where others leave the way that goes on: that
 * who came to its beginning came to its end is not known. */
static void
end_astray(struct line_scratch *scratch, const struct way *back)
{
	/* SURE: may be left on the ordinary way; until the end of this. */
	flood(scratch, back, LEAVES, LEAVES, SURE);
	for (uint32_t i = 0; i < scratch->blocks_len; i++)
		if ((scratch->flags[i] & SURE) != 0 && may_go_astray(scratch, i))
			scratch->flags[i] |= LEAVES;
	for (uint32_t i = 0; i < scratch->blocks_len; i++)
		scratch->flags[i] &= (uint8_t)~SURE;
}

static bool
conclude(struct line_scratch *scratch)
{
	const struct way to = forward(scratch), back = backward(scratch);
	uint8_t any = 0;

	for (uint32_t i = 0; i < scratch->blocks_len; i++)
		any |= scratch->flags[i];
	if ((any & RAN) == 0)
		return false;
	/* Whatever ran, also a landing pad: the function was entered. */
	if ((scratch->flags[0] & (SEEN | ENTRY)) == ENTRY)
		scratch->flags[0] |= RAN;
	turn_edges(scratch);
	flood_all(scratch, &to, &back);
	end_astray(scratch, &back);
	spread(scratch, &to, FROM | TO_END);
	spread(scratch, &back, FROM | TO_END);
	return true;
}

static uint8_t
state_of(uint8_t flags)
{
	if ((flags & SEEN) != 0)
		return (flags & RAN) != 0 ? LINE_REACHED : LINE_MISSED;
	if ((flags & SURE) != 0)
		return LINE_REACHED;
	return (flags & (FROM | TO_END)) == (FROM | TO_END) ? LINE_UNKNOWN
							    : LINE_MISSED;
}

/* ---- lines ---- */

/* Begins with the first block's lines. */
static void
begin_lines(struct line_scratch *scratch, const struct line_blocks_view *view,
    const struct wire_blocks_function *function)
{
	scratch->at = view->code + function->code;
	scratch->end = scratch->at + function->code_len;
	scratch->is_bad = false;
}

/* What the next block's lines are; they come next. */
static struct lines_head
next_block(struct line_scratch *scratch, const struct wire_blocks_function *function)
{
	const uint32_t head = number(scratch);

	skip(scratch, ((head & WIRE_BLOCK_PC) != 0) + (head >> WIRE_BLOCK_FLAGS));
	return lines_head(scratch, function);
}

/* False if there is none such. */
static bool
next_line(
    struct line_scratch *scratch, const struct line_blocks_view *view, uint32_t *line)
{
	*line = number_from(scratch, *line);
	return !scratch->is_bad && *line < view->header->lines_len;
}

/* Of a block that ran and does not end in one way alone. */
static bool
misses_a_way(const struct line_scratch *scratch, uint32_t block)
{
	const uint32_t start = scratch->starts[block], end = scratch->starts[block + 1];

	if (end - start < 2 || state_of(scratch->flags[block]) != LINE_REACHED)
		return false;
	for (uint32_t e = start; e < end; e++)
		if (state_of(scratch->flags[scratch->edges[e]]) == LINE_MISSED)
			return true;
	return false;
}

/* A branch is what a block does last. */
static bool
mark_partly(struct line_scratch *scratch, const struct line_blocks_view *view,
    const struct wire_blocks_function *function, uint8_t mark)
{
	uint32_t line = 0, last;
	struct lines_head lines;

	begin_lines(scratch, view, function);
	for (uint32_t i = 0; i < function->blocks_len; i++) {
		lines = next_block(scratch, function);
		last = NONE;
		for (; lines.len > 0; lines.len--) {
			if (!next_line(scratch, view, &line))
				return false;
			last = lines.len <= lines.weak ? last : line;
		}
		if (last != NONE && misses_a_way(scratch, i))
			scratch->partly[last] = mark;
	}
	return true;
}

/* The lines of a block that were told last. */
struct told {
	uint32_t lines[LOOK_BACK], len;
};

/* Whether @line is one that none of @told stands a little above. */
static bool
is_led(const struct line_blocks_view *view, const struct told *told, uint32_t line)
{
	const struct wire_line *at = &view->lines[line], *other;

	for (uint32_t i = 0; i < told->len && i < LOOK_BACK; i++) {
		other = &view->lines[told->lines[i]];
		if (other->file == at->file && other->line < at->line &&
		    at->line - other->line <= HEAD_LINES)
			return false;
	}
	return true;
}

/* Of a block that ran. */
static bool
lead_line(struct line_scratch *scratch, const struct line_blocks_view *view,
    struct told *told, uint32_t line)
{
	const bool news = scratch->led[line] == 0 && is_led(view, told, line);

	if (news)
		scratch->led[line] = 1;
	told->lines[told->len++ % LOOK_BACK] = line;
	return news;
}

/* Whether a block that stands before all loops computes @line ahead of one above it, which follows. */
static bool
is_ahead(struct line_scratch *scratch, const struct line_blocks_view *view,
    uint32_t line, uint32_t left)
{
	const unsigned char *at = scratch->at;
	uint32_t next = line;
	bool has_next;

	if (left < 2)
		return false;
	has_next = next_line(scratch, view, &next);
	scratch->at = at;
	return has_next && view->lines[next].file == view->lines[line].file &&
	    view->lines[next].line < view->lines[line].line;
}

/* The first block that is come back to; 0: there is none, or nobody knows. */
static uint32_t
first_loop(const struct line_scratch *scratch)
{
	uint32_t first = NONE;

	for (uint32_t i = 0; i < scratch->blocks_len; i++)
		for (uint32_t e = scratch->starts[i]; e < scratch->starts[i + 1]; e++)
			if (scratch->edges[e] <= i && scratch->edges[e] < first)
				first = scratch->edges[e];
	return first == NONE ? 0 : first;
}

/* Of @line in a block of which the state is @of_block. */
static uint8_t
state_in(const struct line_scratch *scratch, uint8_t of_block, uint32_t line, bool weak)
{
	if (of_block != LINE_REACHED)
		return of_block;
	if (weak)
		return LINE_UNKNOWN;
	return scratch->partly[line] != 0 ? LINE_PARTLY : LINE_REACHED;
}

static bool
raise_lines(struct line_scratch *scratch, const struct line_blocks_view *view,
    const struct wire_blocks_function *function, bool entered, uint8_t *states)
{
	uint32_t line = 0;
	struct lines_head lines;
	const uint32_t loop = entered ? first_loop(scratch) : 0;
	uint8_t of_block, state;
	bool news, weak;

	begin_lines(scratch, view, function);
	for (uint32_t i = 0; i < function->blocks_len; i++) {
		struct told told = { .len = 0 };

		of_block = entered ? state_of(scratch->flags[i]) : LINE_IDLE;
		lines = next_block(scratch, function);
		/* That nothing was thrown says nothing of lines. */
		if (lines.is_cleanup && entered && of_block != LINE_REACHED)
			of_block = LINE_NONE;
		for (; lines.len > 0; lines.len--) {
			if (!next_line(scratch, view, &line))
				return false;
			weak = lines.len <= lines.weak;
			state = state_in(scratch, of_block, line, weak);
			news = of_block == LINE_REACHED && !weak &&
			    !(i < loop && is_ahead(scratch, view, line, lines.len)) &&
			    lead_line(scratch, view, &told, line);
			if (states[line] < state) {
				states[line] = state;
				news = true;
			}
			if (news && scratch->news != NULL)
				line_news_add(scratch->news, view->lines[line].file);
		}
	}
	return true;
}

/* ---- what copies lost ---- */

static void
lose_line(
    struct line_scratch *scratch, const struct line_blocks_view *view, uint32_t line)
{
	if (scratch->lost[line] != 0)
		return;
	scratch->lost[line] = 1;
	if (scratch->news != NULL)
		line_news_add(scratch->news, view->lines[line].file);
}

/* A copy that has @left lines, which come next, of those of @family. */
static void
take_copy(struct line_scratch *scratch, const struct line_blocks_view *view,
    uint32_t family, uint32_t left, bool ran)
{
	const uint32_t end = view->families[family + 1];
	uint32_t at = view->families[family], line = 0;

	if (!ran) {
		skip(scratch, left);
		return;
	}
	for (; left > 0 && !scratch->is_bad; left--) {
		line += number(scratch);
		for (; at < end && view->family_lines[at] < line; at++)
			lose_line(scratch, view, view->family_lines[at]);
		at += at < end && view->family_lines[at] == line;
	}
	for (; at < end; at++)
		lose_line(scratch, view, view->family_lines[at]);
}

/* What a compiler knows, or does together with something else, leaves no instruction in a copy that
 * it put elsewhere: of a line that other copies have nobody can tell whether that one executed it. */
static void
take_copies(struct line_scratch *scratch, const struct line_blocks_view *view)
{
	/* Tables may come from anywhere: no more work than there are bytes. */
	uint64_t steps = (uint64_t)STEPS_EACH * scratch->blocks_len +
	    STEPS_A_BYTE * (uint64_t)(scratch->end - scratch->at);
	uint32_t block = 0, family, left, len, lines;
	bool ran;

	if (scratch->at == scratch->end)
		return;
	for (left = number(scratch); left > 0 && !scratch->is_bad; left--) {
		block = number_from(scratch, block);
		family = number(scratch);
		len = number(scratch);
		if (scratch->is_bad || block >= scratch->blocks_len ||
		    family >= view->header->families_len)
			return;
		lines = view->families[family + 1] - view->families[family];
		ran = state_of(scratch->flags[block]) == LINE_REACHED && lines <= steps;
		take_copy(scratch, view, family, len, ran);
		steps -= ran ? lines : 0;
	}
}

enum line_function
line_states_function(const struct line_blocks_view *view, uint32_t index,
    const uint64_t *bits, struct line_scratch *scratch, uint8_t *states)
{
	const struct wire_blocks_function *function = &view->functions[index];
	bool entered, is_sound;

	if (!read_blocks(scratch, view, function, bits))
		return LINE_FUNCTION_BAD;
	entered = conclude(scratch);
	is_sound = !entered || mark_partly(scratch, view, function, 1);
	is_sound = raise_lines(scratch, view, function, entered, states) && is_sound;
	if (entered && is_sound)
		take_copies(scratch, view);
	if (entered)
		mark_partly(scratch, view, function, 0);
	return !is_sound ? LINE_FUNCTION_BAD
	    : entered    ? LINE_FUNCTION_ENTERED
			 : LINE_FUNCTION_IDLE;
}

/* Writes each block's first line to order, and its last to number; NONE: it has none. */
static bool
edge_lines(struct line_scratch *scratch, const struct line_blocks_view *view,
    const struct wire_blocks_function *function)
{
	uint32_t at = 0;
	struct lines_head lines;

	begin_lines(scratch, view, function);
	for (uint32_t i = 0; i < function->blocks_len; i++) {
		scratch->order[i] = scratch->number[i] = NONE;
		lines = next_block(scratch, function);
		for (; lines.len > 0; lines.len--) {
			if (!next_line(scratch, view, &at))
				return false;
			if (lines.len <= lines.weak)
				continue;
			if (scratch->order[i] == NONE)
				scratch->order[i] = at;
			scratch->number[i] = at;
		}
	}
	return true;
}

/* The line that a way from @from into @block leads to; NONE: no other. What a compiler put
 * between, to count the way, is of the line that it leads from, or of none. */
static uint32_t
way_to(const struct line_scratch *scratch, uint32_t from, uint32_t block)
{
	for (unsigned steps = 0; steps < LOOK_BACK; steps++) {
		const uint32_t start = scratch->starts[block],
			       to = scratch->order[block];

		if (to != NONE && to != from)
			return to;
		if ((to == from && scratch->number[block] != from) ||
		    scratch->starts[block + 1] - start != 1)
			return NONE;
		block = scratch->edges[start];
	}
	return NONE;
}

/* Of a block that ends where it may go on at several places. */
static void
tell_branches(const struct line_scratch *scratch, uint32_t block, bool entered,
    line_branch_taker *taker, void *context)
{
	const uint32_t start = scratch->starts[block], end = scratch->starts[block + 1];
	const uint32_t from = scratch->number[block];
	const uint8_t state = entered ? state_of(scratch->flags[block]) : LINE_IDLE;
	uint32_t to;
	uint8_t to_state;

	/* Of what is not known nothing is said. */
	if (end - start < 2 || from == NONE || state == LINE_UNKNOWN)
		return;
	for (uint32_t e = start; e < end; e++) {
		to = way_to(scratch, from, scratch->edges[e]);
		if (to == NONE)
			continue;
		to_state = state_of(scratch->flags[scratch->edges[e]]);
		if (state != LINE_REACHED)
			taker(context, from, to, BRANCH_UNTRIED);
		else if (to_state != LINE_UNKNOWN)
			taker(context, from, to,
			    to_state == LINE_REACHED ? BRANCH_TAKEN : BRANCH_MISSED);
	}
}

void
line_states_branches(const struct line_blocks_view *view, uint32_t index,
    const uint64_t *bits, struct line_scratch *scratch, line_branch_taker *taker,
    void *context)
{
	const struct wire_blocks_function *function = &view->functions[index];
	bool entered;

	if (!read_blocks(scratch, view, function, bits))
		return;
	entered = conclude(scratch);
	/* Concluding uses the same memory. */
	if (!edge_lines(scratch, view, function))
		return;
	for (uint32_t i = 0; i < function->blocks_len; i++)
		tell_branches(scratch, i, entered, taker, context);
}

struct ways {
	uint32_t line;
	struct line_way *list;
	uint32_t len, max;
};

static void
add_way(void *context, uint32_t from, uint32_t to, enum line_branch branch)
{
	struct ways *ways = context;
	const bool taken = branch == BRANCH_TAKEN;

	if (from != ways->line || branch == BRANCH_UNTRIED)
		return;
	for (uint32_t i = 0; i < ways->len; i++)
		if (ways->list[i].to == to) {
			ways->list[i].taken = ways->list[i].taken || taken;
			return;
		}
	if (ways->len < ways->max)
		ways->list[ways->len++] = (struct line_way){ to, taken };
}

/* Whether a block of @function has @line at all, which is soon seen. */
static bool
names_line(struct line_scratch *scratch, const struct line_blocks_view *view,
    const struct wire_blocks_function *function, uint32_t line)
{
	uint32_t at = 0;

	begin_lines(scratch, view, function);
	for (uint32_t i = 0; i < function->blocks_len; i++)
		for (uint32_t left = next_block(scratch, function).len; left > 0;
		    left--) {
			if (!next_line(scratch, view, &at))
				return false;
			if (at == line)
				return true;
		}
	return false;
}

uint32_t
line_states_ways(const struct line_blocks_view *view, uint32_t index,
    const uint64_t *bits, struct line_scratch *scratch, uint32_t line,
    struct line_way *ways, uint32_t len, uint32_t max)
{
	struct ways found = { line, ways, len, max };

	if (names_line(scratch, view, &view->functions[index], line))
		line_states_branches(view, index, bits, scratch, add_way, &found);
	return found.len;
}

void
line_scratch_news(struct line_scratch *scratch, struct line_news *news)
{
	scratch->news = news;
}

void
line_blocks_owner(const struct line_blocks_view *view, uint32_t index,
    struct line_scratch *scratch, uint32_t *owner)
{
	const struct wire_blocks_function *function = &view->functions[index];
	uint32_t pc = function->pc, head;

	begin_lines(scratch, view, function);
	for (uint32_t i = 0; i < function->blocks_len && !scratch->is_bad; i++) {
		head = number(scratch);
		if ((head & WIRE_BLOCK_PC) != 0) {
			pc = number_from(scratch, pc);
			if (pc >= view->header->pcs_len)
				return;
			owner[pc++] = index;
		}
		skip(scratch, head >> WIRE_BLOCK_FLAGS);
		skip(scratch, lines_head(scratch, function).len);
	}
}

void
line_blocks_lines(const struct line_blocks_view *view, uint32_t index,
    struct line_scratch *scratch, line_taker *taker, void *context)
{
	const struct wire_blocks_function *function = &view->functions[index];
	uint32_t line = 0, left;

	begin_lines(scratch, view, function);
	for (uint32_t i = 0; i < function->blocks_len; i++)
		for (left = next_block(scratch, function).len; left > 0; left--) {
			if (!next_line(scratch, view, &line))
				return;
			taker(context, line);
		}
}

/* ---- families ---- */

bool
line_families_are_sound(const struct line_blocks_view *view)
{
	const struct wire_blocks *h = view->header;

	for (uint32_t i = 0; i < h->families_len; i++)
		if (view->families[i] > view->families[i + 1])
			return false;
	for (uint32_t i = 0; i < h->family_lines_len; i++)
		if (view->family_lines[i] >= h->lines_len)
			return false;
	return view->families[h->families_len] <= h->family_lines_len;
}
