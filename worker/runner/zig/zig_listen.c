/* SPDX-License-Identifier: MIT
 * Zig's test protocol, as far as fuzzing needs it; in the minder of an instance.
 */
#include "config.h"

#include "zig_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

#include "banned.h"

/* Little-endian machines alone, as Zig's tests send what is in memory. */
enum { TO_QUERY_TESTS = 4, TO_START_FUZZING = 6, TO_NEW_INPUT = 7 };
enum { FROM_VERSION = 0, FROM_TESTS = 3 };

/* 0.16 put another message before these. */
#define NAMES_SINCE 16
#define OLDEST 14
#define NEWEST 17

#define MESSAGE_MAX (16 << 20)
#define INPUT_MAX (1 << 20)
/* Its coverage file is named by a hash of its PCs: this is the hash of none. */
#define COVERAGE_OF_NO_PCS 0x0409638ee2bde459

static unsigned
from_coverage_id(const struct zig_listen *zig)
{
	return zig->minor >= NAMES_SINCE ? 7 : 6;
}

static unsigned
from_entry(const struct zig_listen *zig)
{
	return zig->minor >= NAMES_SINCE ? 8 : 7;
}

static bool
is_find(const struct zig_listen *zig, uint32_t tag)
{
	return zig->minor >= NAMES_SINCE && tag == 10;
}

/* Why it cannot be run. */
static int __attribute__((format(printf, 2, 3)))
refuse(struct zig_listen *zig, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(zig->text, sizeof(zig->text), format, args);
	va_end(args);
	return -EPROTO;
}

static int
refuse_words(struct zig_listen *zig)
{
	return refuse(zig,
	    "what it says on standard output is not Zig's test protocol: the program "
	    "must be what \"zig test\" builds");
}

/* ---- telling it something ---- */

static int
tell(struct zig_listen *zig, const void *bytes, size_t len)
{
	unsigned char *out;

	if (zig->out_taken > 0) {
		zig->out_len -= zig->out_taken;
		memmove(zig->out, zig->out + zig->out_taken, zig->out_len);
		zig->out_taken = 0;
	}
	out = realloc(zig->out, zig->out_len + len);
	if (out == NULL)
		return -ENOMEM;
	zig->out = out;
	memcpy(out + zig->out_len, bytes, len);
	zig->out_len += len;
	return 0;
}

static int
tell_u32(struct zig_listen *zig, uint32_t value)
{
	return tell(zig, &value, sizeof(value));
}

static int
tell_header(struct zig_listen *zig, uint32_t tag, size_t len)
{
	int r = tell_u32(zig, tag);

	return r == 0 ? tell_u32(zig, (uint32_t)len) : r;
}

bool
zig_listen_has_output(const struct zig_listen *zig)
{
	return zig->to >= 0 && zig->out_taken < zig->out_len;
}

void
zig_listen_write(struct zig_listen *zig)
{
	ssize_t n;

	while (zig_listen_has_output(zig)) {
		n = write(
		    zig->to, zig->out + zig->out_taken, zig->out_len - zig->out_taken);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			close(zig->to);
			zig->to = -1;
		}
		if (n <= 0)
			return;
		zig->out_taken += (size_t)n;
	}
}

bool
zig_listen_wants_inputs(const struct zig_listen *zig)
{
	return zig->has_begun && zig->minor >= NAMES_SINCE && zig->to >= 0 &&
	    !zig_listen_has_output(zig);
}

int
zig_listen_input(struct zig_listen *zig, const unsigned char *bytes, size_t len)
{
	int r = tell_header(zig, TO_NEW_INPUT, len);

	if (r == 0)
		r = tell(zig, bytes, len);
	zig_listen_write(zig);
	return r;
}

/* ---- its tests ---- */

/* Body: u32 bytes of strings, u32 tests, u32 place of the name of each, u32 of what each
 * should panic with, strings. */
struct tests {
	const unsigned char *places;
	const char *strings;
	uint32_t strings_len, len;
};

static uint32_t
u32_at(const unsigned char *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static int
parse_tests(const unsigned char *body, size_t len, struct tests *ret_tests)
{
	struct tests tests;

	if (len < 8)
		return -EPROTO;
	tests.strings_len = u32_at(body);
	tests.len = u32_at(body + 4);
	if (tests.len > MESSAGE_MAX / 8 ||
	    len - 8 != (uint64_t)tests.len * 8 + tests.strings_len)
		return -EPROTO;
	tests.places = body + 8;
	tests.strings = (const char *)body + 8 + (size_t)tests.len * 8;
	for (uint32_t i = 0; i < tests.len; i++) {
		uint32_t place = u32_at(tests.places + (size_t)i * 4);

		if (place >= tests.strings_len ||
		    memchr(tests.strings + place, '\0', tests.strings_len - place) ==
			NULL)
			return -EPROTO;
	}
	*ret_tests = tests;
	return 0;
}

static const char *
name_of(const struct tests *tests, uint32_t index)
{
	return tests->strings + u32_at(tests->places + (size_t)index * 4);
}

static int
start_by_index(struct zig_listen *zig)
{
	int r = tell_header(zig, TO_START_FUZZING, sizeof(uint32_t));

	return r == 0 ? tell_u32(zig, zig->task->tests[0]) : r;
}

/* Body: u8 limit (0: none), u64 instance, u32 tests, each a u32 length and the name. */
static int
start_by_names(struct zig_listen *zig, const struct tests *tests)
{
	const struct zig_task *task = zig->task;
	const uint64_t instance = task->instance;
	size_t len = 1 + sizeof(instance) + 4;
	int r;

	for (size_t i = 0; i < task->tests_len; i++)
		len += 4 + strlen(name_of(tests, task->tests[i]));
	r = tell_header(zig, TO_START_FUZZING, len);
	if (r == 0)
		r = tell(zig, "", 1);
	if (r == 0)
		r = tell(zig, &instance, sizeof(instance));
	if (r == 0)
		r = tell_u32(zig, (uint32_t)task->tests_len);
	for (size_t i = 0; i < task->tests_len && r == 0; i++) {
		const char *name = name_of(tests, task->tests[i]);

		r = tell_u32(zig, (uint32_t)strlen(name));
		if (r == 0)
			r = tell(zig, name, strlen(name));
	}
	return r;
}

static void __attribute__((format(printf, 3, 4)))
add_text(struct zig_listen *zig, size_t *len, const char *format, ...)
{
	va_list args;
	int n;

	if (*len >= sizeof(zig->text))
		return;
	va_start(args, format);
	n = vsnprintf(zig->text + *len, sizeof(zig->text) - *len, format, args);
	va_end(args);
	*len += (size_t)MAX(n, 0);
}

static void
describe(struct zig_listen *zig, const struct tests *tests)
{
	const struct zig_task *task = zig->task;
	size_t len = 0;

	add_text(zig, &len, "Zig %s; fuzzes", zig->version);
	for (size_t i = 0; i < (zig->minor >= NAMES_SINCE ? task->tests_len : 1); i++)
		add_text(zig, &len, "%s test %u, %.80s", i > 0 ? "," : "",
		    task->tests[i], name_of(tests, task->tests[i]));
	add_text(zig, &len, "; its tests:");
	for (uint32_t i = 0; i < tests->len && len < sizeof(zig->text); i++)
		add_text(zig, &len, " %u %.80s", i, name_of(tests, i));
	if (len >= sizeof(zig->text))
		memcpy(zig->text + sizeof(zig->text) - 5, " ...", 5);
}

/* Chooses the words of its version, and starts it. */
static int
take_tests(struct zig_listen *zig, struct zig_word *ret_word)
{
	const struct zig_task *task = zig->task;
	struct tests tests;
	int r = parse_tests(zig->body, zig->body_len, &tests);

	if (r < 0)
		return refuse_words(zig);
	for (size_t i = 0; i < task->tests_len; i++)
		if (task->tests[i] >= tests.len)
			return refuse(zig,
			    "there is no test %u: the executable has %u tests, and "
			    "counts them from 0",
			    task->tests[i], tests.len);
	if (zig->minor < NAMES_SINCE && !zig->has_coverage)
		return refuse(zig, "it is no fuzz test: build it with -ffuzz");
	r = zig->minor >= NAMES_SINCE ? start_by_names(zig, &tests)
				      : start_by_index(zig);
	if (r < 0)
		return refuse(zig, "starting its tests: %s", strerror(-r));
	zig->was_asked = true;
	zig_listen_write(zig);
	describe(zig, &tests);
	ret_word->kind = ZIG_SAYS;
	ret_word->text = zig->text;
	return 1;
}

/* ---- the rest of what it says ---- */

static int
take_version(struct zig_listen *zig, struct zig_word *ret_word)
{
	const size_t len = MIN(zig->body_len, sizeof(zig->version) - 1);
	unsigned major, minor;

	if (len == 0)
		return refuse_words(zig);
	memcpy(zig->version, zig->body, len);
	zig->version[len] = '\0';
	if (zig->minor != 0 || sscanf(zig->version, "%u.%u.", &major, &minor) != 2)
		return refuse_words(zig);
	if (major != 0 || minor < OLDEST || minor > NEWEST)
		return refuse(zig,
		    "it was built with Zig %s; fuzzsupd speaks the test protocol of "
		    "Zig 0.%d to 0.%d",
		    zig->version, OLDEST, NEWEST);
	zig->minor = minor;
	if (tell_header(zig, TO_QUERY_TESTS, 0) < 0)
		return refuse(zig, "asking for its tests: %s", strerror(ENOMEM));
	zig_listen_write(zig);
	if (minor >= NAMES_SINCE || zig->task->untouched == 0)
		return 0;
	snprintf(zig->text, sizeof(zig->text),
	    "Zig 0.%u fuzzes one test a process, so not all tests of the job are "
	    "fuzzed: set instances = %zu",
	    minor, zig->task->untouched + zig->task->step);
	ret_word->kind = ZIG_LACKS;
	ret_word->text = zig->text;
	return 1;
}

static int
take_coverage_id(struct zig_listen *zig)
{
	uint64_t id;

	if (zig->body_len < sizeof(id))
		return refuse_words(zig);
	memcpy(&id, zig->body, sizeof(id));
	zig->has_coverage = true;
	if (id == COVERAGE_OF_NO_PCS)
		return refuse(zig,
		    "it has no PC table, so its fuzzer is blind: build it with "
		    ".use_llvm = true (zig test -ffuzz -fllvm)");
	return 0;
}

static int
take_entry(struct zig_listen *zig, struct zig_word *ret_word)
{
	if (zig->body_len != sizeof(ret_word->address))
		return refuse_words(zig);
	ret_word->kind = ZIG_ENTRY;
	memcpy(&ret_word->address, zig->body, sizeof(ret_word->address));
	return 1;
}

/* The message that was read. Returns 1 with a word, 0 without, or a negative errno. */
static int
take(struct zig_listen *zig, struct zig_word *ret_word)
{
	const uint32_t tag = u32_at(zig->header);

	if (tag == FROM_VERSION)
		return take_version(zig, ret_word);
	if (tag == FROM_TESTS && !zig->was_asked)
		return take_tests(zig, ret_word);
	if (tag == from_coverage_id(zig))
		return take_coverage_id(zig);
	if (tag == from_entry(zig))
		return take_entry(zig, ret_word);
	if (!is_find(zig, tag) || zig->body_len == 0)
		return 0;
	ret_word->kind = ZIG_INPUT;
	ret_word->bytes = zig->body;
	ret_word->len = zig->body_len;
	return 1;
}

/* Its header was read: room for its body, or nobody wants it. Returns as take(). */
static int
begin(struct zig_listen *zig, struct zig_word *ret_word)
{
	const uint32_t tag = u32_at(zig->header), len = u32_at(zig->header + 4);
	unsigned char *body;

	if (len > MESSAGE_MAX || (zig->minor == 0 && tag != FROM_VERSION))
		return refuse_words(zig);
	zig->has_begun |= zig->was_asked;
	zig->body_len = 0;
	if (is_find(zig, tag) && (len > INPUT_MAX || !zig->task->shares)) {
		zig->skip = len;
		zig->header_len = 0;
		if (len <= INPUT_MAX || !zig->task->shares || zig->left_out)
			return 0;
		zig->left_out = true;
		snprintf(zig->text, sizeof(zig->text),
		    "finds of more than %d bytes are not shared with its other "
		    "instances",
		    INPUT_MAX);
		ret_word->kind = ZIG_SAYS;
		ret_word->text = zig->text;
		return 1;
	}
	if (len > zig->body_size) {
		body = realloc(zig->body, len);
		if (body == NULL)
			return refuse(zig, "reading its words: %s", strerror(ENOMEM));
		zig->body = body;
		zig->body_size = len;
	}
	return 0;
}

/* ---- reading ---- */

void
zig_listen_start(struct zig_listen *zig, int to, int from, const struct zig_task *task)
{
	*zig = (struct zig_listen){ .to = to, .from = from, .task = task };
	fcntl(from, F_SETFL, O_NONBLOCK);
	fcntl(to, F_SETFL, O_NONBLOCK);
}

void
zig_listen_stop(struct zig_listen *zig)
{
	if (zig->from >= 0)
		close(zig->from);
	if (zig->to >= 0)
		close(zig->to);
	free(zig->body);
	free(zig->out);
	*zig = (struct zig_listen){ .to = -1, .from = -1 };
}

static int
closed(struct zig_listen *zig, ssize_t n)
{
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	close(zig->from);
	zig->from = -1;
	return 0;
}

int
zig_listen_read(struct zig_listen *zig, struct zig_word *ret_word)
{
	unsigned char nobody[4096];
	ssize_t n;
	int r;

	while (zig->from >= 0) {
		const bool in_header = zig->header_len < sizeof(zig->header);
		const size_t len = in_header ? 0 : u32_at(zig->header + 4);

		if (!in_header && zig->body_len == len) {
			zig->header_len = 0;
			r = take(zig, ret_word);
			if (r != 0)
				return r;
			continue;
		}
		if (zig->skip > 0)
			n = read(zig->from, nobody, MIN(zig->skip, sizeof(nobody)));
		else if (in_header)
			n = read(zig->from, zig->header + zig->header_len,
			    sizeof(zig->header) - zig->header_len);
		else
			n = read(
			    zig->from, zig->body + zig->body_len, len - zig->body_len);
		if (n <= 0)
			return closed(zig, n);
		if (zig->skip > 0) {
			zig->skip -= (uint64_t)n;
		} else if (!in_header) {
			zig->body_len += (size_t)n;
		} else {
			zig->header_len += (size_t)n;
			r = zig->header_len == sizeof(zig->header)
			    ? begin(zig, ret_word)
			    : 0;
			if (r != 0)
				return r;
		}
	}
	return 0;
}
