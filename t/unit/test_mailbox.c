/* SPDX-License-Identifier: MIT
 * Who may say what to whom, and what becomes of messages that come.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dispatch.h"
#include "log.h"
#include "mailbox.h"

/* The supervisor's end has the mailbox; the other one lies as it likes. */
struct ends {
	struct event_base *base;
	struct channel *ours, *theirs;
	struct mailbox *mailbox;
	unsigned lives, activities, batches, drained;
	bool had_news, frees;
	int bad, closed, kept;
	char text[16];
};

static int
on_live(void *context, struct mail *mail)
{
	struct ends *ends = context;

	ends->lives++;
	if (ends->frees) {
		mailbox_free(ends->mailbox);
		ends->mailbox = NULL;
	}
	if (mail->message->of.generation == 1)
		return -EPROTO;
	if (mail->message->of.generation == 2)
		ends->kept = mail_take_fd(mail, 0);
	return 0;
}

static int
on_activity(void *context, struct mail *mail)
{
	struct ends *ends = context;

	ends->activities++;
	strncpy(ends->text, mail->text, sizeof(ends->text) - 1);
	assert_int_equal(mail_take_fd(mail, 0), -1);
	return 0;
}

static int
on_other(void *context, struct mail *mail)
{
	(void)context;
	(void)mail;
	return 0;
}

static void
done_cb(void *context, bool news)
{
	struct ends *ends = context;

	ends->batches++;
	ends->had_news = news;
}

static void
bad_cb(void *context, const struct message *message, int error)
{
	struct ends *ends = context;

	ends->bad = error;
	assert_true((message == NULL) == (error == -EPROTO && ends->lives == 0));
}

static void
closed_cb(void *context, int error)
{
	struct ends *ends = context;

	ends->closed = error;
	event_base_loopbreak(ends->base);
}

static void
drained_cb(void *context)
{
	struct ends *ends = context;

	ends->drained++;
	event_base_loopbreak(ends->base);
}

static const struct mail_handler handlers[] = {
	{ MESSAGE_LIVE, on_live },
	{ MESSAGE_ACTIVITY, on_activity },
	{ MESSAGE_PCS, on_other },
	{ MESSAGE_JOB_STATS, on_other },
	{ MESSAGE_JOB_END, on_other },
	{ MESSAGE_JOB_FUZZERS, on_other },
	{ MESSAGE_PONG, on_other },
};

static struct mailbox_setup plan = { .handlers = handlers,
	.handlers_len = sizeof(handlers) / sizeof(handlers[0]),
	.batch = 3,
	.done = done_cb,
	.closed = closed_cb,
	.bad = bad_cb,
	.drained = drained_cb };

static int
setup(void **state)
{
	struct ends *ends = calloc(1, sizeof(*ends));
	int fds[2];

	assert_non_null(ends);
	ends->base = plan.base = event_base_new();
	assert_int_equal(channel_pair(fds), 0);
	assert_int_equal(
	    channel_new(fds[0], PARTY_SUPERVISOR, PARTY_COLLECTOR, &ends->ours), 0);
	assert_int_equal(channel_new(fds[1], PARTY_ANY, PARTY_ANY, &ends->theirs), 0);
	assert_int_equal(mailbox_new(ends->ours, &plan, ends, &ends->mailbox), 0);
	ends->kept = -1;
	*state = ends;
	return 0;
}

static int
teardown(void **state)
{
	struct ends *ends = *state;

	mailbox_free(ends->mailbox);
	channel_free(ends->ours);
	channel_free(ends->theirs);
	event_base_free(ends->base);
	if (ends->kept >= 0)
		close(ends->kept);
	free(ends);
	return 0;
}

static void
tell(struct ends *ends, enum message_type type, uint32_t code, const char *text,
    unsigned fds_len)
{
	static struct message message;
	int fds[2] = { -1, -1 };

	for (unsigned i = 0; i < fds_len; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	message_init(&message, type, 1);
	message.of.generation = code;
	message_printf(&message, "%s", text);
	assert_int_equal(channel_send(ends->theirs, &message, fds, fds_len), 0);
	for (unsigned i = 0; i < fds_len; i++)
		close(fds[i]);
}

static unsigned
open_files(void)
{
	unsigned len = 0;

	for (int fd = 0; fd < 256; fd++)
		len += fcntl(fd, F_GETFD) >= 0;
	return len;
}

/* Rows, in both directions and by descriptors. */
static void
test_rows(void **state)
{
	(void)state;
	assert_true(
	    message_is_allowed(MESSAGE_TABLE, PARTY_SYMBOLIZER, PARTY_SUPERVISOR, 1));
	assert_true(message_is_allowed(MESSAGE_WISH, PARTY_FRAMES, PARTY_CTL, 0));
	assert_false(
	    message_is_allowed(MESSAGE_TABLE, PARTY_SYMBOLIZER, PARTY_SUPERVISOR, 2));
	assert_false(
	    message_is_allowed(MESSAGE_TABLE, PARTY_SUPERVISOR, PARTY_SYMBOLIZER, 1));
	assert_false(
	    message_is_allowed(MESSAGE_LIVE, PARTY_SYMBOLIZER, PARTY_SUPERVISOR, 1));
	assert_false(
	    message_is_allowed(MESSAGE_LIVE, PARTY_COLLECTOR, PARTY_SUPERVISOR, 0));
	assert_false(
	    message_is_allowed(MESSAGE_SYMBOLIZE, PARTY_FRONTEND, PARTY_SUPERVISOR, 1));
	assert_true(
	    message_is_allowed(MESSAGE_ANSWER, PARTY_ARCHIVE, PARTY_FRONTEND, 1));
	assert_false(message_is_allowed(MESSAGE_HELLO, PARTY_RUNNER, PARTY_ARCHIVE, 0));
	assert_false(
	    message_is_allowed(MESSAGE_RUN_JOB, PARTY_FRONTEND, PARTY_RUNNER, 0));
	assert_false(
	    message_is_allowed(MESSAGE_NONE, PARTY_COLLECTOR, PARTY_SUPERVISOR, 0));
	assert_false(message_is_allowed(
	    MESSAGE_TYPES_LEN, PARTY_COLLECTOR, PARTY_SUPERVISOR, 0));
}

/* Who has no edge to another worker tells it nothing, and each row has both ends. */
static void
test_edges(void **state)
{
	unsigned from, to;

	(void)state;
	for (unsigned type = 1; type < MESSAGE_TYPES_LEN; type++) {
		from = to = 0;
		for (unsigned a = 0; a < PARTIES_LEN; a++)
			for (unsigned b = 0; b < PARTIES_LEN; b++)
				for (size_t fds = 0; fds <= MESSAGE_FDS_MAX; fds++) {
					if (!message_is_allowed(type,
						(enum party)(1U << a),
						(enum party)(1U << b), fds))
						continue;
					assert_true((1U << a & PARTY_WORKERS) == 0 ||
					    (1U << b & PARTY_WORKERS) == 0 ||
					    (1U << a | 1U << b) ==
						(PARTY_FRONTEND | PARTY_RUNNER) ||
					    (1U << a | 1U << b) ==
						(PARTY_FRONTEND | PARTY_ARCHIVE) ||
					    (1U << a | 1U << b) ==
						(PARTY_COLLECTOR | PARTY_ARCHIVE));
					from |= 1U << a;
					to |= 1U << b;
				}
		assert_true(from != 0 && to != 0);
	}
	assert_true(message_is_allowed(MESSAGE_WASM, PARTY_RUNNER, PARTY_FRONTEND, 1));
	assert_false(
	    message_is_allowed(MESSAGE_HELLO, PARTY_FRONTEND, PARTY_FRONTEND, 0));
	assert_false(
	    message_is_allowed(MESSAGE_HELLO, PARTY_RUNNER, PARTY_SUPERVISOR, 0));
	assert_false(
	    message_is_allowed(MESSAGE_RUN_JOB, PARTY_FRONTEND, PARTY_RUNNER, 0));
}

static void
test_batch(void **state)
{
	struct ends *ends = *state;

	tell(ends, MESSAGE_ACTIVITY, 0, "one", 0);
	tell(ends, MESSAGE_LIVE, 2, "", 1);
	tell(ends, MESSAGE_ACTIVITY, 0, "three", 0);
	tell(ends, MESSAGE_ACTIVITY, 0, "four", 0);
	assert_false(mailbox_receive(ends->mailbox));
	assert_int_equal(ends->activities, 2);
	assert_string_equal(ends->text, "three");
	assert_true(ends->kept >= 0);
	assert_true(mailbox_receive(ends->mailbox));
	assert_string_equal(ends->text, "four");
	assert_int_equal(ends->batches, 2);
	assert_true(ends->had_news);
	assert_int_equal(ends->bad, 0);
}

/* What nobody took, what may not be sent and what is malformed leaves no descriptor open. */
static void
test_bad(void **state)
{
	struct ends *ends = *state;
	const unsigned before = open_files();
	static const char none[8];

	assert_int_equal(write(channel_fd(ends->theirs), none, sizeof(none)), 8);
	mailbox_receive(ends->mailbox);
	assert_int_equal(ends->bad, -EPROTO);
	tell(ends, MESSAGE_LIVE, 0, "", 1);
	mailbox_receive(ends->mailbox);
	assert_int_equal(ends->lives, 1);
	tell(ends, MESSAGE_LIVE, 0, "", 2);
	mailbox_receive(ends->mailbox);
	assert_int_equal(ends->bad, -EPERM);
	tell(ends, MESSAGE_COLLECT, 0, "", 1);
	mailbox_receive(ends->mailbox);
	assert_int_equal(ends->lives, 1);
	ends->bad = 0;
	tell(ends, MESSAGE_LIVE, 1, "", 1);
	mailbox_receive(ends->mailbox);
	assert_int_equal(ends->bad, -EPROTO);
	assert_int_equal(open_files(), before);
}

/* Where one can do without, what is bad is the last that is heard: in its batch, and in later ones. */
static void
test_strict(void **state)
{
	struct ends *ends = *state;
	struct mailbox_setup strict = plan;

	strict.is_strict = true;
	mailbox_free(ends->mailbox);
	assert_int_equal(mailbox_new(ends->ours, &strict, ends, &ends->mailbox), 0);
	tell(ends, MESSAGE_LIVE, 0, "", 1);
	tell(ends, MESSAGE_LIVE, 1, "", 1);
	tell(ends, MESSAGE_LIVE, 0, "", 1);
	assert_true(mailbox_receive(ends->mailbox));
	assert_int_equal(ends->lives, 2);
	assert_true(mailbox_receive(ends->mailbox));
	event_base_loop(ends->base, EVLOOP_NONBLOCK);
	assert_int_equal(ends->lives, 2);
	assert_int_equal(ends->bad, 0);
	mailbox_free(ends->mailbox);
	ends->mailbox = NULL;
}

/* Who sends refuses as who receives does. */
static void
test_send(void **state)
{
	struct ends *ends = *state;
	static struct message message;

	message_init(&message, MESSAGE_LIVE, 1);
	assert_int_equal(channel_send(ends->ours, &message, NULL, 0), -EPERM);
	message_init(&message, MESSAGE_SHARE, 1);
	assert_int_equal(channel_send(ends->ours, &message, NULL, 0), -EPERM);
	message_init(&message, MESSAGE_FORGET, 1);
	assert_int_equal(channel_send(ends->ours, &message, NULL, 0), 0);
	/* Another's body. */
	message_init(&message, MESSAGE_ENTRY_POINT, 1);
	message.entry.address = 1;
	assert_int_equal(channel_send(ends->ours, &message, NULL, 0), 0);
	message.coverage_dir.bits = 1;
	assert_int_equal(channel_send(ends->ours, &message, NULL, 0), -EPERM);
	message_init(&message, MESSAGE_ACTIVITY, 1);
	message.collect.bits = 1;
	assert_int_equal(channel_send(ends->theirs, &message, NULL, 0), 0);
	mailbox_receive(ends->mailbox);
	assert_int_equal(ends->bad, -EPERM);
	assert_int_equal(ends->activities, 0);
}

/* What has to wait is sent when there is room, and then it is told. */
static void
test_drained(void **state)
{
	struct ends *ends = *state;
	static struct message message;
	struct message in;
	int fds[MESSAGE_FDS_MAX];
	unsigned sent = 0, got = 0;
	size_t len;

	message_init(&message, MESSAGE_FORGET, 1);
	for (; !channel_pending(ends->ours); sent++)
		assert_int_equal(channel_send(ends->ours, &message, NULL, 0), 0);
	while (ends->drained == 0) {
		while (channel_receive(ends->theirs, &in, fds, &len) == 0)
			got++;
		event_base_loop(ends->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	}
	while (channel_receive(ends->theirs, &in, fds, &len) == 0)
		got++;
	assert_int_equal(got, sent);
}

/* A handler may end the mailbox; a peer's end is told once. */
static void
test_ends(void **state)
{
	struct ends *ends = *state;

	tell(ends, MESSAGE_ACTIVITY, 0, "last", 0);
	channel_free(ends->theirs);
	ends->theirs = NULL;
	event_base_dispatch(ends->base);
	assert_string_equal(ends->text, "last");
	assert_int_equal(ends->closed, -EPIPE);
	ends->closed = 0;
	assert_true(mailbox_receive(ends->mailbox));
	assert_int_equal(ends->closed, 0);
}

/* Who died with something unread: what it said before counts. */
static void
test_last_words(void **state)
{
	struct ends *ends = *state;
	static struct message message;

	message_init(&message, MESSAGE_PING, 0);
	assert_int_equal(channel_send(ends->ours, &message, NULL, 0), 0);
	tell(ends, MESSAGE_ACTIVITY, 0, "last words", 0);
	channel_free(ends->theirs);
	ends->theirs = NULL;
	event_base_dispatch(ends->base);
	assert_string_equal(ends->text, "last words");
	assert_int_equal(ends->closed, -EPIPE);
}

static void
test_frees(void **state)
{
	struct ends *ends = *state;

	ends->frees = true;
	tell(ends, MESSAGE_LIVE, 1, "", 1);
	tell(ends, MESSAGE_LIVE, 1, "", 1);
	assert_true(mailbox_receive(ends->mailbox));
	assert_int_equal(ends->lives, 1);
	assert_int_equal(ends->batches, 0);
}

/* A table that lacks a handler is none; the supervisor's lacks none. */
static void
test_complete(void **state)
{
	struct ends *ends = *state;
	struct mailbox_setup some = plan, all = plan;
	struct mailbox *mailbox;
	struct channel *channel;
	int fds[2];

	some.handlers_len--;
	mailbox_free(ends->mailbox);
	ends->mailbox = NULL;
	assert_int_equal(mailbox_new(ends->ours, &some, ends, &mailbox), -EINVAL);
	all.handlers = dispatch_handlers;
	all.handlers_len = dispatch_handlers_len;
	for (unsigned party = PARTY_SYMBOLIZER; party <= PARTY_RUNNER; party *= 2) {
		assert_int_equal(channel_pair(fds), 0);
		assert_int_equal(
		    channel_new(fds[0], PARTY_SUPERVISOR, (enum party)party, &channel),
		    0);
		assert_int_equal(mailbox_new(channel, &all, ends, &mailbox), 0);
		mailbox_free(mailbox);
		channel_free(channel);
		close(fds[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_edges),
		cmocka_unit_test_setup_teardown(test_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strict, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drained, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frees, setup, teardown),
		cmocka_unit_test_setup_teardown(test_complete, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
