/* SPDX-License-Identifier: MIT
 * Words of the control socket, values of the configuration, the dispatch table, the
 * directory's generations.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conf_check.h"
#include "control.h"
#include "directory_writer.h"
#include "dispatch.h"

static void
test_listen(void **state)
{
	char normal[256], why[512];

	(void)state;
#define LISTEN(text) \
	conf_check_listen("/etc/f.conf", text, normal, sizeof(normal), why, sizeof(why))
	assert_int_equal(LISTEN("localhost:80"), 0);
	assert_string_equal(normal, "127.0.0.1:80");
	assert_int_equal(LISTEN("[::1]:0"), 0);
	assert_string_equal(normal, "[::1]:0");
	assert_int_equal(LISTEN("unix:run/s"), 0);
	assert_string_equal(normal, "unix:/etc/run/s");
	assert_int_equal(LISTEN("0.0.0.0:80"), -EINVAL);
	assert_non_null(strstr(why, "proxy"));
	assert_int_equal(LISTEN("[::]:80"), -EINVAL);
	assert_int_equal(LISTEN("127.0.0.1:65536"), -EINVAL);
	assert_int_equal(LISTEN("127.0.0.1"), -EINVAL);
	assert_int_equal(LISTEN("[:1"), -EINVAL);
	assert_int_equal(LISTEN(""), -EINVAL);
#undef LISTEN
}

static void
test_words(void **state)
{
	char tabs[] = "announce\t/a b\tc\n", many[] = "a b c d e f g h i",
	     none[] = "\n";
	char *words[CONTROL_WORDS_MAX];
	uint64_t value;

	(void)state;
	assert_int_equal(control_split(tabs, words), 3);
	assert_string_equal(words[1], "/a b");
	assert_int_equal(control_split(many, words), -E2BIG);
	assert_int_equal(control_split(none, words), 0);
	assert_true(control_read_id("00112233445566aa", &value));
	assert_true(value == UINT64_C(0x00112233445566aa));
	assert_false(control_read_id("0011", &value));
	assert_false(control_read_id("00112233445566AA", &value));
	assert_true(control_read_address("0x10", &value));
	assert_true(value == 16);
	assert_false(control_read_address("16", &value));
	assert_false(control_read_address("0x", &value));
	assert_false(control_read_address("0x11112222333344445", &value));
}

static void
test_dispatch(void **state)
{
	(void)state;
	assert_true(dispatch_allowed(WORKER_SYMBOLIZER, MESSAGE_TABLE, 1));
	assert_false(dispatch_allowed(WORKER_SYMBOLIZER, MESSAGE_TABLE, 2));
	assert_false(dispatch_allowed(WORKER_SYMBOLIZER, MESSAGE_LIVE, 1));
	assert_false(dispatch_allowed(WORKER_COLLECTOR, MESSAGE_LIVE, 0));
	assert_false(dispatch_allowed(WORKER_FRONTEND, MESSAGE_SYMBOLIZE, 1));
	assert_false(dispatch_allowed(WORKER_RUNNER, MESSAGE_BUILD_WASM, 0));
}

static void
test_directory(void **state)
{
	struct directory_target target = { .id = 7, .name = "a" };
	struct directory_writer *writer;
	const struct directory *page;
	struct shared_lock *lock;

	(void)state;
	assert_int_equal(directory_writer_new(0, &writer), 0);
	page = directory_writer_page(writer);
	assert_true(page->committed == 1 && page->halves[1].generation == 1);
	assert_int_equal(directory_writer_commit(writer, &target, 1), 0);
	assert_true(page->committed == 2 && page->halves[0].generation == 2);
	assert_int_equal(page->halves[0].targets[0].id, 7);
	assert_int_equal(page->halves[1].targets_len, 0);
	/* a reader that died with the lock held */
	lock = (struct shared_lock *)&page->lock;
	assert_int_equal(shared_lock_take(lock, 3, 0), 0);
	assert_int_equal(directory_writer_commit(writer, &target, 1), -EAGAIN);
	assert_true(page->committed == 2);
	assert_int_equal(directory_writer_recover(writer, 3), 1);
	assert_int_equal(directory_writer_commit(writer, NULL, 0), 0);
	assert_true(page->committed == 3);
	assert_int_equal(
	    directory_writer_commit(writer, &target, DIRECTORY_TARGETS_MAX + 1),
	    -E2BIG);
	directory_writer_free(writer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_dispatch),
		cmocka_unit_test(test_directory),
	};

	return cmocka_run_group_tests_name("daemon", tests, NULL, NULL);
}
