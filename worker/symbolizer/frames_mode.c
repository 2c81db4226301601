/* SPDX-License-Identifier: MIT
 * Frames for one user; in the symbolizer.
 */
#include "config.h"

#include "frames_mode.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "frames.h"
#include "frames_filter.h"
#include "heritage.h"
#include "log.h"
#include "report_modules.h"
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

/* What fuzzsupctl asks for, in words of the command line. */
struct wishes {
	bool all_addresses;
	const char *names[FRAMES_NAMES_MAX]; /* of the executable */
	size_t names_len;
	const char *executable;
	char **addresses;
	int addresses_len;
};

static bool
read_wishes(int argc, char **argv, struct wishes *wishes)
{
	int at = 0;

	for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++)
		if (strcmp(argv[at], "--addresses") == 0)
			wishes->all_addresses = true;
		else if (strcmp(argv[at], "--module") == 0 && at + 1 < argc &&
		    wishes->names_len < FRAMES_NAMES_MAX - 1)
			wishes->names[wishes->names_len++] = argv[++at];
		else
			return false;
	if (at == argc)
		return false;
	wishes->executable = argv[at++];
	wishes->names[wishes->names_len++] = wishes->executable;
	wishes->addresses = argv + at;
	wishes->addresses_len = argc - at;
	return true;
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
	message_init(&message, MESSAGE_WISH, 0);
	message.table.status = what;
	message_printf(&message, "%s", wish);
	r = channel_send_all(channel, &message, NULL, 0);
	return r < 0 ? r : take_answer(channel);
}

static int
answer_addresses(struct frames *frames, const struct wishes *wishes)
{
	uint64_t address;
	int r = 0;

	for (int i = 0; i < wishes->addresses_len && r == 0; i++) {
		r = frames_filter_read_address(wishes->addresses[i], &address);
		if (r == 0)
			r = frames_filter_address(frames, address, stdout);
		sandbox_go_on();
	}
	return r;
}

/* Outputs whether there was something of another build. */
static int
answer_report(struct frames *frames, const struct wishes *wishes,
    struct channel *channel, bool *ret_differs)
{
	struct report_modules *modules;
	int r = report_modules_new(
	    frames, wishes->names, wishes->names_len, open_cb, channel, &modules);

	if (r < 0)
		return r;
	r = frames_filter(frames, modules, stdin, stdout);
	if (r == 0)
		*ret_differs = report_modules_conclude(modules, wishes->executable);
	report_modules_free(modules);
	return r;
}

static int
answer(struct frames *frames, const struct wishes *wishes, struct channel *channel,
    bool *ret_differs)
{
	int r;

	if (wishes->addresses_len > 0)
		r = answer_addresses(frames, wishes);
	else if (wishes->all_addresses)
		r = frames_filter_addresses(frames, stdin, stdout);
	else
		r = answer_report(frames, wishes, channel, ret_differs);
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	return r;
}

/* Opens the executable and answers; outputs whether the report is of another build. */
static int
serve(const struct wishes *wishes, bool *ret_differs)
{
	struct channel *channel = NULL;
	struct frames *frames = NULL;
	struct failure remark;
	int r;

	/* One that was started by hand has nobody to ask. */
	channel_new(HERITAGE_QUESTIONS, PARTY_FRAMES, PARTY_CTL, &channel);
	r = frames_open(HERITAGE_EXECUTABLE, open_cb, channel, &frames, &remark);
	if (remark.text[0] != '\0')
		complain(wishes->executable, remark.text);
	if (r == 0) {
		r = answer(frames, wishes, channel, ret_differs);
		if (r < 0)
			complain(wishes->executable,
			    r == -ENOMEM ? "out of memory: build it again with "
					   "-gline-tables-only"
					 : strerror(-r));
	}
	frames_free(frames);
	channel_free(channel);
	return r;
}

int
frames_mode(int argc, char **argv)
{
	struct wishes wishes = { 0 };
	bool differs = false;

	if (!read_wishes(argc, argv, &wishes)) {
		fprintf(stderr, "fuzzsupd-symbolizer: run: fuzzsupctl symbolize\n");
		return 1;
	}
	if (enter_sandbox() < 0)
		return 1;
	return serve(&wishes, &differs) < 0 || differs ? 1 : 0;
}
