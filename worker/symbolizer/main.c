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
#include "blocks.h"
#include "frames_mode.h"
#include "functions.h"
#include "symbolize.h"
#include "banned.h"

/* Waits until the channel can be read. */
static int
wait_for_message(struct channel *channel)
{
	struct pollfd pollfd = { .fd = channel_fd(channel), .events = POLLIN };

	while (poll(&pollfd, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* What came with a request; -1 where nothing did. */
struct enclosed {
	int executable, pcs, cache, debug, table, alternate;
};

/* Descriptors stand in the order of their bits. False if there are not as many. */
static bool
open_letter(const struct message *request, const int *fds, size_t fds_len,
    struct enclosed *ret_enclosed)
{
	struct enclosed enclosed = { -1, -1, -1, -1, -1, -1 };
	int *const places[] = { &enclosed.pcs, &enclosed.cache, &enclosed.debug,
		&enclosed.table, &enclosed.alternate };
	size_t used = 0;

	if (fds_len > 0)
		enclosed.executable = fds[used++];
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if ((request->symbolize.parts & 1u << i) != 0 && used < fds_len)
			*places[i] = fds[used++];
	*ret_enclosed = enclosed;
	return used == fds_len &&
	    fds_len ==
	    1 + (size_t)__builtin_popcount(request->symbolize.parts & SYMBOLIZE_ALL);
}

static enum message_type
answer_to(const struct message *request)
{
	if ((request->symbolize.parts & SYMBOLIZE_TABLE) == 0)
		return MESSAGE_TABLE;
	return (request->symbolize.parts & SYMBOLIZE_BLOCKS) != 0 ? MESSAGE_BLOCKS
								  : MESSAGE_FUNCTIONS;
}

static enum table_status
work(const struct message *request, const struct enclosed *enclosed, int *ret_table,
    struct failure *text)
{
	const struct symbolize_request job = {
		.executable = enclosed->executable,
		.pcs = enclosed->pcs,
		.cache = enclosed->cache,
		.debug = enclosed->debug,
		.alternate = enclosed->alternate,
		.no_alternate =
		    (request->symbolize.parts & SYMBOLIZE_NO_ALTERNATE) != 0,
		.wanted = request->text,
		.wanted_len = request->text_len,
	};
	const struct functions_request functions = {
		.executable = enclosed->executable,
		.table = enclosed->table,
		.debug = enclosed->debug,
	};
	const struct blocks_request blocks = {
		.executable = enclosed->executable,
		.table = enclosed->table,
		.debug = enclosed->debug,
		.alternate = enclosed->alternate,
	};

	switch (answer_to(request)) {
	case MESSAGE_FUNCTIONS:
		return functions_make(&functions, ret_table, text);
	case MESSAGE_BLOCKS:
		return blocks_make(&blocks, ret_table, text);
	default:
		return symbolize(&job, ret_table, text);
	}
}

static int
answer(struct channel *channel, const struct message *request, const int *fds,
    size_t fds_len)
{
	struct enclosed enclosed;
	struct failure text;
	struct message message;
	int table = -1, r;

	message_init(&message, answer_to(request), request->id);
	message.table.serial = request->symbolize.serial;
	if (!open_letter(request, fds, fds_len, &enclosed)) {
		message.table.status = TABLE_FAILED;
		message_printf(
		    &message, "the request came with %zu descriptors", fds_len);
	} else {
		message.table.status = work(request, &enclosed, &table, &text);
		message_printf(&message, "%s", text.text);
	}
	log_debug("target %u: %s %s", message.id, message_type_name(message.type),
	    message.table.status == TABLE_OK ? "resolved" : "not resolved");
	r = channel_send_all(channel, &message, &table, table >= 0 ? 1 : 0);
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
		return wait_for_message(channel);
	if (r == -EPROTO || r == -EPERM) {
		log_warning("a message that is not for the symbolizer was left out");
		return 0;
	}
	if (r < 0)
		return r;
	r = message.type == MESSAGE_PING ? channel_pong(channel, &message)
					 : answer(channel, &message, fds, fds_len);
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
	r = channel_new(HERITAGE_CHANNEL, PARTY_SYMBOLIZER, PARTY_SUPERVISOR, &channel);
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
