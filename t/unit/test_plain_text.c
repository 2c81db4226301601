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
#include <cmocka.h>

#include "plain_text.h"

/* @said becomes @wanted, wherever it is cut. */
static void
expect(const char *said, const char *wanted)
{
	const size_t len = strlen(said);
	char text[256];

	for (size_t cut = 0; cut <= len; cut++) {
		struct plain_text plain = { 0 };
		size_t used, more;

		assert_true(len < sizeof(text));
		memcpy(text, said, len);
		used = plain_text(&plain, text, cut);
		assert_true(used <= cut);
		more = plain_text(&plain, text + cut, len - cut);
		assert_true(more <= len - cut);
		memmove(text + used, text + cut, more);
		text[used + more] = '\0';
		assert_string_equal(text, wanted);
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
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences_are_left_out),
		cmocka_unit_test(test_controls_are_harmless),
	};

	return cmocka_run_group_tests_name("plain_text", tests, NULL, NULL);
}
