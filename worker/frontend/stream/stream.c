/* SPDX-License-Identifier: MIT
 * The clients of fuzzsup.v1; in the front-end.
 */
#include "config.h"

#include "stream.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "clock.h"
#include "stats_frame.h"
#include "target_json.h"
#include "wire.h"
#include "banned.h"

#define STATS_INTERVAL_US 250000
#define ALIVE_TICKS (WIRE_ALIVE_MS * 1000 / STATS_INTERVAL_US)
#define SUBSCRIPTIONS_MAX 64 /* of one client */

struct stream_subscription {
	LIST_ENTRY(stream_subscription) in_target, in_client;
	struct stream_client *client;
	struct target *target;
	uint64_t version; /* of the bits that it has; 0: none */
	uint64_t entries_version;
};

struct stream_client {
	LIST_ENTRY(stream_client) link;
	struct stream *stream;
	struct websocket *socket;
	bool owes_hello, owes_targets, owes_stats;
	struct frame *error; /* owed; NULL: none */
	unsigned subscriptions_len;
	LIST_HEAD(, stream_subscription) subscriptions;
};

struct stream {
	struct targets *targets;
	uint64_t instance;
	struct event stats_timer;
	unsigned ticks; /* of the timer, since all were told that we are alive */
	struct frame *targets_full, *stats_full; /* NULL: to be made anew */
	LIST_HEAD(, stream_client) clients;
};

/* ---- frames ---- */

static struct frame *
text_frame(const char *text, size_t len)
{
	struct frame *frame = frame_new(FRAME_TEXT, len, NULL, 0);

	if (frame != NULL)
		memcpy(frame_front(frame), text, len);
	return frame;
}

static struct frame *
hello_frame(const struct stream *stream)
{
	struct frame *frame =
	    frame_new(FRAME_BINARY, sizeof(struct wire_hello), NULL, 0);
	struct wire_hello hello = { .header = { .tag = WIRE_HELLO },
		.instance = stream->instance };

	hello.now_ms = clock_ms(CLOCK_REALTIME);
	if (frame != NULL)
		memcpy(frame_front(frame), &hello, sizeof(hello));
	return frame;
}

static struct frame *
alive_frame(void)
{
	struct frame *frame =
	    frame_new(FRAME_BINARY, sizeof(struct wire_alive), NULL, 0);
	struct wire_alive alive = { .header = { .tag = WIRE_ALIVE } };

	alive.now_ms = clock_ms(CLOCK_REALTIME);
	if (frame != NULL)
		memcpy(frame_front(frame), &alive, sizeof(alive));
	return frame;
}

/* All targets (@full), or those that are stale and the ids that are gone. */
static struct frame *
targets_frame(const struct targets *targets, bool full, const char *removed)
{
	size_t len;
	char *text = targets_json_list(targets, full, removed, &len);
	struct frame *frame = text != NULL ? text_frame(text, len) : NULL;

	free(text);
	return frame;
}

/* ---- what a client lacks ---- */

static void
send_group(struct stream_client *client, struct frame *const *frames, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (frames[i] != NULL)
			websocket_send(client->socket, frames[i]);
}

/* Sends one step towards the present state. Returns false if there is none to do. */
static bool
step_subscription(
    struct stream_client *client, struct stream_subscription *subscription)
{
	struct target *target = subscription->target;
	struct coverage *coverage = &target->coverage;
	struct frame *delta;

	if (coverage->bits == NULL)
		return false;
	if (subscription->version != coverage->version) {
		delta = coverage_delta(coverage, subscription->version);
		if (delta != NULL) {
			subscription->version++;
			websocket_send(client->socket, delta);
			return true;
		}
		subscription->version = coverage->version;
		subscription->entries_version = coverage->entries_version;
		send_group(client,
		    (struct frame *[]){ coverage_full(coverage),
			coverage_times(coverage, &target->live),
			coverage_entries(coverage) },
		    3);
		return true;
	}
	if (subscription->entries_version != coverage->entries_version) {
		subscription->entries_version = coverage->entries_version;
		send_group(client, (struct frame *[]){ coverage_entries(coverage) }, 1);
		return true;
	}
	return false;
}

static void
send_owned(struct stream_client *client, struct frame *frame)
{
	if (frame != NULL)
		websocket_send(client->socket, frame);
	frame_unref(frame);
}

/* Sends one step of what concerns all targets. Returns false if there is none to do. */
static bool
step_general(struct stream_client *client)
{
	struct stream *stream = client->stream;

	if (client->owes_hello) {
		client->owes_hello = false;
		send_owned(client, hello_frame(stream));
	} else if (client->owes_targets) {
		client->owes_targets = false;
		if (stream->targets_full == NULL)
			stream->targets_full = targets_frame(stream->targets, true, "");
		send_group(client, &stream->targets_full, 1);
	} else if (client->owes_stats) {
		client->owes_stats = false;
		if (stream->stats_full == NULL)
			stream->stats_full = stats_frame(stream->targets, true);
		send_group(client, &stream->stats_full, 1);
	} else if (client->error != NULL) {
		send_owned(client, client->error);
		client->error = NULL;
	} else {
		return false;
	}
	return true;
}

static void
pump(struct stream_client *client)
{
	struct stream_subscription *subscription;
	bool moved = true;

	while (moved && websocket_ready(client->socket)) {
		moved = step_general(client);
		if (moved)
			continue;
		LIST_FOREACH(subscription, &client->subscriptions, in_client) {
			if (!websocket_ready(client->socket))
				return;
			moved = step_subscription(client, subscription) || moved;
		}
	}
}

/* ---- what a client asks for ---- */

static void
refuse(struct stream_client *client, const char *sentence)
{
	char text[256];
	int len = snprintf(
	    text, sizeof(text), "{\"type\":\"error\",\"message\":\"%s\"}", sentence);

	frame_unref(client->error);
	client->error = text_frame(text, (size_t)len);
}

static struct stream_subscription *
find_subscription(struct stream_client *client, const struct target *target)
{
	struct stream_subscription *subscription;

	LIST_FOREACH(subscription, &client->subscriptions, in_client)
		if (subscription->target == target)
			return subscription;
	return NULL;
}

static void
drop_subscription(struct stream_subscription *subscription)
{
	LIST_REMOVE(subscription, in_target);
	LIST_REMOVE(subscription, in_client);
	subscription->client->subscriptions_len--;
	target_unwatch(subscription->target);
	free(subscription);
}

static void
subscribe(struct stream_client *client, struct target *target)
{
	struct stream_subscription *subscription = find_subscription(client, target);

	if (subscription != NULL) {
		subscription->version = 0;
		return;
	}
	if (client->subscriptions_len == SUBSCRIPTIONS_MAX) {
		refuse(client, "too many subscriptions; unsubscribe from one first");
		return;
	}
	subscription = calloc(1, sizeof(*subscription));
	if (subscription == NULL || target_watch(target) < 0) {
		free(subscription);
		refuse(client, "out of memory");
		return;
	}
	subscription->client = client;
	subscription->target = target;
	LIST_INSERT_HEAD(&target->subscriptions, subscription, in_target);
	LIST_INSERT_HEAD(&client->subscriptions, subscription, in_client);
	client->subscriptions_len++;
	/* The others have what the copy had; what is new now is theirs too. */
	if (target_look(target) != 0)
		stream_target_changed(client->stream, target);
}

static struct target *
wanted_target(struct stream_client *client, const json_t *request, const char *verb)
{
	const json_t *value = json_object_get(request, verb);
	struct target *target;

	if (!json_is_integer(value) || json_integer_value(value) < 1 ||
	    json_integer_value(value) > UINT32_MAX) {
		refuse(client, "subscribe and unsubscribe take the id of a target");
		return NULL;
	}
	target =
	    targets_by_id(client->stream->targets, (uint32_t)json_integer_value(value));
	if (target == NULL)
		refuse(client, "there is no target of this id");
	return target;
}

static void
text_cb(void *arg, const char *text, size_t len)
{
	struct stream_client *client = arg;
	json_t *request = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	struct stream_subscription *subscription;
	struct target *target;

	if (json_object_get(request, "subscribe") != NULL) {
		target = wanted_target(client, request, "subscribe");
		if (target != NULL)
			subscribe(client, target);
	} else if (json_object_get(request, "unsubscribe") != NULL) {
		target = wanted_target(client, request, "unsubscribe");
		subscription =
		    target != NULL ? find_subscription(client, target) : NULL;
		if (subscription != NULL)
			drop_subscription(subscription);
	} else {
		refuse(
		    client, "a request is a JSON object with subscribe or unsubscribe");
	}
	json_decref(request);
	pump(client);
}

static void
ready_cb(void *arg)
{
	pump(arg);
}

static void
closed_cb(void *arg)
{
	struct stream_client *client = arg;

	while (!LIST_EMPTY(&client->subscriptions))
		drop_subscription(LIST_FIRST(&client->subscriptions));
	LIST_REMOVE(client, link);
	frame_unref(client->error);
	free(client);
}

/* ---- what happens to all ---- */

/* Nothing that waits: a client that does not keep up knows by what comes. */
static void
send_alive(struct stream *stream)
{
	struct stream_client *client;
	struct frame *frame;

	if (++stream->ticks < ALIVE_TICKS)
		return;
	stream->ticks = 0;
	frame = alive_frame();
	LIST_FOREACH(client, &stream->clients, link)
		if (frame != NULL && !client->owes_hello &&
		    websocket_ready(client->socket))
			websocket_send(client->socket, frame);
	frame_unref(frame);
}

static void
send_stats(struct stream *stream)
{
	struct frame *frame = stats_frame(stream->targets, false);
	struct stream_client *client;

	if (frame == NULL)
		return;
	frame_unref(stream->stats_full);
	stream->stats_full = NULL;
	LIST_FOREACH(client, &stream->clients, link) {
		if (!websocket_ready(client->socket))
			client->owes_stats = true;
		else if (!client->owes_stats)
			websocket_send(client->socket, frame);
	}
	frame_unref(frame);
}

static void
stats_cb(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval interval = { 0, STATS_INTERVAL_US };
	struct stream *stream = arg;

	(void)fd;
	(void)what;
	if (LIST_EMPTY(&stream->clients))
		return;
	event_add(&stream->stats_timer, &interval);
	send_alive(stream);
	send_stats(stream);
}

struct stream *
stream_new(struct event_base *base, struct targets *targets)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return NULL;
	stream->targets = targets;
	LIST_INIT(&stream->clients);
	event_assign(&stream->stats_timer, base, -1, 0, stats_cb, stream);
	return stream;
}

void
stream_free(struct stream *stream)
{
	struct stream_client *client;

	if (stream == NULL)
		return;
	while (!LIST_EMPTY(&stream->clients)) {
		client = LIST_FIRST(&stream->clients);
		websocket_free(client->socket);
		closed_cb(client);
	}
	event_del(&stream->stats_timer);
	frame_unref(stream->targets_full);
	frame_unref(stream->stats_full);
	free(stream);
}

void
stream_set_instance(struct stream *stream, uint64_t instance)
{
	stream->instance = instance;
}

void
stream_accept(struct stream *stream, struct websocket *socket)
{
	static const struct websocket_callbacks callbacks = {
		.ready = ready_cb,
		.text = text_cb,
		.closed = closed_cb,
	};
	const struct timeval interval = { 0, STATS_INTERVAL_US };
	struct stream_client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		websocket_free(socket);
		return;
	}
	*client = (struct stream_client){ .stream = stream,
		.socket = socket,
		.owes_hello = true,
		.owes_targets = true,
		.owes_stats = true };
	LIST_INIT(&client->subscriptions);
	LIST_INSERT_HEAD(&stream->clients, client, link);
	websocket_start(socket, &callbacks, client);
	if (!event_pending(&stream->stats_timer, EV_TIMEOUT, NULL))
		event_add(&stream->stats_timer, &interval);
}

void
stream_target_changed(struct stream *stream, struct target *target)
{
	struct stream_subscription *subscription;

	(void)stream;
	LIST_FOREACH(subscription, &target->subscriptions, in_target)
		pump(subscription->client);
}

/* Makes the texts of what is stale; lists the ids of what is no longer there. */
static bool
renew_texts(struct targets *targets, char *removed, size_t size)
{
	bool changed = false;
	size_t used = 0;

	removed[0] = '\0';
	for (size_t i = 0; i < targets->len; i++) {
		struct target *target = targets->sorted[i];
		char *text;

		if (!target->listed && target->json != NULL && used + 16 < size) {
			used += (size_t)snprintf(removed + used, size - used, "%s%u",
			    used > 0 ? "," : "", target->id);
			free(target->json);
			target->json = NULL;
			changed = true;
		}
		if (!target->listed || (!target->json_stale && target->json != NULL))
			continue;
		text = target_json(target);
		target->json_stale = text != NULL &&
		    (target->json == NULL || strcmp(text, target->json) != 0);
		if (target->json_stale) {
			free(target->json);
			target->json = text;
			changed = true;
		} else {
			free(text);
		}
	}
	return changed;
}

void
stream_targets_changed(struct stream *stream)
{
	static char
	    removed[12 * DIRECTORY_TARGETS_MAX]; /* one thread; ids and commas */
	struct stream_client *client;
	struct frame *frame;

	if (!renew_texts(stream->targets, removed, sizeof(removed)))
		return;
	frame_unref(stream->targets_full);
	stream->targets_full = NULL;
	frame = targets_frame(stream->targets, false, removed);
	LIST_FOREACH(client, &stream->clients, link) {
		if (frame == NULL || !websocket_ready(client->socket))
			client->owes_targets = true;
		else if (!client->owes_targets)
			websocket_send(client->socket, frame);
	}
	frame_unref(frame);
	for (size_t i = 0; i < stream->targets->len; i++)
		stream->targets->sorted[i]->json_stale = false;
}

void
stream_target_gone(struct stream *stream, struct target *target)
{
	(void)stream;
	while (!LIST_EMPTY(&target->subscriptions))
		drop_subscription(LIST_FIRST(&target->subscriptions));
}
