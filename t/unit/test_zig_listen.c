/* SPDX-License-Identifier: MIT
 * What a Zig test executable may say, byte by byte, and what it must not.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runner/zig/zig_listen.h"

static const struct zig_task task = { .tests = { 1 },
	.tests_len = 1,
	.instance = 3,
	.step = 1,
	.instances = 4,
	.shares = true };

struct test {
	struct zig_listen zig;
	int said, heard; /* the executable's side */
	struct zig_word word;
};

static void
begin(struct test *test)
{
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
	test->said = out[1];
	test->heard = in[0];
	zig_listen_start(&test->zig, in[1], out[0], &task);
}

static void
end(struct test *test)
{
	zig_listen_stop(&test->zig);
	close(test->said);
	close(test->heard);
}

/* One byte at a time; returns what came of the last that was not "go on". */
static int
say(struct test *test, const void *bytes, size_t len)
{
	int r = -EAGAIN;

	for (size_t i = 0; i < len && r == -EAGAIN; i++) {
		assert_int_equal(write(test->said, (const char *)bytes + i, 1), 1);
		r = zig_listen_read(&test->zig, &test->word);
	}
	return r;
}

static int
say_message(struct test *test, uint32_t tag, const void *body, uint32_t len)
{
	const uint32_t header[] = { tag, len };
	int r = say(test, header, sizeof(header));

	return r == -EAGAIN ? say(test, body, len) : r;
}

/* Two tests, "a" and "b". */
static const uint32_t two_tests[] = { 4, 2, 0, 2, 0, 0, 0x00620061 };

static int
say_version(struct test *test, const char *version)
{
	return say_message(test, 0, version, (uint32_t)strlen(version));
}

static void
expect_heard(const struct test *test, const void *bytes, size_t len)
{
	char got[256];

	assert_int_equal(read(test->heard, got, sizeof(got)), len);
	assert_memory_equal(got, bytes, len);
}

static void
test_names(void **state)
{
	static const uint32_t asks[] = { 4, 0 };
	static const unsigned char starts[] = { 6, 0, 0, 0, 18, 0, 0, 0, 0, 3, 0, 0, 0,
		0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 'b' };
	static const unsigned char input[] = { 7, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0,
		'x' };
	const uint64_t address = 0x1234, coverage[] = { 1, 0, 0, 0 };
	struct test test;

	(void)state;
	begin(&test);
	assert_int_equal(say_version(&test, "0.17.1"), -EAGAIN);
	expect_heard(&test, asks, sizeof(asks));
	assert_false(zig_listen_wants_inputs(&test.zig));
	assert_int_equal(say_message(&test, 3, two_tests, sizeof(two_tests)), 1);
	assert_int_equal(test.word.kind, ZIG_SAYS);
	assert_non_null(strstr(test.word.text, "fuzzes test 1, b; its tests: 0 a 1 b"));
	expect_heard(&test, starts, sizeof(starts));
	assert_int_equal(say_message(&test, 7, coverage, sizeof(coverage)), -EAGAIN);
	assert_int_equal(say_message(&test, 8, &address, sizeof(address)), 1);
	assert_int_equal(test.word.kind, ZIG_ENTRY);
	assert_int_equal(test.word.address, address);
	assert_int_equal(say_message(&test, 99, "what is that?", 13), -EAGAIN);
	assert_int_equal(say_message(&test, 10, input + 8, 5), 1);
	assert_int_equal(test.word.kind, ZIG_INPUT);
	assert_int_equal(test.word.len, 5);
	assert_true(zig_listen_wants_inputs(&test.zig));
	assert_int_equal(zig_listen_input(&test.zig, input + 8, 5), 0);
	expect_heard(&test, input, sizeof(input));
	end(&test);
}

static void
test_index(void **state)
{
	static const uint32_t starts[] = { 4, 0, 6, 4, 1 };
	const uint64_t address = 0x1234, coverage = 1;
	struct test test;

	(void)state;
	begin(&test);
	assert_int_equal(say_version(&test, "0.15.2"), -EAGAIN);
	assert_int_equal(say_message(&test, 6, &coverage, sizeof(coverage)), -EAGAIN);
	assert_int_equal(say_message(&test, 3, two_tests, sizeof(two_tests)), 1);
	expect_heard(&test, starts, sizeof(starts));
	assert_int_equal(say_message(&test, 7, &address, sizeof(address)), 1);
	assert_int_equal(test.word.address, address);
	assert_false(zig_listen_wants_inputs(&test.zig));
	end(&test);
}

static void
expect_refused(struct test *test, int r, const char *words)
{
	assert_int_equal(r, -EPROTO);
	assert_non_null(strstr(test->zig.text, words));
	end(test);
}

static void
test_refusals(void **state)
{
	static const char *const versions[] = { "0.13.0", "0.18.0", "1.0.0",
		"0.99.0-dev" };
	const uint64_t no_pcs = 0x0409638ee2bde459;
	struct test test;

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		begin(&test);
		expect_refused(&test, say_version(&test, versions[i]), versions[i]);
	}
	begin(&test);
	expect_refused(&test, say_version(&test, "sixteen"), "not Zig's");
	begin(&test);
	expect_refused(&test, say_message(&test, 0, "", 0), "not Zig's");
	begin(&test);
	expect_refused(&test, say(&test, "Test [1/1] OK", 13), "not Zig's");
	begin(&test);
	say_version(&test, "0.15.2");
	expect_refused(
	    &test, say_message(&test, 3, two_tests, sizeof(two_tests)), "-ffuzz");
	begin(&test);
	say_version(&test, "0.15.2");
	expect_refused(
	    &test, say_message(&test, 6, &no_pcs, sizeof(no_pcs)), "use_llvm");
	begin(&test);
	say_version(&test, "0.16.0");
	expect_refused(&test, say_message(&test, 77, NULL, 17 << 20), "not Zig's");
}

/* Lists of tests that lie about their lengths. */
static void
test_hostile_tests(void **state)
{
	static const uint32_t none[] = { 0, 0 }, many[] = { 4, 0x20000001, 0, 0 },
			      outside[] = { 4, 2, 0, 4, 0, 0, 0x00620061 },
			      endless[] = { 4, 2, 0, 2, 0, 0, 0x61620061 };
	static const struct {
		const uint32_t *words;
		uint32_t len;
		const char *why;
	} cases[] = {
		{ none, 0, "not Zig's" },
		{ none, 7, "not Zig's" },
		{ none, sizeof(none), "no test 1: the executable has 0 tests" },
		{ many, sizeof(many), "not Zig's" },
		{ two_tests, sizeof(two_tests) - 1, "not Zig's" },
		{ outside, sizeof(outside), "not Zig's" },
		{ endless, sizeof(endless), "not Zig's" },
	};
	struct test test;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&test);
		say_version(&test, "0.16.0");
		expect_refused(&test,
		    say_message(&test, 3, cases[i].words, cases[i].len), cases[i].why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_hostile_tests),
	};

	return cmocka_run_group_tests_name("zig_listen", tests, NULL, NULL);
}
