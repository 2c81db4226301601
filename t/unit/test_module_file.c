/* SPDX-License-Identifier: MIT
 * Sidecars, as our runtime writes them and as it never would.
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

#include "collector/coverage/module_file.h"

static const char sound[] =
    "fuzzsup-module 1\npath /srv/a b\nbuild-id 3aCE\npcs 5744\n"
    "entry 0x12ab0 LLVMFuzzerTestOneInput\nlater-key x\nentry 0xff\n";

/* A copy of exactly that length, so that AddressSanitizer sees a read behind it. */
static int
parse(const char *text, size_t len, struct module_file *module)
{
	char *copy = malloc(len + 1);
	int r;

	assert_non_null(copy);
	memcpy(copy + 1, text, len);
	r = module_file_parse(copy + 1, len, module);
	free(copy);
	return r;
}

static void
test_sound(void **state)
{
	char text[sizeof(sound)];
	struct module_file module;

	(void)state;
	memcpy(text, sound, sizeof(sound));
	memcpy(strstr(text, "3aCE"), "3ace", 4);
	assert_int_equal(parse(text, sizeof(sound) - 1, &module), 0);
	assert_int_equal(module.build_id_len, 2);
	assert_memory_equal(module.build_id, "\x3a\xce", 2);
	assert_string_equal(module.program, "a b");
	assert_int_not_equal(module.path_hash, 0);
	assert_int_equal(module.entries_len, 2);
	assert_int_equal(module.entries[0], 0x12ab0);
	assert_int_equal(module.entries[1], 0xff);
}

static void
test_bad(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"fuzzsup-module 1",
		"fuzzsup-module 2\n",
		"fuzzsup-module 10\n",
		"fuzzsup-module 1\nbuild-id 3aCE\n",
		"fuzzsup-module 1\nbuild-id abc\n",
		"fuzzsup-module 1\nentry \n",
		"fuzzsup-module 1\nentry 0x\n",
		"fuzzsup-module 1\nentry 12 x\n",
		"fuzzsup-module 1\nentry 0x12g\n",
		"fuzzsup-module 1\nentry 0x11112222333344445 x\n",
		"fuzzsup-module 1\npath /x",
	};
	struct module_file module = { .entries_len = 77 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(parse(texts[i], strlen(texts[i]), &module), -EPROTO);
	assert_int_equal(module.entries_len, 77);
}

static void
test_limits(void **state)
{
	char text[8192], *at = text;
	struct module_file module;

	(void)state;
	at += snprintf(at, 64, "fuzzsup-module 1\n");
	for (int i = 0; i < 200; i++)
		at += snprintf(at, 64, "entry 0x1 name\n");
	assert_int_equal(parse(text, (size_t)(at - text), &module), 0);
	assert_int_equal(module.entries_len, MODULE_ENTRIES_MAX);
	at = text;
	at += snprintf(at, 64, "fuzzsup-module 1\nbuild-id ");
	memset(at, 'a', 130);
	at[130] = '\n';
	assert_int_equal(parse(text, (size_t)(at - text) + 131, &module), -EPROTO);
	assert_int_equal(parse(text, (size_t)(at - text), &module), -EPROTO);
}

/* Cut anywhere, or with any one byte changed, it is read or refused, and nothing else. */
static void
test_corrupt(void **state)
{
	char text[sizeof(sound)];
	struct module_file module;

	(void)state;
	for (size_t len = 0; len < sizeof(sound); len++)
		parse(sound, len, &module);
	for (size_t i = 0; i < sizeof(sound) - 1; i++) {
		for (int byte = 0; byte < 256; byte += 5) {
			memcpy(text, sound, sizeof(sound));
			text[i] = (char)byte;
			parse(text, sizeof(sound) - 1, &module);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_corrupt),
	};

	return cmocka_run_group_tests_name("module_file", tests, NULL, NULL);
}
