/* SPDX-License-Identifier: MIT
 * Logs as plain text, whole and in parts.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "log.h"
#include "plain_text.h"

/* @said becomes @wanted, wherever it is cut. */
static void
expect(const char *said, const char *wanted)
{
	const size_t len = strlen(said);

	for (size_t cut = 0; cut <= len; cut++) {
		char *text = malloc(len + 2 * PLAIN_TEXT_HELD + 1);
		struct plain_text plain = { 0 };
		size_t used, more;

		assert_non_null(text);
		used = plain_text(&plain, said, cut, text);
		assert_true(used <= cut);
		more = plain_text(&plain, said + cut, len - cut, text + used);
		assert_true(more <= len - cut + PLAIN_TEXT_HELD);
		used += more;
		used += plain_text_end(&plain, text + used);
		assert_true(used <= len);
		text[used] = '\0';
		assert_string_equal(text, wanted);
		free(text);
	}
}

static void
test_sequences_are_left_out(void **state)
{
	(void)state;
	expect("plain\ttext\nünicode\n", "plain\ttext\nünicode\n");
	expect("\033[1;94m[*] \033[0mEntering\033[K\n", "[*] Entering\n");
	expect("\033[?25hcursor \033[2;3Hmoved\033(B", "cursor moved");
	expect("\033]0;title\007a\033]0;title\033\\b", "ab");
	expect("\033]0;no end\nnext", "\nnext");
	expect("\033[1;\nnext\033", "\nnext");
	expect("\033\033[1mx", "x");
}

static void
test_controls_are_harmless(void **state)
{
	(void)state;
	expect("10%\r20%\r\ndone\r", "10%\n20%\ndone\n");
	expect("a\r\n\r\nb\n\rc", "a\n\nb\n\nc");
	expect("bell \007 back \b", "bell ? back ?");
	expect("delete \177", "delete ?");
}

/* A terminal obeys U+009B like ESC [, and U+202E turns what it shows around. */
static void
test_characters_that_must_not_be_shown(void **state)
{
	(void)state;
	expect("a\xc2\x9b"
	       "31mb\xc2\x80",
	    "a?31mb?");
	expect("a\xe2\x80\xae"
	       "b\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8",
	    "a?b???");
	expect("\xc2\xa0\xe2\x80\xa6\xef\xbf\xbd\xf0\x9f\x98\x80",
	    "\xc2\xa0\xe2\x80\xa6\xef\xbf\xbd\xf0\x9f\x98\x80");
}

static void
test_broken_bytes(void **state)
{
	(void)state;
	expect("raw \x9b"
	       "1m \xff",
	    "raw ?1m ?");
	expect("cut \xe2\x80", "cut ??");
	expect("cut \xe2\x80x \xf0\x9f\x98\n", "cut ??x ???\n");
	expect("\xe2\x80\xc3\xbc", "??\xc3\xbc");
	expect("\xc0\x9b\xe0\x80\x9b\xed\xa0\x80\xf4\x90\x80\x80", "????????????");
	expect("\xe2\033[1m\x80", "??");
}

static void
expect_line(const char *said, const char *line, const char *lines)
{
	char text[64];

	snprintf(text, sizeof(text), "%s", said);
	assert_string_equal(plain_string(text), line);
	snprintf(text, sizeof(text), "%s", said);
	assert_string_equal(plain_lines(text), lines);
}

static void
test_lines(void **state)
{
	(void)state;
	expect_line("ünï\tcode\n", "ünï code?", "ünï\tcode\n");
	expect_line("\033[1m\x9b\xc2\x9b\x7f\xe2\x80\xae.", "?[1m????.", "?[1m????.");
	expect_line("cut \xe2\x80", "cut ??", "cut ??");
	expect_line("", "", "");
}

/* What the log writes, by a pipe in the place of standard error. */
static void
test_log_lines(void **state)
{
	char got[256], quoted[64];
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	log_open("test", LOG_LEVEL_NOTICE);
	log_notice("%s, %s",
	    "a\xc2\x9b"
	    "1m\x9b\x7f\xe2\x80\xae\nü",
	    log_quote("\xe2\x80\xae\x7fü", 6, quoted, sizeof(quoted)));
	dup2(saved, STDERR_FILENO);
	n = read(fds[0], got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(
	    got, "fuzzsupd: test: a?1m????ü, \"\\xe2\\x80\\xae\\x7fü\"\n");
	close(fds[0]);
	close(fds[1]);
	close(saved);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences_are_left_out),
		cmocka_unit_test(test_controls_are_harmless),
		cmocka_unit_test(test_characters_that_must_not_be_shown),
		cmocka_unit_test(test_broken_bytes),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_log_lines),
	};

	return cmocka_run_group_tests_name("plain_text", tests, NULL, NULL);
}
