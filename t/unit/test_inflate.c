/* SPDX-License-Identifier: MIT
 * Compressed sections: both methods, damage, claims that nobody can keep.
 */
#include "config.h"

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <cmocka.h>

#include "symbolizer/elf/inflate.h"

#define ZSTD 2 /* ELFCOMPRESS_ZSTD, newer than glibc 2.36 */
#define ALL_MAX (UINT64_C(2) << 30)

struct section {
	unsigned char *bytes;
	size_t len;
};

static const uint32_t methods[] = { ELFCOMPRESS_ZLIB, ZSTD };

static void
claim(struct section *section, uint32_t method, uint64_t size)
{
	const Elf64_Chdr header = {
		.ch_type = method, .ch_size = size, .ch_addralign = 1
	};

	memcpy(section->bytes, &header, sizeof(header));
}

static struct section
pack(uint32_t method, const void *data, size_t len)
{
	uLongf room = compressBound(len) + ZSTD_compressBound(len);
	struct section section = { malloc(sizeof(Elf64_Chdr) + room), 0 };
	unsigned char *out = section.bytes + sizeof(Elf64_Chdr);

	assert_non_null(section.bytes);
	claim(&section, method, len);
	if (method == ZSTD)
		room = ZSTD_compress(out, room, data, len, 3);
	else
		assert_int_equal(compress2(out, &room, data, len, 6), Z_OK);
	section.len = sizeof(Elf64_Chdr) + room;
	return section;
}

/* From a copy of exactly that length, so that AddressSanitizer sees a read behind it.
 * Outputs must stay untouched where it fails. */
static int
unpack(const unsigned char *bytes, size_t len, struct inflated **list,
    const unsigned char **ret_data, size_t *ret_len, struct failure *failure)
{
	unsigned char *copy = malloc(len + 1);
	const unsigned char *data = NULL;
	size_t data_len = 77;
	int r;

	assert_non_null(copy);
	memcpy(copy + 1, bytes, len);
	failure->text[0] = '\0';
	r = inflate_section(".debug_x", copy + 1, len, list, &data, &data_len, failure);
	free(copy);
	if (r < 0) {
		assert_null(data);
		assert_int_equal(data_len, 77);
		assert_non_null(strstr(failure->text, ".debug_x"));
	}
	*ret_data = data;
	*ret_len = data_len;
	return r;
}

static unsigned char *
some_bytes(size_t len)
{
	unsigned char *bytes = malloc(len + 1);
	uint32_t state = 1;

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (unsigned char)(state >> 24 & (i & 64 ? 3 : 255));
	}
	return bytes;
}

static void
test_both_methods(void **state)
{
	static const size_t lens[] = { 0, 1, 1000, 3 << 20 };
	struct inflated *list = NULL;
	struct failure failure;
	const unsigned char *data, *first = NULL;
	unsigned char *bytes = some_bytes(3 << 20);
	size_t len;

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		struct section section = pack(methods[i % 2], bytes, lens[i / 2]);

		assert_int_equal(
		    unpack(section.bytes, section.len, &list, &data, &len, &failure),
		    0);
		assert_int_equal(len, lens[i / 2]);
		assert_memory_equal(data, bytes, len);
		if (lens[i / 2] == 1000)
			first = data;
		free(section.bytes);
	}
	/* All live until the list is freed. */
	assert_memory_equal(first, bytes, 1000);
	inflated_free(list);
	free(bytes);
	inflated_free(NULL);
}

static void
test_cut_anywhere(void **state)
{
	unsigned char *bytes = some_bytes(300);
	struct inflated *list = NULL;
	struct failure failure;
	const unsigned char *data;
	size_t len;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct section section = pack(methods[i], bytes, 300);

		for (size_t cut = 0; cut < section.len; cut++)
			assert_int_equal(
			    unpack(section.bytes, cut, &list, &data, &len, &failure),
			    -ENOEXEC);
		free(section.bytes);
	}
	assert_null(list);
	free(bytes);
}

/* A size that is not the one that comes out, however little it is off. */
static void
test_wrong_sizes(void **state)
{
	static const uint64_t sizes[] = { 0, 299, 301, 1 << 20 };
	unsigned char *bytes = some_bytes(300);
	struct inflated *list = NULL;
	struct failure failure;
	const unsigned char *data;
	size_t len;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct section section = pack(methods[i % 2], bytes, 300);

		claim(&section, methods[i % 2], sizes[i / 2]);
		assert_int_equal(
		    unpack(section.bytes, section.len, &list, &data, &len, &failure),
		    -ENOEXEC);
		assert_non_null(strstr(failure.text, "damaged"));
		free(section.bytes);
	}
	assert_null(list);
	free(bytes);
}

static void
test_unknown_method(void **state)
{
	struct section section = pack(ZSTD, "x", 1);
	struct inflated *list = NULL;
	struct failure failure;
	const unsigned char *data;
	size_t len;

	(void)state;
	claim(&section, 77, 1);
	assert_int_equal(
	    unpack(section.bytes, section.len, &list, &data, &len, &failure), -ENOEXEC);
	assert_non_null(strstr(failure.text, "unknown way 77"));
	/* Each in the other's clothes. */
	claim(&section, ELFCOMPRESS_ZLIB, 1);
	assert_int_equal(
	    unpack(section.bytes, section.len, &list, &data, &len, &failure), -ENOEXEC);
	free(section.bytes);
}

/* Nothing is allocated for what could not be right: all sections of a file together
 * have a limit. */
static void
test_bombs(void **state)
{
	static const uint64_t sizes[] = { UINT64_MAX, UINT64_MAX - 15, INT64_MAX,
		ALL_MAX + 1, ALL_MAX - 999 };
	unsigned char *bytes = some_bytes(1000);
	struct section section = pack(ZSTD, bytes, 1000);
	struct inflated *list = NULL;
	struct failure failure;
	const unsigned char *data;
	size_t len;

	(void)state;
	assert_int_equal(
	    unpack(section.bytes, section.len, &list, &data, &len, &failure), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		claim(&section, methods[i % 2], sizes[i]);
		assert_int_equal(
		    unpack(section.bytes, section.len, &list, &data, &len, &failure),
		    -EFBIG);
		assert_non_null(strstr(failure.text, "claims to inflate"));
	}
	inflated_free(list);
	free(section.bytes);
	free(bytes);
}

/* Any byte changed: as many bytes as were claimed come out, or none. */
static void
test_damage(void **state)
{
	unsigned char *bytes = some_bytes(2000);
	struct inflated *list = NULL;
	struct failure failure;
	const unsigned char *data;
	size_t len;
	int r;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct section section = pack(methods[i], bytes, 2000);

		for (size_t at = sizeof(Elf64_Chdr); at < section.len; at++) {
			section.bytes[at] ^= (unsigned char)(1 + at % 255);
			r = unpack(
			    section.bytes, section.len, &list, &data, &len, &failure);
			assert_true(r == 0 ? len == 2000 : r == -ENOEXEC);
			section.bytes[at] ^= (unsigned char)(1 + at % 255);
		}
		free(section.bytes);
	}
	inflated_free(list);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_methods),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_wrong_sizes),
		cmocka_unit_test(test_unknown_method),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests_name("inflate", tests, NULL, NULL);
}
