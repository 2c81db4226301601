/* SPDX-License-Identifier: MIT
 * Frames for one user; in the symbolizer.
 */
#include "config.h"

#include "frames_mode.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "frames.h"
#include "frames_filter.h"
#include "heritage.h"
#include "log.h"
#include "sandbox.h"
#include "banned.h"

#define NOBODY 65533 /* not the user nobody, whom jobs may run as */

static void
complain(const char *executable, const char *text)
{
	fprintf(stderr, "fuzzsupctl: %s: %s\n", executable, text);
}

static int
enter_sandbox(void)
{
	const struct heritage heritage = {
		.sandbox = true,
		.uid = geteuid() == 0 ? NOBODY : geteuid(),
		.gid = geteuid() == 0 ? NOBODY : getegid(),
	};

	/* A layer that is missing here is no news to who wants a stack trace. */
	log_open("symbolizer", LOG_LEVEL_ERR);
	return sandbox_enter(SANDBOX_FRAMES, &heritage);
}

static int
answer(struct frames *frames, const char *executable, char **words, int len)
{
	const char *slash = strrchr(executable, '/');
	uint64_t address;
	int r = 0;

	if (len == 0)
		return frames_filter(
		    frames, slash != NULL ? slash + 1 : executable, stdin, stdout);
	for (int i = 0; i < len && r == 0; i++) {
		r = frames_filter_read_address(words[i], &address);
		if (r == 0)
			r = frames_filter_address(frames, address, stdout);
		sandbox_go_on();
	}
	return r;
}

/* The first of the descriptors that came with fuzzsupctl's answer, or -ENOENT. */
static int
take_answer(struct channel *channel)
{
	struct pollfd pollfd = { .fd = channel_fd(channel), .events = POLLIN };
	struct message message;
	int fds[MESSAGE_FDS_MAX], r;
	size_t fds_len = 0;

	while ((r = channel_receive(channel, &message, fds, &fds_len)) == -EAGAIN)
		if (poll(&pollfd, 1, -1) < 0 && errno != EINTR)
			return -errno;
	if (r < 0 || fds_len == 0)
		return -ENOENT;
	while (fds_len > 1)
		close(fds[--fds_len]);
	return fds[0];
}

static int
open_cb(void *context, enum table_status what, const char *wish)
{
	struct channel *channel = context;
	struct message message;
	int r;

	if (channel == NULL)
		return -ENOENT;
	message_init(&message, MESSAGE_TABLE, 0);
	message.code = what;
	message_printf(&message, "%s", wish);
	r = channel_send_all(channel, &message, NULL, 0);
	return r < 0 ? r : take_answer(channel);
}

int
frames_mode(int argc, char **argv)
{
	struct channel *channel = NULL;
	struct failure remark;
	struct frames *frames;
	int r;

	if (argc < 1) {
		fprintf(stderr, "fuzzsupd-symbolizer: run: fuzzsupctl symbolize\n");
		return 1;
	}
	if (enter_sandbox() < 0)
		return 1;
	/* One that was started by hand has nobody to ask. */
	channel_new(HERITAGE_QUESTIONS, &channel);
	r = frames_open(HERITAGE_EXECUTABLE, open_cb, channel, &frames, &remark);
	if (remark.text[0] != '\0')
		complain(argv[0], remark.text);
	if (r < 0)
		return 1;
	r = answer(frames, argv[0], argv + 1, argc - 1);
	frames_free(frames);
	channel_free(channel);
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	if (r < 0)
		complain(argv[0],
		    r == -ENOMEM
			? "out of memory: build it again with -gline-tables-only"
			: strerror(-r));
	return r < 0 ? 1 : 0;
}
