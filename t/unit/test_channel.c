/* SPDX-License-Identifier: MIT
 * Messages and descriptors through a channel.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "channel.h"
#include "log.h"
#include "shared_memory.h"

struct pair {
	struct channel *left, *right;
};

static int
setup(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int fds[2];

	assert_non_null(pair);
	assert_int_equal(channel_pair(fds), 0);
	assert_int_equal(channel_new(fds[0], PARTY_ANY, PARTY_ANY, &pair->left), 0);
	assert_int_equal(channel_new(fds[1], PARTY_ANY, PARTY_ANY, &pair->right), 0);
	*state = pair;
	return 0;
}

static int
teardown(void **state)
{
	struct pair *pair = *state;

	channel_free(pair->left);
	channel_free(pair->right);
	free(pair);
	return 0;
}

static ino_t
inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void
test_carries_all_fields(void **state)
{
	struct pair *pair = *state;
	struct message out, in;
	int fd = shared_memory_create("t"), fds[MESSAGE_FDS_MAX];
	size_t len;

	message_init(&out, MESSAGE_SERVE, 7);
	out.collect = (struct message_collect){ UINT64_C(0x1122334455667788), 9, 3 };
	message_printf(&out, "json %d", 5);
	assert_int_equal(channel_send(pair->left, &out, &fd, 1), 0);
	assert_int_equal(channel_receive(pair->right, &in, fds, &len), 0);
	assert_int_equal(in.type, MESSAGE_SERVE);
	assert_int_equal(in.id, 7);
	assert_memory_equal(&in.collect, &out.collect, sizeof(out.collect));
	assert_string_equal(in.text, "json 5");
	assert_int_equal(len, 1);
	assert_true(inode_of(fds[0]) == inode_of(fd));
	assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	close(fds[0]);
	close(fd);
	assert_int_equal(channel_receive(pair->right, &in, fds, &len), -EAGAIN);
}

/* Far more than a socket holds, each with a descriptor of its own. */
static void
test_queues_in_order(void **state)
{
	enum { MANY = 5000 };
	struct pair *pair = *state;
	struct message out, in;
	int fd, fds[MESSAGE_FDS_MAX];
	size_t len, received = 0;
	struct rlimit files;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	if (files.rlim_max < MANY + 64)
		fail_msg("needs %d open files", MANY + 64);
	for (unsigned i = 0; i < MANY; i++) {
		fd = shared_memory_create("t");
		assert_true(fd >= 0);
		assert_int_equal(shared_memory_append(fd, &i, sizeof(i)), 0);
		message_init(&out, MESSAGE_FORGET, i + 1);
		assert_int_equal(channel_send(pair->left, &out, &fd, 1), 0);
		close(fd);
	}
	assert_true(channel_pending(pair->left));
	while (received < MANY) {
		unsigned content = 0;

		if (channel_receive(pair->right, &in, fds, &len) == -EAGAIN) {
			assert_true(channel_pending(pair->left));
			assert_int_equal(channel_flush(pair->left), 0);
			continue;
		}
		assert_int_equal(in.id, ++received);
		assert_int_equal(len, 1);
		assert_int_equal(
		    pread(fds[0], &content, sizeof(content), 0), sizeof(content));
		assert_int_equal(content + 1, received);
		close(fds[0]);
	}
	assert_false(channel_pending(pair->left));
}

static void
count_cb(void *context)
{
	++*(size_t *)context;
}

static void
test_waiting_is_told_and_bounded(void **state)
{
	struct pair *pair = *state;
	struct message out, in;
	int fds[MESSAGE_FDS_MAX];
	size_t told = 0, sent = 0, received = 0, len;

	channel_on_wait(pair->left, count_cb, &told);
	message_init(&out, MESSAGE_ASK_JOB, 1);
	while (!channel_pending(pair->left)) {
		assert_int_equal(told, 0);
		assert_int_equal(channel_send(pair->left, &out, NULL, 0), 0);
		sent++;
	}
	assert_int_equal(told, 1);
	while (channel_waiting(pair->left) < CHANNEL_WAITING_MAX) {
		assert_int_equal(channel_send(pair->left, &out, NULL, 0), 0);
		assert_int_equal(told, channel_waiting(pair->left));
		sent++;
	}
	assert_int_equal(channel_send(pair->left, &out, NULL, 0), -ENOBUFS);
	while (received < sent) {
		if (channel_receive(pair->right, &in, fds, &len) == -EAGAIN)
			assert_int_equal(channel_flush(pair->left), 0);
		else
			received++;
	}
	assert_int_equal(channel_waiting(pair->left), 0);
	assert_int_equal(channel_receive(pair->right, &in, fds, &len), -EAGAIN);
}

static void
test_refuses_what_is_no_message(void **state)
{
	struct pair *pair = *state;
	struct message in = { 0 }, out;
	int fds[MESSAGE_FDS_MAX];
	size_t len;
	struct {
		struct message message;
		size_t size;
	} bad[] = {
		{ { .type = MESSAGE_SERVE }, 8 },
		{ { .type = MESSAGE_TYPES_LEN }, 40 },
		{ { .type = MESSAGE_NONE }, 40 },
		{ { .type = MESSAGE_SERVE, .text_len = 5 }, 40 },
		{ { .type = MESSAGE_SERVE, .text_len = 3 }, 48 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    send(channel_fd(pair->left), &bad[i].message, bad[i].size, 0),
		    bad[i].size);
		assert_int_equal(channel_receive(pair->right, &in, fds, &len), -EPROTO);
	}
	message_init(&out, MESSAGE_SERVE, 1);
	out.text_len = MESSAGE_TEXT_MAX + 1;
	assert_int_equal(channel_send(pair->left, &out, NULL, 0), -EMSGSIZE);
	out.text_len = 0;
	assert_int_equal(
	    channel_send(pair->left, &out, fds, MESSAGE_FDS_MAX + 1), -EMSGSIZE);
}

static void
test_tells_when_the_other_side_is_gone(void **state)
{
	struct pair *pair = *state;
	struct message message;
	int fds[MESSAGE_FDS_MAX];
	size_t len;

	channel_free(pair->left);
	pair->left = NULL;
	assert_int_equal(channel_receive(pair->right, &message, fds, &len), -EPIPE);
	message_init(&message, MESSAGE_LIVE, 1);
	assert_int_equal(channel_send(pair->right, &message, NULL, 0), -EPIPE);
}

static void
test_quotes_foreign_text(void **state)
{
	char buffer[64], small[20];

	(void)state;
	assert_string_equal(
	    log_quote("a\nb\"\x1b[0m\xff\xc3\xa9", 11, buffer, sizeof(buffer)),
	    "\"a\\x0ab\\x22\\x1b[0m\\xff\xc3\xa9\"");
	assert_string_equal(
	    log_quote("0123456789012345678901234", 25, small, sizeof(small)),
	    "\"01234567890…\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_carries_all_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queues_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_waiting_is_told_and_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_refuses_what_is_no_message, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_tells_when_the_other_side_is_gone, setup, teardown),
		cmocka_unit_test(test_quotes_foreign_text),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
