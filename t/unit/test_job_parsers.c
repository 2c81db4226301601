/* SPDX-License-Identifier: MIT
 * What is read out of libFuzzer's lines, AFL++'s and honggfuzz's files: recorded, cut,
 * hostile.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "collector/job/job_attached.h"
#include "collector/job/job_parsers.h"
#include "job_types.h"

static struct job_text
text_of(const char *string)
{
	return (struct job_text){ string, strlen(string) };
}

/* Exactly as long as the file, so that a sanitizer sees who reads behind it. */
static struct job_text
recording(const char *name)
{
	char path[1024], *content;
	long len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", RECORDINGS, name);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	len = ftell(file);
	rewind(file);
	content = malloc((size_t)len);
	assert_non_null(content);
	assert_int_equal(fread(content, 1, (size_t)len, file), len);
	fclose(file);
	return (struct job_text){ content, (size_t)len };
}

/* ---- numbers ---- */

static void
test_numbers(void **state)
{
	struct job_text text = text_of("12ab");
	uint64_t number = 7;

	(void)state;
	assert_true(job_text_number(&text, &number));
	assert_int_equal(number, 12);
	assert_int_equal(text.len, 2);
	assert_false(job_text_number(&text, &number));
	assert_int_equal(number, 12);
	text = text_of("99999999999999999999999");
	assert_false(job_text_number(&text, &number));
	text = text_of("-1");
	assert_false(job_text_number(&text, &number));
	text = text_of("27177.675");
	assert_true(job_text_decimal(&text, 100, &number));
	assert_int_equal(number, 2717767);
	assert_int_equal(text.len, 0);
	text = text_of("5.");
	assert_true(job_text_decimal(&text, 1000, &number));
	assert_int_equal(number, 5000);
	text = text_of("9007199254740992");
	assert_false(job_text_decimal(&text, 1000, &number));
}

static void
test_bytes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = { { "9b", 9 }, { "0b", 0 }, { "27Kb", 27648 }, { "3Mb", 3145728 },
		{ "2Gb", UINT64_C(2147483648) }, { "12", 12 } };
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct job_text text = text_of(cases[i].text);

		assert_true(job_text_bytes(&text, &bytes));
		assert_int_equal(bytes, cases[i].bytes);
		assert_int_equal(text.len, 0);
	}
	assert_false(
	    job_text_bytes(&(struct job_text){ "9007199254740992Kb", 18 }, &bytes));
}

static void
test_marks(void **state)
{
	struct job_mark mark;

	(void)state;
	mark = job_mark_parse(text_of("fuzzsupd: instance 3 starts: pid 77, time "
				      "1700000000123: ./target corpus"));
	assert_int_equal(mark.kind, JOB_MARK_START);
	assert_int_equal(mark.instance, 3);
	assert_int_equal(mark.time_ms, 1700000000123);
	mark = job_mark_parse(text_of("fuzzsupd: instance 0 ended: exit status 77"));
	assert_int_equal(mark.kind, JOB_MARK_END);
	assert_int_equal(mark.instance, 0);
	assert_int_equal(
	    job_mark_parse(text_of("fuzzsupd: 99 bytes left out")).kind, JOB_MARK_NONE);
	assert_int_equal(
	    job_mark_parse(text_of("fuzzsupd: instance 256 ended: x")).kind,
	    JOB_MARK_NONE);
	assert_int_equal(
	    job_mark_parse(text_of("fuzzsupd: instance 1 starts: pid x, time 1")).kind,
	    JOB_MARK_NONE);
}

/* ---- libFuzzer ---- */

struct outcome {
	struct libfuzzer_line last; /* each of its numbers as it was told last */
	unsigned lines, finds, begins;
};

static struct outcome
read_log(const char *name)
{
	struct job_text log = recording(name), rest = log, line;
	struct outcome outcome = { 0 };
	struct libfuzzer_line parsed;
	uint64_t before = 0;

	while (job_text_until(&rest, '\n', &line)) {
		parsed = libfuzzer_line_parse(line);
		if ((parsed.known & JOB_STATS_EXECUTIONS) == 0)
			continue;
		assert_true(parsed.executions >= before);
		before = parsed.executions;
		outcome.lines++;
		outcome.finds += parsed.find;
		outcome.begins += parsed.begins;
		if (parsed.known == JOB_STATS_EXECUTIONS)
			outcome.last.executions = parsed.executions;
		else
			outcome.last = parsed;
	}
	free((char *)log.at);
	return outcome;
}

static void
test_libfuzzer_plain(void **state)
{
	static const char *const names[] = { "libfuzzer-14-plain.txt",
		"libfuzzer-19-plain.txt" };
	static const uint64_t executions[] = { 21321, 21911 }, rates[] = { 7107, 7303 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct outcome outcome = read_log(names[i]);

		assert_int_equal(outcome.lines, 6);
		assert_int_equal(outcome.finds, 2);
		assert_int_equal(outcome.begins, 1);
		assert_int_equal(outcome.last.executions, executions[i]);
		assert_int_equal(outcome.last.rate_milli, 1000 * rates[i]);
		assert_int_equal(outcome.last.corpus, 3);
		assert_int_equal(outcome.last.corpus_bytes, 4);
		assert_int_equal(outcome.last.edges, 8);
		assert_int_equal(outcome.last.memory, 27 << 20);
	}
}

/* Backtraces have lines that begin with a number sign, too. */
static void
test_libfuzzer_crash(void **state)
{
	static const char *const names[] = { "libfuzzer-14-crash.txt",
		"libfuzzer-19-crash.txt" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct outcome outcome = read_log(names[i]);

		assert_int_equal(outcome.lines, 9);
		assert_int_equal(outcome.finds, 5);
		assert_int_equal(outcome.last.executions, 74238);
		assert_int_equal(outcome.last.corpus, 7);
		assert_int_equal(outcome.last.corpus_bytes, 16);
	}
}

static void
test_libfuzzer_fork(void **state)
{
	struct outcome outcome = read_log("libfuzzer-14-fork.txt");

	(void)state;
	assert_int_equal(outcome.lines, 3);
	assert_int_equal(outcome.last.executions, 64154);
	assert_int_equal(outcome.last.rate_milli, 7170000);
	assert_int_equal(outcome.last.corpus, 4);
	assert_int_equal(outcome.last.edges, 12);
	assert_int_equal(outcome.last.known & JOB_STATS_CORPUS_BYTES, 0);
	outcome = read_log("libfuzzer-19-fork.txt");
	assert_int_equal(outcome.last.executions, 67506);
	assert_int_equal(outcome.last.rate_milli, 7209000);
	assert_true(read_log("libfuzzer-14-fork-crash.txt").lines > 5);
	assert_true(read_log("libfuzzer-19-fork-crash.txt").lines > 5);
}

static void
test_libfuzzer_others(void **state)
{
	static const char *const none[] = { "", "#", "#1", "#\tNEW cov: 1",
		"#12\tpulse", "#0 0x55d3 in main file.c:1 cov:", "    #1 0x7f cov: 3",
		"#18446744073709551616\tpulse  cov: 1", "INFO: Seed: 12", "#5: x",
		"stat::number_of_executed_units:", "stat::peak_rss_mb: 27",
		"#12\tNEW\tcov:8" };
	struct libfuzzer_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(
		    libfuzzer_line_parse(text_of(none[i])).known & JOB_STATS_EXECUTIONS,
		    0);
	/* What a target printed without a line feed; what a dictionary holds. */
	line = libfuzzer_line_parse(
	    text_of("a #b#64\tNEW    cov: 8 MS: 1 CMP- DE: \" cov: 99 corp: 7/7b \"-"));
	assert_int_equal(line.executions, 64);
	assert_int_equal(line.edges, 8);
	assert_true(line.find);
	assert_int_equal(line.known & JOB_STATS_CORPUS, 0);
}

/* No front of a line is more than the line, and none is read beyond its end. */
static void
test_libfuzzer_cut(void **state)
{
	struct job_text log = recording("libfuzzer-19-plain.txt"), rest = log, line;

	(void)state;
	while (job_text_until(&rest, '\n', &line)) {
		struct libfuzzer_line whole = libfuzzer_line_parse(line), part;

		for (size_t len = 0; len < line.len; len++) {
			char *copy = malloc(len + 1);

			memcpy(copy, line.at, len);
			part = libfuzzer_line_parse((struct job_text){ copy, len });
			assert_true(part.executions <= whole.executions);
			assert_int_equal(part.known & ~whole.known, 0);
			free(copy);
		}
	}
	free((char *)log.at);
}

/* ---- AFL++ ---- */

static void
test_afl(void **state)
{
	struct job_attached *attached = calloc(1, sizeof(*attached));
	struct job_text text = recording("afl-4.04c-crash");
	struct afl_stats stats;

	(void)state;
	assert_int_equal(afl_stats_parse(text, &stats), 0);
	assert_int_equal(stats.executions, 127623);
	assert_int_equal(stats.rate_milli, 25637400);
	assert_int_equal(stats.corpus, 3);
	assert_int_equal(stats.stability, 9000);
	assert_int_equal(stats.crashes, 1);
	assert_int_equal(stats.hangs, 0);
	assert_int_equal(stats.edges, 10);
	assert_int_equal(stats.places, 21);
	assert_int_equal(stats.pid, 29065);
	assert_int_equal(stats.start, 1795454617);
	assert_int_equal(stats.last_update_ms, 1795454622000);
	assert_int_equal(stats.last_crash_ms, 1795454621000);
	assert_int_equal(stats.last_find_ms, 0);
	assert_int_equal(stats.known & JOB_STATS_MEMORY, 0);
	snprintf(attached->executable, sizeof(attached->executable), "a");
	assert_true(job_attached_runs_target(attached, stats.command));
	snprintf(attached->executable, sizeof(attached->executable), "b");
	assert_false(job_attached_runs_target(attached, stats.command));
	assert_false(job_attached_runs_target(attached, (struct job_text){ 0 }));
	free(attached);
	for (size_t len = 0; len < text.len; len++) {
		struct afl_stats part = { .executions = 5 };
		struct job_text cut = { malloc(len + 1), len };

		memcpy((char *)cut.at, text.at, len);
		if (afl_stats_parse(cut, &part) < 0)
			assert_int_equal(part.executions, 5);
		else
			assert_int_equal(part.executions, 127623);
		free((char *)cut.at);
	}
	free((char *)text.at);
}

static void
test_afl_runs(void **state)
{
	struct job_text first = recording("afl-4.04c-first"),
			second = recording("afl-4.04c-resumed");
	struct afl_stats one, two;

	(void)state;
	assert_int_equal(afl_stats_parse(first, &one), 0);
	assert_int_equal(afl_stats_parse(second, &two), 0);
	assert_int_equal(one.executions, 25254);
	assert_int_equal(one.last_find_ms, 1795454605000);
	assert_int_equal(two.executions, 51215);
	assert_true(one.pid != two.pid);
	free((char *)first.at);
	free((char *)second.at);
}

static void
test_afl_others(void **state)
{
	static const char older[] = "last_update : 1600000000\nexecs_done:7\n"
				    "paths_total : 8\nunique_crashes : 9\n"
				    "unique_hangs : 10\nlast_path : 1500000000\n"
				    "execs_ps_last_min : 3.5\npeak_rss_mb : 2\n"
				    "stability : 300.00%\nedges_found : -1\n\n:\n"
				    "execs_done\n: : :\n";
	struct afl_stats stats;

	(void)state;
	assert_int_equal(afl_stats_parse(text_of(older), &stats), 0);
	assert_int_equal(stats.places, 0);
	assert_int_equal(stats.executions, 7);
	assert_int_equal(stats.corpus, 8);
	assert_int_equal(stats.crashes, 9);
	assert_int_equal(stats.hangs, 10);
	assert_int_equal(stats.last_find_ms, 1500000000000);
	assert_int_equal(stats.rate_milli, 3500);
	assert_int_equal(stats.memory, 2 << 20);
	assert_int_equal(stats.known & (JOB_STATS_STABILITY | JOB_STATS_EDGES), 0);
	assert_int_equal(afl_stats_parse(text_of(""), &stats), -EAGAIN);
	assert_int_equal(afl_stats_parse(text_of("execs_done : 1\n"), &stats), -EAGAIN);
	assert_int_equal(afl_stats_parse(text_of("last_update : 99999999999999999\n"
						 "execs_done : 1\n"),
			     &stats),
	    -EAGAIN);
}

/* ---- honggfuzz ---- */

#define HEAD \
	"# unix_time, last_cov_update, total_exec, exec_per_sec, crashes, " \
	"unique_crashes, hangs, edge_cov, block_cov, corpus_count\n"

static int
honggfuzz(const char *head, const char *tail, struct honggfuzz_stats *ret_stats)
{
	return honggfuzz_stats_parse(text_of(head), text_of(tail), ret_stats);
}

static void
test_honggfuzz(void **state)
{
	static const char rows[] =
	    HEAD "1700000000, 1699999999, 500, 100, 3, 1, 0, 40, 0, 5\n"
		 "1700000009, 1700000008, 1500, 200, 4, 2, 1, 44, 0, 6\n"
		 "1700000010, 1700000";
	struct honggfuzz_stats stats;

	(void)state;
	assert_int_equal(honggfuzz(rows, rows, &stats), 0);
	assert_int_equal(stats.executions, 1500);
	assert_int_equal(stats.rate_milli, 200000);
	assert_int_equal(stats.crashes, 2);
	assert_int_equal(stats.hangs, 1);
	assert_int_equal(stats.edges, 44);
	assert_int_equal(stats.corpus, 6);
	assert_int_equal(stats.time_ms, 1700000009000);
	assert_int_equal(stats.last_find_ms, 1700000008000);
	assert_int_equal(honggfuzz(HEAD, HEAD, &stats), -EAGAIN);
	assert_int_equal(honggfuzz("", "", &stats), -EAGAIN);
}

/* What the real one wrote. */
static void
test_honggfuzz_recorded(void **state)
{
	struct job_text rows = recording("honggfuzz-2.6-stats"), line;
	struct job_text log = recording("honggfuzz-2.6.txt"), rest = log;
	struct honggfuzz_stats stats;
	uint64_t executions = 0, found;

	(void)state;
	assert_int_equal(honggfuzz_stats_parse(rows, rows, &stats), 0);
	assert_int_equal(stats.known,
	    JOB_STATS_EXECUTIONS | JOB_STATS_RATE | JOB_STATS_CRASHES |
		JOB_STATS_HANGS | JOB_STATS_EDGES | JOB_STATS_CORPUS |
		JOB_STATS_LAST_FIND);
	assert_int_equal(stats.executions, 81079);
	assert_int_equal(stats.corpus, 403);
	assert_int_equal(stats.edges, 233);
	while (job_text_until(&rest, '\n', &line))
		if (honggfuzz_summary_parse(line, &found))
			executions = found;
	assert_int_equal(executions, 82248);
	free((char *)rows.at);
	free((char *)log.at);
	assert_false(honggfuzz_summary_parse(text_of("Summary iterations:12"), &found));
	assert_false(
	    honggfuzz_summary_parse(text_of(" Summary iterations:12 time:1"), &found));
}

static void
test_honggfuzz_others(void **state)
{
	struct honggfuzz_stats stats;

	(void)state;
	/* Other columns in another order; no names. */
	assert_int_equal(
	    honggfuzz("# total_exec, x, unix_time\n", "5, 6, 7\n", &stats), 0);
	assert_int_equal(stats.executions, 5);
	assert_int_equal(stats.time_ms, 7000);
	assert_int_equal(stats.known, JOB_STATS_EXECUTIONS);
	assert_int_equal(honggfuzz("12, 11, 5\n", "12, 11, 5\n", &stats), 0);
	assert_int_equal(stats.executions, 5);
	/* The newest row that is one. */
	assert_int_equal(
	    honggfuzz(HEAD, "x\n9, 9, 3\n1, 2, 3\n5, 5, x\n,,,\n\n\n", &stats), 0);
	assert_int_equal(stats.time_ms, 9000);
	assert_int_equal(honggfuzz(HEAD,
			     "9, 9, 3, 99999999999999999999\n9999999999999999, 9, 3\n"
			     "9, 9\n",
			     &stats),
	    -EAGAIN);
}

/* ---- anything ---- */

static void
test_rubbish(void **state)
{
	static const char pieces[][12] = { "#", "12", "\t", "cov: ", "corp: ", "3/4b",
		" ", "exec/s", ": ", "\n", "execs_done", "NEW", "99999999999",
		"MS:", ",", ".", "%", "stat::", "last_update",
		"fuzzsupd: ", "instance " };
	struct honggfuzz_stats honggfuzz_stats;
	struct afl_stats afl_stats;
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 50000; round++) {
		char buffer[400];
		struct job_text text = { NULL, 0 };
		size_t len = 0;

		for (int i = 0; i < 30; i++) {
			random = random * 1664525 + 1013904223;
			if (random >> 28 == 0) {
				buffer[len++] = (char)(random >> 16);
				continue;
			}
			text = text_of(pieces[(random >> 16) %
			    (sizeof(pieces) / sizeof(*pieces))]);
			memcpy(buffer + len, text.at, text.len);
			len += text.len;
		}
		text = (struct job_text){ malloc(len), len };
		memcpy((char *)text.at, buffer, len);
		assert_true(libfuzzer_line_parse(text).executions <= JOB_COUNT_MAX);
		job_mark_parse(text);
		if (afl_stats_parse(text, &afl_stats) == 0)
			assert_true(afl_stats.executions <= JOB_COUNT_MAX);
		if (honggfuzz_stats_parse(text, text, &honggfuzz_stats) == 0)
			assert_true(honggfuzz_stats.executions <= JOB_COUNT_MAX);
		free((char *)text.at);
	}
}

static void
test_replay_line(void **state)
{
	struct replay_line line = replay_line_parse(
	    text_of("#41\treplay corp: 40/9b left: 4 crashes: 1 hangs: 2 skipped: 7 "
		    "exec/s: 3 rss: 2Mb"));
	static const char *const foreign[] = { "", "#", "#41", "#41\t",
		"#41\treplay corp: 40/9b",                                 /* cut */
		"#41\tpulse  cov: 8 ft: 9 corp: 40/9b exec/s: 1 rss: 2Mb", /* libFuzzer's */
		"#41\treplayed corp: 40/9b left: 4", "41\treplay corp: 40/9b left: 4",
		"#99999999999999999999999\treplay corp: 40/9b left: 4" };

	(void)state;
	assert_int_equal(line.known,
	    JOB_STATS_EXECUTIONS | JOB_STATS_RATE | JOB_STATS_CORPUS |
		JOB_STATS_CORPUS_BYTES | JOB_STATS_CRASHES | JOB_STATS_HANGS |
		JOB_STATS_MEMORY | JOB_STATS_PENDING);
	assert_int_equal(line.executions, 41);
	assert_int_equal(line.corpus, 40);
	assert_int_equal(line.corpus_bytes, 9);
	assert_int_equal(line.pending, 4);
	assert_int_equal(line.crashes, 1);
	assert_int_equal(line.hangs, 2);
	assert_int_equal(line.rate_milli, 3000);
	assert_int_equal(line.memory, 2 << 20);
	assert_false(line.find);
	line = replay_line_parse(text_of("#41\tNEW corp: 40/9b left: 0"));
	assert_int_equal(line.known,
	    JOB_STATS_EXECUTIONS | JOB_STATS_CORPUS | JOB_STATS_CORPUS_BYTES |
		JOB_STATS_PENDING);
	assert_true(line.find);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_int_equal(replay_line_parse(text_of(foreign[i])).known, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replay_line),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_libfuzzer_plain),
		cmocka_unit_test(test_libfuzzer_crash),
		cmocka_unit_test(test_libfuzzer_fork),
		cmocka_unit_test(test_libfuzzer_others),
		cmocka_unit_test(test_libfuzzer_cut),
		cmocka_unit_test(test_afl),
		cmocka_unit_test(test_afl_runs),
		cmocka_unit_test(test_afl_others),
		cmocka_unit_test(test_honggfuzz),
		cmocka_unit_test(test_honggfuzz_recorded),
		cmocka_unit_test(test_honggfuzz_others),
		cmocka_unit_test(test_rubbish),
	};

	return cmocka_run_group_tests_name("job parsers", tests, NULL, NULL);
}
