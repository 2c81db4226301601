/* SPDX-License-Identifier: MIT
 * Lines of reports as the tools print them: which frame each is, and where its code lies.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "symbolizer/report/report_line.h"

#define ID "f221fa047bba2f7291d7953f335534f65af6c86b"
#define BUILD " (BuildId: " ID ")"

/* What is not given must not be there. */
struct expected {
	const char *text;
	enum report_form form;
	const char *head, *pc, *module;
	uint64_t offset;
	const char *function, *symbol, *tail;
	long number; /* -1: none */
	bool has_build_id;
};

static const struct expected table[] = {
	/* AddressSanitizer and its kin: bare, with a name of its own, with another file's */
	{ "    #0 0x55d0 (/srv/fz+0x1a)", REPORT_FRAME, "    ", "0x55d0", "/srv/fz",
	    0x1a, "", "", "", 0, false },
	{ "    #12 0x55d0  (/srv/fz+0x1a)" BUILD "\n", REPORT_FRAME, "    ", "0x55d0",
	    "/srv/fz", 0x1a, "", "", "\n", 12, true },
	{ "    #1 0x55d0 in main (/srv/fz+0x1a)" BUILD "\r\n", REPORT_FRAME, "    ",
	    "0x55d0", "/srv/fz", 0x1a, "main", "", "\r\n", 1, true },
	{ "#1 0x1 in operator()(int) (/a (1)/f z+0x1a)", REPORT_FRAME, "", "0x1",
	    "/a (1)/f z", 0x1a, "operator()(int)", "", "", 1, false },
	{ "  #1 0x1 in main /srv/a.c:3:4", REPORT_NUMBERED, "  ", "0x1", "", 0, "", "",
	    NULL, 1, false },
	{ "  #1 0x1 in main /srv/a.c:3 (/srv/fz+0x1a)", REPORT_NUMBERED, "  ", "0x1",
	    NULL, 0x1a, NULL, "", NULL, 1, false },
	{ "#225 0x7f  (<unknown module>)\n", REPORT_NUMBERED, "", "0x7f", "", 0, "", "",
	    NULL, 225, false },
	{ "#3 0x7f\n", REPORT_FRAME, "", "0x7f", "", 0, "", "", "\n", 3, false },
	{ "#1  0x0000555555555131 in ?? ()\n", REPORT_FRAME, "", "0x0000555555555131",
	    "", 0, "", "", "\n", 1, false },
	{ "#1  0x00005555 in ?? () from /lib/libc.so.6\n", REPORT_NUMBERED, "",
	    "0x00005555", "", 0, "", "", NULL, 1, false },
	{ "#12 0x55d3f9c8c2a3 <unknown>\n", REPORT_FRAME, "", "0x55d3f9c8c2a3", "", 0,
	    "", "", "\n", 12, false },
	/* with something before it */
	{ "CRASH LOG:     #2 0x1  (/g/w+0x1a)" BUILD, REPORT_FRAME,
	    "CRASH LOG:     ", "0x1", "/g/w", 0x1a, "", "", "", 2, true },
	{ "[#9] 2026-01-02T03:04:05Z fz_1 | E0102 a.cc:3] #0 0x1 (fz+0x1a)",
	    REPORT_FRAME, "[#9] 2026-01-02T03:04:05Z fz_1 | E0102 a.cc:3] ", "0x1",
	    "fz", 0x1a, "", "", "", 0, false },
	/* Android, systemd */
	{ "      #00 pc 00000000000a1b2c  /system/bin/fz (main+12)" BUILD, REPORT_FRAME,
	    "      ", "00000000000a1b2c", "/system/bin/fz", 0xa1b2c, "", "", "", 0,
	    true },
	{ "      #01 pc 0a  /data/app/base.apk (offset 0x1000) (f+4)", REPORT_NUMBERED,
	    "      ", "", "", 0, "", "", NULL, 1, false },
	{ "   #1  0x000055d0 n/a (fz + 0x1a)", REPORT_FRAME, "   ", "0x000055d0", "fz",
	    0x1a, "", "", "", 1, false },
	/* ThreadSanitizer */
	{ "    #0 <null> <null> (race+0xe45c5)" BUILD "\n", REPORT_THREAD, "    ", "",
	    "race", 0xe45c5, "", "", "\n", 0, true },
	{ "    #0 <null> <null>:0 (race+0x00000001a)", REPORT_THREAD, "    ", "",
	    "race", 0x1a, "", "", "", 0, false },
	{ "    #0 f(<null>) <null> at 0x1a", REPORT_NUMBERED, "    ", "", "", 0, NULL,
	    "", NULL, 0, false },
	{ "    #1 pthread_create <null> (race+0x1a)", REPORT_THREAD, "    ", "", "race",
	    0x1a, "pthread_create", "", "", 1, false },
	{ "    #0 f(int) a.cc:4:41 (race+0xe67f6)" BUILD, REPORT_NUMBERED, "    ", "",
	    "", 0, "", "", NULL, 0, false },
	{ "  Location is global '<null>' at 0x0 (race+0x406c)\n", REPORT_GLOBAL,
	    "  Location is global ", "", "race", 0x406c, "", "", "\n", -1, false },
	/* backtrace_symbols(), GWP-ASan */
	{ "  #9 ./gwp(+0x3ad9) [0x55ad9]\n", REPORT_TRACE, "  ", "0x55ad9", "./gwp",
	    0x3ad9, "", "", "\n", 9, false },
	{ "  #9 ./a b(_Z1fi+0x9f) [0x55ad9]", REPORT_TRACE, "  ", "0x55ad9", "./a b",
	    0x9f, "", "_Z1fi", "", 9, false },
	{ "  #3 ./gwp(use+0) [0x55a80]", REPORT_TRACE, "  ", "0x55a80", "./gwp", 0, "",
	    "use", "", 3, false },
	{ "log: /srv/bt(main+0x1b)[0x55c8]", REPORT_TRACE, "log: ", "0x55c8", "/srv/bt",
	    0x1b, "", "main", "", -1, false },
	{ "./bt[0x401178]\n", REPORT_TRACE, "", "0x401178", "./bt", 0, "", "", "\n", -1,
	    false },
	{ "./bt() [0x401178]", REPORT_TRACE, "", "0x401178", "./bt", 0, "", "", "", -1,
	    false },
	/* libFuzzer, HWAddressSanitizer, UBSan, summaries */
	{ "\tNEW_PC: 0x55  (/srv/fz+0x1a)" BUILD "\n", REPORT_PLACE, "\tNEW_PC: 0x55",
	    "0x55", "/srv/fz", 0x1a, "", "", "\n", -1, true },
	{ "\tNEW_FUNC[1/2]: 0x55 in main (/srv/fz+0x1a)", REPORT_PLACE,
	    "\tNEW_FUNC[1/2]: 0x55", "0x55", "/srv/fz", 0x1a, "main", "", "", -1,
	    false },
	{ "\tNEW_PC: 0x55 in main /srv/a.c:3:4", REPORT_TEXT, NULL, "", "", 0, "", "",
	    NULL, -1, false },
	{ "  record_addr:0x7e record:0x10 (/srv/hw+0x1a)" BUILD, REPORT_PLACE,
	    "  record_addr:0x7e record:0x10", "0x10", "/srv/hw", 0x1a, NULL, "", "", -1,
	    true },
	{ "(/srv/ub+0x31d98): note: (unknown) defined here\n", REPORT_NOTE, "", "",
	    "/srv/ub", 0x31d98, "", "", ": note: (unknown) defined here\n", -1, false },
	{ "SUMMARY: AddressSanitizer: SEGV (/srv/fz+0x1a)" BUILD " in main\n",
	    REPORT_SUMMARY, "SUMMARY: AddressSanitizer: SEGV ", "", "/srv/fz", 0x1a, "",
	    "", " in main\n", -1, true },
	/* without a module */
	{ "  12:     0x55f6 - <unknown>\n", REPORT_RUST, "", "0x55f6", "", 0, "", "",
	    "\n", 12, false },
	{ "  12:     0x55f6 - pan::deep\n", REPORT_NUMBERED, "", "", "", 0, "", "",
	    NULL, 12, false },
	{ "PC: @     0x55f6  1234  (unknown)\n", REPORT_LOGGED,
	    "PC: @     0x55f6  1234  ", "0x55f6", "", 0, "", "", "\n", -1, false },
	{ "page_allocator.cc:460]   @   0x55b7c\n", REPORT_LOGGED,
	    "page_allocator.cc:460]   @   0x55b7c", "0x55b7c", "", 0, "", "", "\n", -1,
	    false },
	{ "    @ 000055d0c1a1b2c3 (unknown)\n", REPORT_LOGGED,
	    "    @ 000055d0c1a1b2c3 ", "000055d0c1a1b2c3", "", 0, "", "", "\n", -1,
	    false },
	{ "[0x7f6b13882bf1]\n", REPORT_LOGGED, "[0x7f6b13882bf1]", "0x7f6b13882bf1", "",
	    0, "", "", "\n", -1, false },
	{ "[0x7f6b13882bf1] x\n", REPORT_TEXT, NULL, "", "", 0, "", "", NULL, -1,
	    false },
	{ "mail a@0x55b7c\n", REPORT_TEXT, NULL, "", "", 0, "", "", NULL, -1, false },
	{ "@ 0x55b7c main\n", REPORT_TEXT, NULL, "", "", 0, "", "", NULL, -1, false },
	{ " <0x00401178> [func:UNKNOWN file: line:0 module:/srv/bt]\n",
	    REPORT_HONGGFUZZ, " <0x00401178> ", "0x00401178", "/srv/bt", 0, "", "",
	    "\n", -1, false },
	{ " <0x00401178> [func:main file:/a.c line:3 module:/srv/bt]\n", REPORT_TEXT,
	    NULL, "", "", 0, "", "", NULL, -1, false },
	/* no frames */
	{ "main.main()\n", REPORT_TEXT, NULL, "", "", 0, "", "", NULL, -1, false },
	{ "\t/srv/main.go:12 +0x1d\n", REPORT_TEXT, NULL, "", "", 0, "", "", NULL, -1,
	    false },
	{ "#2\tINITED cov: 3 ft: 4 corp: 1/1b\n", REPORT_NUMBERED, "", "", "", 0, "",
	    "", NULL, 2, false },
	{ "issue#3 0x12 (/srv/fz+0x1)\n", REPORT_PLACE, "issue#3 0x12", "0x12",
	    "/srv/fz", 1, "", "", "\n", -1, false },
	{ "3 * (x+0x10) [y]", REPORT_PLACE, "3 * ", "", "x", 0x10, "", "", " [y]", -1,
	    false },
	{ "(+0x12) [0x12", REPORT_TEXT, NULL, "", "", 0, "", "", NULL, -1, false },
	{ "#0 0x12345678901234567 (/srv/fz+0x1)", REPORT_NUMBERED, "", "", NULL, 0,
	    NULL, "", NULL, 0, false },
	{ "", REPORT_TEXT, NULL, "", "", 0, "", "", NULL, -1, false },
	{ "#", REPORT_TEXT, NULL, "", "", 0, "", "", NULL, -1, false },
	{ "0x", REPORT_TEXT, NULL, "", "", 0, "", "", NULL, -1, false },
};

/* NULL: whatever is there. */
static void
assert_text(
    const char *line, const char *what, struct byte_text got, const char *wanted)
{
	if (wanted == NULL ||
	    (got.len == strlen(wanted) &&
		(got.len == 0 || memcmp(got.text, wanted, got.len) == 0)))
		return;
	fail_msg("%s: %s is \"%.*s\", not \"%s\"", line, what, (int)got.len,
	    got.len > 0 ? got.text : "", wanted);
}

static void
test_forms(void **state)
{
	const struct expected *e;
	struct report_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		e = &table[i];
		report_line_read(e->text, &line);
		if (line.form != e->form)
			fail_msg("%s: form %d, not %d", e->text, line.form, e->form);
		assert_text(e->text, "head", line.head, e->head);
		assert_text(
		    e->text, "pc", line.pc, e->form == REPORT_TEXT ? NULL : e->pc);
		assert_text(e->text, "module", line.module, e->module);
		assert_text(e->text, "function", line.function, e->function);
		assert_text(e->text, "symbol", line.symbol, e->symbol);
		assert_text(e->text, "tail", line.tail, e->tail);
		assert_int_equal(line.is_numbered, e->number >= 0);
		if (e->number >= 0)
			assert_int_equal(line.number, e->number);
		if (e->form != REPORT_NUMBERED)
			assert_int_equal(line.offset, e->offset);
		if (e->has_build_id)
			assert_text(e->text, "build ID", line.build_id, ID);
		else
			assert_int_equal(line.build_id.len, 0);
	}
}

/* Cut anywhere, and copied so that AddressSanitizer sees a read behind its end. */
static void
test_cut(void **state)
{
	struct report_line line;
	char *copy;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (size_t len = 0; len <= strlen(table[i].text); len++) {
			copy = strndup(table[i].text, len);
			assert_non_null(copy);
			report_line_read(copy, &line);
			free(copy);
		}
}

/* What a program prints may be made to be slow: quadratic, this would be minutes. */
static void
test_repeated(void **state)
{
	static const char *const parts[] = { "#1 0x1 ", "+0x1)", "(+0x1", "#1 <null> (",
		"(a+0x1) ", "[0x1", " in 0x1", "@ 0x1 " };
	const size_t size = 16384;
	struct report_line line;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		text[0] = '\0';
		for (size_t len = 0; len + strlen(parts[i]) + 1 < size;
		    len += strlen(parts[i]))
			memcpy(text + len, parts[i], strlen(parts[i]) + 1);
		for (int n = 0; n < 100; n++)
			report_line_read(text, &line);
	}
	free(text);
}

static void
test_escapes(void **state)
{
	static const struct {
		const char *raw, *plain;
	} lines[] = {
		{ "\033[1m\033[31m==1==\033[0m", "==1==" },
		{ "\033]8;;http://x\a#0\033]8;;\033\\ 0x1", "#0 0x1" },
		{ "a\033", "a" },
		{ "\033[", "" },
		{ "\033]x", "" },
		{ "\033(B1\n", "B1\n" },
	};
	char plain[64];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		report_line_strip(lines[i].raw, plain);
		assert_string_equal(plain, lines[i].plain);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
