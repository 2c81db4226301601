/* SPDX-License-Identifier: MIT
 * Source-location tables: what is written is what readers accept and find.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "source_table.h"
#include "symbolizer/lines/table_writer.h"

#define PCS_MAX 9

static const uint64_t pcs[PCS_MAX] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };
static const uint64_t entries[] = { 0x1000, 0x10 };
static unsigned char build_id[64];

struct fixture {
	struct path_table *paths;
	uint32_t order[PCS_MAX];
	struct wire_location locations[PCS_MAX];
};

/* Content with @len PCs, every third of them without a place. */
static struct table_content
content_of(struct fixture *f, uint32_t len)
{
	static const char *const names[] = { "/src/a.c", "/src/lib/bb.c", "ccc.c" };
	struct byte_text name;
	uint32_t file;

	assert_int_equal(path_table_new(&f->paths), 0);
	for (uint32_t i = 0; i < len; i++) {
		f->order[i] = len - 1 - i;
		f->locations[i] = (struct wire_location){ WIRE_FILE_UNKNOWN, 0, 0 };
		if (i % 3 == 2)
			continue;
		name = (struct byte_text){ names[i % 3], strlen(names[i % 3]) };
		assert_int_equal(path_table_file(f->paths, &name, 1, &file), 0);
		f->locations[i] = (struct wire_location){ file, i + 1, i };
	}
	return (struct table_content){
		.pcs = pcs,
		.order = f->order,
		.locations = f->locations,
		.pcs_len = len,
		.paths = f->paths,
	};
}

/* Every length, since what follows must be aligned. */
static void
test_readers_find_all_of_it(void **state)
{
	(void)state;
	for (uint32_t len = 1; len <= PCS_MAX; len++) {
		struct fixture f;
		struct table_content content = content_of(&f, len);
		struct source_table table;
		const struct source_table_header *h;
		int fd = -1;

		content.entries = entries;
		content.entries_len = len % 3;
		content.build_id = byte_reader_over(build_id, len);
		assert_int_equal(table_write(&content, &fd), 0);
		assert_int_equal(source_table_map(fd, &table), 0);
		h = table.header;
		assert_int_equal(h->pcs_len, len);
		assert_int_equal(h->unknown_len, len / 3);
		assert_memory_equal(table.pcs, pcs, len * sizeof(*pcs));
		assert_memory_equal(table.order, f.order, len * sizeof(*f.order));
		assert_memory_equal(
		    table.locations, f.locations, len * sizeof(*f.locations));
		assert_int_equal(h->entries_len, len % 3);
		assert_memory_equal(table.entries, entries, len % 3 * sizeof(*entries));
		assert_int_equal(h->build_id_len, len);
		assert_memory_equal(h->build_id, build_id, len);
		assert_int_equal(h->files_len, len < 2 ? 1 : 2);
		assert_string_equal(
		    table.strings + table.directories[table.files[0].directory],
		    "/src");
		assert_string_equal(table.strings + table.files[0].basename, "a.c");
		source_table_unmap(&table);
		close(fd);
		path_table_free(f.paths);
	}
}

static void
test_least_and_most(void **state)
{
	struct fixture f;
	struct table_content content = content_of(&f, 0);
	struct source_table table;
	int fd = -1;

	(void)state;
	assert_int_equal(table_write(&content, &fd), 0);
	assert_int_equal(source_table_map(fd, &table), 0);
	assert_int_equal(table.header->pcs_len, 0);
	assert_int_equal(table.header->files_len, 0);
	assert_int_equal(table.header->build_id_len, 0);
	source_table_unmap(&table);
	close(fd);
	content.build_id = byte_reader_over(build_id, sizeof(build_id));
	assert_int_equal(table_write(&content, &fd), 0);
	assert_int_equal(source_table_map(fd, &table), 0);
	assert_memory_equal(table.header->build_id, build_id, sizeof(build_id));
	source_table_unmap(&table);
	close(fd);
	path_table_free(f.paths);
}

/* Whoever holds the descriptor can change nothing, nor could a hostile symbolizer. */
static void
test_it_is_sealed(void **state)
{
	struct fixture f;
	struct table_content content = content_of(&f, 3);
	int fd = -1;

	(void)state;
	assert_int_equal(table_write(&content, &fd), 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 1 << 20), -1);
	assert_ptr_equal(
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, 0), -1);
	close(fd);
	path_table_free(f.paths);
}

static void
test_failure_leaves_nothing(void **state)
{
	struct fixture f;
	struct table_content content = content_of(&f, PCS_MAX);
	struct rlimit before, small;
	int fd = 77, next = dup(0);

	(void)state;
	close(next);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	/* The header goes in, the rest does not. */
	for (small.rlim_cur = 0; small.rlim_cur <= 200; small.rlim_cur += 40) {
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		assert_int_equal(table_write(&content, &fd), -EFBIG);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	small = before;
	small.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
	assert_int_equal(table_write(&content, &fd), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(fd, 77);
	/* No descriptor was left open. */
	fd = dup(0);
	assert_int_equal(fd, next);
	close(fd);
	path_table_free(f.paths);
}

static int
fill_build_id(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(build_id); i++)
		build_id[i] = (unsigned char)(3 * i + 1);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_find_all_of_it),
		cmocka_unit_test(test_least_and_most),
		cmocka_unit_test(test_it_is_sealed),
		cmocka_unit_test(test_failure_leaves_nothing),
	};

	return cmocka_run_group_tests_name("table writer", tests, fill_build_id, NULL);
}
