/* SPDX-License-Identifier: MIT
 * The PC table of an executable: Clang's and Zig's, relocations, counters that must fit.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "elf_file.h"
#include "symbolizer/basics/pages.h"
#include "symbolizer/elf/pc_table.h"

#define BYTES SHT_PROGBITS, SHF_ALLOC | SHF_WRITE

struct answer {
	int r;
	uint64_t pcs[8];
	uint32_t len;
	struct failure failure;
};

static struct answer
read_pcs(uint16_t type, const struct elf_part *parts, size_t len)
{
	struct answer answer = { 0 };
	struct elf_image *image;
	uint64_t *pcs = NULL;
	int fd = elf_file(type, parts, len);

	assert_int_equal(elf_image_open(fd, &image, &answer.failure), 0);
	answer.r = pc_table_read(image, &pcs, &answer.len, &answer.failure);
	if (answer.r == 0) {
		assert_true(answer.len <= 8);
		memcpy(answer.pcs, pcs, answer.len * sizeof(*pcs));
		pages_free(pcs, answer.len * sizeof(*pcs));
	}
	elf_image_free(image);
	close(fd);
	return answer;
}

#define READ(type, parts) read_pcs(type, parts, sizeof(parts) / sizeof((parts)[0]))

static const uint64_t entries[] = { 0x1000, 1, 0x3000, 0, 0x2000, 0 };

static void
test_clangs_table(void **state)
{
	const struct elf_part parts[] = {
		{ "__sancov_cntrs", BYTES, 0x500, "abc", 3, 0 },
		{ "__sancov_pcs", BYTES, 0x800, entries, sizeof(entries), 0 },
	};
	struct answer answer = READ(ET_EXEC, parts);

	(void)state;
	assert_int_equal(answer.r, 0);
	assert_int_equal(answer.len, 3);
	assert_int_equal(answer.pcs[0], 0x1000);
	assert_int_equal(answer.pcs[1], 0x3000);
	assert_int_equal(answer.pcs[2], 0x2000);
}

static void
test_zigs_table(void **state)
{
	const struct elf_part parts[] = {
		{ "__sancov_pcs1", BYTES, 0x800, entries, 24, 0 },
		{ "__sancov_cntrs", BYTES, 0x500, "abc", 3, 0 },
	};
	struct answer answer = READ(ET_EXEC, parts);

	(void)state;
	assert_int_equal(answer.r, 0);
	assert_int_equal(answer.len, 3);
	assert_int_equal(answer.pcs[1], 1);
	assert_int_equal(answer.pcs[2], 0x3000);
}

static void
test_relocations_give_link_time_addresses(void **state)
{
	const uint64_t in_file[] = { 0, 1, 0, 0, 0x4444, 0 };
	const Elf64_Rela relocations[] = {
		{ 0x800, ELF64_R_INFO(0, R_X86_64_RELATIVE), 0x1110 },
		{ 0x810, ELF64_R_INFO(1, R_X86_64_64), 4 },
		{ 0x820, ELF64_R_INFO(1, R_X86_64_GLOB_DAT),
		    0x9999 }, /* no data word's */
		{ 0x824, ELF64_R_INFO(0, R_X86_64_RELATIVE), 0x9999 }, /* not aligned */
		{ 0x830, ELF64_R_INFO(0, R_X86_64_RELATIVE), 0x9999 }, /* behind it */
		{ 0x7f8, ELF64_R_INFO(0, R_X86_64_RELATIVE), 0x9999 },
	};
	const Elf64_Sym symbols[] = { { 0 }, { .st_shndx = 1, .st_value = 0x2220 } };
	const struct elf_part parts[] = {
		{ "__sancov_pcs", BYTES, 0x800, in_file, sizeof(in_file), 0 },
		{ ".rela.dyn", SHT_RELA, SHF_ALLOC, 0x100, relocations,
		    sizeof(relocations), 3 },
		{ ".dynsym", SHT_DYNSYM, SHF_ALLOC, 0x200, symbols, sizeof(symbols),
		    0 },
	};
	struct answer answer = READ(ET_DYN, parts);

	(void)state;
	assert_int_equal(answer.r, 0);
	assert_int_equal(answer.len, 3);
	assert_int_equal(answer.pcs[0], 0x1110);
	assert_int_equal(answer.pcs[1], 0x2224);
	assert_int_equal(answer.pcs[2], 0x4444); /* as RELR leaves it */
}

static void
test_symbols_out_of_range_are_nothing(void **state)
{
	const uint64_t in_file[] = { 0x10, 0 };
	const Elf64_Rela relocations[] = {
		{ 0x800, ELF64_R_INFO(0xffffffff, R_X86_64_64), 4 },
	};
	const struct elf_part parts[] = {
		{ "__sancov_pcs", BYTES, 0x800, in_file, sizeof(in_file), 0 },
		{ ".rela.dyn", SHT_RELA, SHF_ALLOC, 0x100, relocations,
		    sizeof(relocations), 77 },
	};
	struct answer answer = READ(ET_DYN, parts);

	(void)state;
	assert_int_equal(answer.r, 0);
	assert_int_equal(answer.pcs[0], 4);
}

static void
refused(const struct elf_part *parts, size_t len, int error, const char *words)
{
	struct answer answer = read_pcs(ET_EXEC, parts, len);

	assert_int_equal(answer.r, -error);
	if (strstr(answer.failure.text, words) == NULL)
		fail_msg("it says: %s", answer.failure.text);
}

static void
test_what_does_not_fit_is_refused(void **state)
{
	const struct elf_part clang = { "__sancov_pcs", BYTES, 0x800, entries,
		sizeof(entries), 0 };
	const struct elf_part zig = { "__sancov_pcs1", BYTES, 0x900, entries, 40, 0 };
	const struct elf_part short_by_one = { "__sancov_cntrs", BYTES, 0x500, "ab", 2,
		0 };
	const struct elf_part flags = { "__sancov_bools", BYTES, 0x600, "abcd", 4, 0 };
	const struct elf_part guards = { "__sancov_guards", BYTES, 0x600, entries, 8,
		0 };
	const struct elf_part torn = { "__sancov_pcs", BYTES, 0x800, entries, 24, 0 };
	const struct elf_part zeros = { "__sancov_pcs", BYTES, 0x800,
		"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, 0 };
	const struct elf_part absent = { "__sancov_pcs", SHT_NOBITS, SHF_ALLOC, 0x800,
		NULL, 48, 0 };

	(void)state;
	refused(NULL, 0, ENOENT, "no PC table: compile it with");
	refused((struct elf_part[]){ clang, zig }, 2, EINVAL,
	    "(__sancov_pcs1, 5 entries) and Clang's (__sancov_pcs, 3 entries)");
	refused((struct elf_part[]){ clang, short_by_one }, 2, EINVAL,
	    "__sancov_pcs has 3 entries, but __sancov_cntrs has 2");
	refused((struct elf_part[]){ clang, flags }, 2, EINVAL, "__sancov_bools has 4");
	refused(
	    (struct elf_part[]){ clang, guards }, 2, EINVAL, "__sancov_guards has 2");
	refused(&torn, 1, EINVAL, "its size 24 is no multiple of 16");
	refused(&zeros, 1, ENOTSUP, "are 0");
	refused(&absent, 1, ENOENT, "name the executable itself");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clangs_table),
		cmocka_unit_test(test_zigs_table),
		cmocka_unit_test(test_relocations_give_link_time_addresses),
		cmocka_unit_test(test_symbols_out_of_range_are_nothing),
		cmocka_unit_test(test_what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests_name("PC table", tests, NULL, NULL);
}
