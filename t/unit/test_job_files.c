/* SPDX-License-Identifier: MIT
 * Logs that grow, are renamed and cut; folders whose files are counted.
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

#include "collector/job/job_folder.h"
#include "collector/job/job_log.h"

struct scratch {
	char path[64], buffer[JOB_LOG_PART], lines[4096];
	int fd;
	struct job_log log;
	unsigned given;
	size_t longest;
};

static int
setup(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	snprintf(scratch->path, sizeof(scratch->path), "/tmp/fuzzsup-job-XXXXXX");
	if (mkdtemp(scratch->path) == NULL)
		return -1;
	scratch->fd = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = scratch;
	return scratch->fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	struct scratch *scratch = *state;
	char command[128];

	close(scratch->fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", scratch->path);
	free(scratch);
	return system(command);
}

static void
append(struct scratch *scratch, const char *name, const char *text, size_t len)
{
	int fd =
	    openat(scratch->fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void
say(struct scratch *scratch, const char *text)
{
	append(scratch, "0.log", text, strlen(text));
}

static void
turn(struct scratch *scratch)
{
	assert_int_equal(renameat(scratch->fd, "0.log", scratch->fd, "0.log.1"), 0);
}

static void
take_line(void *arg, struct job_text line)
{
	struct scratch *scratch = arg;
	size_t at = strlen(scratch->lines);

	scratch->given++;
	scratch->longest = line.len > scratch->longest ? line.len : scratch->longest;
	snprintf(scratch->lines + at, sizeof(scratch->lines) - at, "%.*s|",
	    line.len < 100 ? (int)line.len : 100, line.at);
}

static bool
look(struct scratch *scratch)
{
	scratch->lines[0] = '\0';
	return job_log_read(
	    &scratch->log, scratch->fd, 0, scratch->buffer, take_line, scratch);
}

static void
test_log_grows(void **state)
{
	struct scratch *scratch = *state;

	assert_false(look(scratch));
	assert_string_equal(scratch->lines, "");
	assert_true(scratch->log.caught_up);
	say(scratch, "one\ntwo\nthr");
	assert_false(look(scratch));
	assert_string_equal(scratch->lines, "one|two|");
	assert_false(look(scratch));
	assert_string_equal(scratch->lines, "");
	say(scratch, "ee\n\n");
	look(scratch);
	assert_string_equal(scratch->lines, "three||");
}

static void
test_log_is_renamed(void **state)
{
	struct scratch *scratch = *state;

	say(scratch, "one\ntwo");
	look(scratch);
	assert_string_equal(scratch->lines, "one|");
	say(scratch, " and\nthree");
	turn(scratch);
	say(scratch, "four\n");
	look(scratch);
	assert_string_equal(scratch->lines, "two and|three|four|");
	/* Twice between two looks: what was in between is lost, and nothing is read
	 * twice. */
	say(scratch, "five\n");
	turn(scratch);
	say(scratch, "six\n");
	turn(scratch);
	say(scratch, "seven\n");
	look(scratch);
	assert_string_equal(scratch->lines, "seven|");
	turn(scratch);
	look(scratch);
	assert_string_equal(scratch->lines, "");
	say(scratch, "eight\n");
	look(scratch);
	assert_string_equal(scratch->lines, "eight|");
}

static void
test_log_was_there(void **state)
{
	struct scratch *scratch = *state;

	append(scratch, "0.log.1", "one\ntwo", 7);
	say(scratch, "three\n");
	assert_false(scratch->log.caught_up);
	look(scratch);
	assert_string_equal(scratch->lines, "one|two|three|");
	assert_true(scratch->log.caught_up);
	close(openat(scratch->fd, "0.log", O_WRONLY | O_TRUNC | O_CLOEXEC));
	say(scratch, "four\n");
	look(scratch);
	assert_string_equal(scratch->lines, "four|");
}

static void
test_log_is_long(void **state)
{
	struct scratch *scratch = *state;
	size_t len = 3 * JOB_LOG_PART * JOB_LOG_PARTS;
	char *line = malloc(len);
	unsigned looks = 1;

	memset(line, 'x', len);
	append(scratch, "0.log", line, len);
	say(scratch, "\nend\n");
	while (look(scratch))
		looks++;
	assert_int_equal(looks, 4);
	assert_int_equal(scratch->given, 2);
	assert_int_equal(scratch->longest, JOB_LOG_LINE_MAX);
	assert_string_equal(scratch->lines, "end|");
	free(line);
}

static void
test_log_is_none(void **state)
{
	struct scratch *scratch = *state;

	append(scratch, "secret", "secret\n", 7);
	assert_int_equal(symlinkat("secret", scratch->fd, "0.log"), 0);
	assert_int_equal(symlinkat("secret", scratch->fd, "0.log.1"), 0);
	assert_false(look(scratch));
	assert_int_equal(unlinkat(scratch->fd, "0.log", 0), 0);
	assert_int_equal(mkfifoat(scratch->fd, "0.log", 0600), 0);
	assert_false(look(scratch));
	assert_int_equal(unlinkat(scratch->fd, "0.log", 0), 0);
	assert_int_equal(mkdirat(scratch->fd, "0.log", 0700), 0);
	assert_false(look(scratch));
	assert_int_equal(scratch->given, 0);
}

/* ---- folders ---- */

static const char *const prefixes[JOB_FOLDER_KINDS] = { "crash-", "oom-" };

static bool
count(struct scratch *scratch, struct job_folder *folder)
{
	static int64_t now_ms;

	/* Its time may be the same for some milliseconds; it is looked at again. */
	now_ms += 100000;
	return job_folder_look(folder, scratch->fd, "artifacts", prefixes, now_ms);
}

static void
count_all(struct scratch *scratch, struct job_folder *folder)
{
	while (count(scratch, folder))
		;
}

static void
test_folder(void **state)
{
	struct scratch *scratch = *state;
	struct job_folder folder = { 0 };
	char name[64];
	unsigned looks = 1;

	assert_false(count(scratch, &folder));
	assert_false(folder.listed);
	assert_int_equal(mkdirat(scratch->fd, "artifacts", 0700), 0);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "artifacts/crash-%d", i);
		append(scratch, name, "", 0);
	}
	append(scratch, "artifacts/oom-1", "", 0);
	append(scratch, "artifacts/slow-unit-1", "", 0);
	while (count(scratch, &folder))
		looks++;
	assert_int_equal(looks, 2);
	assert_int_equal(folder.total[0], 3000);
	assert_int_equal(folder.total[1], 1);
	/* What goes was found nevertheless. */
	unlinkat(scratch->fd, "artifacts/crash-7", 0);
	unlinkat(scratch->fd, "artifacts/crash-8", 0);
	count_all(scratch, &folder);
	count_all(scratch, &folder);
	assert_int_equal(folder.found[0], 2998);
	assert_int_equal(folder.total[0], 3000);
	append(scratch, "artifacts/crash-9999", "", 0);
	count_all(scratch, &folder);
	count_all(scratch, &folder);
	assert_int_equal(folder.total[0], 3001);
	/* Another folder of its name. */
	assert_int_equal(
	    renameat(scratch->fd, "artifacts", scratch->fd, "artifacts.old"), 0);
	assert_int_equal(mkdirat(scratch->fd, "artifacts", 0700), 0);
	append(scratch, "artifacts/crash-1", "", 0);
	count_all(scratch, &folder);
	count_all(scratch, &folder);
	assert_int_equal(folder.total[0], 3002);
	/* Moved with all around it: what lies there may be a copy, what comes then is new. */
	job_folder_moved(&folder);
	count_all(scratch, &folder);
	assert_int_equal(folder.total[0], 3002);
	append(scratch, "artifacts/crash-2", "", 0);
	count_all(scratch, &folder);
	count_all(scratch, &folder);
	assert_int_equal(folder.total[0], 3003);
	assert_int_equal(unlinkat(scratch->fd, "artifacts/crash-2", 0), 0);
	assert_int_equal(unlinkat(scratch->fd, "artifacts/crash-1", 0), 0);
	assert_int_equal(unlinkat(scratch->fd, "artifacts", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("artifacts.old", scratch->fd, "artifacts"), 0);
	count_all(scratch, &folder);
	assert_int_equal(folder.total[0], 3003);
	job_folder_close(&folder);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_log_grows),
		TEST(test_log_is_renamed),
		TEST(test_log_was_there),
		TEST(test_log_is_long),
		TEST(test_log_is_none),
		TEST(test_folder),
	};

	return cmocka_run_group_tests_name("job files", tests, NULL, NULL);
}
