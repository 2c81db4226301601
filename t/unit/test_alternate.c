/* SPDX-License-Identifier: MIT
 * Alternate debug files (dwz -m): what is asked for, what is taken, and what build
 * directories come out of it.
 */
#include "config.h"

#include <dwarf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "elf_file.h"
#include "line_bytes.h"
#include "symbolizer/dwarf/alternate.h"
#include "symbolizer/elf/debug_link.h"
#include "symbolizer/lines/line_names.h"
#include "symbolizer/dwarf/units.h"

#define TEXT(literal) literal, sizeof(literal) - 1
#define LINK TEXT("common.dwz\0\1\2\3\4")
#define STRINGS TEXT("xx\0/build/one\0/build/two\0")
/* A note that holds the build ID 01 02 03 04. */
#define NOTE TEXT("\4\0\0\0\4\0\0\0\3\0\0\0GNU\0\1\2\3\4")

struct open_file {
	int fd;
	struct elf_image *image;
};

static struct open_file
open_parts(uint16_t type, const struct elf_part *parts, size_t len)
{
	struct open_file file = { .fd = elf_file(type, parts, len) };
	struct failure failure;

	assert_int_equal(elf_image_open_debug(file.fd, &file.image, &failure), 0);
	return file;
}

static void
close_file(struct open_file *file)
{
	elf_image_free(file->image);
	close(file->fd);
}

/* One section, as it says where the alternate file is or that this is one. */
static struct open_file
open_one(const char *name, uint32_t type, const void *data, size_t size)
{
	const struct elf_part parts[] = { { name, type, 0, 0, data, size, 0 } };

	return open_parts(ET_REL, parts, 1);
}

/* ---- names and IDs ---- */

static void
expect_wish(const char *section, const void *data, size_t size, const char *wish)
{
	struct open_file file = open_one(section, SHT_PROGBITS, data, size);
	char text[64] = "?";
	bool described = debug_link_describe_alternate(file.image, text, sizeof(text));

	assert_int_equal(described, wish != NULL);
	assert_string_equal(text, wish != NULL ? wish : "?");
	close_file(&file);
}

static void
test_what_is_asked_for(void **state)
{
	static const char longest[65 + 2] = "n";

	(void)state;
	expect_wish(".gnu_debugaltlink", LINK, "01020304\ncommon.dwz");
	expect_wish(".gnu_debugaltlink", TEXT("/a/../b c\0\xff"), "ff\n/a/../b c");
	expect_wish(".debug_sup", TEXT("\5\0\0x.sup\0\2\1\2"), "0102\nx.sup");
	/* A supplementary file itself asks for nothing. */
	expect_wish(".debug_sup", TEXT("\5\0\1\0\2\1\2"), NULL);
	/* No ID, one that is too long, no end of the name, nothing at all. */
	expect_wish(".gnu_debugaltlink", TEXT("name\0"), NULL);
	expect_wish(".gnu_debugaltlink", longest, sizeof(longest), NULL);
	expect_wish(".gnu_debugaltlink", TEXT("name"), NULL);
	expect_wish(".gnu_debugaltlink", "", 0, NULL);
	expect_wish(".debug_sup", TEXT("\5\0\0x\0\3\1\2"), NULL);
	expect_wish(
	    ".debug_sup", TEXT("\5\0\0x\0\xff\xff\xff\xff\xff\xff\xff\xff\1"), NULL);
	expect_wish(".debug_sup", TEXT("\5"), NULL);
	/* A name that would say something else is left out, its ID is not. */
	expect_wish(".gnu_debugaltlink", TEXT("a\nb\0\1"), "01\n");
	expect_wish(".gnu_debugaltlink",
	    TEXT("a-path-that-does-not-fit-into-what-is-there-to-hold-all-of-it\0\1"),
	    "01\n");
}

static int
check(struct open_file *file, const char *section, uint32_t type, const void *data,
    size_t size)
{
	struct open_file alternate = open_one(section, type, data, size);
	struct failure failure = { "" };
	int r = debug_link_check_alternate(file->image, alternate.image, &failure);

	assert_int_equal(r < 0, failure.text[0] != '\0');
	close_file(&alternate);
	return r;
}

static void
test_only_the_right_one_is_taken(void **state)
{
	struct open_file file = open_one(".gnu_debugaltlink", SHT_PROGBITS, LINK);

	(void)state;
	assert_int_equal(check(&file, ".note", SHT_NOTE, NOTE), 0);
	assert_int_equal(
	    check(&file, ".debug_sup", SHT_PROGBITS, TEXT("\5\0\1\0\4\1\2\3\4")), 0);
	/* Other IDs, shorter ones, none; one that is no supplementary file. */
	assert_true(check(&file, ".note", SHT_NOTE,
			TEXT("\4\0\0\0\4\0\0\0\3\0\0\0GNU\0\1\2\3\5")) < 0);
	assert_true(
	    check(&file, ".debug_sup", SHT_PROGBITS, TEXT("\5\0\1\0\3\1\2\3")) < 0);
	assert_true(
	    check(&file, ".debug_sup", SHT_PROGBITS, TEXT("\5\0\0\0\4\1\2\3\4")) < 0);
	assert_true(check(&file, ".debug_sup", SHT_PROGBITS, TEXT("\5\0\1\0\0")) < 0);
	assert_true(check(&file, ".text", SHT_PROGBITS, TEXT("x")) < 0);
	close_file(&file);
}

/* ---- directories ---- */

static void
put_unit(struct line_bytes *info, uint64_t code, uint32_t line_table, uint32_t string)
{
	put(info, 2 + 4 + 1 + 1 + 4 + 4, 4);
	put(info, 4, 2);
	put(info, 0, 4);
	put(info, 8, 1);
	put(info, code, 1);
	put(info, line_table, 4);
	put(info, string, 4);
}

struct units_file {
	struct line_bytes info, abbrev;
};

/* Declarations 1 to 3: a directory in GNU's form, in DWARF 5's, in the file itself. */
static void
put_declarations(struct line_bytes *abbrev)
{
	static const uint64_t forms[] = { DW_FORM_GNU_strp_alt, DW_FORM_strp_sup,
		DW_FORM_strp };

	for (uint64_t i = 0; i < 3; i++) {
		put(abbrev, i + 1, 1);
		put(abbrev, DW_TAG_compile_unit, 1);
		put(abbrev, 0, 1);
		put(abbrev, DW_AT_stmt_list, 1);
		put(abbrev, DW_FORM_sec_offset, 1);
		put(abbrev, DW_AT_comp_dir, 1);
		if (forms[i] < 128)
			put(abbrev, forms[i], 1);
		else
			put(abbrev, (forms[i] & 127) | 128 | forms[i] >> 7 << 8, 2);
		put(abbrev, 0, 2);
	}
	put(abbrev, 0, 1);
}

static struct open_file
open_units(const struct units_file *file, const char *link_name)
{
	const struct elf_part parts[] = {
		{ ".debug_info", SHT_PROGBITS, 0, 0, file->info.data, file->info.len,
		    0 },
		{ ".debug_abbrev", SHT_PROGBITS, 0, 0, file->abbrev.data,
		    file->abbrev.len, 0 },
		{ ".debug_str", SHT_PROGBITS, 0, 0, TEXT("here\0"), 0 },
		{ link_name, SHT_PROGBITS, 0, 0, LINK, 0 },
	};

	return open_parts(ET_EXEC, parts, 4);
}

static struct open_file
open_alternate(void)
{
	const struct elf_part parts[] = {
		{ ".note", SHT_NOTE, 0, 0, NOTE, 0 },
		{ ".debug_str", SHT_PROGBITS, 0, 0, STRINGS, 0 },
	};

	return open_parts(ET_REL, parts, 2);
}

static struct byte_reader
section_bytes(struct elf_image *image, const char *name)
{
	struct elf_section section;
	struct failure failure;

	assert_int_equal(elf_image_section(image, name, &section, &failure), 0);
	return byte_reader_over(section.data, section.size);
}

static struct units *
read_units(struct elf_image *image, struct elf_image *alternate)
{
	const struct units_sections sections = {
		.info = section_bytes(image, ".debug_info"),
		.abbrev = section_bytes(image, ".debug_abbrev"),
		.str = section_bytes(image, ".debug_str"),
		.alternate_str = section_bytes(alternate, ".debug_str"),
	};
	struct units *units;

	assert_int_equal(units_read(&sections, &units), 0);
	return units;
}

static void
expect_directory(struct elf_image *image, struct elf_image *alternate,
    uint64_t line_table, const char *directory)
{
	struct units *units = read_units(image, alternate);
	struct byte_text found;

	found = units_directory(units, line_table);
	assert_int_equal(found.text != NULL, directory != NULL);
	if (directory != NULL) {
		assert_int_equal(found.len, strlen(directory));
		assert_memory_equal(found.text, directory, found.len);
	}
	assert_int_equal(units_elsewhere(units), 0);
	units_free(units);
}

static void
test_directories_are_found(void **state)
{
	struct units_file units = { 0 };
	struct open_file file, alternate = open_alternate();
	struct elf_image *checked;
	struct failure failure;

	(void)state;
	put_declarations(&units.abbrev);
	put_unit(&units.info, 1, 500, 3);
	put_unit(&units.info, 2, 100, 14);
	put_unit(&units.info, 3, 300, 0);
	put_unit(&units.info, 1, 100, 3);    /* the first wins */
	put_unit(&units.info, 1, 700, 4000); /* nowhere */
	put_unit(&units.info, 1, 900, 13);   /* "" */
	file = open_units(&units, ".gnu_debugaltlink");
	assert_true(alternate_is_wanted(file.image));
	assert_int_equal(
	    alternate_open(alternate.fd, file.image, &checked, &failure), 0);
	expect_directory(file.image, checked, 500, "/build/one");
	expect_directory(file.image, checked, 100, "/build/two");
	expect_directory(file.image, checked, 300, "here");
	expect_directory(file.image, checked, 700, NULL);
	expect_directory(file.image, checked, 900, "");
	expect_directory(file.image, checked, 0, NULL);
	elf_image_free(checked);
	close_file(&alternate);
	close_file(&file);
}

static void
test_most_need_none(void **state)
{
	struct units_file units = { 0 };
	struct open_file file;

	(void)state;
	put_declarations(&units.abbrev);
	put_unit(&units.info, 3, 0, 0);
	file = open_units(&units, ".gnu_debugaltlink");
	assert_false(alternate_is_wanted(file.image));
	close_file(&file);
	put_unit(&units.info, 1, 0, 0);
	file = open_units(&units, ".other");
	assert_false(alternate_is_wanted(file.image));
	close_file(&file);
	/* DWARF 5 has its own directories. */
	units.info.len = 0;
	put_unit(&units.info, 1, 0, 0);
	units.info.data[4] = 5;
	file = open_units(&units, ".gnu_debugaltlink");
	assert_false(alternate_is_wanted(file.image));
	close_file(&file);
}

/* Line tables themselves may name what lies there; without it only that name is lost. */
static void
test_names_of_line_tables(void **state)
{
	struct line_bytes lines = { 0 };
	struct line_strings strings = { 0 };
	struct line_names names = { 0 };
	struct byte_reader section;
	struct line_table table;

	(void)state;
	begin_table(&lines, 5, 1);
	put(&lines, 1 | DW_LNCT_path << 8 | DW_FORM_string << 16, 3);
	put(&lines, 1, 1);
	put_text(&lines, "/build");
	put(&lines, 1 | DW_LNCT_path << 8 | DW_FORM_strp_sup << 16, 3);
	put(&lines, 2, 1);
	put(&lines, 4, 4);
	put(&lines, 4000, 4);
	end_header(&lines);
	end_table(&lines);
	section = byte_reader_over(lines.data, lines.len);
	assert_int_equal(line_table_next(&section, lines.data, 0, &table), 0);
	assert_int_equal(line_names_read(&names, &table, &strings), 0);
	assert_int_equal(names.files_len, 2);
	assert_null(names.files[0].name.text);
	strings.alternate_str = byte_reader_over(STRINGS);
	assert_int_equal(line_names_read(&names, &table, &strings), 0);
	assert_int_equal(names.files[0].name.len, strlen("build/one"));
	assert_memory_equal(names.files[0].name.text, "build/one", 9);
	assert_null(names.files[1].name.text);
	line_names_free(&names);
}

/* Any byte changed, or cut anywhere: it is read as far as it is sound. */
static void
test_damage(void **state)
{
	struct units_file units = { 0 };
	struct open_file file, alternate = open_alternate();

	(void)state;
	put_declarations(&units.abbrev);
	put_unit(&units.info, 1, 500, 3);
	put_unit(&units.info, 2, 100, 14);
	for (size_t i = 0; i < units.info.len + units.abbrev.len; i++) {
		unsigned char *at = i < units.info.len
		    ? &units.info.data[i]
		    : &units.abbrev.data[i - units.info.len];

		for (unsigned flip = 1; flip < 256; flip += 42) {
			*at ^= (unsigned char)flip;
			file = open_units(&units, ".gnu_debugaltlink");
			alternate_is_wanted(file.image);
			units_free(read_units(file.image, alternate.image));
			close_file(&file);
			*at ^= (unsigned char)flip;
		}
	}
	while (units.info.len > 0) {
		units.info.len--;
		file = open_units(&units, ".gnu_debugaltlink");
		units_free(read_units(file.image, alternate.image));
		close_file(&file);
	}
	close_file(&alternate);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_asked_for),
		cmocka_unit_test(test_only_the_right_one_is_taken),
		cmocka_unit_test(test_directories_are_found),
		cmocka_unit_test(test_most_need_none),
		cmocka_unit_test(test_names_of_line_tables),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests_name("alternate", tests, NULL, NULL);
}
