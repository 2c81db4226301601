/* SPDX-License-Identifier: MIT
 * The symbolizer: parses what attackers may have written, one job after the other, with
 * nothing in its hands but memory. It may die; the supervisor says so and starts another.
 * Started with the word "frames" it serves one user's stack traces (frames_mode.h).
 */
#include "config.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "heritage.h"
#include "log.h"
#include "sandbox.h"
#include "symbolizer/frames_mode.h"
#include "symbolizer/symbolize.h"
#include "banned.h"

/* Waits until the channel can be read, or written where something is left to send. */
static int
wait_for(struct channel *channel, short events)
{
	struct pollfd pollfd = { .fd = channel_fd(channel), .events = events };

	while (poll(&pollfd, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int
send_all(struct channel *channel, const struct message *message, const int *fds,
    size_t fds_len)
{
	int r = channel_send(channel, message, fds, fds_len);

	while (r == 0 && channel_pending(channel)) {
		r = wait_for(channel, POLLOUT);
		if (r == 0)
			r = channel_flush(channel);
	}
	return r;
}

static int
answer(struct channel *channel, const struct message *request, const int *fds,
    size_t fds_len)
{
	const bool has_pcs = (request->code & SYMBOLIZE_PCS) != 0;
	const bool has_cache = (request->code & SYMBOLIZE_CACHE) != 0;
	const bool has_debug = (request->code & SYMBOLIZE_DEBUG) != 0;
	const size_t wanted = 1u + has_pcs + has_cache + has_debug;
	const bool is_whole = fds_len == wanted;
	const struct symbolize_request job = {
		.executable = fds_len > 0 ? fds[0] : -1,
		.pcs = is_whole && has_pcs ? fds[1] : -1,
		.cache = is_whole && has_cache ? fds[1 + has_pcs] : -1,
		.debug = is_whole && has_debug ? fds[wanted - 1] : -1,
		.wanted = request->text,
		.wanted_len = request->text_len,
	};
	struct failure text;
	struct message message;
	int table = -1, r;

	message_init(&message, MESSAGE_TABLE, request->target);
	message.generation = request->generation;
	if (!is_whole) {
		message.code = TABLE_FAILED;
		message_printf(
		    &message, "the request came with %zu descriptors", fds_len);
	} else {
		message.code = symbolize(&job, &table, &text);
		message_printf(&message, "%s", text.text);
	}
	log_debug("target %u: %s", message.target,
	    message.code == TABLE_OK ? "resolved" : "not resolved");
	r = send_all(channel, &message, &table, table >= 0 ? 1 : 0);
	if (table >= 0)
		close(table);
	/* The next job may come in hours. */
	malloc_trim(0);
	return r;
}

static int
serve_one(struct channel *channel)
{
	struct message message;
	int fds[MESSAGE_FDS_MAX], r;
	size_t fds_len = 0;

	r = channel_receive(channel, &message, fds, &fds_len);
	if (r == -EAGAIN)
		return wait_for(channel, POLLIN);
	if (r == -EPROTO) {
		log_warning("a message that is none of ours was left out");
		return 0;
	}
	if (r < 0)
		return r;
	if (message.type == MESSAGE_SYMBOLIZE)
		r = answer(channel, &message, fds, fds_len);
	else
		log_warning("message %s is not for the symbolizer",
		    message_type_name(message.type));
	for (size_t i = 0; i < fds_len; i++)
		close(fds[i]);
	return r;
}

int
main(int argc, char **argv)
{
	struct heritage heritage;
	struct channel *channel;
	int r;

	if (argc > 1 && strcmp(argv[1], "frames") == 0)
		return frames_mode(argc - 2, argv + 2);
	if (heritage_take(argc, argv, "symbolizer", &heritage) < 0)
		return 2;
	r = channel_new(HERITAGE_CHANNEL, &channel);
	if (r < 0) {
		log_err("channel: %s", strerror(-r));
		return 1;
	}
	r = sandbox_enter(SANDBOX_SYMBOLIZER, &heritage);
	while (r == 0)
		r = serve_one(channel);
	channel_free(channel);
	if (r != -EPIPE)
		log_err("stops: %s", strerror(-r));
	return r == -EPIPE ? 0 : 1;
}
