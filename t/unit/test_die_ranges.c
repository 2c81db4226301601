/* SPDX-License-Identifier: MIT
 * Ranges of DIEs, which unit has an address, and where a package has a unit.
 */
#include "config.h"

#include <dwarf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "line_bytes.h"
#include "symbolizer/dwarf/die_ranges.h"
#include "symbolizer/dwarf/package_index.h"
#include "symbolizer/basics/range_list.h"

/* ---- ranges ---- */

static struct byte_reader
reader_over(const struct line_bytes *bytes)
{
	return byte_reader_over(bytes->data, bytes->len);
}

/* Wants the pairs of @wanted, which end with 0, 0, to be told, but for empty ones. */
static void
check(const struct die_ranges_sources *sources, uint16_t version,
    const struct die_code *code, const uint64_t wanted[][2])
{
	const struct die_format format = { .version = version, .address_size = 8 };
	struct die_ranges ranges;
	uint64_t start, end;
	size_t i = 0;

	die_ranges_start(&ranges, sources, &format, code);
	while (die_ranges_next(&ranges, &start, &end)) {
		if (start == end)
			continue;
		assert_int_equal(start, wanted[i][0]);
		assert_int_equal(end, wanted[i][1]);
		i++;
	}
	assert_int_equal(wanted[i][1], 0);
}

static void
test_one_range(void **state)
{
	static const uint64_t wanted[][2] = { { 0x1000, 0x1010 }, { 0, 0 } };
	static const uint64_t none[][2] = { { 0, 0 } };
	struct line_bytes addr = { .len = 0 };
	struct die_ranges_sources sources = { .addr_base = 8 };
	struct die_code code = { .low_form = DW_FORM_addr,
		.low = 0x1000,
		.high_form = DW_FORM_data4,
		.high = 0x10 };

	(void)state;
	put(&addr, 0, 8);
	put(&addr, 0x1010, 8);
	put(&addr, 0x1000, 8);
	sources.addr = reader_over(&addr);
	check(&sources, 4, &code, wanted);
	code.high_form = DW_FORM_addr;
	code.high = 0x1010;
	check(&sources, 2, &code, wanted);
	code.high_form = DW_FORM_addrx;
	code.high = 0;
	code.low_form = DW_FORM_GNU_addr_index;
	code.low = 1;
	check(&sources, 5, &code, wanted);
	code.low = 2; /* behind the last one */
	check(&sources, 5, &code, none);
	code.low = UINT64_MAX / 4;
	check(&sources, 5, &code, none);
}

static void
test_old_lists(void **state)
{
	static const uint64_t wanted[][2] = { { 0x1004, 0x1008 }, { 0x2001, 0x2002 },
		{ 0, 0 } };
	static const uint64_t first[][2] = { { 0x1004, 0x1008 }, { 0, 0 } };
	struct line_bytes list = { .len = 0 };
	struct die_ranges_sources sources = { .ranges_base = 8, .low = 0x1000 };
	const struct die_code code = { .ranges_form = DW_FORM_sec_offset,
		.ranges = 16 };

	(void)state;
	put(&list, 0, 8);
	put(&list, 0, 8);
	put(&list, 0, 8);
	for (size_t i = 0; i < 2; i++)
		put(&list, 4 * (i + 1), 8);
	put(&list, UINT64_MAX, 8); /* another base */
	put(&list, 0x2000, 8);
	put(&list, 1, 8);
	put(&list, 2, 8);
	put(&list, 0, 8);
	put(&list, 0, 8);
	sources.ranges = reader_over(&list);
	check(&sources, 4, &code, wanted);
	sources.ranges.end = sources.ranges.at + 24 + 16 + 20;
	check(&sources, 4, &code, first);
	sources.ranges_base = 4096;
	check(&sources, 4, &code, first + 1);
}

static void
test_new_lists(void **state)
{
	static const uint64_t wanted[][2] = { { 0x1001, 0x1003 }, { 0x4000, 0x5000 },
		{ 0x5000, 0x5002 }, { 0x4005, 0x4006 }, { 0x7000, 0x7001 },
		{ 0x8000, 0x8004 }, { 0x9001, 0x9002 }, { 0, 0 } };
	static const uint64_t none[][2] = { { 0, 0 } };
	struct line_bytes list = { .len = 0 }, addr = { .len = 0 };
	struct die_ranges_sources sources = { .rnglists_base = 12, .low = 0x1000 };
	struct die_code code = { .ranges_form = DW_FORM_rnglistx, .ranges = 1 };

	(void)state;
	put(&addr, 0x4000, 8);
	put(&addr, 0x5000, 8);
	sources.addr = reader_over(&addr);
	put(&list, 0, 8); /* a header, which nobody looks at */
	put(&list, 2, 4);
	put(&list, 4096, 4); /* leads nowhere */
	put(&list, 8, 4);
	put(&list, DW_RLE_offset_pair, 1);
	put(&list, 0x0301, 2);
	put(&list, DW_RLE_startx_endx, 1);
	put(&list, 0x0100, 2);
	put(&list, DW_RLE_startx_length, 1);
	put(&list, 0x0201, 2);
	put(&list, DW_RLE_base_addressx, 1);
	put(&list, 0, 1);
	put(&list, DW_RLE_offset_pair, 1);
	put(&list, 0x0605, 2);
	put(&list, DW_RLE_start_end, 1);
	put(&list, 0x7000, 8);
	put(&list, 0x7001, 8);
	put(&list, DW_RLE_start_length, 1);
	put(&list, 0x8000, 8);
	put(&list, 4, 1);
	put(&list, DW_RLE_base_address, 1);
	put(&list, 0x9000, 8);
	put(&list, DW_RLE_offset_pair, 1);
	put(&list, 0x0201, 2);
	put(&list, DW_RLE_end_of_list, 1);
	sources.rnglists = reader_over(&list);
	check(&sources, 5, &code, wanted);
	code.ranges_form = DW_FORM_sec_offset;
	code.ranges = 20;
	check(&sources, 5, &code, wanted);
	code.ranges_form = DW_FORM_rnglistx;
	code.ranges = 0;
	check(&sources, 5, &code, none);
	code.ranges = UINT64_MAX;
	check(&sources, 5, &code, none);
}

/* ---- which of them ---- */

static void
test_who_begins_first(void **state)
{
	struct range_list ranges = { 0 };
	size_t number = 9;

	(void)state;
	assert_int_equal(range_list_find(&ranges, 0, &number), -ENOENT);
	assert_int_equal(range_list_add(&ranges, 0x30, 0x40, 4), 0);
	assert_int_equal(range_list_add(&ranges, 0x18, 0x28, 2), 0);
	assert_int_equal(range_list_add(&ranges, 0x10, 0x20, 3), 0);
	assert_int_equal(range_list_add(&ranges, 0x10, 0x20, 1), 0);
	assert_int_equal(range_list_add(&ranges, 0x50, 0x50, 5), 0);
	assert_int_equal(range_list_add(&ranges, 0x60, 0x50, 6), 0);
	range_list_settle(&ranges);
	assert_int_equal(ranges.len, 3);
	assert_int_equal(range_list_find(&ranges, 0xf, &number), -ENOENT);
	assert_int_equal(range_list_find(&ranges, 0x1f, &number), 0);
	assert_int_equal(number, 1);
	assert_int_equal(range_list_find(&ranges, 0x20, &number), 0);
	assert_int_equal(number, 2);
	assert_int_equal(range_list_find(&ranges, 0x28, &number), -ENOENT);
	assert_int_equal(range_list_find(&ranges, 0x3f, &number), 0);
	assert_int_equal(number, 4);
	assert_int_equal(range_list_find(&ranges, 0x50, &number), -ENOENT);
	range_list_free(&ranges);
}

/* ---- packages ---- */

/* Two units in four slots. */
static struct line_bytes
index_bytes(uint16_t version)
{
	static const uint32_t columns[] = { 1, 3, 6, 8 };
	struct line_bytes bytes = { .len = 0 };

	put(&bytes, version, 4); /* GNU's, and DWARF 5's with padding */
	put(&bytes, 4, 4);
	put(&bytes, 2, 4);
	put(&bytes, 4, 4);
	put(&bytes, 0, 8);
	put(&bytes, 0x77, 8);
	put(&bytes, 0x55, 8);
	put(&bytes, 0x99, 8); /* a row that is not there */
	put(&bytes, 0, 4);
	put(&bytes, 2, 4);
	put(&bytes, 1, 4);
	put(&bytes, 3, 4);
	for (size_t i = 0; i < 4; i++)
		put(&bytes, columns[i], 4);
	for (size_t i = 0; i < 2 * 8; i++)
		put(&bytes, 100 + i, 4);
	return bytes;
}

static void
test_packages(void **state)
{
	const struct package_unit *unit;
	struct package_index index;
	struct line_bytes bytes;

	(void)state;
	for (uint16_t version = 2; version <= 5; version += 3) {
		bytes = index_bytes(version);
		assert_int_equal(package_index_read(reader_over(&bytes), &index), 0);
		assert_int_equal(index.len, 2);
		assert_null(package_index_find(&index, 0));
		assert_null(package_index_find(&index, 0x99));
		unit = package_index_find(&index, 0x77);
		assert_non_null(unit);
		assert_int_equal(unit->info.offset, 104);
		assert_int_equal(unit->info.size, 112);
		assert_int_equal(unit->str_offsets.offset, 106);
		assert_int_equal(unit->rnglists.size, version == 5 ? 115 : 0);
		assert_int_equal(package_index_find(&index, 0x55)->abbrev.offset, 101);
		package_index_free(&index);
	}
}

static void
test_damaged_packages(void **state)
{
	struct line_bytes bytes = index_bytes(5);
	const size_t len = bytes.len;
	struct package_index index;

	(void)state;
	for (bytes.len = 0; bytes.len < len; bytes.len++)
		assert_int_equal(
		    package_index_read(reader_over(&bytes), &index), -EBADMSG);
	for (size_t at = 4; at < 16; at++) {
		bytes = index_bytes(5);
		bytes.data[at] = 0xff;
		assert_int_equal(
		    package_index_read(reader_over(&bytes), &index), -EBADMSG);
	}
	bytes = index_bytes(3);
	assert_int_equal(package_index_read(reader_over(&bytes), &index), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_range),
		cmocka_unit_test(test_old_lists),
		cmocka_unit_test(test_new_lists),
		cmocka_unit_test(test_who_begins_first),
		cmocka_unit_test(test_packages),
		cmocka_unit_test(test_damaged_packages),
	};

	return cmocka_run_group_tests_name("die ranges", tests, NULL, NULL);
}
