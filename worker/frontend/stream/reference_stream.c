/* SPDX-License-Identifier: MIT
 * Clients that speak the reference's protocol; in the front-end.
 */
#include "config.h"

#include "reference_stream.h"

#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "wire.h"
#include "banned.h"

#define UPDATE_INTERVAL_US 20000 /* each carries the whole set of bits */

struct reference_client {
	LIST_ENTRY(reference_client) link;      /* all */
	LIST_ENTRY(reference_client) in_target; /* those of one target */
	struct reference_stream *stream;
	struct websocket *socket;
	struct target *target; /* NULL: none yet */
	bool of_root;          /* may move to another target */
	bool knows_time;
	bool had_index;
	uint32_t target_sent; /* whose index it has */
	uint64_t table_sent, update_sent, entries_sent;
};

struct reference_stream {
	struct targets *targets;
	struct event timer; /* pending: updates were sent a moment ago */
	bool due;           /* some target is due when the timer fires */
	bool unsettled;     /* a client of the root may have to move */
	LIST_HEAD(, reference_client) clients;
};

static struct frame *
time_frame(void)
{
	struct wire_current_time now = { .tag = WIRE_CURRENT_TIME,
		.base = target_clock() };
	struct frame *frame = frame_new(FRAME_BINARY, sizeof(now), NULL, 0);

	if (frame != NULL)
		memcpy(frame_front(frame), &now, sizeof(now));
	return frame;
}

static void
send_owned(struct reference_client *client, struct frame *frame)
{
	if (frame != NULL)
		websocket_send(client->socket, frame);
	frame_unref(frame);
}

/* Entry points of the old build would lead nowhere in the new index. */
static void
send_no_entries(struct reference_client *client)
{
	const uint32_t none = WIRE_ENTRY_POINTS;
	struct frame *frame = frame_new(FRAME_BINARY, sizeof(none), NULL, 0);

	if (frame != NULL)
		memcpy(frame_front(frame), &none, sizeof(none));
	send_owned(client, frame);
}

/* The index, and right behind it the bits that belong to it: a client that has one
 * without the other may trap. Returns false without memory; it is tried again later. */
static bool
send_index(struct reference_client *client)
{
	struct target *target = client->target;
	struct frame *index = target_index(target);
	struct frame *update = coverage_update(&target->coverage);

	if (index == NULL || update == NULL)
		return false;
	if (client->had_index)
		send_no_entries(client);
	websocket_send(client->socket, index);
	websocket_send(client->socket, update);
	client->had_index = true;
	client->target_sent = target->id;
	client->table_sent = target->table_generation;
	client->update_sent = target->coverage.update_version;
	client->entries_sent = 0;
	return true;
}

static bool
send_entries(struct reference_client *client)
{
	struct target *target = client->target;
	struct frame *frame;
	bool first = client->entries_sent == 0;

	client->entries_sent = target->coverage.entries_version;
	if (first && target->coverage.entries_len == 0)
		return false;
	frame = coverage_entry_points(&target->coverage, &target->table->table);
	if (frame != NULL)
		websocket_send(client->socket, frame);
	return frame != NULL;
}

/* Sends one step towards the present state. Returns false if there is none to do. */
static bool
step(struct reference_client *client)
{
	struct target *target = client->target;
	struct frame *update;

	if (!client->knows_time) {
		client->knows_time = true;
		send_owned(client, time_frame());
		return true;
	}
	if (target == NULL || target->table == NULL || target->coverage.bits == NULL)
		return false;
	if (client->target_sent != target->id ||
	    client->table_sent != target->table_generation)
		return send_index(client);
	if (client->update_sent != target->coverage.update_version) {
		update = coverage_update(&target->coverage);
		client->update_sent = target->coverage.update_version;
		if (update != NULL)
			websocket_send(client->socket, update);
		return update != NULL;
	}
	if (client->entries_sent != target->coverage.entries_version)
		return send_entries(client);
	return false;
}

static void
pump(struct reference_client *client)
{
	while (websocket_ready(client->socket) && step(client))
		;
}

static void
leave(struct reference_client *client)
{
	if (client->target == NULL)
		return;
	LIST_REMOVE(client, in_target);
	target_unwatch(client->target);
	client->target = NULL;
}

static void
join(struct reference_client *client, struct target *target)
{
	if (target == client->target)
		return;
	leave(client);
	if (target == NULL || target_watch(target) < 0)
		return;
	client->target = target;
	LIST_INSERT_HEAD(&target->references, client, in_target);
	if (target_look(target) != 0)
		reference_stream_target_changed(client->stream, target);
}

static void
ready_cb(void *arg)
{
	pump(arg);
}

/* The reference's protocol knows nothing that a client could say. */
static void
text_cb(void *arg, const char *text, size_t len)
{
	(void)arg;
	(void)text;
	(void)len;
}

static void
closed_cb(void *arg)
{
	struct reference_client *client = arg;

	leave(client);
	LIST_REMOVE(client, link);
	free(client);
}

static void
send_due(struct reference_stream *stream)
{
	const struct timeval interval = { 0, UPDATE_INTERVAL_US };
	struct reference_client *client;

	stream->due = false;
	event_add(&stream->timer, &interval);
	for (size_t i = 0; i < stream->targets->len; i++) {
		struct target *target = stream->targets->sorted[i];

		if (!target->reference_due)
			continue;
		target->reference_due = false;
		LIST_FOREACH(client, &target->references, in_target)
			pump(client);
	}
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct reference_stream *stream = arg;

	(void)fd;
	(void)what;
	if (stream->due)
		send_due(stream);
}

struct reference_stream *
reference_stream_new(struct event_base *base, struct targets *targets)
{
	struct reference_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return NULL;
	stream->targets = targets;
	LIST_INIT(&stream->clients);
	event_assign(&stream->timer, base, -1, 0, timer_cb, stream);
	return stream;
}

void
reference_stream_free(struct reference_stream *stream)
{
	struct reference_client *client;

	if (stream == NULL)
		return;
	while (!LIST_EMPTY(&stream->clients)) {
		client = LIST_FIRST(&stream->clients);
		websocket_free(client->socket);
		closed_cb(client);
	}
	event_del(&stream->timer);
	free(stream);
}

/* A client of the root stays with a target that has coverage. */
static bool
may_move(const struct reference_client *client)
{
	return client->of_root &&
	    (client->target == NULL || !client->target->served ||
		target_covered(client->target) == 0);
}

void
reference_stream_accept(
    struct reference_stream *stream, struct websocket *socket, struct target *target)
{
	static const struct websocket_callbacks callbacks = {
		.ready = ready_cb,
		.text = text_cb,
		.closed = closed_cb,
	};
	struct reference_client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		websocket_free(socket);
		return;
	}
	*client = (struct reference_client){
		.stream = stream, .socket = socket, .of_root = target == NULL
	};
	LIST_INSERT_HEAD(&stream->clients, client, link);
	join(client, target != NULL ? target : targets_default(stream->targets));
	stream->unsettled = stream->unsettled || may_move(client);
	websocket_start(socket, &callbacks, client);
}

void
reference_stream_target_changed(struct reference_stream *stream, struct target *target)
{
	if (LIST_EMPTY(&target->references))
		return;
	target->reference_due = true;
	stream->due = true;
	if (!event_pending(&stream->timer, EV_TIMEOUT, NULL))
		send_due(stream);
}

void
reference_stream_settle(struct reference_stream *stream)
{
	struct target *chosen = NULL;
	struct reference_client *client;
	bool unsettled = false;

	if (!stream->unsettled)
		return;
	chosen = targets_default(stream->targets);
	LIST_FOREACH(client, &stream->clients, link) {
		if (!may_move(client))
			continue;
		join(client, chosen);
		unsettled = unsettled || may_move(client);
		pump(client);
	}
	stream->unsettled = unsettled;
}

void
reference_stream_refresh(struct reference_stream *stream)
{
	struct reference_client *client;

	stream->unsettled = true;
	reference_stream_settle(stream);
	LIST_FOREACH(client, &stream->clients, link)
		pump(client);
}

void
reference_stream_target_gone(struct reference_stream *stream, struct target *target)
{
	struct reference_client *client;

	while (!LIST_EMPTY(&target->references)) {
		client = LIST_FIRST(&target->references);
		leave(client);
		if (client->of_root)
			join(client, targets_default(stream->targets));
		else
			websocket_close(client->socket, WEBSOCKET_GOING_AWAY);
	}
}
