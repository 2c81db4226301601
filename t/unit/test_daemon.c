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
#include <event2/buffer.h>

#include "clock.h"
#include "conf_check.h"
#include "control.h"
#include "control_jobs.h"
#include "directory_writer.h"
#include "heartbeat.h"
#include "job_spec.h"
#include "job_types.h"
#include "job_variables.h"
#include "jobs.h"
#include "worker_log.h"

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

/* At minute @at, of a job that runs since minute 10. */
static enum job_health
health_at(struct job_stats stats, int64_t at, int64_t *ret_since)
{
	const struct job_report report = { .state = JOB_STATE_RUNNING,
		.since_ms = 600000 };
	enum job_health health;

	stats.known = JOB_STATS_EXECUTIONS;
	stats.updated_ms *= 60000;
	stats.moved_ms *= 60000;
	stats.silence_ms *= 60000;
	health = job_health(&report, &stats, at * 60000, ret_since);
	*ret_since /= 60000;
	return health;
}

static void
test_health(void **state)
{
	const struct job_report stopped = { .state = JOB_STATE_STOPPED };
	const struct job_report losing = {
		.state = JOB_STATE_RUNNING, .since_ms = 7, .loses = 1
	};
	const struct job_stats old = { .silence_ms = 1 };
	int64_t since = 0;

	(void)state;
#define HEALTH(updated, moved, silence, at) \
	health_at((struct job_stats){ .updated_ms = (updated), \
		      .moved_ms = (moved), \
		      .silence_ms = (silence) }, \
	    at, &since)
	assert_int_equal(job_health(&losing, &old, 20, &since), JOB_HEALTH_LOSING);
	assert_int_equal(since, 7);
	assert_int_equal(HEALTH(19, 19, 2, 20), JOB_HEALTH_WELL);
	assert_int_equal(HEALTH(17, 17, 2, 20), JOB_HEALTH_STALE);
	assert_int_equal(since, 17);
	assert_int_equal(HEALTH(19, 12, 2, 20), JOB_HEALTH_STUCK);
	assert_int_equal(since, 12);
	/* What was before it ran says nothing. */
	assert_int_equal(HEALTH(1, 1, 2, 11), JOB_HEALTH_WELL);
	assert_int_equal(HEALTH(1, 1, 2, 13), JOB_HEALTH_STALE);
	assert_int_equal(since, 10);
	assert_int_equal(HEALTH(0, 0, 2, 13), JOB_HEALTH_STALE);
	assert_int_equal(HEALTH(12, 12, 0, 9999), JOB_HEALTH_UNKNOWN);
	/* A clock that was set back. */
	assert_int_equal(HEALTH(19, 19, 2, 5), JOB_HEALTH_WELL);
#undef HEALTH
	assert_int_equal(
	    job_health(&stopped, &old, INT64_MAX, NULL), JOB_HEALTH_UNKNOWN);
}

static void
test_jobs_reply(void **state)
{
	const int64_t now_ms = clock_ms(CLOCK_REALTIME);
	char target[] = "json", name[] = "main", text[1024] = "";
	struct job job = { .target = target,
		.name = name,
		.engine = JOB_ENGINE_AFL,
		.instances = 1,
		.has_report = true,
		.has_stats = true };
	struct job *list[] = { &job };
	struct jobs jobs = { .list = list, .len = 1 };
	struct supervisor supervisor = { .jobs = &jobs };
	struct evbuffer *reply = evbuffer_new();

	(void)state;
	job.report = (struct job_report){ .state = JOB_STATE_RUNNING, .running = 1 };
	job.stats = (struct job_stats){ .known = JOB_STATS_EXECUTIONS,
		.updated_ms = now_ms - 330000,
		.moved_ms = now_ms - 330000,
		.silence_ms = 150000 };
	control_jobs(&supervisor, NULL, reply);
	/* It never said a word. */
	job.report.since_ms = now_ms - 660000;
	job.stats.updated_ms = job.stats.moved_ms = 0;
	job.stats.known = 0;
	control_jobs(&supervisor, NULL, reply);
	job.report.since_ms = 0;
	job.stats.known = JOB_STATS_EXECUTIONS;
	job.stats.updated_ms = now_ms;
	job.stats.moved_ms = now_ms - 3 * 3600000 - 1000;
	control_jobs(&supervisor, NULL, reply);
	job.stats.moved_ms = now_ms;
	control_jobs(&supervisor, NULL, reply);
	evbuffer_remove(reply, text, sizeof(text) - 1);
	assert_non_null(strstr(text, "\tstale\t"));
	assert_non_null(strstr(text, "\tstats are 5 minutes old\n"));
	assert_non_null(
	    strstr(text, "\tnothing heard from it since its start 11 minutes ago\n"));
	assert_non_null(strstr(text, "\tstuck\t"));
	assert_non_null(strstr(text, "\tno progress for 3 hours\n"));
	assert_non_null(strstr(text, "\twell\t"));
	evbuffer_free(reply);
}

/* ---- what jobs are told ---- */

static void
assert_expands(const char *text, const char *wanted)
{
	const char *const values[JOB_VARIABLES_LEN] = { [JOB_FUZZSUP_JOB] = "main" };
	char got[64];

	assert_int_equal(job_variables_expand(text, values, got, sizeof(got)), 0);
	assert_string_equal(got, wanted);
}

static void
test_variables(void **state)
{
	const char *const values[JOB_VARIABLES_LEN] = { [JOB_FUZZSUP_JOB] = "main" };
	char small[5];

	(void)state;
	assert_expands("", "");
	assert_expands("<${FUZZSUP_JOB}>", "<main>");
	assert_expands("${FUZZSUP_SEEDS}", "");
	assert_expands("$${FUZZSUP_JOB}", "${FUZZSUP_JOB}");
	assert_expands("$$${FUZZSUP_JOB}", "$${FUZZSUP_JOB}");
	assert_expands("$$ ${FUZZSUP_JO} ${X}$", "$$ ${FUZZSUP_JO} ${X}$");
	assert_expands("${FUZZSUP_JOB", "${FUZZSUP_JOB");
	assert_int_equal(
	    job_variables_expand("${FUZZSUP_JOB}", values, small, 4), -E2BIG);
	assert_int_equal(job_variables_expand("${FUZZSUP_JOB}", values, small, 5), 0);
	assert_true(job_variables_unknown("a ${FUZZSUP_JOB} ${FUZZSUP_}"));
	assert_true(job_variables_unknown("${FUZZSUP_JOB"));
	assert_false(job_variables_unknown("${FUZZSUP_JOB} ${FUZZSUPER} ${X}"));
}

static void
test_instance_spec(void **state)
{
	static const char *const lines[][2] = { { "target", "t" }, { "name", "n" },
		{ "engine", "command" }, { "executable", "/x" }, { "command", "/a" },
		{ "command", "b" }, { "engine-args", "1" }, { "instances", "4" },
		{ "instance-args", "@1-2" }, { "instance-args", "c/c" },
		{ "instance-args", "cd" }, { "instance-args", "a2" },
		{ "instance-args", "eA=1" }, { "instance-args", "@2,3" },
		{ "instance-args", "c/e" }, { "instance-args", "a3" } };
	char text[JOB_SPEC_MAX];
	struct job_spec spec, view;
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(job_spec_add(text, &len, lines[i][0], lines[i][1]), 0);
	assert_int_equal(job_spec_parse(text, len, &spec), 0);
	assert_int_equal(job_spec_for_instance(&spec, 0, &view), 0);
	assert_int_equal(view.command.len, 2);
	assert_int_equal(view.engine_args.len, 1);
	free(view.words);
	assert_int_equal(job_spec_for_instance(&spec, 2, &view), 0);
	assert_int_equal(view.command.len, 1);
	assert_string_equal(view.command.items[0], "/e");
	assert_null(view.command.items[1]);
	assert_int_equal(view.engine_args.len, 3);
	assert_string_equal(view.engine_args.items[2], "3");
	assert_int_equal(view.environment.len, 1);
	free(view.words);
	assert_int_equal(job_spec_for_instance(&spec, 1, &view), 0);
	assert_string_equal(view.command.items[0], "/c");
	assert_string_equal(view.command.items[1], "d");
	free(view.words);
	/* The list of the job itself is as it was. */
	assert_int_equal(spec.command.len, 2);
	assert_string_equal(spec.command.items[0], "/a");
	job_spec_free(&spec);
}

/* ---- heartbeats ---- */

/* Looks at a process in @state that computes @step_ms between two of them, until it is given
 * up; returns how many that took, 0: it never is. */
static unsigned
looks_until_given_up(char state, uint64_t step_ms, bool computes, bool traced)
{
	struct process_look look = { .state = state, .traced = traced };
	struct beat beat = { .is_out = true };

	for (unsigned looks = 1; looks < 1000; looks++) {
		look.cpu_ms += step_ms;
		if (heartbeat_judge(&beat, &look, computes) != NULL)
			return looks;
	}
	return 0;
}

static void
test_heartbeat(void **state)
{
	struct process_look look = { .state = 'S', .traced = true };
	struct beat beat = { .is_out = true };

	(void)state;
	assert_int_equal(looks_until_given_up('T', 0, false, false), HEARTBEAT_LOOKS);
	assert_int_equal(looks_until_given_up('S', 0, false, false), HEARTBEAT_LOOKS);
	/* spinning: five seconds of its own time, however long that takes */
	assert_int_equal(looks_until_given_up('R', 1000, false, false), 5);
	assert_int_equal(looks_until_given_up('R', 500, false, false), 10);
	/* a busy machine, or a slow disk */
	assert_int_equal(
	    looks_until_given_up('R', 50, false, false), HEARTBEAT_STARVED_LOOKS);
	assert_int_equal(
	    looks_until_given_up('S', 50, false, false), HEARTBEAT_STARVED_LOOKS);
	assert_int_equal(
	    looks_until_given_up('D', 50, false, false), HEARTBEAT_STARVED_LOOKS);
	/* a file server that hangs: nobody is helped by its death */
	assert_int_equal(looks_until_given_up('D', 0, false, false), 0);
	/* the same while it has a job is not said to be silence */
	look.traced = false;
	look.state = 'D';
	for (int i = 0; i < 100; i++)
		assert_null(heartbeat_judge(&beat, &look, true));
	assert_int_equal(beat.looks, 0);
	look = (struct process_look){ .state = 'S', .traced = true };
	/* a job of the symbolizer, which has a limit of its own */
	assert_int_equal(looks_until_given_up('R', 1000, true, false), 0);
	assert_int_equal(looks_until_given_up('S', 0, true, false), 0);
	assert_int_equal(looks_until_given_up('T', 0, true, false), HEARTBEAT_LOOKS);
	/* a debugger, and the time after it */
	assert_int_equal(looks_until_given_up('t', 0, false, true), 0);
	for (int i = 0; i < 100; i++)
		assert_null(heartbeat_judge(&beat, &look, false));
	look.traced = false;
	assert_null(heartbeat_judge(&beat, &look, false));
}

/* ---- the log of workers ---- */

/* What a worker writes passes for nobody else's, and for no terminal's command. */
static void
test_worker_log(void **state)
{
	static const struct {
		bool journal;
		const char *said, *logged;
	} cases[] = {
		{ false, "fuzzsupd: frontend: error: x",
		    "fuzzsupd: frontend: error: x\n" },
		{ true, "<3>fuzzsupd: frontend: x", "<3>fuzzsupd: frontend: x\n" },
		{ false, "==7==ERROR: AddressSanitizer: \t\xc3\xa4",
		    "fuzzsupd: frontend: ==7==ERROR: AddressSanitizer: \t\xc3\xa4\n" },
		{ true, "words", "<4>fuzzsupd: frontend: words\n" },
		{ false, "", "fuzzsupd: frontend: \n" },
		{ false, "fuzzsupd: collector: lies",
		    "fuzzsupd: frontend: fuzzsupd: collector: lies\n" },
		{ false, "fuzzsupd: lies", "fuzzsupd: frontend: fuzzsupd: lies\n" },
		{ true, "<0>fuzzsupd: frontend: x",
		    "<4>fuzzsupd: frontend: <0>fuzzsupd: frontend: x\n" },
		{ false, "fuzzsupd: frontend: \x1b[2J\r\xff\x7f\xc2\x9b",
		    "fuzzsupd: frontend: \\x1b[2J\\x0d\\xff\\x7f\\xc2\\x9b\n" },
	};
	char buffer[512];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		len = worker_log_line("frontend", cases[i].journal, cases[i].said,
		    strlen(cases[i].said), buffer, sizeof(buffer));
		buffer[len] = '\0';
		assert_string_equal(buffer, cases[i].logged);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_heartbeat),
		cmocka_unit_test(test_jobs_reply),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_instance_spec),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_worker_log),
	};

	return cmocka_run_group_tests_name("daemon", tests, NULL, NULL);
}
