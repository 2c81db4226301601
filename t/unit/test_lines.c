/* SPDX-License-Identifier: MIT
 * What lines' states follow from: instructions, and graphs of blocks.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "block_table.h"
#include "line_owners.h"
#include "line_states.h"
#include "shared_memory.h"
#include "symbolizer/code/code_step.h"

/* ---- instructions ---- */

#define AT UINT64_C(0x401000)

static struct code_step
step_of(const char *bytes, size_t len)
{
	struct code_trail trail = { 0 };
	const unsigned char *at = (const unsigned char *)bytes;

	return x86_64_step(at, at + len, AT, &trail);
}

#define STEP(bytes) step_of(bytes, sizeof(bytes) - 1)

static void
test_lengths(void **state)
{
	static const struct {
		const char *bytes;
		unsigned len;
	} known[] = {
#define CASE(bytes) { bytes, sizeof(bytes) - 1 }
		CASE("\x90"),
		CASE("\x48\x89\xe5"),
		CASE("\xfe\x05\x11\x22\x33\x44"),
		CASE("\x48\xb8\1\2\3\4\5\6\7\x08"),
		CASE("\x66\xb8\1\2"),
		CASE("\xb8\1\2\3\4"),
		CASE("\x66\x81\x38\1\2"),
		CASE("\x48\x81\x3c\x25\1\2\3\4\1\2\3\4"),
		CASE("\xf6\xc1\x01"),
		CASE("\xf6\xd9"),
		CASE("\xf7\x45\x08\1\2\3\4"),
		CASE("\xf7\xd8"),
		CASE("\xc8\1\2\3"),
		CASE("\xa1\1\2\3\4\5\6\7\x08"),
		CASE("\x67\xa1\1\2\3\4"),
		CASE("\x0f\xba\xe0\x05"),
		CASE("\x66\x0f\x3a\x0f\xc1\x08"),
		CASE("\x66\x0f\x38\x00\xc1"),
		CASE("\xc5\xf8\x77"),
		CASE("\xc5\xf9\x70\xc1\x1b"),
		CASE("\xc4\xe3\x7d\x19\xc1\x01"),
		CASE("\x62\xf1\x7c\x48\x28\x40\x01"),
		CASE("\x62\xf3\x7d\x48\x3a\xc1\x01"),
		CASE("\xf3\x0f\x1e\xfa"),
		CASE("\x66\x66\x2e\x0f\x1f\x84\x00\0\0\0\0"),
		CASE("\x0f\x0b"),
		CASE("\x43\x8b\x44\x85\x00"),
		CASE("\x8f\xe9\x78\xe1\xc1"),
#undef CASE
	};
	char text[16];

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(
		    step_of(known[i].bytes, known[i].len).len, known[i].len);
		/* cut anywhere, it is none; and nothing behind the end is looked at */
		for (unsigned len = 0; len < known[i].len; len++) {
			char *cut = malloc(len + 1);

			memcpy(cut, known[i].bytes, len);
			cut = realloc(cut, len > 0 ? len : 1);
			assert_true(step_of(cut, len).len < known[i].len);
			free(cut);
		}
		/* prefixes without end */
		memset(text, 0x66, sizeof(text));
		assert_int_equal(step_of(text, sizeof(text)).len, 0);
	}
	assert_int_equal(STEP("\x06").len, 0); /* none in 64-bit mode */
}

static void
test_ways(void **state)
{
	(void)state;
	assert_int_equal(STEP("\x74\x10").kind, CODE_BRANCH);
	assert_int_equal(STEP("\x74\x10").target, AT + 2 + 0x10);
	assert_int_equal(STEP("\xeb\xfe").kind, CODE_JUMP);
	assert_int_equal(STEP("\xeb\xfe").target, AT);
	assert_int_equal(STEP("\x0f\x84\x00\x01\x00\x00").target, AT + 6 + 0x100);
	assert_int_equal(STEP("\xe9\xfb\xff\xff\xff").target, AT);
	assert_int_equal(STEP("\xe8\x00\x00\x00\x00").kind, CODE_CALL);
	assert_int_equal(STEP("\xff\x15\x08\x00\x00\x00").kind, CODE_CALL);
	assert_true(STEP("\xff\x15\x08\x00\x00\x00").by_slot);
	assert_int_equal(STEP("\xff\x15\x08\x00\x00\x00").target, AT + 6 + 8);
	assert_int_equal(STEP("\xff\xd0").kind, CODE_CALL);
	assert_int_equal(STEP("\xff\xd0").target, 0);
	assert_int_equal(STEP("\xff\xe0").kind, CODE_LEAP);
	assert_int_equal(STEP("\x3e\xff\xe0").kind, CODE_LEAP);
	assert_int_equal(STEP("\xf3\xc3").kind, CODE_RETURN);
	assert_int_equal(STEP("\x0f\x0b").kind, CODE_END);
	assert_int_equal(STEP("\xcc").kind, CODE_PADDING);
	assert_int_equal(STEP("\xc5\xf8\x84\xc0").kind, CODE_PLAIN);
}

/* Bytes beside the code that are loaded, stored or counted; not words, calls and what is elsewhere. */
static void
test_touched(void **state)
{
	(void)state;
	/* incb, addb, adcb, cmpb, movb of a constant; movzbl, movb from, movb to; addb of a register */
	assert_int_equal(STEP("\xfe\x05\x00\x10\x00\x00").touched, AT + 6 + 0x1000);
	assert_int_equal(STEP("\x80\x05\x00\x10\x00\x00\x01").touched, AT + 7 + 0x1000);
	assert_int_equal(STEP("\x80\x15\xff\xff\xff\xff\x00").touched, AT + 6);
	assert_int_equal(STEP("\x80\x3d\x00\x10\x00\x00\x00").touched, AT + 7 + 0x1000);
	assert_int_equal(STEP("\xc6\x05\x00\x10\x00\x00\x01").touched, AT + 7 + 0x1000);
	assert_int_equal(STEP("\x0f\xb6\x05\x00\x10\x00\x00").touched, AT + 7 + 0x1000);
	assert_int_equal(STEP("\x8a\x05\x00\x10\x00\x00").touched, AT + 6 + 0x1000);
	assert_int_equal(STEP("\x88\x05\x00\x10\x00\x00").touched, AT + 6 + 0x1000);
	assert_int_equal(STEP("\x00\x05\x00\x10\x00\x00").touched, AT + 6 + 0x1000);
	assert_int_equal(STEP("\x8b\x05\x00\x10\x00\x00").touched, 0);
	assert_int_equal(STEP("\xff\x15\x00\x10\x00\x00").touched, 0);
	assert_int_equal(STEP("\xfe\x80\x00\x10\x00\x00").touched, 0);
	assert_int_equal(STEP("\xfe\xc0").touched, 0);
}

/* lea table(%rip),%r8; movslq (%r8,%rax,4),%rax; add %r8,%rax; jmp *%rax */
static void
test_trail(void **state)
{
	static const unsigned char code[] = "\x4c\x8d\x05\x00\x10\x00\x00"
					    "\x49\x63\x04\x80"
					    "\x4c\x01\xc0"
					    "\xff\xe0";
	struct code_trail trail = { 0 };
	struct code_step step;
	size_t at = 0;

	(void)state;
	do {
		step = x86_64_step(code + at, code + sizeof(code) - 1, AT + at, &trail);
		at += step.len;
	} while (step.kind == CODE_PLAIN);
	assert_int_equal(step.kind, CODE_LEAP);
	assert_int_equal(at, sizeof(code) - 1);
	assert_int_equal(trail.table, AT + 7 + 0x1000);
	assert_int_equal(trail.base, trail.table);
	assert_int_equal(trail.entry_size, 4);
}

/* Runs @words on @trail from AT on, somebody jumps to the one at @joined; outputs the last step. */
static struct code_step
run_aarch64(const uint32_t *words, size_t len, size_t joined, struct code_trail *trail)
{
	struct code_step step = { 0 };
	unsigned char bytes[4];

	memset(trail, 0, sizeof(*trail));
	for (size_t i = 0; i < len; i++) {
		for (unsigned k = 0; k < 4; k++)
			bytes[k] = (unsigned char)(words[i] >> 8 * k);
		trail->is_joined = i == joined;
		step = aarch64_step(bytes, bytes + 4, AT + 4 * i, trail);
		assert_int_equal(step.len, 4);
	}
	return step;
}

#define RUN(words, joined) run_aarch64(words, sizeof(words) / 4, joined, &trail)
#define NOWHERE 99

/* How compilers jump by a table: of bytes, optimized; of words, by way of the stack; GCC's. */
static void
test_aarch64_tables(void **state)
{
	static const uint32_t bytes[] = {
		0x71003c1f, /* cmp w0, #15 */
		0x54000208, /* b.hi */
		0x2a0003e9, /* mov w9, w0 */
		0xd000000a, /* adrp x10, .+0x2000 */
		0x9100d14a, /* add x10, x10, #0x34 */
		0x1000008b, /* adr x11, .+16 */
		0x3869694c, /* ldrb w12, [x10, x9] */
		0x8b0c096b, /* add x11, x11, x12, lsl #2 */
		0xd61f0160, /* br x11 */
	};
	static const uint32_t words[] = {
		0xf90003e8, /* str x8, [sp] */
		0xf1003d08, /* subs x8, x8, #15 */
		0x54000208, /* b.hi */
		0x14000001, /* b .+4 */
		0xf94003eb, /* ldr x11, [sp] */
		0xd000000a, /* adrp x10, .+0x2000 */
		0x9100d14a, /* add x10, x10, #0x34 */
		0x10000008, /* adr x8, . */
		0xb8ab7949, /* ldrsw x9, [x10, x11, lsl #2] */
		0x8b090108, /* add x8, x8, x9 */
		0xd61f0100, /* br x8 */
	};
	static const uint32_t halves[] = {
		0x12000c00, /* and w0, w0, #15 */
		0xd0000001, /* adrp x1, .+0x2000 */
		0x9100d021, /* add x1, x1, #0x34 */
		0x78605821, /* ldrh w1, [x1, w0, uxtw #1] */
		0x10000060, /* adr x0, .+12 */
		0x8b21a801, /* add x1, x0, w1, sxth #2 */
		0xd61f0020, /* br x1 */
	};
	uint32_t changed[9];
	struct code_trail trail;

	(void)state;
	assert_int_equal(RUN(bytes, NOWHERE).kind, CODE_LEAP);
	assert_int_equal(trail.table, 0x403034);
	assert_int_equal(trail.base, AT + 5 * 4 + 16);
	assert_int_equal(trail.entry_size, 1);
	assert_int_equal(trail.shift, 2);
	assert_true(trail.is_unsigned);
	assert_int_equal(trail.len, 16);
	/* Somebody comes by another way: with any value, but by the same table. */
	RUN(bytes, 2);
	assert_int_equal(trail.table, 0x403034);
	assert_int_equal(trail.len, 0);
	RUN(bytes, 8);
	assert_int_equal(trail.table, 0);

	memcpy(changed, bytes, sizeof(changed));
	changed[2] = 0x2a0103e9; /* mov w9, w1: what was not compared */
	RUN(changed, NOWHERE);
	assert_int_equal(trail.len, 0);
	changed[2] = 0x2a0003e9;
	changed[1] = 0x54000209; /* b.ls */
	RUN(changed, NOWHERE);
	assert_int_equal(trail.len, 0);
	changed[1] = 0x54000202; /* b.hs */
	RUN(changed, NOWHERE);
	assert_int_equal(trail.len, 15);
	changed[5] = 0x94000010; /* bl: nothing is left of x10 */
	RUN(changed, NOWHERE);
	assert_int_equal(trail.table, 0);

	RUN(words, NOWHERE);
	assert_int_equal(trail.table, 0x403034);
	assert_int_equal(trail.base, AT + 7 * 4);
	assert_int_equal(trail.entry_size, 4);
	assert_int_equal(trail.shift, 0);
	assert_false(trail.is_unsigned);
	assert_int_equal(trail.len, 16);

	RUN(halves, NOWHERE);
	assert_int_equal(trail.table, 0x403034);
	assert_int_equal(trail.base, AT + 4 * 4 + 12);
	assert_int_equal(trail.entry_size, 2);
	assert_int_equal(trail.shift, 2);
	assert_false(trail.is_unsigned);
	assert_int_equal(trail.len, 16);
}

/* Calls by a slot of the GOT, and bytes that have a constant address. */
static void
test_aarch64_addresses(void **state)
{
	static const uint32_t call[] = {
		0xd0000008, /* adrp x8, .+0x2000 */
		0xf9400d08, /* ldr x8, [x8, #0x18] */
		0xd63f0100, /* blr x8 */
	};
	static const uint32_t count[] = {
		0xb0000009, /* adrp x9, .+0x1000 */
		0x9100ad29, /* add x9, x9, #0x2b */
		0x38001528, /* strb w8, [x9], #1 */
		0x39000928, /* strb w8, [x9, #2] */
	};
	struct code_trail trail;
	struct code_step step;

	(void)state;
	step = RUN(call, NOWHERE);
	assert_int_equal(step.kind, CODE_CALL);
	assert_true(step.by_slot);
	assert_int_equal(step.target, 0x403018);
	step = RUN(call, 2);
	assert_false(step.by_slot);
	assert_int_equal(step.target, 0);
	assert_int_equal(run_aarch64(count, 3, NOWHERE, &trail).touched, 0x40202b);
	assert_int_equal(RUN(count, NOWHERE).touched, 0x40202e);
	assert_int_equal(RUN(count, 3).touched, 0);
}

static void
test_aarch64_stubs(void **state)
{
	static const unsigned char stub[] =
	    "\x5f\x24\x03\xd5"  /* bti c */
	    "\x10\x00\x00\xb0"  /* adrp x16, .+0x1000 */
	    "\x11\x16\x40\xf9"  /* ldr x17, [x16, #0x28] */
	    "\x10\xa2\x00\x91"  /* add x16, x16, #0x28 */
	    "\x20\x02\x1f\xd6"; /* br x17 */
	struct code_trail trail = { 0 };

	(void)state;
	assert_int_equal(aarch64_slot_of_stub(stub, 20, AT), 0x402028);
	assert_int_equal(aarch64_slot_of_stub(stub + 4, 16, AT + 4), 0x402028);
	assert_int_equal(aarch64_slot_of_stub(stub + 4, 7, AT + 4), 0);
	assert_int_equal(aarch64_slot_of_stub(stub, 4, AT), 0);
	assert_int_equal(aarch64_slot_of_stub(stub + 8, 12, AT + 8), 0);
	/* cut, it is no instruction */
	assert_int_equal(aarch64_step(stub, stub + 3, AT, &trail).len, 0);
}

/* ---- states ---- */

/* A function of which block i executes line i alone, as bytes. */
struct sketch {
	unsigned char code[256];
	uint32_t len, blocks, edges;
};

#define NO_PC 99

/* Adds a block; @to: the blocks behind it, ended by -1. */
static void
draw(struct sketch *sketch, unsigned flags, unsigned pc, const int *to)
{
	unsigned char *at = sketch->code + sketch->len;
	unsigned edges = 0;

	while (to[edges] >= 0)
		edges++;
	*at++ = (unsigned char)(edges << WIRE_BLOCK_FLAGS | flags |
	    (pc != NO_PC ? WIRE_BLOCK_PC : 0));
	if (pc != NO_PC)
		*at++ = 0; /* the next one */
	for (unsigned i = 0; i < edges; i++) {
		const int step = to[i] - (int)sketch->blocks - 1;

		*at++ = (unsigned char)(step < 0 ? -2 * step - 1 : 2 * step);
	}
	*at++ = 1 << WIRE_LINES_FLAGS;
	*at++ = sketch->blocks > 0 ? 2 : 0; /* the next line */
	sketch->len = (uint32_t)(at - sketch->code);
	sketch->blocks++;
	sketch->edges += edges;
}

#define TO(...) ((const int[]){ __VA_ARGS__, -1 })
#define END ((const int[]){ -1 })

/* States of the lines as letters: Reached, Partly, Missed, Unknown, Idle. @bits: PCs that were. */
static const char *
conclude(const struct sketch *sketch, uint64_t bits)
{
	static char letters[65];
	struct wire_blocks header = {
		.pcs_len = 64,
		.functions_len = 1,
		.lines_len = sketch->blocks,
		.code_len = sketch->len,
		.blocks_max = sketch->blocks,
		.edges_max = sketch->edges,
	};
	const struct wire_blocks_function function = {
		.pcs_len = 64,
		.blocks_len = sketch->blocks,
		.edges_len = sketch->edges,
		.code_len = sketch->len,
	};
	static const struct wire_line lines[64];
	const struct line_blocks_view view = { .header = &header,
		.functions = &function,
		.code = sketch->code,
		.lines = lines };
	void *memory = malloc(line_scratch_size(&header));
	uint8_t states[64] = { 0 };

	assert_non_null(memory);
	assert_int_not_equal(line_states_function(&view, 0, &bits,
				 line_scratch_lay(memory, &header), states),
	    LINE_FUNCTION_BAD);
	free(memory);
	for (uint32_t i = 0; i < sketch->blocks; i++)
		letters[i] = "-IMUPR"[states[i]];
	letters[sketch->blocks] = '\0';
	return letters;
}

/* if (…) 1 else 2; 3 */
static void
test_branches(void **state)
{
	struct sketch sketch = { 0 };

	(void)state;
	draw(&sketch, WIRE_BLOCK_ENTRY, 0, TO(1, 2));
	draw(&sketch, 0, 1, TO(3));
	draw(&sketch, 0, NO_PC, TO(3));
	draw(&sketch, WIRE_BLOCK_LEAVES, NO_PC, END);
	assert_string_equal(conclude(&sketch, 0), "IIII");
	assert_string_equal(conclude(&sketch, 1), "PMRR"); /* by the other side alone */
	assert_string_equal(conclude(&sketch, 3), "RRUR");
}

/* 0; while (1) 2; 3 */
static void
test_loop(void **state)
{
	struct sketch sketch = { 0 };

	(void)state;
	draw(&sketch, WIRE_BLOCK_ENTRY, 0, TO(1));
	draw(&sketch, 0, NO_PC, TO(2, 3));
	draw(&sketch, 0, 1, TO(1));
	draw(&sketch, WIRE_BLOCK_LEAVES, 2, END);
	assert_string_equal(conclude(&sketch, 1), "RUMM"); /* it died on the way */
	assert_string_equal(conclude(&sketch, 5), "RPMR");
	assert_string_equal(conclude(&sketch, 7), "RRRR");
	assert_string_equal(conclude(&sketch, 2), "MURM"); /* odd, but no lie */
}

/* One that never ends, and a landing pad. */
static void
test_odd_ends(void **state)
{
	struct sketch sketch = { 0 }, pad = { 0 };

	(void)state;
	draw(&sketch, WIRE_BLOCK_ENTRY, 0, TO(1));
	draw(&sketch, 0, NO_PC, TO(2));
	draw(&sketch, 0, 1, TO(1));
	assert_string_equal(conclude(&sketch, 3), "RRR");
	draw(&pad, WIRE_BLOCK_ENTRY, 0, TO(1));
	draw(&pad, WIRE_BLOCK_LEAVES, NO_PC, END);
	draw(&pad, WIRE_BLOCK_ENTRY, 1, TO(1));
	assert_string_equal(conclude(&pad, 1), "RRM");
	assert_string_equal(conclude(&pad, 3), "RRR");
}

/* 0 calls what may throw to 2; 1 is behind it; or 1 calls what begins with PC 3. */
static void
test_throws_and_callees(void **state)
{
	struct sketch throws = { 0 }, calls = { 0 }, dead = { 0 };
	unsigned char *lines;

	(void)state;
	/* 0 goes on to 1, which leaves, or to 2, which did so by a throw to 4, since 3 did not run:
	 * that nobody came out of 2 otherwise says nothing of 1. */
	draw(&dead, WIRE_BLOCK_ENTRY, 0, TO(1, 2));
	draw(&dead, WIRE_BLOCK_LEAVES, NO_PC, END);
	draw(&dead, WIRE_BLOCK_THROWS, NO_PC, TO(3));
	draw(&dead, WIRE_BLOCK_LEAVES, 1, END);
	draw(&dead, WIRE_BLOCK_LEAVES | WIRE_BLOCK_ENTRY, 2, END);
	assert_string_equal(conclude(&dead, 1 | 4), "RUUMR");
	assert_string_equal(conclude(&dead, 1), "PRMMM");
	draw(&throws, WIRE_BLOCK_ENTRY | WIRE_BLOCK_LEAVES, 0, TO(1));
	draw(&throws, WIRE_BLOCK_THROWS, NO_PC, TO(2));
	draw(&throws, WIRE_BLOCK_LEAVES, 1, END);
	draw(&throws, WIRE_BLOCK_LEAVES | WIRE_BLOCK_ENTRY, 2, END);
	/* Nothing was thrown: what is before the end did not run either. */
	assert_string_equal(conclude(&throws, 1), "RMMM");
	assert_string_equal(conclude(&throws, 1 | 4), "RUMR");
	assert_string_equal(conclude(&throws, 3), "RRRM");

	draw(&calls, WIRE_BLOCK_ENTRY, 0, TO(1, 2));
	draw(&calls, WIRE_BLOCK_LEAVES, NO_PC, END);
	lines = calls.code + calls.len - 2;
	lines[2] = lines[1];
	*lines |= WIRE_LINES_CALLEE;
	lines[1] = 2 * 3;
	calls.len++;
	draw(&calls, WIRE_BLOCK_LEAVES, NO_PC, END);
	assert_string_equal(conclude(&calls, 1), "PMR");
	assert_string_equal(conclude(&calls, 1 | 8), "RUU");
}

/* What is thrown alone comes to 1, and goes on. */
static void
test_cleanup(void **state)
{
	struct sketch sketch = { 0 };

	(void)state;
	draw(&sketch, WIRE_BLOCK_ENTRY | WIRE_BLOCK_LEAVES | WIRE_BLOCK_CALLS, 0, END);
	draw(&sketch, WIRE_BLOCK_ENTRY | WIRE_BLOCK_LEAVES, 1, END);
	sketch.code[sketch.len - 2] |= WIRE_LINES_CLEANUP;
	assert_string_equal(conclude(&sketch, 1), "R-");
	assert_string_equal(conclude(&sketch, 3), "RR");
	assert_string_equal(conclude(&sketch, 0), "II");
}

/* One block of lines 10, 11, 90 and 9, another of 11, of which only the first ran, and then both. */
static void
test_led(void **state)
{
	static const struct wire_line lines[] = { { 0, 10 }, { 0, 11 }, { 0, 90 },
		{ 0, 9 }, { 1, 12 } };
	static const unsigned char code[] = { WIRE_BLOCK_PC | WIRE_BLOCK_ENTRY |
		    WIRE_BLOCK_LEAVES,
		0, 5 << WIRE_LINES_FLAGS, 0, 2, 2, 2, 2,
		WIRE_BLOCK_PC | WIRE_BLOCK_ENTRY | WIRE_BLOCK_LEAVES, 0,
		1 << WIRE_LINES_FLAGS, 5 };
	static const struct wire_blocks header = { .pcs_len = 2,
		.functions_len = 1,
		.lines_len = 5,
		.code_len = sizeof(code),
		.blocks_max = 2 };
	static const struct wire_blocks_function function = {
		.pcs_len = 2, .blocks_len = 2, .code_len = sizeof(code)
	};
	const struct line_blocks_view view = {
		.header = &header, .functions = &function, .code = code, .lines = lines
	};
	void *memory = malloc(line_scratch_size(&header));
	struct line_scratch *scratch = line_scratch_lay(memory, &header);
	uint8_t states[5] = { 0 }, marks[2] = { 0 };
	uint32_t list[2];
	struct line_news news = { marks, list, 0 };
	uint64_t bits = 1;

	(void)state;
	line_states_function(&view, 0, &bits, scratch, states);
	assert_memory_equal(
	    line_scratch_led(scratch), ((uint8_t[]){ 1, 0, 1, 1, 1 }), 5);
	bits = 3;
	line_scratch_news(scratch, &news);
	line_states_function(&view, 0, &bits, scratch, states);
	assert_memory_equal(
	    line_scratch_led(scratch), ((uint8_t[]){ 1, 1, 1, 1, 1 }), 5);
	/* Its state is as it was, but not what sources make of it. */
	assert_int_equal(news.len, 1);
	free(memory);
}

/* A block of lines 10, 11 and 12, of which the last two are told by little; a branch behind line 10. */
static void
test_weak(void **state)
{
	static const struct wire_line lines[] = { { 0, 10 }, { 0, 11 }, { 0, 12 } };
	static const unsigned char code[] = { 2 << WIRE_BLOCK_FLAGS | WIRE_BLOCK_PC |
		    WIRE_BLOCK_ENTRY,
		0, 0, 2, 3 << WIRE_LINES_FLAGS | WIRE_LINES_WEAK, 2, 0, 2, 2,
		WIRE_BLOCK_PC | WIRE_BLOCK_LEAVES, 0, 1 << WIRE_LINES_FLAGS, 0,
		WIRE_BLOCK_PC | WIRE_BLOCK_LEAVES, 0, 0 };
	static const struct wire_blocks header = { .pcs_len = 3,
		.functions_len = 1,
		.lines_len = 3,
		.code_len = sizeof(code),
		.blocks_max = 3,
		.edges_max = 2 };
	static const struct wire_blocks_function function = {
		.pcs_len = 3, .blocks_len = 3, .edges_len = 2, .code_len = sizeof(code)
	};
	static const struct {
		uint64_t bits;
		uint8_t states[3];
	} cases[] = { { 0, { LINE_IDLE, LINE_IDLE, LINE_IDLE } },
		{ 3, { LINE_PARTLY, LINE_UNKNOWN, LINE_REACHED } },
		{ 5, { LINE_PARTLY, LINE_UNKNOWN, LINE_UNKNOWN } } };
	const struct line_blocks_view view = {
		.header = &header, .functions = &function, .code = code, .lines = lines
	};
	void *memory = malloc(line_scratch_size(&header));

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line_scratch *scratch = line_scratch_lay(memory, &header);
		uint8_t states[3] = { 0 };

		line_states_function(&view, 0, &cases[i].bits, scratch, states);
		assert_memory_equal(states, cases[i].states, 3);
		assert_int_equal(line_scratch_led(scratch)[1], 0);
	}
	free(memory);
}

/* Ahead of a loop, in one block: lines 10, 90, 11, of which 90 was computed there early. */
static void
test_ahead(void **state)
{
	static const struct wire_line lines[] = { { 0, 10 }, { 0, 11 }, { 0, 90 } };
	static const unsigned char code[] = {
		1 << WIRE_BLOCK_FLAGS | WIRE_BLOCK_PC | WIRE_BLOCK_ENTRY, 0, 0,
		3 << WIRE_LINES_FLAGS, 0, 4, 1, 2 << WIRE_BLOCK_FLAGS | WIRE_BLOCK_PC,
		0, 1, 0, 0, WIRE_BLOCK_PC | WIRE_BLOCK_LEAVES, 0, 0
	};
	static const struct wire_blocks header = { .pcs_len = 3,
		.functions_len = 1,
		.lines_len = 3,
		.code_len = sizeof(code),
		.blocks_max = 3,
		.edges_max = 3 };
	static const struct wire_blocks_function function = {
		.pcs_len = 3, .blocks_len = 3, .edges_len = 3, .code_len = sizeof(code)
	};
	const struct line_blocks_view view = {
		.header = &header, .functions = &function, .code = code, .lines = lines
	};
	void *memory = malloc(line_scratch_size(&header));
	struct line_scratch *scratch = line_scratch_lay(memory, &header);
	uint8_t states[3] = { 0 };
	const uint64_t bits = 7;

	(void)state;
	assert_int_equal(line_states_function(&view, 0, &bits, scratch, states),
	    LINE_FUNCTION_ENTERED);
	assert_memory_equal(line_scratch_led(scratch), ((uint8_t[]){ 1, 0, 0 }), 3);
	assert_int_equal(states[2], LINE_REACHED);
	free(memory);
}

/* Bytes that nobody meant are refused, or give states, and nothing else is touched. */
static void
test_hostile(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		static const uint32_t families[] = { 0, 3, 5 },
				      of_families[] = { 1, 2, 7, 0, 4 };
		struct wire_blocks header = { .pcs_len = 64,
			.functions_len = 1,
			.families_len = 2,
			.family_lines_len = 5 };
		struct wire_blocks_function function = { 0 };
		const struct wire_line lines[8] = { { 0, 1 } };
		struct line_blocks_view view = { .header = &header,
			.functions = &function,
			.lines = lines,
			.families = families,
			.family_lines = of_families };
		const uint64_t bits = UINT64_C(0x5555000000000005);
		unsigned char *code;
		uint8_t *states;
		void *memory;

		seed = seed * 1103515245 + 12345;
		function.code_len = seed >> 16 & 63;
		function.blocks_len = header.blocks_max = seed >> 22 & 15;
		function.edges_len = header.edges_max = seed >> 26 & 15;
		header.lines_len = 8;
		code = malloc(function.code_len + 1);
		states = calloc(1, 8);
		memory = malloc(line_scratch_size(&header));
		assert_true(code != NULL && states != NULL && memory != NULL);
		code = realloc(code, function.code_len > 0 ? function.code_len : 1);
		for (uint32_t i = 0; i < function.code_len; i++) {
			seed = seed * 1103515245 + 12345;
			code[i] =
			    (unsigned char)(seed >> 16 & (round % 2 != 0 ? 31 : 255));
		}
		view.code = code;
		line_states_function(
		    &view, 0, &bits, line_scratch_lay(memory, &header), states);
		free(code);
		free(states);
		free(memory);
	}
}

/* Function 0 is lines 10 to 13 and was never entered; function 1 runs line 11 of an inlined copy,
 * and its own lines 20 and 21. */
static void
test_copies(void **state)
{
	static const struct wire_line lines[] = { { 0, 10 }, { 0, 11 }, { 0, 12 },
		{ 0, 20 }, { 0, 21 } };
	static const uint32_t order[] = { 0, 1, 2, 3, 4 };
	/* head, PC, lines: how many, steps */
	static const unsigned char code[] = { WIRE_BLOCK_PC | WIRE_BLOCK_ENTRY |
		    WIRE_BLOCK_LEAVES,
		0, 3 << WIRE_LINES_FLAGS, 0, 2, 2,
		WIRE_BLOCK_PC | WIRE_BLOCK_ENTRY | WIRE_BLOCK_LEAVES, 0,
		3 << WIRE_LINES_FLAGS, 2, 4, 2 };
	static const struct wire_blocks header = { .pcs_len = 2,
		.functions_len = 2,
		.lines_len = 5,
		.files_len = 1,
		.code_len = sizeof(code),
		.blocks_max = 1 };
	struct wire_blocks_function functions[] = {
		{ .pcs_len = 1, .blocks_len = 1, .code_len = 6 },
		{ .pcs_len = 1,
		    .blocks_len = 1,
		    .code = 6,
		    .code_len = 6,
		    .line = 3,
		    .pc = 1 }
	};
	const struct line_blocks_view view = { .header = &header,
		.functions = functions,
		.code = code,
		.lines = lines,
		.order = order };
	void *memory = malloc(line_scratch_size(&header));
	struct line_scratch *scratch = line_scratch_lay(memory, &header);
	uint32_t of_lines[5], limits[5];
	struct line_places places = { of_lines, limits };
	uint8_t kind = LINE_FILE_PLAIN;
	uint8_t states[5] = { 0 };
	uint64_t bits = 2;

	(void)state;
	line_places_find(&view, &places);
	assert_int_equal(limits[0], 3);
	assert_int_equal(limits[3], 5);
	assert_int_equal(
	    line_states_function(&view, 0, &bits, scratch, states), LINE_FUNCTION_IDLE);
	assert_false(line_states_doubt(&view, 0, &places, scratch, states));
	assert_int_equal(line_states_function(&view, 1, &bits, scratch, states),
	    LINE_FUNCTION_ENTERED);
	assert_true(line_states_doubt(&view, 0, &places, scratch, states));
	assert_memory_equal(states,
	    ((uint8_t[]){
		LINE_UNKNOWN, LINE_REACHED, LINE_UNKNOWN, LINE_REACHED, LINE_REACHED }),
	    5);
	assert_false(line_states_doubt(&view, 0, &places, scratch, states));
	line_files_find(&view, &kind);
	assert_int_equal(kind, LINE_FILE_PLAIN);
	/* A file is counted if all of its functions are, inlined if one is. */
	functions[0].flags = WIRE_FUNCTION_COUNTED;
	line_files_find(&view, &kind);
	assert_int_equal(kind, LINE_FILE_PLAIN);
	functions[1].flags = WIRE_FUNCTION_COUNTED;
	kind = LINE_FILE_PLAIN;
	line_files_find(&view, &kind);
	assert_int_equal(kind, LINE_FILE_COUNTED);
	assert_false(line_states_doubt(&view, 0, &places, scratch,
	    memcpy(
		states, (uint8_t[]){ LINE_IDLE, LINE_REACHED, LINE_IDLE, 0, 0 }, 5)));
	assert_int_equal(states[0], LINE_IDLE);
	functions[0].flags = 0;
	functions[1].flags = WIRE_FUNCTION_INLINED | WIRE_FUNCTION_FOLDS;
	kind = LINE_FILE_PLAIN;
	line_files_find(&view, &kind);
	assert_int_equal(kind, LINE_FILE_INLINED);
	bits = 1;
	for (uint32_t i = 0; i < 2; i++)
		line_states_function(&view, i, &bits, scratch, memset(states, 0, 5));
	states[3] = states[4] = LINE_IDLE;
	assert_true(line_states_doubt(&view, 1, &places, scratch, states));
	assert_int_equal(states[3], LINE_UNKNOWN);
	assert_int_equal(states[4], LINE_UNKNOWN);
	free(memory);
}

/* Function 0 has blocks 0, 1 and 2, where copies of a family of lines 1, 2 and 3 begin: of line 2, of all, and of
 * none; of another one of lines 3 and 4, which has line 3, the beginning is in block 1, too. */
static void
test_lost(void **state)
{
	enum { HEAD = WIRE_BLOCK_PC | WIRE_BLOCK_ENTRY | WIRE_BLOCK_LEAVES };
	static const unsigned char code[] = { HEAD, 0, 1 << WIRE_LINES_FLAGS, 0, HEAD,
		0, 1 << WIRE_LINES_FLAGS, 0, HEAD, 0, 1 << WIRE_LINES_FLAGS, 0,
		/* block (a step), family, how many lines, steps */
		4, 0, 0, 1, 2, 2, 0, 3, 1, 1, 1, 0, 1, 1, 3, 2, 0, 0 };
	static const struct wire_line lines[5] = { { 0, 1 }, { 0, 2 }, { 0, 3 },
		{ 0, 4 }, { 1, 5 } };
	static const uint32_t families[] = { 0, 3, 5 },
			      of_families[] = { 1, 2, 3, 3, 4 };
	struct wire_blocks header = { .pcs_len = 3,
		.functions_len = 1,
		.lines_len = 5,
		.files_len = 2,
		.code_len = sizeof(code),
		.blocks_max = 3,
		.families_len = 2,
		.family_lines_len = 5 };
	struct wire_blocks_function function = {
		.pcs_len = 3, .blocks_len = 3, .code_len = sizeof(code)
	};
	struct line_blocks_view view = { .header = &header,
		.functions = &function,
		.code = code,
		.lines = lines,
		.families = families,
		.family_lines = of_families };
	static const struct {
		uint64_t bits;
		uint8_t lost[5];
	} cases[] = { { 0, { 0 } }, { 1, { 0, 1, 0, 1, 0 } }, { 2, { 0, 0, 0, 0, 1 } },
		{ 4, { 0, 1, 1, 1, 0 } }, { 3, { 0, 1, 0, 1, 1 } } };
	void *memory = malloc(line_scratch_size(&header));

	(void)state;
	assert_true(line_families_are_sound(&view));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line_scratch *scratch = line_scratch_lay(memory, &header);
		uint8_t states[5] = { 0 }, marks[2] = { 0 };
		uint32_t files[2];
		struct line_news news = { marks, files, 0 };

		line_scratch_news(scratch, &news);
		assert_int_not_equal(
		    line_states_function(&view, 0, &cases[i].bits, scratch, states),
		    LINE_FUNCTION_BAD);
		assert_memory_equal(line_scratch_lost(scratch), cases[i].lost, 5);
		/* Whose states may be others now. */
		assert_int_equal(marks[1], cases[i].lost[4]);
	}
	/* A family that there is not, cut short, and lines that are none. */
	for (uint32_t len = 12; len < sizeof(code); len++) {
		struct line_scratch *scratch = line_scratch_lay(memory, &header);
		uint8_t states[5] = { 0 };

		function.code_len = len;
		line_states_function(&view, 0, &cases[4].bits, scratch, states);
		header.families_len = len & 1;
	}
	header.families_len = 2;
	header.family_lines_len = 4;
	assert_false(line_families_are_sound(&view));
	header.family_lines_len = 5;
	header.lines_len = 4;
	assert_false(line_families_are_sound(&view));
	free(memory);
}

/* ---- whose lines are ---- */

/* Functions 0 and 1 are of one template: lines 10, 11 and 14; 2 is a lambda within them, 12 and 13; 3
 * is lines 20 and 21 and inlines 12, line 5 of another file, and 16, of which there is no other copy. */
static void
test_owners(void **state)
{
	enum { L10, L11, L12, L13, L14, L16, L20, L21, OTHER, LINES };
	static const struct wire_line lines[] = { { 1, 10 }, { 1, 11 }, { 1, 12 },
		{ 1, 13 }, { 1, 14 }, { 1, 16 }, { 1, 20 }, { 1, 21 }, { 0, 5 } };
	static const uint32_t order[] = { OTHER, L10, L11, L12, L13, L14, L16, L20,
		L21 };
	/* head, PC, lines: how many, steps */
	static const unsigned char code[] = { WIRE_BLOCK_PC | WIRE_BLOCK_ENTRY |
		    WIRE_BLOCK_LEAVES,
		0, 3 << WIRE_LINES_FLAGS, 0, 2, 6,
		WIRE_BLOCK_PC | WIRE_BLOCK_ENTRY | WIRE_BLOCK_LEAVES, 0,
		2 << WIRE_LINES_FLAGS, 4, 2,
		WIRE_BLOCK_PC | WIRE_BLOCK_ENTRY | WIRE_BLOCK_LEAVES, 0,
		5 << WIRE_LINES_FLAGS, 12, 1, 5, 10, 2 };
	static const struct wire_blocks header = { .pcs_len = 5,
		.functions_len = 5,
		.lines_len = LINES,
		.code_len = sizeof(code),
		.blocks_max = 1 };
	static const struct wire_blocks_function functions[] = {
		{ .first = 0, .blocks_len = 1, .code_len = 6, .line = L10 },
		{ .first = 1,
		    .blocks_len = 1,
		    .code_len = 6,
		    .line = L10,
		    .flags = WIRE_FUNCTION_INLINED },
		{ .first = 2, .blocks_len = 1, .code = 6, .code_len = 5, .line = L12 },
		{ .first = 3, .blocks_len = 1, .code = 11, .code_len = 8, .line = L20 },
		{ .first = 9, .line = WIRE_LINE_NONE }
	};
	static const uint8_t states[] = { LINE_REACHED, LINE_PARTLY, LINE_MISSED,
		LINE_IDLE, LINE_UNKNOWN, LINE_REACHED, LINE_UNKNOWN, LINE_REACHED,
		LINE_REACHED };
	const struct line_blocks_view view = { .header = &header,
		.functions = functions,
		.code = code,
		.lines = lines,
		.order = order };
	void *memory = malloc(line_scratch_size(&header));
	struct line_scratch *scratch = line_scratch_lay(memory, &header);
	uint32_t of_lines[LINES], limits[LINES], owner[LINES], groups[5], heads[5];
	struct line_places places = { of_lines, limits };
	struct line_sums sums[5];
	struct line_owners owners = { owner, groups, heads, sums, 0, NULL };

	(void)state;
	line_places_find(&view, &places);
	line_owners_begin(&view, &places, &owners);
	for (uint32_t i = 5; i-- > 0;)
		line_owners_add(&view, i, scratch, &owners);
	assert_int_equal(owners.groups_len, 3);
	assert_int_equal(groups[0], groups[1]);
	assert_null(line_owners_sums(&owners, 4));
	for (int times = 0; times < 2; times++) {
		line_owners_count(&view, 0, 1, states, &owners);
		line_owners_count(&view, 1, LINES, states, &owners);
		assert_memory_equal(line_owners_sums(&owners, 0),
		    (&(struct line_sums){ 2, 2, 1, 1, 1, 1 }), sizeof(sums[0]));
		assert_memory_equal(line_owners_sums(&owners, 2),
		    (&(struct line_sums){ 2, 0, 0, 0, 0, 3 }), sizeof(sums[0]));
		assert_memory_equal(line_owners_sums(&owners, 3),
		    (&(struct line_sums){ 2, 2, 0, 1, 0, 8 }), sizeof(sums[0]));
	}
	assert_int_equal(owner[L16], groups[3]);
	assert_int_equal(owner[OTHER], LINE_OWNER_NONE);
	assert_int_equal(line_owners_find(&view, 3), 3);
	assert_int_equal(line_owners_find(&view, 9), 4);
	assert_int_equal(line_owners_find(&view, 8), LINE_OWNER_NONE);
	assert_int_equal(line_owners_find(&view, 10), LINE_OWNER_NONE);
	free(memory);
}

/* ---- a block table ---- */

/* As small as one can be. */
static const struct small {
	struct wire_blocks h;
	struct wire_blocks_function function;
	struct wire_line lines[2];
	uint32_t order[2];
	struct wire_file file;
	uint32_t directory[2];
	char strings[8];
	unsigned char code[8];
	uint32_t families[2];
	uint32_t family_lines[2];
} sound = {
	.h = {
		.magic = WIRE_BLOCKS_MAGIC,
		.version = WIRE_BLOCKS_VERSION,
		.size = sizeof(struct small),
		.pcs_len = 1,
		.functions_len = 1,
		.lines_len = 2,
		.files_len = 1,
		.directories_len = 1,
		.string_bytes_len = 6,
		.code_len = 4,
		.blocks_max = 1,
		.edges_max = 0,
		.functions = offsetof(struct small, function),
		.lines = offsetof(struct small, lines),
		.order = offsetof(struct small, order),
		.files = offsetof(struct small, file),
		.directories = offsetof(struct small, directory),
		.strings = offsetof(struct small, strings),
		.code = offsetof(struct small, code),
		.families = offsetof(struct small, families),
		.family_lines = offsetof(struct small, family_lines),
		.families_len = 1,
		.family_lines_len = 2,
	},
	.function = { .pcs_len = 1, .blocks_len = 1, .code_len = 4 },
	.lines = { { 0, 7 }, { 0, 5 } },
	.order = { 1, 0 },
	.file = { 0, 2 },
	.strings = "/\0a.c",
	.code = { WIRE_BLOCK_PC, 0, 1, 0 },
	.families = { 0, 2 },
	.family_lines = { 0, 1 },
};

static int
map_table(const void *data, size_t size, bool sealed)
{
	struct block_table table = { 0 };
	int fd = shared_memory_create("block-table"), r;

	assert_true(fd >= 0);
	assert_int_equal(shared_memory_append(fd, data, size), 0);
	if (sealed)
		assert_int_equal(shared_memory_seal(fd), 0);
	r = block_table_map(fd, &table);
	if (r == 0)
		block_table_unmap(&table);
	close(fd);
	return r;
}

static void
test_table(void **state)
{
	static const uint32_t wrong[] = { 0, 1, 2, 3, 0x7fffffff, 0x80000000,
		0xffffffff };
	struct small changed;
	uint32_t words[sizeof(sound) / 4];

	(void)state;
	assert_int_equal(map_table(&sound, sizeof(sound), true), 0);
	assert_true(map_table(&sound, sizeof(sound), false) < 0);
	for (size_t size = 0; size < sizeof(sound); size += 4)
		assert_int_equal(map_table(&sound, size, true), -EPROTO);
	/* Any word may be anything: it is refused, or can be read to its end. */
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++) {
			memcpy(words, &sound, sizeof(words));
			words[i] = wrong[k];
			map_table(words, sizeof(words), true);
		}
	changed = sound;
	changed.order[0] = 0; /* a line twice, and another one never */
	assert_int_equal(map_table(&changed, sizeof(changed), true), -EPROTO);
	changed = sound;
	changed.lines[0].file = 1;
	assert_int_equal(map_table(&changed, sizeof(changed), true), -EPROTO);
	changed = sound;
	changed.function.code_len = 5;
	assert_int_equal(map_table(&changed, sizeof(changed), true), -EPROTO);
	changed = sound;
	changed.function.pcs_len = 2;
	assert_int_equal(map_table(&changed, sizeof(changed), true), -EPROTO);
	changed = sound;
	changed.function.blocks_len = 2;
	assert_int_equal(map_table(&changed, sizeof(changed), true), -EPROTO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_touched),
		cmocka_unit_test(test_trail),
		cmocka_unit_test(test_aarch64_tables),
		cmocka_unit_test(test_aarch64_addresses),
		cmocka_unit_test(test_aarch64_stubs),
		cmocka_unit_test(test_branches),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_odd_ends),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_throws_and_callees),
		cmocka_unit_test(test_cleanup),
		cmocka_unit_test(test_led),
		cmocka_unit_test(test_weak),
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
