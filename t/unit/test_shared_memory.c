/* SPDX-License-Identifier: MIT
 * Sealed memfds, live segments, source and function tables: what a reader must refuse.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "function_table.h"
#include "live_segment.h"
#include "shared_memory.h"
#include "source_table.h"

/* A table of three PCs in two files, as the symbolizer lays it out. */
struct small_table {
	struct source_table_header header;
	uint64_t pcs[3];
	uint32_t order[4];
	uint32_t directories[2];
	struct wire_file files[2];
	struct wire_location locations[4];
	char strings[16];
};

static struct small_table
make_table(void)
{
	return (struct small_table){
		.header = {
			.magic = SOURCE_TABLE_MAGIC,
			.version = SOURCE_TABLE_VERSION,
			.size = sizeof(struct small_table),
			.pcs_len = 3,
			.unknown_len = 1,
			.directories_len = 1,
			.files_len = 2,
			.string_bytes_len = 12,
			.pcs = offsetof(struct small_table, pcs),
			.order = offsetof(struct small_table, order),
			.directories = offsetof(struct small_table, directories),
			.files = offsetof(struct small_table, files),
			.locations = offsetof(struct small_table, locations),
			.strings = offsetof(struct small_table, strings),
			.entries = sizeof(struct small_table),
		},
		.pcs = { 0x300, 0x100, 0x200 },
		.order = { 1, 2, 0 },
		.directories = { 0 },
		.files = { { 0, 4 }, { 0, 8 } },
		.locations = { { 0, 1, 2 }, { 1, 3, 4 }, { WIRE_FILE_UNKNOWN, 0, 0 } },
		.strings = "/sr\0a.c\0b.c",
	};
}

static int
map_table(const struct small_table *table, struct source_table *ret_mapped)
{
	int fd = shared_memory_create("table"), r;

	assert_true(fd >= 0);
	assert_int_equal(shared_memory_append(fd, table, sizeof(*table)), 0);
	assert_int_equal(shared_memory_seal(fd), 0);
	r = source_table_map(fd, ret_mapped);
	close(fd);
	return r;
}

static void
test_table_is_read(void **state)
{
	struct small_table table = make_table();
	struct source_table mapped;

	(void)state;
	assert_int_equal(map_table(&table, &mapped), 0);
	assert_string_equal(mapped.strings + mapped.files[1].basename, "b.c");
	assert_int_equal(source_table_nearest(&mapped, 0xff), -ENOENT);
	assert_int_equal(source_table_nearest(&mapped, 0x100), 1);
	assert_int_equal(source_table_nearest(&mapped, 0x2ff), 2);
	assert_int_equal(source_table_nearest(&mapped, UINT64_MAX), 0);
	source_table_unmap(&mapped);
}

static void
test_nearest_takes_the_first_of_equal_pcs(void **state)
{
	struct small_table table = make_table();
	struct source_table mapped;

	(void)state;
	table.pcs[0] = table.pcs[1] = table.pcs[2] = 0x100;
	table.order[0] = 0;
	table.order[1] = 1;
	table.order[2] = 2;
	assert_int_equal(map_table(&table, &mapped), 0);
	assert_int_equal(source_table_nearest(&mapped, 0x100), 0);
	source_table_unmap(&mapped);
}

#define SPOIL(statement) \
	do { \
		struct small_table table = make_table(); \
		struct source_table mapped; \
		statement; \
		if (map_table(&table, &mapped) != -EPROTO) \
			fail_msg("accepted after: %s", #statement); \
	} while (0)

static void
test_spoiled_tables_are_refused(void **state)
{
	(void)state;
	SPOIL(table.header.magic++);
	SPOIL(table.header.version++);
	SPOIL(table.header.size--);
	SPOIL(table.header.pcs_len = UINT32_MAX);
	SPOIL(table.header.pcs_len = 1000);
	SPOIL(table.header.pcs += 4);
	SPOIL(table.header.order = UINT64_MAX - 7);
	SPOIL(table.header.files_len = UINT32_MAX);
	SPOIL(table.header.string_bytes_len = 11);
	SPOIL(table.header.build_id_len = 65);
	SPOIL(table.header.unknown_len = 0);
	SPOIL(table.directories[0] = 12);
	SPOIL(table.files[0].directory = 1);
	SPOIL(table.files[1].basename = 12);
	SPOIL(table.locations[0].file = 2);
	SPOIL(table.order[0] = 3);
	SPOIL(table.order[0] = 2; table.order[1] = 1);
	SPOIL(table.order[1] = 1);
}

static void
test_unsealed_is_refused(void **state)
{
	struct small_table table = make_table();
	struct source_table mapped;
	int fd = shared_memory_create("table");

	(void)state;
	assert_int_equal(shared_memory_append(fd, &table, sizeof(table)), 0);
	assert_int_equal(source_table_map(fd, &mapped), -EPROTO);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	assert_int_equal(source_table_map(fd, &mapped), -EPROTO);
	close(fd);
}

/* Two functions over three of four PCs, as the symbolizer lays them out. */
struct small_functions {
	struct wire_functions header;
	struct wire_function functions[2];
	uint32_t owners[4];
	char strings[16];
};

static struct small_functions
make_functions(void)
{
	return (struct small_functions){
		.header = {
			.magic = FUNCTION_TABLE_MAGIC,
			.version = FUNCTION_TABLE_VERSION,
			.size = sizeof(struct small_functions),
			.pcs_len = 4,
			.functions_len = 2,
			.string_bytes_len = 12,
			.unknown_len = 1,
			.functions = offsetof(struct small_functions, functions),
			.owners = offsetof(struct small_functions, owners),
			.strings = offsetof(struct small_functions, strings),
		},
		/* In order of address: PCs 1, 2, 0, 3. */
		.functions = {
			{ .start = 0x100, .end = 0x180, .name = 1, .raw = 1, .first = 0, .pcs_len = 1, .pc = 1 },
			{ .start = 0x200, .end = 0x400, .name = 5, .raw = 8, .first = 1, .pcs_len = 2, .pc = 0 },
		},
		.owners = { 1, 0, 1, WIRE_FUNCTION_NONE },
		.strings = "\0one\0tw\0two",
	};
}

static int
map_functions(const struct small_functions *table, struct function_table *ret_mapped)
{
	int fd = shared_memory_create("functions"), r;

	assert_true(fd >= 0);
	assert_int_equal(shared_memory_append(fd, table, sizeof(*table)), 0);
	assert_int_equal(shared_memory_seal(fd), 0);
	r = function_table_map(fd, ret_mapped);
	close(fd);
	return r;
}

static void
test_functions_are_read(void **state)
{
	const uint64_t pcs[] = { 0x300, 0x100, 0x200, 0x500 };
	const uint64_t moved[] = { 0x400, 0x100, 0x200, 0x500 };
	const uint32_t order[] = { 1, 2, 0, 3 }, other[] = { 1, 2, 3, 0 };
	struct source_table_header header = { .pcs_len = 4 };
	struct source_table sources = { .header = &header, .pcs = pcs, .order = order };
	struct small_functions table = make_functions();
	struct function_table mapped;

	(void)state;
	assert_int_equal(map_functions(&table, &mapped), 0);
	assert_string_equal(mapped.strings + mapped.functions[1].raw, "two");
	assert_true(function_table_matches(&mapped, &sources));
	sources.order = other;
	assert_false(function_table_matches(&mapped, &sources));
	sources.order = order;
	sources.pcs = moved;
	assert_false(function_table_matches(&mapped, &sources));
	sources.pcs = pcs;
	header.pcs_len = 3;
	assert_false(function_table_matches(&mapped, &sources));
	function_table_unmap(&mapped);
}

#define SPOIL_FUNCTIONS(statement) \
	do { \
		struct small_functions table = make_functions(); \
		struct function_table mapped; \
		statement; \
		if (map_functions(&table, &mapped) != -EPROTO) \
			fail_msg("accepted after: %s", #statement); \
	} while (0)

static void
test_spoiled_functions_are_refused(void **state)
{
	(void)state;
	SPOIL_FUNCTIONS(table.header.magic++);
	SPOIL_FUNCTIONS(table.header.version++);
	SPOIL_FUNCTIONS(table.header.size--);
	SPOIL_FUNCTIONS(table.header.size += 8);
	SPOIL_FUNCTIONS(table.header.pcs_len = UINT32_MAX);
	SPOIL_FUNCTIONS(table.header.pcs_len = 3);
	SPOIL_FUNCTIONS(table.header.functions_len = UINT32_MAX);
	SPOIL_FUNCTIONS(table.header.functions_len = 1);
	SPOIL_FUNCTIONS(table.header.functions += 4);
	SPOIL_FUNCTIONS(table.header.functions = UINT64_MAX - 7);
	SPOIL_FUNCTIONS(table.header.owners = sizeof(table) - 8);
	SPOIL_FUNCTIONS(table.header.strings = sizeof(table));
	SPOIL_FUNCTIONS(table.header.string_bytes_len = 0);
	SPOIL_FUNCTIONS(table.header.string_bytes_len = 11);
	SPOIL_FUNCTIONS(table.header.unknown_len = 2);
	SPOIL_FUNCTIONS(table.strings[0] = 'x');
	SPOIL_FUNCTIONS(table.functions[0].end = 0x100);
	SPOIL_FUNCTIONS(table.functions[0].end = 0x201);
	SPOIL_FUNCTIONS(table.functions[1].name = 12);
	SPOIL_FUNCTIONS(table.functions[1].raw = UINT32_MAX);
	SPOIL_FUNCTIONS(table.functions[1].first = 0);
	SPOIL_FUNCTIONS(table.functions[1].first = UINT32_MAX);
	SPOIL_FUNCTIONS(table.functions[1].pcs_len = UINT32_MAX);
	SPOIL_FUNCTIONS(table.functions[1].pcs_len = 3);
	SPOIL_FUNCTIONS(table.functions[1].pcs_len = 0);
	SPOIL_FUNCTIONS(table.functions[1].pc = 4);
	SPOIL_FUNCTIONS(table.functions[1].pc = 1);
	SPOIL_FUNCTIONS(table.owners[0] = 2);
	SPOIL_FUNCTIONS(table.owners[0] = 0);
	SPOIL_FUNCTIONS(table.owners[3] = 1);
}

static void
test_live_segment_has_one_writer(void **state)
{
	struct live_map writer, reader;
	int fd;

	(void)state;
	assert_int_equal(live_segment_create(130, 77, &fd, &writer), 0);
	assert_int_equal(live_segment_map(fd, &reader), 0);
	assert_int_equal(reader.head->pcs_len, 130);
	atomic_fetch_or(&writer.bits[2], 2);
	atomic_store(&writer.times[129], 5);
	atomic_store(&writer.entries[LIVE_ENTRIES_MAX - 1], 6);
	assert_int_equal(atomic_load(&reader.bits[2]), 2);
	assert_int_equal(atomic_load(&reader.times[129]), 5);
	assert_int_equal(atomic_load(&reader.entries[LIVE_ENTRIES_MAX - 1]), 6);
	assert_true(
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	assert_int_equal(ftruncate(fd, 0), -1);
	/* What the writer spoils, the reader must see at once. */
	writer.head->times += 8;
	live_segment_unmap(&reader);
	assert_int_equal(live_segment_map(fd, &reader), -EPROTO);
	live_segment_unmap(&writer);
	close(fd);
	assert_int_equal(live_segment_create(UINT32_MAX, 0, &fd, &writer), -EOVERFLOW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_read),
		cmocka_unit_test(test_nearest_takes_the_first_of_equal_pcs),
		cmocka_unit_test(test_spoiled_tables_are_refused),
		cmocka_unit_test(test_unsealed_is_refused),
		cmocka_unit_test(test_functions_are_read),
		cmocka_unit_test(test_spoiled_functions_are_refused),
		cmocka_unit_test(test_live_segment_has_one_writer),
	};

	return cmocka_run_group_tests_name("shared memory", tests, NULL, NULL);
}
