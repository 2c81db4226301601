/* SPDX-License-Identifier: MIT
 * Blocks of functions of AArch64, and the ways between them.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "elf_file.h"
#include "symbolizer/code/code_graph.h"

#define TEXT UINT64_C(0x10000)
#define FAR (TEXT + 0x80) /* where other functions are */
#define TABLE UINT64_C(0x20000)
#define SLOTS UINT64_C(0x30000)
#define COUNTERS UINT64_C(0x21000)

#define RET 0xd65f03c0
#define NOTHING 0x52800021 /* mov w1, #1 */

/* An executable: a function at TEXT, others from FAR on, a table, and a PLT. */
struct program {
	uint32_t text[64];
	uint32_t plt[4];
	unsigned char table[16];
	Elf64_Sym symbols[4], dynamic[2];
	Elf64_Rela slots[1];
	char names[64];
};

static uint32_t
way(uint32_t opcode, uint64_t from, uint64_t to)
{
	return opcode | ((uint32_t)((to - from) >> 2) & 0x3ffffff);
}

#define B 0x14000000
#define BL 0x94000000

/* All of it goes on with the functions that the tests need: f, and at FAR one more. */
static void
start(struct program *program, const uint32_t *words, size_t len, const char *other)
{
	memset(program, 0, sizeof(*program));
	memcpy(program->text, words, len * sizeof(*words));
	memcpy(program->names, "\0f", 3);
	memcpy(program->names + 3, other, strlen(other) + 1);
	memcpy(program->names + 40, "abort", 6);
	program->symbols[1] = (Elf64_Sym){ .st_name = 1,
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
		.st_shndx = 1,
		.st_value = TEXT,
		.st_size = len * 4 };
	program->symbols[2] = (Elf64_Sym){ .st_name = 3,
		.st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
		.st_shndx = 1,
		.st_value = FAR,
		.st_size = 12 };
	program->dynamic[1].st_name = 40;
	program->slots[0] =
	    (Elf64_Rela){ SLOTS + 0x28, ELF64_R_INFO(1, R_AARCH64_JUMP_SLOT), 0 };
	/* adrp x16, SLOTS; ldr x17, [x16, #0x28]; add …; br x17 */
	program->plt[0] = 0x90000110;
	program->plt[1] = 0xf9401611;
	program->plt[2] = 0x9100a210;
	program->plt[3] = 0xd61f0220;
}

#define PLT UINT64_C(0x10800)

static int
write_program(const struct program *program)
{
	const struct elf_part parts[] = {
		{ ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, TEXT, program->text,
		    sizeof(program->text), 0 },
		{ ".plt", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, PLT, program->plt,
		    sizeof(program->plt), 0 },
		{ ".rodata", SHT_PROGBITS, SHF_ALLOC, TABLE, program->table,
		    sizeof(program->table), 0 },
		{ ".symtab", SHT_SYMTAB, 0, 0, program->symbols,
		    sizeof(program->symbols), 5 },
		{ ".strtab", SHT_STRTAB, 0, 0, program->names, sizeof(program->names),
		    0 },
		{ ".dynsym", SHT_DYNSYM, SHF_ALLOC, 0, program->dynamic,
		    sizeof(program->dynamic), 5 },
		{ ".rela.plt", SHT_RELA, SHF_ALLOC, 0, program->slots,
		    sizeof(program->slots), 6 },
	};

	return elf_file_of(
	    EM_AARCH64, ET_EXEC, parts, sizeof(parts) / sizeof(parts[0]));
}

/* The graph as "PC[L]>edges" a block: "-" without a PC, L where the function may end. */
static void
describe(const struct code_graph *graph, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < graph->blocks_len; i++) {
		const struct code_block *block = &graph->blocks[i];

		len += (size_t)snprintf(text + len, size - len, i > 0 ? " " : "");
		len += block->pc == CODE_NONE
		    ? (size_t)snprintf(text + len, size - len, "-")
		    : (size_t)snprintf(text + len, size - len, "%u", block->pc);
		len += (size_t)snprintf(
		    text + len, size - len, "%s>", block->leaves ? "L" : "");
		for (uint32_t e = 0; e < block->edges_len; e++)
			len += (size_t)snprintf(text + len, size - len,
			    e > 0 ? ",%u" : "%u", graph->edges[block->edges + e]);
		assert_true(len < size);
	}
}

/* Of f, whose @len PCs are at @places; @entry: of those at its start its own. */
static const char *
graph_of(
    const struct program *program, const uint64_t *places, uint32_t len, uint32_t entry)
{
	static const uint32_t order[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	const struct code_machine *machine = code_machine_find(EM_AARCH64);
	const struct code_pcs pcs = { places, order, len, entry, COUNTERS };
	static char text[256];
	struct function_ranges ranges;
	struct code_memory *memory;
	struct never_returns *never;
	struct landing_pads *pads;
	struct code_grapher *grapher;
	const struct code_graph *graph;
	struct failure failure;
	int fd = write_program(program);

	assert_non_null(machine);
	assert_int_equal(function_ranges_read(fd, -1, &ranges, &failure), 0);
	assert_int_equal(code_memory_new(ranges.image, &memory), 0);
	assert_int_equal(never_returns_new(&ranges, memory, machine, &never), 0);
	assert_int_equal(landing_pads_new(ranges.image, memory, &pads), 0);
	assert_int_equal(code_grapher_new(memory, machine, never, pads, &grapher), 0);
	assert_int_equal(ranges.list[0].start, TEXT);
	assert_int_equal(code_grapher_run(grapher, &ranges.list[0], &pcs, &graph), 0);
	describe(graph, text, sizeof(text));
	code_grapher_free(grapher);
	landing_pads_free(pads);
	never_returns_free(never);
	code_memory_free(memory);
	function_ranges_free(&ranges);
	close(fd);
	return text;
}

/* switch of four, of which two are one; behind the table is another one's. */
static void
test_table(void **state)
{
	static const uint32_t code[] = { 0x71000c1f, /* cmp w0, #3 */
		0x54000148,                          /* b.hi to the end */
		0x9000008a,                          /* adrp x10, TABLE */
		0x1000008b,                          /* adr x11, .+16 */
		0x3860694c,                          /* ldrb w12, [x10, x0] */
		0x8b0c096b,                          /* add x11, x11, x12, lsl #2 */
		0xd61f0160,                          /* br x11 */
		NOTHING, 0x14000003,                 /* b to the end */
		NOTHING, 0x14000001,                 /* the same */
		RET };
	struct program program;

	(void)state;
	start(&program, code, sizeof(code) / 4, "g");
	memcpy(program.table, "\0\2\0\4\1\1\1", 7);
	assert_string_equal(
	    graph_of(&program, NULL, 0, CODE_NONE), "->1,4 ->2,3,4 ->4 ->4 -L>");
	/* Compared with what is not the index: as many entries as lead into the function. */
	program.text[0] = 0x71000c3f; /* cmp w1, #3 */
	assert_string_equal(
	    graph_of(&program, NULL, 0, CODE_NONE), "->1,5 ->2,4,5,3 ->3 ->5 ->5 -L>");
}

/* if (…) abort(): by its stub, by veneers of linkers; and by one of whom nobody knows. */
static void
test_far_calls(void **state)
{
	static const char *const names[] = { "g", "__AArch64ADRPThunk_abort",
		"__AArch64AbsLongThunk_abort", "__abort@@GLIBC_2.17_veneer" };
	uint32_t code[] = { 0x34000040, /* cbz w0, .+8 */
		0,                      /* bl */
		NOTHING, RET };
	struct program program;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		code[1] = way(BL, TEXT + 4, i == 0 ? PLT : FAR);
		start(&program, code, sizeof(code) / 4, names[i]);
		program.text[32] = 0x90000010; /* adrp x16; add x16; br x16 */
		program.text[33] = 0x91000210;
		program.text[34] = 0xd61f0200;
		assert_string_equal(graph_of(&program, NULL, 0, CODE_NONE), "-L>");
	}
	start(&program, code, sizeof(code) / 4, "g");
	program.text[32] = RET;
	assert_string_equal(graph_of(&program, NULL, 0, CODE_NONE), "->1,2 ->2 -L>");
}

/* What compilers put behind a call that never comes back is no place where a run begins. */
static void
test_traps(void **state)
{
	const uint32_t code[] = { 0x34000060, /* cbz w0, .+12 */
		way(BL, TEXT + 4, PLT), 0xd4200020 /* brk #1 */, NOTHING, NOTHING,
		RET };
	struct program program;

	(void)state;
	start(&program, code, sizeof(code) / 4, "g");
	assert_string_equal(graph_of(&program, NULL, 0, CODE_NONE), "-L>");
}

/* An instruction that a linker put elsewhere, and a call of another function as the last thing. */
static void
test_patch(void **state)
{
	const uint32_t code[] = { NOTHING, way(B, TEXT + 4, FAR), NOTHING, RET };
	struct program program;

	(void)state;
	start(&program, code, sizeof(code) / 4, "e843419@0001");
	program.text[32] = 0xf9400d08; /* ldr x8, [x8, #0x18] */
	program.text[33] = way(B, FAR + 4, TEXT + 8);
	assert_string_equal(graph_of(&program, NULL, 0, CODE_NONE), "-L>");
	program.text[33] = way(B, FAR + 4, TEXT + 12);
	assert_string_equal(graph_of(&program, NULL, 0, CODE_NONE), "-L> -L>");
}

/* Two arms whose counters were chosen before; who counts by itself; a function's start. */
static void
test_moved_pcs(void **state)
{
	uint32_t code[] = { 0x34000060, /* cbz w0, .+12 */
		NOTHING, 0x14000002,    /* b .+8 */
		NOTHING, 0xb0000088,    /* adrp x8, COUNTERS: the end */
		0x39400109,             /* ldrb w9, [x8] */
		RET };
	const uint64_t at_end[] = { TEXT, TEXT + 16, TEXT + 16 };
	const uint64_t at_behind[] = { TEXT, TEXT + 20 };
	const uint64_t at_start[] = { TEXT, TEXT, TEXT + 4 };
	const uint32_t one_arm[] = { 0x34000040, /* cbz w0, .+8 */
		NOTHING, RET };
	const uint64_t at_both[] = { TEXT, TEXT + 4, TEXT + 8 };
	struct program program;

	(void)state;
	/* Neither of the two touches its counter there: either lets the end run, or a way without. */
	start(&program, code, sizeof(code) / 4, "g");
	assert_string_equal(graph_of(&program, at_end, 3, CODE_NONE),
	    "0>1,2 ->3 ->3 ->4,5,6 -L> 1>4 2>4");
	/* One alone does not either. */
	assert_string_equal(
	    graph_of(&program, at_end, 2, CODE_NONE), "0>1,2 ->3 ->3 ->4,5 -L> 1>4");
	/* Nor where something runs between. */
	assert_string_equal(
	    graph_of(&program, at_behind, 2, CODE_NONE), "0>1,2 ->3 ->3 ->4,5 -L> 1>4");
	/* PC 2 does. */
	code[5] = 0x39400909; /* ldrb w9, [x8, #2] */
	start(&program, code, sizeof(code) / 4, "g");
	assert_string_equal(
	    graph_of(&program, at_end, 3, CODE_NONE), "0>1,2 ->3 ->3 2L>");
	/* One arm has its PC yet: it leads to the end in any case, and the other one by PC 2. */
	start(&program, one_arm, sizeof(one_arm) / 4, "g");
	assert_string_equal(
	    graph_of(&program, at_both, 3, CODE_NONE), "0>1,2 1>3 2>3 -L>");
	start(&program, code, sizeof(code) / 4, "g");
	/* Of two at the start the first is what was removed from the function before. */
	assert_string_equal(graph_of(&program, at_start, 3, 1), "1>1,2 2>3 ->3 -L>");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_far_calls),
		cmocka_unit_test(test_traps),
		cmocka_unit_test(test_patch),
		cmocka_unit_test(test_moved_pcs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
