/* SPDX-License-Identifier: MIT
 * Entry points: what names and addresses mean, which symbols count, tables that lie.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "elf_file.h"
#include "symbolizer/elf/entry_points.h"

#define ENTRY "LLVMFuzzerTestOneInput"
#define CODE 1 /* any section */

struct answer {
	struct entry_points points;
	struct failure remarks;
};

static struct answer
find_in(const struct elf_part *parts, size_t len, const char *wanted)
{
	struct answer answer = { 0 };
	int fd = elf_file(ET_EXEC, parts, len);
	size_t wanted_len = strlen(wanted);
	/* Of exactly that length, so that AddressSanitizer sees a read behind it. */
	char *copy = malloc(wanted_len + 1);
	struct elf_image *image;

	assert_non_null(copy);
	memcpy(copy + 1, wanted, wanted_len);
	assert_int_equal(elf_image_open(fd, &image, &answer.remarks), 0);
	assert_int_equal(entry_points_find(image, copy + 1, wanted_len, &answer.points,
			     &answer.remarks),
	    0);
	elf_image_free(image);
	close(fd);
	free(copy);
	return answer;
}

/* One symbol table whose strings are "", the default entry point, "one", "two". */
static const char names[] = "\0" ENTRY "\0one\0two";
enum { NAME_ENTRY = 1, NAME_ONE = sizeof(ENTRY) + 1, NAME_TWO = NAME_ONE + 4 };

static struct answer
find(const Elf64_Sym *symbols, size_t size, const char *wanted)
{
	const struct elf_part parts[] = {
		{ ".strtab", SHT_STRTAB, 0, 0, names, sizeof(names), 0 },
		{ ".symtab", SHT_SYMTAB, 0, 0, symbols, size, 1 },
	};

	return find_in(parts, 2, wanted);
}

static Elf64_Sym
symbol(uint32_t name, uint64_t value)
{
	return (Elf64_Sym){ .st_name = name,
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
		.st_shndx = CODE,
		.st_value = value };
}

static bool
has(const struct answer *answer, uint64_t address)
{
	for (uint32_t i = 0; i < answer->points.len; i++)
		if (answer->points.addresses[i] == address)
			return true;
	return false;
}

static void
test_names_and_addresses(void **state)
{
	const Elf64_Sym symbols[] = { { 0 }, symbol(NAME_ENTRY, 0x1000),
		symbol(NAME_ONE, 0x2000), symbol(NAME_TWO, 0x3000) };
	struct answer answer = find(symbols, sizeof(symbols), "");

	(void)state;
	assert_int_equal(answer.points.len, 1);
	assert_true(has(&answer, 0x1000));
	entry_points_free(&answer.points);

	/* Each once, whatever names it; the last line may have no end. */
	answer = find(symbols, sizeof(symbols),
	    "\n0x2000\none\n\n0XaBcDeF0123456789\none\n" ENTRY "\n0x1000\ntwo");
	assert_int_equal(answer.points.len, 4);
	assert_true(has(&answer, 0x1000) && has(&answer, 0x2000));
	assert_true(has(&answer, 0x3000) && has(&answer, 0xabcdef0123456789));
	assert_string_equal(answer.remarks.text, "");
	entry_points_free(&answer.points);
}

/* A name that begins with another one, or is the beginning of one, is neither. */
static void
test_what_is_not_found_is_said(void **state)
{
	static const char *const words[] = { "on", "onee", "0x", "0xg",
		"0x12345678901234567", "12", " one", "one\r" };
	const Elf64_Sym symbols[] = { symbol(NAME_ONE, 0x2000) };
	struct answer answer;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		answer = find(symbols, sizeof(symbols), words[i]);
		assert_int_equal(answer.points.len, 0);
		assert_non_null(strstr(answer.remarks.text, words[i]));
		assert_non_null(strstr(answer.remarks.text, "is in no symbol table"));
		/* Nobody asked for the default one. */
		assert_null(strstr(answer.remarks.text, ENTRY));
		entry_points_free(&answer.points);
	}
}

static void
test_symbols_that_are_no_places(void **state)
{
	Elf64_Sym symbols[] = { symbol(NAME_ONE, 0x1000), symbol(NAME_ONE, 0x2000),
		symbol(NAME_ONE, 0) };
	struct answer answer;

	(void)state;
	symbols[0].st_shndx = SHN_UNDEF;
	symbols[1].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_TLS);
	answer = find(symbols, sizeof(symbols), "one");
	assert_int_equal(answer.points.len, 0);
	assert_non_null(strstr(answer.remarks.text, "entry point one"));
	entry_points_free(&answer.points);
}

/* What strip(1) leaves. */
static void
test_both_tables_are_read(void **state)
{
	const Elf64_Sym one = symbol(NAME_ONE, 0x1000), two = symbol(NAME_TWO, 0x2000);
	const struct elf_part parts[] = {
		{ ".dynstr", SHT_STRTAB, 0, 0, names, sizeof(names), 0 },
		{ ".dynsym", SHT_DYNSYM, 0, 0, &one, sizeof(one), 1 },
		{ ".symtab", SHT_SYMTAB, 0, 0, &two, sizeof(two), 1 },
	};
	struct answer answer = find_in(parts, 3, "one\ntwo");

	(void)state;
	assert_int_equal(answer.points.len, 2);
	assert_true(has(&answer, 0x1000) && has(&answer, 0x2000));
	entry_points_free(&answer.points);
	answer = find_in(parts, 2, "one");
	assert_int_equal(answer.points.len, 1);
	entry_points_free(&answer.points);
}

static void
test_tables_that_lie(void **state)
{
	/* The strings end in the middle of the name. */
	static const char cut[] = { 'x', '\0', 'o', 'n', 'e' };
	const Elf64_Sym symbols[] = { symbol(2, 0x1000), symbol(5, 0x1000),
		symbol(UINT32_MAX, 0x1000), symbol(4, 0x1000) };
	struct elf_part parts[] = {
		{ ".strtab", SHT_STRTAB, 0, 0, cut, sizeof(cut), 0 },
		{ ".symtab", SHT_SYMTAB, 0, 0, symbols, sizeof(symbols), 1 },
	};
	struct answer answer;

	(void)state;
	for (uint32_t link = 0; link < 7; link++) {
		parts[1].link = link < 6 ? link : UINT32_MAX;
		answer = find_in(parts, 2, "one\ne");
		assert_int_equal(answer.points.len, 0);
		entry_points_free(&answer.points);
	}
	/* A table whose last symbol is cut off. */
	answer = find(symbols, sizeof(symbols) - 1, "0x1");
	assert_int_equal(answer.points.len, 1);
	entry_points_free(&answer.points);
	parts[1].link = 1;
	for (size_t size = 0; size <= sizeof(symbols); size += 7) {
		parts[1].size = size;
		answer = find_in(parts, 2, "one");
		assert_int_equal(answer.points.len, 0);
		entry_points_free(&answer.points);
	}
}

static void
test_limits(void **state)
{
	enum { COUNT = 3 * ENTRY_POINTS_MAX };
	Elf64_Sym *symbols = calloc(COUNT, sizeof(*symbols));
	char *wanted = malloc(COUNT * 16), *at = wanted;
	struct answer answer;

	(void)state;
	assert_non_null(symbols);
	assert_non_null(wanted);
	for (uint32_t i = 0; i < COUNT; i++)
		symbols[i] = symbol(NAME_ENTRY, 0x1000 + i);
	answer = find(symbols, COUNT * sizeof(*symbols), "");
	assert_int_equal(answer.points.len, ENTRY_POINTS_MAX);
	assert_true(has(&answer, 0x1000) && has(&answer, 0xfff + ENTRY_POINTS_MAX));
	entry_points_free(&answer.points);

	for (unsigned i = 0; i < COUNT; i++)
		at += sprintf(at, "0x%x\n", i);
	answer = find(symbols, sizeof(*symbols), wanted);
	assert_int_equal(answer.points.len, ENTRY_POINTS_MAX);
	entry_points_free(&answer.points);

	at = wanted;
	for (unsigned i = 0; i < COUNT; i++)
		at += sprintf(at, "name-%u\n", i);
	answer = find(symbols, sizeof(*symbols), wanted);
	assert_non_null(strstr(answer.remarks.text, "name-0 is in no"));
	entry_points_free(&answer.points);
	free(wanted);
	free(symbols);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_addresses),
		cmocka_unit_test(test_what_is_not_found_is_said),
		cmocka_unit_test(test_symbols_that_are_no_places),
		cmocka_unit_test(test_both_tables_are_read),
		cmocka_unit_test(test_tables_that_lie),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("entry points", tests, NULL, NULL);
}
