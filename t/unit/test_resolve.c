/* SPDX-License-Identifier: MIT
 * The merge of PCs and rows: who claims what, and what stays unknown.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "elf_file.h"
#include "line_bytes.h"
#include "symbolizer/basics/pc_sort.h"
#include "symbolizer/lines/resolve.h"

#define PCS_MAX 16

struct fixture {
	struct line_bytes lines, info, abbrev, line_str;
	struct path_table *paths;
	struct wire_location locations[PCS_MAX];
	struct failure remarks;
};

/* Code lies at [0x1000, 0x2000). @cut: the file ends in its headers when it was opened. */
static int
resolve_file(
    struct fixture *f, const uint64_t *pcs, uint32_t len, size_t window, bool cut)
{
	const struct elf_part parts[] = {
		{ ".text", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, 0x1000, NULL, 0x1000,
		    0 },
		{ ".debug_line", SHT_PROGBITS, 0, 0, f->lines.data, f->lines.len, 0 },
		{ ".debug_info", SHT_PROGBITS, 0, 0, f->info.data, f->info.len, 0 },
		{ ".debug_abbrev", SHT_PROGBITS, 0, 0, f->abbrev.data, f->abbrev.len,
		    0 },
		{ ".debug_line_str", SHT_PROGBITS, 0, 0, f->line_str.data,
		    f->line_str.len, 0 },
	};
	int fd = elf_file(ET_EXEC, parts, sizeof(parts) / sizeof(parts[0])), r;
	uint64_t sorted[PCS_MAX], spare[PCS_MAX];
	uint32_t order[PCS_MAX];
	struct resolve_job job = { .sorted = sorted,
		.order = order,
		.len = len,
		.locations = f->locations,
		.window = window };
	struct elf_image *image;

	assert_true(len <= PCS_MAX);
	path_table_free(f->paths);
	assert_int_equal(path_table_new(&f->paths), 0);
	job.paths = f->paths;
	f->remarks.text[0] = '\0';
	pc_sort(pcs, len, sorted, order, spare);
	assert_int_equal(elf_image_open(fd, &image, &f->remarks), 0);
	if (cut)
		assert_int_equal(ftruncate(fd, 64), 0);
	r = resolve_lines(image, &job, &f->remarks);
	elf_image_free(image);
	close(fd);
	return r;
}

/* The same, however much of .debug_line there is at a time. */
static int
resolve(struct fixture *f, const uint64_t *pcs, uint32_t len)
{
	struct wire_location locations[PCS_MAX];
	struct failure remarks;
	int r = resolve_file(f, pcs, len, 0, false);

	memcpy(locations, f->locations, sizeof(locations));
	remarks = f->remarks;
	for (size_t window = 1; window < 300; window++) {
		assert_int_equal(resolve_file(f, pcs, len, window, false), r);
		assert_memory_equal(locations, f->locations, sizeof(locations));
		assert_string_equal(remarks.text, f->remarks.text);
	}
	return r;
}

static void
expect(const struct fixture *f, uint32_t index, const char *path, uint32_t line)
{
	const struct wire_location *location = &f->locations[index];
	uint32_t len;
	const struct wire_file *files = path_table_files(f->paths, &len);
	const uint32_t *directories = path_table_directories(f->paths, &len);
	const char *strings = path_table_strings(f->paths, &len);
	char found[256] = "?";

	if (location->file != WIRE_FILE_UNKNOWN)
		snprintf(found, sizeof(found), "%s/%s",
		    strings + directories[files[location->file].directory],
		    strings + files[location->file].basename);
	assert_string_equal(found, path);
	assert_int_equal(location->line, line);
}

/* Begins a DWARF 4 table with one file. */
static void
begin_old(struct line_bytes *lines, const char *directory, const char *name)
{
	begin_table(lines, 4, 1);
	put_text(lines, directory);
	put(lines, 0, 1);
	put_text(lines, name);
	put(lines, 1, 3); /* directory 1, no time, no length */
	put(lines, 0, 1);
	end_header(lines);
}

/* A sequence of [@start, @start + 0x20): line @line, and @line + 1 from its middle on. */
static void
add_sequence(struct line_bytes *lines, uint64_t start, uint8_t line)
{
	set_address(lines, start);
	put(lines, DW_LNS_advance_line, 1);
	put(lines, (line - 1u) & 0x7f, 1);
	step(lines, 0, 0);
	step(lines, 16, 1);
	put(lines, DW_LNS_advance_pc | 16 << 8, 2);
	end_sequence(lines);
}

static void
test_rows_cover_up_to_the_next(void **state)
{
	const uint64_t pcs[] = { 0x1120, 0x110f, 0x1100, 0x10ff, 0x1110, 0x111f,
		0x1110 };
	struct fixture f = { 0 };

	(void)state;
	begin_old(&f.lines, "/src", "a.c");
	add_sequence(&f.lines, 0x1100, 10);
	end_table(&f.lines);
	assert_int_equal(resolve(&f, pcs, 7), 0);
	expect(&f, 0, "?", 0); /* behind the end */
	expect(&f, 1, "/src/a.c", 10);
	expect(&f, 2, "/src/a.c", 10);
	expect(&f, 3, "?", 0);
	expect(&f, 4, "/src/a.c", 11);
	expect(&f, 5, "/src/a.c", 11);
	expect(&f, 6, "/src/a.c", 11);
	assert_string_equal(f.remarks.text, "");
	path_table_free(f.paths);
}

static void
test_the_first_claimant_wins(void **state)
{
	const uint64_t pcs[] = { 0x1100, 0x1118, 0x1128, 0x10f8, 0x1138 };
	struct fixture f = { 0 };

	(void)state;
	begin_old(&f.lines, "/src", "a.c");
	add_sequence(&f.lines, 0x1100, 10);
	end_table(&f.lines);
	begin_old(&f.lines, "/src", "b.c");
	add_sequence(&f.lines, 0x1110, 20); /* half of it is taken */
	add_sequence(&f.lines, 0x10f0, 30); /* one in front */
	add_sequence(&f.lines, 0x1120, 40); /* one behind */
	end_table(&f.lines);
	assert_int_equal(resolve(&f, pcs, 5), 0);
	expect(&f, 0, "/src/a.c", 10);
	expect(&f, 1, "/src/a.c", 11);
	expect(&f, 2, "/src/b.c", 21);
	expect(&f, 3, "/src/b.c", 30);
	expect(&f, 4, "/src/b.c", 41);
	path_table_free(f.paths);
}

static void
test_dead_sequences_claim_nothing(void **state)
{
	const uint64_t pcs[] = { 0x8, 0x1100, 0x2008 };
	struct fixture f = { 0 };

	(void)state;
	begin_old(&f.lines, "/src", "dead.c");
	add_sequence(&f.lines, 0, 10);
	add_sequence(&f.lines, 0x2000, 10);
	set_address(&f.lines, 0); /* would cover everything */
	step(&f.lines, 0, 0);
	set_address(&f.lines, 0x100000);
	step(&f.lines, 0, 0);
	end_sequence(&f.lines);
	add_sequence(&f.lines, 0x1100, 50);
	end_table(&f.lines);
	assert_int_equal(resolve(&f, pcs, 3), 0);
	expect(&f, 0, "?", 0);
	expect(&f, 1, "/src/dead.c", 50);
	expect(&f, 2, "?", 0);
	path_table_free(f.paths);
}

static void
test_line_0_is_kept_and_bad_files_are_unknown(void **state)
{
	const uint64_t pcs[] = { 0x1100, 0x1104, 0x1108 };
	struct fixture f = { 0 };

	(void)state;
	begin_old(&f.lines, "/src", "a.c");
	set_address(&f.lines, 0x1100);
	step(&f.lines, 0, -1);
	put(&f.lines, DW_LNS_set_file | 2 << 8, 2); /* there is none */
	step(&f.lines, 4, 5);
	put(&f.lines, DW_LNS_set_file | 0 << 8, 2); /* nor this, before DWARF 5 */
	step(&f.lines, 4, 5);
	put(&f.lines, DW_LNS_advance_pc | 16 << 8, 2);
	end_sequence(&f.lines);
	end_table(&f.lines);
	assert_int_equal(resolve(&f, pcs, 3), 0);
	expect(&f, 0, "/src/a.c", 0);
	expect(&f, 1, "?", 0);
	expect(&f, 2, "?", 0);
	path_table_free(f.paths);
}

static void
test_a_damaged_table_loses_only_itself(void **state)
{
	const uint64_t pcs[] = { 0x1100, 0x1140, 0x1180 };
	struct fixture f = { 0 };

	(void)state;
	begin_old(&f.lines, "/src", "a.c");
	add_sequence(&f.lines, 0x1100, 10);
	put(&f.lines, 0x0000, 2); /* what came before it counts */
	add_sequence(&f.lines, 0x1140, 20);
	end_table(&f.lines);
	begin_old(&f.lines, "/src", "b.c");
	add_sequence(&f.lines, 0x1180, 30);
	end_table(&f.lines);
	assert_int_equal(resolve(&f, pcs, 3), 0);
	expect(&f, 0, "/src/a.c", 10);
	expect(&f, 1, "?", 0);
	expect(&f, 2, "/src/b.c", 30);
	assert_non_null(strstr(f.remarks.text, "1 damaged"));
	assert_non_null(strstr(f.remarks.text, ".debug_line+0x0"));
	path_table_free(f.paths);
}

static void
test_the_unit_says_the_directory_before_dwarf_5(void **state)
{
	const uint64_t pcs[] = { 0x1100 };
	struct fixture f = { 0 };

	(void)state;
	begin_old(&f.lines, "../include", "a.h");
	add_sequence(&f.lines, 0x1100, 10);
	end_table(&f.lines);
	assert_int_equal(resolve(&f, pcs, 1), 0);
	expect(&f, 0, "../include/a.h", 10);
	/* Declaration 7: name by string, statements by offset, directory by string. */
	put(&f.abbrev, 1 | DW_TAG_compile_unit << 8, 3);
	put(&f.abbrev, DW_AT_name | DW_FORM_string << 8, 4);
	put(&f.abbrev, 7 | DW_TAG_compile_unit << 8, 3);
	put(&f.abbrev, DW_AT_name | DW_FORM_string << 8, 2);
	put(&f.abbrev, DW_AT_stmt_list | DW_FORM_sec_offset << 8, 2);
	put(&f.abbrev, DW_AT_comp_dir | DW_FORM_string << 8, 4);
	put(&f.info, 0, 4);
	put(&f.info, 4, 2);
	put(&f.info, 0, 4);
	put(&f.info, 8, 1);
	put(&f.info, 7, 1);
	put_text(&f.info, "a.c");
	put(&f.info, 0, 4);
	put_text(&f.info, "/build/src");
	f.info.data[0] = (unsigned char)(f.info.len - 4);
	assert_int_equal(resolve(&f, pcs, 1), 0);
	expect(&f, 0, "/build/include/a.h", 10);
	path_table_free(f.paths);
}

static void
test_dwarf_5_has_its_own_directories(void **state)
{
	const uint64_t pcs[] = { 0x1100, 0x1110 };
	struct fixture f = { 0 };

	(void)state;
	put_text(&f.line_str, "/build");
	put_text(&f.line_str, "lib");
	begin_table(&f.lines, 5, 1);
	put(&f.lines, 1 | DW_LNCT_path << 8 | DW_FORM_line_strp << 16, 3);
	put(&f.lines, 2, 1);
	put(&f.lines, 0, 4);
	put(&f.lines, 7, 4);
	put(&f.lines, 3 | DW_LNCT_path << 8 | DW_FORM_string << 16, 3);
	put(&f.lines, DW_LNCT_directory_index | DW_FORM_udata << 8, 2);
	put(&f.lines, DW_LNCT_MD5 | DW_FORM_data16 << 8, 2);
	put(&f.lines, 2, 1);
	put_text(&f.lines, "main.c");
	f.lines.len += 17; /* directory 0 and a checksum; all is 0 already */
	put_text(&f.lines, "util.c");
	f.lines.data[f.lines.len] = 1;
	f.lines.len += 17;
	end_header(&f.lines);
	set_address(&f.lines, 0x1100);
	put(&f.lines, DW_LNS_set_file | 0 << 8, 2);
	step(&f.lines, 0, 0);
	put(&f.lines, DW_LNS_set_file | 1 << 8, 2);
	step(&f.lines, 16, 1);
	put(&f.lines, DW_LNS_advance_pc | 16 << 8, 2);
	end_sequence(&f.lines);
	end_table(&f.lines);
	assert_int_equal(resolve(&f, pcs, 2), 0);
	expect(&f, 0, "/build/main.c", 1);
	expect(&f, 1, "/build/lib/util.c", 2);
	path_table_free(f.paths);
}

static void
test_without_lines_there_is_a_remedy(void **state)
{
	const uint64_t pcs[] = { 0x1500 };
	struct fixture f = { 0 };

	(void)state;
	assert_int_equal(resolve(&f, pcs, 1), -ENODATA);
	assert_non_null(strstr(f.remarks.text, "no .debug_line: build with -g"));
	begin_old(&f.lines, "/src", "a.c");
	add_sequence(&f.lines, 0x1100, 10);
	end_table(&f.lines);
	assert_int_equal(resolve(&f, pcs, 1), -ENODATA);
	assert_non_null(strstr(f.remarks.text, "none of its 1 PCs"));
	path_table_free(f.paths);
}

static void
test_a_file_that_is_cut_meanwhile_is_said(void **state)
{
	const uint64_t pcs[] = { 0x1100 };
	struct fixture f = { 0 };

	(void)state;
	begin_old(&f.lines, "/src", "a.c");
	add_sequence(&f.lines, 0x1100, 10);
	end_table(&f.lines);
	assert_int_equal(resolve_file(&f, pcs, 1, 0, true), -EIO);
	assert_non_null(strstr(f.remarks.text, "the file was cut; build it again"));
	expect(&f, 0, "?", 0);
	path_table_free(f.paths);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_cover_up_to_the_next),
		cmocka_unit_test(test_the_first_claimant_wins),
		cmocka_unit_test(test_dead_sequences_claim_nothing),
		cmocka_unit_test(test_line_0_is_kept_and_bad_files_are_unknown),
		cmocka_unit_test(test_a_damaged_table_loses_only_itself),
		cmocka_unit_test(test_the_unit_says_the_directory_before_dwarf_5),
		cmocka_unit_test(test_dwarf_5_has_its_own_directories),
		cmocka_unit_test(test_without_lines_there_is_a_remedy),
		cmocka_unit_test(test_a_file_that_is_cut_meanwhile_is_said),
	};

	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
