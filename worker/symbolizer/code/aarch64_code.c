/* SPDX-License-Identifier: MIT
 * Where AArch64 instructions lead; in the symbolizer.
 *
 * By Arm's Architecture Reference Manual for A-profile, C4 (the A64 encodings). Each has four
 * bytes, and those that lead elsewhere are one group. Of the others it matters what they leave
 * in registers: compilers put a jump table's start, the entry and what it counts from into one
 * each, and compare the index with the table's length before. What is found of values holds as
 * long as nobody jumps in between; an address that was made holds until its register is written.
 */
#include "config.h"

#include <string.h>

#include "code_step.h"
#include "banned.h"

#define WORD 4                        /* bytes of an instruction */
#define STACK 31                      /* as a base: the stack pointer; else: zero */
#define FRAME 29                      /* the frame pointer */
#define SAVED 19                      /* the first register that a call leaves alone */
#define LIMIT_MAX (UINT32_C(1) << 24) /* entries of a table */

static unsigned
bits(uint32_t word, unsigned low, unsigned len)
{
	return word >> low & ((1u << len) - 1);
}

/* Sign-extended. */
static uint64_t
signed_bits(uint32_t word, unsigned low, unsigned len)
{
	return (uint64_t)((int64_t)((uint64_t)word << (64 - low - len)) >> (64 - len));
}

static uint32_t
word_at(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	    (uint32_t)at[3] << 24;
}

/* ---- what leads elsewhere ---- */

struct form {
	uint32_t mask, value;
	enum code_kind kind;
	unsigned char low, len; /* of the distance in words; len 0: it has none */
};

/* The first that fits. */
static const struct form forms[] = {
	{ 0xfc000000, 0x94000000, CODE_CALL, 0, 26 },   /* bl */
	{ 0xfc000000, 0x14000000, CODE_JUMP, 0, 26 },   /* b */
	{ 0xff00000e, 0x5400000e, CODE_JUMP, 5, 19 },   /* b.al, bc.al */
	{ 0xff000000, 0x54000000, CODE_BRANCH, 5, 19 }, /* b.cond, bc.cond */
	{ 0x7e000000, 0x34000000, CODE_BRANCH, 5, 19 }, /* cbz, cbnz */
	{ 0x7e000000, 0x36000000, CODE_BRANCH, 5, 14 }, /* tbz, tbnz */
	{ 0xffffffff, 0xd503201f, CODE_PADDING, 0, 0 }, /* nop */
	{ 0xff000000, 0xd5000000, CODE_PLAIN, 0, 0 },   /* hints, system registers */
	{ 0xfffffc1f, 0xd65f0000, CODE_RETURN, 0, 0 },  /* ret */
	{ 0xfffffc1f, 0xd63f0000, CODE_CALL, 0, 0 },    /* blr */
	{ 0xfffffc1f, 0xd61f0000, CODE_LEAP, 0, 0 },    /* br */
	{ 0xfffff81f, 0xd63f081f, CODE_CALL, 0, 0 },    /* blraaz, blrabz */
	{ 0xfffff800, 0xd73f0800, CODE_CALL, 0, 0 },    /* blraa, blrab */
	{ 0xfffff81f, 0xd61f081f, CODE_LEAP, 0, 0 },    /* braaz, brabz */
	{ 0xfffff800, 0xd71f0800, CODE_LEAP, 0, 0 },    /* braa, brab */
	{ 0xfffffbe0, 0xd65f0be0, CODE_RETURN, 0, 0 },  /* retaa, retab; …sppcr */
	{ 0xffc0001f, 0x5500001f, CODE_RETURN, 0, 0 },  /* retaasppc, retabsppc */
	{ 0xffffffff, 0xd69f03e0, CODE_RETURN, 0, 0 },  /* eret */
	{ 0xfffffbff, 0xd69f0bff, CODE_RETURN, 0, 0 },  /* eretaa, eretab */
	{ 0xffffffff, 0xd6bf03e0, CODE_END, 0, 0 },     /* drps */
	{ 0x7f000000, 0x74000000, CODE_BRANCH, 5, 9 },  /* cb<cc>, cbb<cc>, cbh<cc> */
	{ 0x7f004000, 0x75000000, CODE_BRANCH, 5, 9 },  /* cb<cc> with a constant */
	{ 0xffe0001d, 0xd4000001, CODE_PLAIN, 0, 0 },   /* svc, smc */
	{ 0xffe0001f, 0xd4000002, CODE_PLAIN, 0, 0 },   /* hvc */
	{ 0xffffe41f, 0xd4212400, CODE_PLAIN, 0, 0 },   /* brk of hwasan that goes on */
	{ 0xffffffff, 0xd43e0000, CODE_PLAIN, 0, 0 },   /* brk #0xf000: of debuggers */
	{ 0xffe0001f, 0xd4200000, CODE_END, 0, 0 },     /* brk */
	{ 0xffe0001f, 0xd4400000, CODE_END, 0, 0 },     /* hlt */
	{ 0xffe0001f, 0xd4600000, CODE_END, 0, 0 },     /* tcancel */
	{ 0xffe0001d, 0xd4a00001, CODE_END, 0, 0 },     /* dcps1, dcps3 */
	{ 0xffe0001f, 0xd4a00002, CODE_END, 0, 0 },     /* dcps2 */
};

/* Of the group that has all branches, exceptions and system instructions. */
static struct code_step
lead(uint32_t word, uint64_t address)
{
	struct code_step step = { .kind = CODE_PLAIN };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *form = &forms[i];

		if ((word & form->mask) != form->value)
			continue;
		step.len = WORD;
		step.kind = form->kind;
		if (form->len > 0)
			step.target =
			    address + (signed_bits(word, form->low, form->len) << 2);
		return step;
	}
	return step;
}

static struct code_step
step_of(uint32_t word, uint64_t address)
{
	struct code_step step = { .kind = CODE_PLAIN, .len = WORD };

	switch (bits(word, 25, 4)) {
	case 10:
	case 11:
		return lead(word, address);
	case 0:
		/* Of udf, zeros are what linkers fill with; the upper half is SME's. */
		if (word == 0)
			step.kind = CODE_PADDING;
		else if (word >> 16 == 0)
			step.kind = CODE_END;
		else if (word >> 31 == 0)
			step.len = 0;
		return step;
	case 1:
	case 3:
		step.len = 0;
		return step;
	default:
		return step;
	}
}

/* ---- what registers hold ---- */

static const struct code_register unknown;

/* The register @number; NULL: that is none that is kept. */
static struct code_register *
at_number(struct code_registers *registers, unsigned number)
{
	return number < 31 ? &registers->list[number] : NULL;
}

static void
write(struct code_registers *registers, unsigned number, struct code_register held)
{
	if (number < 31)
		registers->list[number] = held;
	if (number == FRAME)
		registers->spilled = unknown;
}

static struct code_register
read_register(const struct code_registers *registers, unsigned number)
{
	return number < 31 ? registers->list[number] : unknown;
}

/* The same, of which others can be told to be the same. */
static struct code_register
read_numbered(struct code_registers *registers, unsigned number)
{
	struct code_register *held = at_number(registers, number);

	if (held == NULL)
		return unknown;
	if (held->holds == HOLDS_VALUE && held->value == 0)
		held->value = ++registers->values;
	return *held;
}

/* Where somebody jumps in, what is found of values need not hold. */
static void
forget_values(struct code_registers *registers)
{
	for (size_t i = 0; i < 31; i++)
		if (registers->list[i].holds != HOLDS_ADDRESS)
			registers->list[i] = unknown;
		else
			registers->list[i].is_old = true;
	registers->spilled = unknown;
	registers->compared = 0;
}

static void
forget_called(struct code_registers *registers)
{
	for (size_t i = 0; i < SAVED; i++)
		registers->list[i] = unknown;
	registers->list[30] = unknown;
	registers->spilled = unknown;
	registers->compared = 0;
}

static void
take_limit(struct code_register *held, uint32_t value, uint64_t limit)
{
	if (held->holds == HOLDS_VALUE && held->value == value && limit <= LIMIT_MAX &&
	    (held->limit == 0 || held->limit > limit))
		held->limit = (uint32_t)limit;
}

/* Behind a branch that is taken where the value that was compared is higher, or the same. */
static void
go_on_below(struct code_registers *registers, uint32_t word)
{
	const unsigned condition = word & 15;
	const uint64_t limit =
	    (uint64_t)registers->compared_with + (condition == 8 ? 1 : 0);

	if (registers->compared == 0 || bits(word, 24, 8) != 0x54 ||
	    (condition != 8 && condition != 2) || limit == 0)
		return;
	for (size_t i = 0; i < 31; i++)
		take_limit(&registers->list[i], registers->compared, limit);
	take_limit(&registers->spilled, registers->compared, limit);
}

/* ---- constants, copies and sums ---- */

/* What is left of register @number where it is copied. */
static struct code_register
copy_of(struct code_registers *registers, unsigned number, bool is_whole)
{
	const struct code_register held = read_numbered(registers, number);

	return is_whole || held.holds == HOLDS_VALUE ? held : unknown;
}

static void
add_constant(struct code_registers *registers, uint32_t word)
{
	const unsigned to = bits(word, 0, 5), from = bits(word, 5, 5);
	const uint32_t constant = bits(word, 10, 12) << (bits(word, 22, 1) * 12);
	const bool subtracts = bits(word, 30, 1) != 0, sets_flags = bits(word, 29, 1);
	struct code_register sum = unknown;
	const struct code_register held = read_register(registers, from);

	if (sets_flags) {
		registers->compared =
		    subtracts ? read_numbered(registers, from).value : 0;
		registers->compared_with = constant;
	} else if (to == STACK) {
		registers->spilled = unknown;
	}
	if (bits(word, 31, 1) != 0 && held.holds == HOLDS_ADDRESS && !sets_flags) {
		sum = held;
		sum.address += subtracts ? -(uint64_t)constant : constant;
	} else if (constant == 0 && from != STACK) {
		sum = copy_of(registers, from, bits(word, 31, 1) != 0);
	}
	write(registers, to, sum);
}

/* What a mask or the extraction of a field leaves of a value is below 1 << @width. */
static void
write_narrow(struct code_registers *registers, unsigned to, unsigned width)
{
	struct code_register held = unknown;

	if (width < 24)
		held.limit = UINT32_C(1) << width;
	write(registers, to, held);
}

/* Data processing, immediate. */
static void
run_immediate(struct code_registers *registers, uint32_t word, uint64_t address)
{
	const unsigned to = bits(word, 0, 5);
	const uint64_t distance = signed_bits(word, 5, 19) << 2 | bits(word, 29, 2);
	const unsigned first = bits(word, 16, 6), last = bits(word, 10, 6);
	struct code_register held = { .holds = HOLDS_ADDRESS };

	switch (bits(word, 23, 3)) {
	case 0:
	case 1:
		held.address = bits(word, 31, 1) != 0
		    ? (address & ~UINT64_C(0xfff)) + (distance << 12) /* adrp */
		    : address + distance;                             /* adr */
		write(registers, to, held);
		return;
	case 2:
		add_constant(registers, word);
		return;
	case 4: /* and, orr, eor, ands */
		if (bits(word, 29, 2) == 3)
			registers->compared = 0;
		/* A mask of ones at the lower end. */
		write_narrow(registers, to,
		    (bits(word, 29, 2) == 0 || bits(word, 29, 2) == 3) && first == 0 &&
			    (bits(word, 22, 1) != 0 ||
				(bits(word, 31, 1) == 0 && last < 32))
			? last + 1
			: 64);
		return;
	case 6: /* sbfm, bfm, ubfm: the last for lsr, uxtb and fields */
		write_narrow(registers, to,
		    bits(word, 29, 2) == 2 && last >= first ? last - first + 1 : 64);
		return;
	default:
		write(registers, to, unknown);
		return;
	}
}

/* Adds @entry, shifted and perhaps extended, to @base. */
static struct code_register
target_of(struct code_register base, struct code_register entry, unsigned shift)
{
	struct code_register target = entry;

	if (base.holds != HOLDS_ADDRESS || entry.holds != HOLDS_ENTRY || shift > 4)
		return unknown;
	target.holds = HOLDS_TARGET;
	target.base = base.address;
	target.shift = (unsigned char)shift;
	return target;
}

/* add x, x, w, sxtb #2, and its likes */
static struct code_register
target_of_extended(
    const struct code_registers *registers, uint32_t word, struct code_register base)
{
	struct code_register entry = read_register(registers, bits(word, 16, 5));
	const unsigned extension = bits(word, 13, 3);

	if (1u << (extension & 3) < entry.entry_size)
		return unknown;
	if (1u << (extension & 3) == entry.entry_size)
		entry.is_unsigned = extension < 4;
	return target_of(base, entry, bits(word, 10, 3));
}

/* Data processing, register. */
static void
run_register(struct code_registers *registers, uint32_t word)
{
	const unsigned to = bits(word, 0, 5);
	const struct code_register left = read_register(registers, bits(word, 5, 5)),
				   right = read_register(registers, bits(word, 16, 5));
	struct code_register sum = unknown;

	if ((word & 0x7fe0ffe0) == 0x2a0003e0) { /* mov */
		sum = copy_of(registers, bits(word, 16, 5), bits(word, 31, 1) != 0);
	} else if ((word & 0xffe00000) == 0x8b000000) { /* add x, x, x, lsl */
		sum = target_of(left, right, bits(word, 10, 6));
		if (sum.holds == HOLDS_VALUE && bits(word, 10, 6) == 0)
			sum = target_of(right, left, 0);
	} else if ((word & 0xffe00000) == 0x8b200000) {
		sum = target_of_extended(registers, word, left);
	}
	/* ands and bics; adds, subs, adcs, ccmp, setf8 and their likes, but not madd */
	if (bits(word, 24, 5) == 0x0a
		? bits(word, 29, 2) == 3
		: bits(word, 24, 5) != 0x1b && bits(word, 29, 1) != 0)
		registers->compared = 0;
	write(registers, to, sum);
}

/* ---- loads and stores ---- */

/* Whether it is the stack that is stored to. */
static bool
is_stack(unsigned base)
{
	return base == STACK || base == FRAME;
}

/* What becomes of what lies on the stack when it is stored by @base. */
static void
lose_spilled(struct code_registers *registers, unsigned base)
{
	if (is_stack(base) || read_register(registers, base).holds != HOLDS_ADDRESS)
		registers->spilled = unknown;
}

/* Which bytes of the stack: size, base and distance. */
static uint32_t
place_bits(uint32_t word)
{
	return word & 0xff3fffe0;
}

/* A table's entry: ldr x, [x, x, lsl #n], and its likes of fewer bytes. */
static struct code_register
load_entry(const struct code_registers *registers, uint32_t word)
{
	const struct code_register start = read_register(registers, bits(word, 5, 5)),
				   index = read_register(registers, bits(word, 16, 5));
	const unsigned size = bits(word, 30, 2);
	struct code_register entry = unknown;

	if (start.holds != HOLDS_ADDRESS || (size > 0 && bits(word, 12, 1) == 0) ||
	    (size == 3 && bits(word, 22, 2) != 1))
		return entry;
	entry.holds = size == 3 ? HOLDS_TARGET : HOLDS_ENTRY;
	entry.entry_size = (unsigned char)(1u << size);
	entry.is_unsigned = bits(word, 22, 2) < 2;
	entry.address = start.address;
	entry.limit = index.holds == HOLDS_VALUE ? index.limit : 0;
	return entry;
}

/* What one register is loaded with. */
static struct code_register
load(struct code_registers *registers, uint32_t word)
{
	const unsigned base = bits(word, 5, 5);
	const struct code_register start = read_register(registers, base);
	const bool by_constant = bits(word, 24, 1) != 0;
	struct code_register held = unknown;

	if (!by_constant && bits(word, 21, 1) != 0 && bits(word, 10, 2) == 2)
		return load_entry(registers, word);
	if (is_stack(base) && bits(word, 22, 2) == 1 &&
	    (by_constant || (bits(word, 21, 1) == 0 && bits(word, 10, 2) == 0)))
		return place_bits(word) == registers->spilled_at ? registers->spilled
								 : unknown;
	if (by_constant && bits(word, 30, 2) == 3 && start.holds == HOLDS_ADDRESS) {
		held.holds = HOLDS_STORED;
		held.address = start.address + bits(word, 10, 12) * UINT64_C(8);
	} else if (bits(word, 30, 2) == 0 && bits(word, 22, 2) == 1) {
		held.limit = 256;
	}
	return held;
}

static void
store(struct code_registers *registers, uint32_t word)
{
	const unsigned base = bits(word, 5, 5);
	const bool is_vector = bits(word, 26, 1) != 0;
	const bool is_plain = bits(word, 24, 1) != 0 ||
	    (bits(word, 21, 1) == 0 && bits(word, 10, 2) == 0);

	lose_spilled(registers, base);
	if (!is_stack(base) || is_vector || !is_plain || bits(word, 30, 2) < 2)
		return;
	registers->spilled = read_numbered(registers, bits(word, 0, 5));
	registers->spilled_at = place_bits(word);
}

/* Where the base is left. */
static void
move_base(struct code_registers *registers, unsigned base, uint64_t distance)
{
	struct code_register moved = read_register(registers, base);

	if (moved.holds == HOLDS_ADDRESS)
		moved.address += distance;
	else
		moved = unknown;
	write(registers, base, moved);
	if (base == STACK)
		registers->spilled = unknown;
}

/* Of one register. */
static void
run_single(struct code_registers *registers, uint32_t word)
{
	const unsigned to = bits(word, 0, 5), base = bits(word, 5, 5);
	const bool by_constant = bits(word, 24, 1) != 0;
	const bool writes_base =
	    !by_constant && bits(word, 21, 1) == 0 && bits(word, 10, 1) != 0;
	const bool is_vector = bits(word, 26, 1) != 0;

	if (bits(word, 22, 2) == 0 || (is_vector && bits(word, 22, 2) == 2))
		store(registers, word);
	else if (!is_vector)
		write(registers, to, load(registers, word));
	if (writes_base)
		move_base(registers, base, signed_bits(word, 12, 9));
}

/* The constant address of a byte that is loaded or stored; 0: there is none. */
static uint64_t
touched_by(const struct code_registers *registers, uint32_t word)
{
	const struct code_register base = read_register(registers, bits(word, 5, 5));
	const bool by_constant = bits(word, 24, 1) != 0;

	if (bits(word, 25, 7) != 0x1c || (!by_constant && bits(word, 21, 1) != 0) ||
	    base.holds != HOLDS_ADDRESS || base.is_old)
		return 0;
	if (by_constant)
		return base.address + bits(word, 10, 12);
	return bits(word, 10, 2) == 1 ? base.address
				      : base.address + signed_bits(word, 12, 9);
}

/* Of two. */
static void
run_pair(struct code_registers *registers, uint32_t word)
{
	const unsigned base = bits(word, 5, 5);

	if (bits(word, 22, 1) == 0) {
		lose_spilled(registers, base);
	} else if (bits(word, 26, 1) == 0) {
		write(registers, bits(word, 0, 5), unknown);
		write(registers, bits(word, 10, 5), unknown);
	}
	if (bits(word, 23, 1) != 0) {
		write(registers, base, unknown);
		registers->spilled = base == STACK ? unknown : registers->spilled;
	}
}

static void
run_memory(struct code_registers *registers, uint32_t word, uint64_t address)
{
	const unsigned to = bits(word, 0, 5);
	const bool is_single = bits(word, 27, 3) == 7 &&
	    (bits(word, 24, 1) != 0 || bits(word, 21, 1) == 0 ||
		bits(word, 10, 2) == 2);
	struct code_register held = unknown;

	if (is_single) {
		run_single(registers, word);
	} else if (bits(word, 27, 3) == 5) {
		run_pair(registers, word);
	} else if ((word & 0x3b000000) == 0x18000000) { /* by its distance */
		if (word >> 24 == 0x58) {
			held.holds = HOLDS_STORED;
			held.address = address + (signed_bits(word, 5, 19) << 2);
		}
		if (bits(word, 26, 1) == 0)
			write(registers, to, held);
	} else { /* exclusive, atomic, of tags, of whole stretches */
		write(registers, to, unknown);
		write(registers, bits(word, 5, 5), unknown);
		write(registers, bits(word, 10, 5), unknown);
		write(registers, bits(word, 16, 5), unknown);
		registers->spilled = unknown;
		registers->compared = 0;
	}
}

/* ---- the whole ---- */

/* What is left of what was known behind an instruction that leads elsewhere. */
static void
run_lead(struct code_registers *registers, uint32_t word, uint64_t address,
    const struct code_step *step)
{
	switch (step->kind) {
	case CODE_CALL:
		forget_called(registers);
		return;
	case CODE_BRANCH:
		go_on_below(registers, word);
		return;
	case CODE_JUMP:
		/* To what is behind it anyway, without optimization. */
		if (step->target != address + WORD)
			forget_values(registers);
		return;
	case CODE_PLAIN: /* flags, perhaps; system calls have results */
		if (bits(word, 24, 8) == 0xd4)
			write(registers, 0, unknown);
		write(registers, bits(word, 0, 5), unknown);
		registers->compared = 0;
		return;
	case CODE_PADDING:
		return;
	default:
		forget_values(registers);
		return;
	}
}

static void
run(struct code_registers *registers, uint32_t word, uint64_t address,
    const struct code_step *step)
{
	switch (bits(word, 25, 4)) {
	case 10:
	case 11:
		run_lead(registers, word, address, step);
		return;
	case 8:
	case 9:
		run_immediate(registers, word, address);
		return;
	case 5:
	case 13:
		run_register(registers, word);
		return;
	case 4:
	case 6:
	case 12:
	case 14:
		run_memory(registers, word, address);
		return;
	default: /* vectors, which may write flags and registers, too */
		write(registers, bits(word, 0, 5), unknown);
		registers->compared = 0;
		return;
	}
}

/* By which table the leap to what register @number holds goes. */
static void
find_table(struct code_trail *trail, unsigned number, uint64_t next)
{
	const struct code_register held = read_register(&trail->registers, number);

	trail->table = held.holds == HOLDS_TARGET ? held.address : 0;
	trail->base = held.base;
	trail->entry_size = held.entry_size;
	trail->shift = held.shift;
	trail->is_unsigned = held.is_unsigned;
	trail->len = held.limit;
	trail->loaded_at = next;
}

struct code_step
aarch64_step(const unsigned char *at, const unsigned char *end, uint64_t address,
    struct code_trail *trail)
{
	struct code_step step = { .kind = CODE_PLAIN };
	struct code_register held;
	uint32_t word;

	if (end - at < WORD)
		return step;
	word = word_at(at);
	step = step_of(word, address);
	if (step.len == 0)
		return step;
	if (trail->is_joined)
		forget_values(&trail->registers);
	step.touched = touched_by(&trail->registers, word);
	if (step.kind == CODE_LEAP)
		find_table(trail, bits(word, 5, 5), address + WORD);
	held = read_register(&trail->registers, bits(word, 5, 5));
	if (step.kind == CODE_CALL && bits(word, 25, 7) == 0x6b &&
	    held.holds == HOLDS_STORED) {
		step.by_slot = true;
		step.target = held.address;
	}
	run(&trail->registers, word, address, &step);
	return step;
}

/* adrp x16, …; ldr x17, [x16, …], perhaps behind what lets it be jumped to. */
uint64_t
aarch64_slot_of_stub(const unsigned char *at, size_t left, uint64_t address)
{
	uint32_t page, load_slot;

	if (left >= WORD && word_at(at) == 0xd503245f) { /* bti c */
		at += WORD;
		left -= WORD;
		address += WORD;
	}
	if (left < 2 * (size_t)WORD)
		return 0;
	page = word_at(at);
	load_slot = word_at(at + WORD);
	if ((page & 0x9f00001f) != 0x90000010 || (load_slot & 0xffc003ff) != 0xf9400211)
		return 0;
	return (address & ~UINT64_C(0xfff)) +
	    ((signed_bits(page, 5, 19) << 2 | bits(page, 29, 2)) << 12) +
	    bits(load_slot, 10, 12) * UINT64_C(8);
}
