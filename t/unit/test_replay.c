/* SPDX-License-Identifier: MIT
 * The replay driver's set of what was run, and its watch over folders: each input is told
 * of, however and whenever it comes.
 */
#include "config.h"

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

#include "runtime/replay_seen.h"
#include "runtime/replay_watch.h"

/* ---- the set ---- */

static void
test_seen(void **state)
{
	struct replay_seen seen = { 0 };
	uint64_t fields[2];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 100000; i++) {
			/* The same numbers in another order are others. */
			fields[0] = i % 1000;
			fields[1] = i / 1000;
			assert_int_equal(replay_seen_add(&seen, fields, 2), round == 0);
		}
	assert_int_equal(seen.len, 100000);
	assert_true(seen.size * sizeof(*seen.slots) <= 22 * seen.len);
	free(seen.slots);
}

/* ---- the watch ---- */

#define INPUTS_MAX 20000

static struct told {
	unsigned count;
	unsigned of[INPUTS_MAX]; /* by the number that is the input's name */
	bool refuses;            /* to read any */
} told;

static enum replay_take
take(void *context, int folder, const char *name)
{
	unsigned number = (unsigned)atoi(name);

	assert_ptr_equal(context, &told);
	if (faccessat(folder, name, F_OK, 0) != 0)
		return REPLAY_TAKEN; /* it was renamed meanwhile */
	assert_true(number < INPUTS_MAX);
	told.of[number]++;
	told.count++;
	return told.refuses ? REPLAY_UNREAD : REPLAY_TAKEN;
}

static int
begin(void **state)
{
	static char path[] = "/tmp/test_replay-XXXXXX";

	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	memset(&told, 0, sizeof(told));
	*state = path;
	return mkdtemp(path) == NULL || chdir(path) != 0 ? -1 : 0;
}

static int
end(void **state)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf %s", (const char *)*state);
	return chdir("/") != 0 || system(command) != 0 ? -1 : 0;
}

static void
put(const char *folder, unsigned number)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%u", folder, number);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static struct replay_watch *
watch(const char *const *folders, size_t len)
{
	struct replay_watch *watch = replay_watch_new(folders, len, take, &told);

	assert_non_null(watch);
	return watch;
}

/* Inotify tells in the order of things, so all that was done before is there. */
static void
look(struct replay_watch *watch)
{
	replay_watch_tick(watch);
	replay_watch_news(watch);
	while (replay_watch_list(watch))
		;
}

static void
test_before_and_after(void **state)
{
	static const char *const folders[] = { "a", "later" };
	struct replay_watch *here;

	(void)state;
	assert_int_equal(mkdir("a", 0755), 0);
	put("a", 1);
	put("a", 2);
	here = watch(folders, 2);
	put("a", 3);
	assert_int_equal(replay_watch_left(here), 2);
	look(here);
	assert_int_equal(replay_watch_left(here), 0);
	assert_true(told.of[1] == 1 && told.of[2] == 1 && told.of[3] >= 1);
	assert_int_equal(mkdir("later", 0755), 0);
	put("later", 4);
	look(here);
	put("later", 5);
	assert_int_equal(rename("later/5", "a/6"), 0);
	assert_int_equal(link("later/4", "a/7"), 0);
	look(here);
	assert_true(told.of[4] >= 1 && told.of[6] == 1 && told.of[7] == 1);
	replay_watch_free(here);
}

static void
test_replaced(void **state)
{
	static const char *const folders[] = { "a" };
	struct replay_watch *here;

	(void)state;
	assert_int_equal(mkdir("a", 0755), 0);
	here = watch(folders, 1);
	assert_int_equal(rename("a", "old"), 0);
	put("old", 1);
	look(here);
	assert_int_equal(mkdir("a", 0755), 0);
	put("a", 2);
	look(here);
	put("old", 3);
	put("a", 4);
	look(here);
	assert_true(told.of[2] >= 1 && told.of[4] >= 1 && told.of[3] == 0);
	replay_watch_free(here);
}

/* A folder that is named is one of inputs, whatever else it is part of. */
static void
test_nested(void **state)
{
	static const char *const folders[] = { "a", "a/b", "afl", "afl/main/queue" };
	static const char *const otherwise[] = { "afl/main/queue", "afl", "a/b", "a" };
	struct replay_watch *here;

	(void)state;
	assert_int_equal(mkdir("a", 0755), 0);
	assert_int_equal(mkdir("a/b", 0755), 0);
	assert_int_equal(mkdir("afl", 0755), 0);
	assert_int_equal(mkdir("afl/main", 0755), 0);
	assert_int_equal(mkdir("afl/main/queue", 0755), 0);
	put("afl/main", 9);
	for (unsigned round = 0; round < 2; round++) {
		here = watch(round == 0 ? folders : otherwise, 4);
		put("a", 10 * round + 1);
		put("a/b", 10 * round + 2);
		put("afl/main/queue", 10 * round + 3);
		look(here);
		look(here);
		for (unsigned i = 1; i <= 3; i++)
			assert_true(told.of[10 * round + i] >= 1);
		assert_int_equal(told.of[9], 0);
		replay_watch_free(here);
	}
}

/* What could not be read is told of again when its mode changes, or its folder's; and what
 * could be is not. */
static void
test_unread(void **state)
{
	static const char *const folders[] = { "a" };
	struct replay_watch *here;

	(void)state;
	assert_int_equal(mkdir("a", 0755), 0);
	put("a", 1);
	here = watch(folders, 1);
	look(here);
	assert_int_equal(chmod("a/1", 0600), 0);
	look(here);
	look(here);
	assert_int_equal(told.of[1], 1);
	told.refuses = true;
	put("a", 2);
	look(here);
	assert_int_equal(replay_watch_skipped(here), 1);
	assert_int_equal(chmod("a/2", 0600), 0);
	look(here); /* the news come behind the tick */
	told.refuses = false;
	look(here);
	assert_int_equal(told.of[2], 2);
	assert_int_equal(replay_watch_skipped(here), 0);
	assert_int_equal(chmod("a", 0700), 0);
	look(here);
	look(here);
	assert_int_equal(told.of[2], 3);
	replay_watch_free(here);
}

static void
test_overflow(void **state)
{
	static const char *const folders[] = { "a" };
	struct replay_watch *here;

	(void)state;
	assert_int_equal(mkdir("a", 0755), 0);
	here = watch(folders, 1);
	for (unsigned i = 0; i < INPUTS_MAX; i++)
		put("a", i);
	look(here);
	for (unsigned i = 0; i < INPUTS_MAX; i++)
		assert_true(told.of[i] >= 1);
	replay_watch_free(here);
}

/* Folders below a folder, more than are watched: the folder itself still is. */
static void
test_many_folders(void **state)
{
	static const char *const folders[] = { "a" };
	struct replay_watch *here;
	char path[64];

	(void)state;
	assert_int_equal(mkdir("a", 0755), 0);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "a/folder%u", i);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	here = watch(folders, 1);
	put("a", 1);
	look(here);
	assert_true(told.of[1] >= 1);
	replay_watch_free(here);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seen),
		cmocka_unit_test_setup_teardown(test_before_and_after, begin, end),
		cmocka_unit_test_setup_teardown(test_replaced, begin, end),
		cmocka_unit_test_setup_teardown(test_nested, begin, end),
		cmocka_unit_test_setup_teardown(test_unread, begin, end),
		cmocka_unit_test_setup_teardown(test_overflow, begin, end),
		cmocka_unit_test_setup_teardown(test_many_folders, begin, end),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
