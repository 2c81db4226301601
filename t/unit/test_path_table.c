/* SPDX-License-Identifier: MIT
 * Joining, normalising and interning source paths.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "symbolizer/names/path_table.h"

static struct byte_text
text(const char *string)
{
	return (struct byte_text){ string, string != NULL ? strlen(string) : 0 };
}

static int
add(struct path_table *table, const char *a, const char *b, const char *c,
    uint32_t *ret_file)
{
	const struct byte_text parts[] = { text(a), text(b), text(c) };

	return path_table_file(table, parts, 3, ret_file);
}

static const char *
path_of(const struct path_table *table, uint32_t file)
{
	static char path[2 * PATH_TABLE_PATH_MAX];
	uint32_t len;
	const struct wire_file *files = path_table_files(table, &len);
	const uint32_t *directories = path_table_directories(table, &len);
	const char *strings = path_table_strings(table, &len);

	snprintf(path, sizeof(path), "%s/%s",
	    strings + directories[files[file].directory],
	    strings + files[file].basename);
	return path;
}

static void
test_paths_are_joined_and_normalised(void **state)
{
	static const struct {
		const char *parts[3];
		const char *path;
	} cases[] = {
		{ { "/build", "src", "a.c" }, "/build/src/a.c" },
		{ { "/build", NULL, "a.c" }, "/build/a.c" },
		{ { "/build", "/usr/include", "a.h" }, "/usr/include/a.h" },
		{ { "/build", "src", "/abs/a.c" }, "/abs/a.c" },
		{ { "/build/x", "../src/./y//", "..//a.c" }, "/build/src/a.c" },
		{ { "/", "..", "../../a.c" }, "/a.c" },
		{ { NULL, NULL, "a.c" }, "./a.c" },
		{ { NULL, "src", "a.c" }, "src/a.c" },
		{ { ".", "src/..", "a.c" }, "./a.c" },
		{ { "..", "../x", "a.c" }, "../../x/a.c" },
		{ { "x", "../..", "a.c" }, "../a.c" },
		{ { "/build", "", "..a..c" }, "/build/..a..c" },
		{ { "/build", "", "..." }, "/build/..." },
		{ { "/build", NULL, "C:\\work\\a.c" }, "./C:\\work\\a.c" },
		{ { "/build", "src", "D:/work/./a.c" }, "D:/work/a.c" },
		{ { "/build", "C:\\work", "a.c" }, "C:\\work/a.c" },
		{ { "C:\\work", "/usr/include", "a.h" }, "/usr/include/a.h" },
		{ { "/build", NULL, "\\\\server\\share\\a.c" },
		    "./\\\\server\\share\\a.c" },
		{ { "/build", NULL, "C:a.c" }, "/build/C:a.c" },
		{ { "/build", NULL, "\\a.c" }, "/build/\\a.c" },
		{ { "/build", "C:", "a.c" }, "/build/C:/a.c" },
	};
	struct path_table *table;
	uint32_t file;

	(void)state;
	assert_int_equal(path_table_new(&table), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(add(table, cases[i].parts[0], cases[i].parts[1],
				     cases[i].parts[2], &file),
		    0);
		assert_string_equal(path_of(table, file), cases[i].path);
	}
	path_table_free(table);
}

static void
test_what_names_no_file_is_refused(void **state)
{
	static const char *const names[] = { NULL, "", ".", "..", "x/", "x/.", "x/.." };
	char longest[PATH_TABLE_PATH_MAX + 1];
	struct path_table *table;
	uint32_t file = 77, len;

	(void)state;
	assert_int_equal(path_table_new(&table), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(add(table, "/b", NULL, names[i], &file), -EINVAL);
	memset(longest, 'x', sizeof(longest));
	longest[PATH_TABLE_PATH_MAX] = '\0';
	assert_int_equal(add(table, "/", NULL, longest, &file), -ENAMETOOLONG);
	longest[PATH_TABLE_PATH_MAX - 3] = '\0';
	assert_int_equal(add(table, "/b", NULL, longest, &file), -ENAMETOOLONG);
	assert_int_equal(file, 77);
	path_table_files(table, &len);
	assert_int_equal(len, 0);
	longest[PATH_TABLE_PATH_MAX - 4] = '\0';
	assert_int_equal(add(table, "/b", NULL, longest, &file), 0);
	path_table_free(table);
}

static void
test_everything_stands_once(void **state)
{
	struct path_table *table;
	uint32_t first, file, len;

	(void)state;
	assert_int_equal(path_table_new(&table), 0);
	assert_int_equal(add(table, "/src", NULL, "a.c", &first), 0);
	assert_int_equal(add(table, "/src", "x/..", "a.c", &file), 0);
	assert_int_equal(file, first);
	assert_int_equal(add(table, "/src", "lib", "a.c", &file), 0);
	assert_int_not_equal(file, first);
	assert_int_equal(add(table, "/src", "lib", "b.c", &file), 0);
	path_table_files(table, &len);
	assert_int_equal(len, 3);
	path_table_directories(table, &len);
	assert_int_equal(len, 2);
	path_table_strings(table, &len);
	assert_int_equal(
	    len, sizeof("/src") + sizeof("a.c") + sizeof("/src/lib") + sizeof("b.c"));
	/* A prefix of what is there is another string. */
	assert_int_equal(add(table, "/sr", NULL, "a.c", &file), 0);
	assert_string_equal(path_of(table, file), "/sr/a.c");
	path_table_free(table);
}

static void
test_many(void **state)
{
	struct path_table *table;
	uint32_t file, len;
	char name[32], directory[32], path[80];

	(void)state;
	assert_int_equal(path_table_new(&table), 0);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 30000; i++) {
			snprintf(name, sizeof(name), "file-%u.c", i);
			snprintf(directory, sizeof(directory), "dir-%u", i / 30);
			assert_int_equal(add(table, "/src", directory, name, &file), 0);
			assert_int_equal(file, i);
		}
	}
	path_table_files(table, &len);
	assert_int_equal(len, 30000);
	path_table_directories(table, &len);
	assert_int_equal(len, 1000);
	for (uint32_t i = 0; i < 30000; i += 997) {
		snprintf(path, sizeof(path), "/src/dir-%u/file-%u.c", i / 30, i);
		assert_string_equal(path_of(table, i), path);
	}
	path_table_free(table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths_are_joined_and_normalised),
		cmocka_unit_test(test_what_names_no_file_is_refused),
		cmocka_unit_test(test_everything_stands_once),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("path table", tests, NULL, NULL);
}
