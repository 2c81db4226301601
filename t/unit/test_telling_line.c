/* SPDX-License-Identifier: MIT
 * Which line of what a run said is the telling one: recorded ends of fuzzers, chatter,
 * what terminals obey, what is no UTF-8.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "collector/job/job_telling.h"

static void
take_all(struct job_telling *telling, const char *text, size_t len)
{
	struct job_text rest = { text, len }, line;

	while (job_text_until(&rest, '\n', &line))
		job_telling_take(telling, line);
}

/* The line of all that is in @text. */
static const char *
line_of(const char *text)
{
	static struct job_telling telling;

	telling = (struct job_telling){ 0 };
	take_all(&telling, text, strlen(text));
	return job_telling_line(&telling);
}

static const char *
line_of_recording(const char *name)
{
	static struct job_telling telling;
	static char content[65536];
	char path[1024];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", RECORDINGS, name);
	file = fopen(path, "re");
	assert_non_null(file);
	len = fread(content, 1, sizeof(content), file);
	fclose(file);
	telling = (struct job_telling){ 0 };
	take_all(&telling, content, len);
	return job_telling_line(&telling);
}

static void
test_recorded(void **state)
{
	static const struct {
		const char *name, *line;
	} cases[] = {
		{ "afl-4.04c-no-dictionary.txt",
		    "SYSTEM ERROR : Unable to open '/no/such/dict': No such file or "
		    "directory" },
		{ "afl-4.04c-asan-options.txt",
		    "PROGRAM ABORT : Custom ASAN_OPTIONS set without abort_on_error=1 "
		    "- please fix!" },
		{ "afl-4.04c-all-crash.txt",
		    "PROGRAM ABORT : We need at least one valid input seed that does "
		    "not crash!" },
		{ "afl-4.04c-disk-full.txt",
		    "PROGRAM ABORT : Short read from "
		    "out/default/queue/id:000000,time:0,execs:0,orig:seed" },
		{ "libfuzzer-19-asan.txt",
		    "SUMMARY: AddressSanitizer: heap-buffer-overflow /src/crash.c:8:20 "
		    "in LLVMFuzzerTestOneInput" },
		{ "libfuzzer-19-no-folder.txt",
		    "ERROR: The required directory \"nosuchdir/\" does not exist" },
		{ "libfuzzer-19-no-dictionary.txt",
		    "ParseDictionaryFile: file does not exist or is empty" },
		{ "libfuzzer-19-crash.txt", "ERROR: libFuzzer: deadly signal" },
		{ "libfuzzer-19-plain.txt", "" },
		{ "honggfuzz-2.6.txt", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(line_of_recording(cases[i].name), cases[i].line);
}

static void
test_others(void **state)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{ "INFO: Seed: 1\n", "" },
		{ "/bin/sh: 1: afl-fizz: not found\n",
		    "/bin/sh: 1: afl-fizz: not found" },
		{ "./fuzz: error while loading shared libraries: libx.so.1: cannot "
		  "open shared object file: No such file or directory\n",
		    "./fuzz: error while loading shared libraries: libx.so.1: cannot "
		    "open shared object file: No such file or directory" },
		{ "fuzz: parse.c:7: parse: Assertion `n > 0' failed.\n"
		  "==7== ERROR: libFuzzer: deadly signal\nSUMMARY: libFuzzer: deadly "
		  "signal\n",
		    "fuzz: parse.c:7: parse: Assertion `n > 0' failed." },
		{ "\nthread '<unnamed>' panicked at fuzz_targets/a.rs:9:5:\n"
		  "index out of bounds\nnote: run with `RUST_BACKTRACE=1`\n"
		  "==9== ERROR: libFuzzer: deadly signal\n",
		    "thread '<unnamed>' panicked at fuzz_targets/a.rs:9:5: index out "
		    "of bounds" },
		{ "thread 'main' panicked at 'oh', src/main.rs:2:5\nnote: run\n",
		    "thread 'main' panicked at 'oh', src/main.rs:2:5" },
		{ "thread 77 panic: reached unreachable code\n/a.zig:1:2: 0x7 in f\n",
		    "thread 77 panic: reached unreachable code" },
		{ "main.zig:3:1: error: expected type\n",
		    "main.zig:3:1: error: expected type" },
		{ "terminate called after throwing an instance of 'std::bad_alloc'\n"
		  "  what():  std::bad_alloc\n",
		    "terminate called after throwing an instance of "
		    "'std::bad_alloc': std::bad_alloc" },
		{ "[2026-01-01T00:00:00+0000][F][77] main():123 Couldn't open "
		  "'/in'\n",
		    "Couldn't open '/in'" },
		{ "a.c:3:5: runtime error: division by zero\nSUMMARY: "
		  "UndefinedBehaviorSanitizer: undefined-behavior a.c:3:5\n",
		    "a.c:3:5: runtime error: division by zero" },
		{ "cp: error writing 'x': No space left on device\nit failed\n",
		    "cp: error writing 'x': No space left on device" },
		/* the first of one report is the cause */
		{ "==7==ERROR: AddressSanitizer: SEGV\n==7==ERROR: again\n",
		    "ERROR: AddressSanitizer: SEGV" },
		/* Remarks, and our own words. */
		{ "WARNING: Failed to find function\nfuzzsupd: it failed\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(line_of(cases[i].text), cases[i].line);
}

/* What was said long before the end tells nothing of it. */
static void
test_window(void **state)
{
	struct job_telling telling = { 0 };
	struct job_text noise = { "#1234: cov: 1 ft: 1 corp: 1 exec/s 1", 36 };

	(void)state;
	take_all(&telling, "SUMMARY: X: old\nit failed to parse\n", 34);
	for (int i = 0; i < 500; i++)
		job_telling_take(&telling, noise);
	assert_string_equal(job_telling_line(&telling), "SUMMARY: X: old");
	for (int i = 0; i < 500; i++)
		job_telling_take(&telling, noise);
	assert_string_equal(job_telling_line(&telling), "");
	/* A target's own chatter counts near to the end alone. */
	take_all(&telling, "it failed to parse\n", 19);
	assert_string_equal(job_telling_line(&telling), "it failed to parse");
	for (int i = 0; i < 100; i++)
		job_telling_take(&telling, noise);
	assert_string_equal(job_telling_line(&telling), "");
}

static void
test_hostile(void **state)
{
	char text[4096] = "ERROR: ";
	const char *line;

	(void)state;
	assert_string_equal(
	    line_of("\033]0;title\aERROR:\033[31m \033[0m\tred\033[2J\n"),
	    "ERROR: red");
	assert_string_equal(line_of("ERROR: a\x9b\xff"
				    "b\302\233c\177d\n"),
	    "ERROR: a??bcd");
	assert_string_equal(
	    line_of("ERROR: \342\200\256drow \342\201\247x\n"), "ERROR: drow x");
	/* half a character, an overlong one, a surrogate */
	assert_string_equal(line_of("ERROR: \303\n"), "ERROR: ?");
	assert_string_equal(line_of("ERROR: \300\257\355\240\200\n"), "ERROR: ?????");
	/* Cut between characters. */
	for (size_t at = 7; at + 3 < sizeof(text); at += 3)
		memcpy(text + at, "\342\202\254", 4);
	line = line_of(text);
	assert_true(strlen(line) < JOB_LINE_MAX);
	assert_string_equal(line + strlen(line) - 6, "\342\202\254\342\200\246");
	assert_string_equal(line_of("\033["), "");
	assert_string_equal(line_of("ERROR: \033"), "");
	assert_string_equal(line_of("ERR\033[1mOR: x ERROR: y"), "ERROR: x ERROR: y");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
