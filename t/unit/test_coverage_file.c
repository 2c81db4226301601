/* SPDX-License-Identifier: MIT
 * Coverage files of every length, layout and kind of inode.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "collector/coverage/coverage_file.h"
#include "coverage_map.h"

#define PCS 70

static char folder[] = "/tmp/fuzzsup-unit-XXXXXX";
static int directory;
static const struct coverage_owner owner = { 0 };

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return directory < 0 ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	close(directory);
	return rmdir(folder);
}

/* A file with @len of the words of a sound one for PCS, of which @at is @value. */
static enum coverage_status
verdict(size_t len, size_t at, uint64_t value, struct coverage_file *file)
{
	struct coverage_owner mine = owner;
	uint64_t words[3 + 2 + PCS + 8] = { 9, 4, PCS, UINT64_C(1) << 63, UINT64_MAX };
	enum coverage_status status;
	char reason[200] = "";
	int fd = openat(directory, "f", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	mine.service = geteuid();
	for (size_t i = 0; i < PCS; i++)
		words[5 + i] = 0x1000 + 16 * i;
	words[at] = value;
	assert_int_equal(write(fd, words, len), len);
	close(fd);
	status =
	    coverage_file_open(directory, "f", &mine, file, reason, sizeof(reason));
	assert_true((status == COVERAGE_SOUND) == (file->fd >= 0));
	assert_true((status == COVERAGE_SOUND) == (reason[0] == '\0'));
	return status;
}

static int
cut(size_t len)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/f", folder);
	return truncate(path, (off_t)len);
}

static void
test_sound(void **state)
{
	static uint64_t part[COVERAGE_PART];
	const size_t size = coverage_map_size(PCS);
	struct coverage_file file;
	uint64_t words[2], runs, unique, hash;
	uint32_t len;

	(void)state;
	assert_int_equal(verdict(size, 0, 9, &file), COVERAGE_SOUND);
	assert_int_equal(file.pcs_len, PCS);
	assert_int_equal(coverage_file_read(&file, &runs, &unique, words), 0);
	assert_int_equal(runs, 9);
	assert_int_equal(unique, 4);
	assert_int_equal(words[0], UINT64_C(1) << 63);
	assert_int_equal(
	    words[1], (1U << PCS % 64) - 1); /* behind the last PC: nobody's */
	assert_int_equal(coverage_file_check_length(&file), 0);
	assert_int_equal(coverage_file_part(&file, 0), PCS);
	assert_int_equal(coverage_file_next(&file, part, &len), 0);
	assert_int_equal(len, PCS);
	assert_int_equal(file.pcs_read, PCS);
	assert_int_equal(part[PCS - 1], 0x1000 + 16 * (PCS - 1));
	assert_int_equal(file.pcs_hash, coverage_pcs_hash(part, PCS));
	assert_int_equal(cut(size + 8), 0);
	assert_int_equal(coverage_file_check_length(&file), -ENODATA);
	assert_int_equal(cut(30), 0);
	assert_int_equal(coverage_file_read(&file, &runs, &unique, words), -ENODATA);
	hash = file.pcs_hash;
	coverage_file_close(&file);
	assert_int_equal(verdict(size, 5 + PCS - 1, 7, &file), COVERAGE_SOUND);
	assert_int_equal(coverage_file_next(&file, part, &len), 0);
	assert_int_not_equal(file.pcs_hash, hash);
	assert_int_equal(coverage_file_pcs(&file, PCS - 1, part, 1), 0);
	assert_int_equal(part[0], 7);
	assert_int_equal(cut(size - 1), 0);
	assert_int_equal(coverage_file_pcs(&file, PCS - 1, part, 1), -ENODATA);
	coverage_file_close(&file);
	unlinkat(directory, "f", 0);
}

/* More PCs than are read at once; and another hash where the last one differs. */
static void
test_parts(void **state)
{
	enum { MANY = 2 * COVERAGE_PART + 5 };
	static uint64_t words[3 + (MANY + 63) / 64 + MANY], part[COVERAGE_PART];
	uint64_t *pcs = words + 3 + (MANY + 63) / 64;
	struct coverage_owner mine = owner;
	struct coverage_file file;
	uint32_t len, total = 0;
	char reason[200];
	int fd = openat(directory, "f", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	(void)state;
	mine.service = geteuid();
	words[2] = MANY;
	for (size_t i = 0; i < MANY; i++)
		pcs[i] = 0x1000 + i;
	assert_int_equal(write(fd, words, sizeof(words)), sizeof(words));
	close(fd);
	assert_int_equal(
	    coverage_file_open(directory, "f", &mine, &file, reason, sizeof(reason)),
	    COVERAGE_SOUND);
	while (total < MANY) {
		assert_int_equal(coverage_file_next(&file, part, &len), 0);
		assert_memory_equal(part, pcs + total, 8 * len);
		total += len;
	}
	assert_int_equal(total, MANY);
	assert_int_equal(file.pcs_hash, coverage_pcs_hash(pcs, MANY));
	pcs[MANY - 1]++;
	assert_int_not_equal(file.pcs_hash, coverage_pcs_hash(pcs, MANY));
	coverage_file_close(&file);
	unlinkat(directory, "f", 0);
}

static void
test_lengths(void **state)
{
	const size_t size = coverage_map_size(PCS);
	struct coverage_file file;

	(void)state;
	for (size_t len = 0; len < size + 60;
	    len += len < 40 || len > size - 10 ? 1 : 37) {
		if (len != size)
			assert_int_equal(verdict(len, 0, 9, &file),
			    len < 24 ? COVERAGE_UNFINISHED : COVERAGE_REFUSED);
	}
	assert_int_equal(verdict(size, 2, 0, &file), COVERAGE_UNFINISHED);
	assert_int_equal(verdict(size, 2, PCS + 1, &file), COVERAGE_REFUSED);
	assert_int_equal(verdict(size, 2, UINT64_MAX, &file), COVERAGE_REFUSED);
	/* Lengths that fit again once they have overflowed. */
	assert_int_equal(
	    verdict(size, 2, (UINT64_C(1) << 61) + PCS, &file), COVERAGE_REFUSED);
	assert_int_equal(
	    verdict(size, 2, (UINT64_C(1) << 32) + PCS, &file), COVERAGE_REFUSED);
	unlinkat(directory, "f", 0);
}

static void
test_kinds(void **state)
{
	struct coverage_file file;
	char reason[200];

	(void)state;
#define OPEN() coverage_file_open(directory, "f", &owner, &file, reason, sizeof(reason))
	assert_int_equal(OPEN(), COVERAGE_GONE);
	assert_int_equal(mkfifoat(directory, "f", 0600), 0);
	assert_int_equal(OPEN(), COVERAGE_REFUSED);
	unlinkat(directory, "f", 0);
	assert_int_equal(symlinkat("/etc/passwd", directory, "f"), 0);
	assert_int_equal(OPEN(), COVERAGE_REFUSED);
	assert_non_null(strstr(reason, "symbolic link"));
	unlinkat(directory, "f", 0);
	assert_int_equal(mkdirat(directory, "f", 0700), 0);
	assert_int_equal(OPEN(), COVERAGE_REFUSED);
	unlinkat(directory, "f", AT_REMOVEDIR);
#undef OPEN
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests_name("coverage_file", tests, set_up, tear_down);
}
