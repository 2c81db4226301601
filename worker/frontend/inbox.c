/* SPDX-License-Identifier: MIT
 * Messages from the supervisor; in the front-end.
 */
#include "config.h"

#include "inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "health.h"
#include "jobs.h"
#include "log.h"
#include "banned.h"

#define RETRY_MS 5 /* when the directory's writer was in the way */
#define BATCH 256  /* messages, before connections have their turn */

struct inbox {
	struct channel *channel;
	struct snapshot *snapshot;
	struct server *server;
	struct news *news;
	struct event readable, writable, retry;
};

/* A message with its descriptors; who keeps one sets its place to -1. */
struct letter {
	struct message message;
	char *text; /* terminated */
	size_t text_len;
	int fds[MESSAGE_FDS_MAX];
	size_t fds_len;
};

static int
take_fd(struct letter *letter)
{
	int fd = letter->fds_len > 0 ? letter->fds[0] : -1;

	if (letter->fds_len > 0)
		letter->fds[0] = -1;
	return fd;
}

static int
on_share(struct inbox *inbox, struct letter *letter)
{
	if (letter->fds_len < 1)
		return -EPROTO;
	static_files_set_directory(inbox->server->files, take_fd(letter));
	return 0;
}

static int
on_listener(struct inbox *inbox, struct letter *letter)
{
	if (letter->fds_len < 1)
		return -EPROTO;
	return server_listen(inbox->server, take_fd(letter));
}

static int
on_service(struct inbox *inbox, struct letter *letter)
{
	stream_set_instance(inbox->server->stream, letter->message.value);
	return allowed_hosts_set(&inbox->server->hosts, letter->text, letter->text_len);
}

static int
on_serve(struct inbox *inbox, struct letter *letter)
{
	size_t name_len = strcspn(letter->text, "\n");
	const char *rest = letter->text + name_len + (letter->text[name_len] == '\n');
	char name[DIRECTORY_NAME_MAX];
	struct target *target;

	if (name_len == 0 || name_len >= sizeof(name) || letter->message.target == 0)
		return -EPROTO;
	memcpy(name, letter->text, name_len);
	name[name_len] = '\0';
	target = targets_need(inbox->server->targets, letter->message.target, name);
	if (target == NULL)
		return -ENOMEM;
	return target_serve(target, rest, strlen(rest));
}

static int
on_source_root(struct target *target, struct letter *letter)
{
	const char *configured = letter->text;
	size_t len = strlen(configured);

	if (letter->fds_len < 1 || len == 0)
		return -EPROTO;
	return target_add_root(target, configured,
	    len < letter->text_len ? configured + len + 1 : configured,
	    take_fd(letter));
}

static int
on_serve_table(struct target *target, struct letter *letter)
{
	int r;

	if (letter->fds_len < 1 || letter->message.generation == 0)
		return -EPROTO;
	r = target_set_table(target, letter->message.generation, letter->fds[0]);
	return r < 0 ? r : 0;
}

static int
on_serve_functions(struct target *target, struct letter *letter)
{
	return target_set_functions(target, letter->message.generation,
	    letter->fds_len > 0 ? letter->fds[0] : -1, letter->text);
}

static int
on_serve_blocks(struct target *target, struct letter *letter)
{
	return target_set_blocks(target, letter->message.generation,
	    letter->fds_len > 0 ? letter->fds[0] : -1, letter->text,
	    (int64_t)letter->message.value);
}

static int
on_serve_live(struct target *target, struct letter *letter)
{
	return letter->fds_len < 1 ? -EPROTO : target_set_live(target, letter->fds[0]);
}

static int
for_target(struct inbox *inbox, struct letter *letter)
{
	struct target *target =
	    targets_by_id(inbox->server->targets, letter->message.target);

	/* It may have been forgotten while this was under way. */
	if (target == NULL)
		return 0;
	switch (letter->message.type) {
	case MESSAGE_SOURCE_ROOT:
		return on_source_root(target, letter);
	case MESSAGE_SERVE_TABLE:
		return on_serve_table(target, letter);
	case MESSAGE_SERVE_FUNCTIONS:
		return on_serve_functions(target, letter);
	case MESSAGE_SERVE_BLOCKS:
		return on_serve_blocks(target, letter);
	case MESSAGE_SERVE_LIVE:
		return on_serve_live(target, letter);
	default:
		/* The directory says when it leaves the list: a target that a reload
		 * changed is followed there by its successor without a gap. */
		target->served = false;
		return 0;
	}
}

static int
act(struct inbox *inbox, struct letter *letter)
{
	switch (letter->message.type) {
	case MESSAGE_SHARE:
		return on_share(inbox, letter);
	case MESSAGE_LISTENER:
		return on_listener(inbox, letter);
	case MESSAGE_SERVICE:
		return on_service(inbox, letter);
	case MESSAGE_SERVE:
		return on_serve(inbox, letter);
	case MESSAGE_SOURCE_ROOT:
	case MESSAGE_SERVE_TABLE:
	case MESSAGE_SERVE_FUNCTIONS:
	case MESSAGE_SERVE_BLOCKS:
	case MESSAGE_SERVE_LIVE:
	case MESSAGE_FORGET:
		return for_target(inbox, letter);
	case MESSAGE_SERVE_JOB:
	case MESSAGE_JOB_STATE:
	case MESSAGE_JOB_STATS:
	case MESSAGE_FORGET_JOB:
		return job_list_take(inbox->server->jobs, &letter->message,
		    letter->fds_len > 0 ? take_fd(letter) : -1);
	case MESSAGE_DIRECTORY:
		return 0;
	case MESSAGE_PING:
		health_heard(inbox->server->health);
		return channel_pong(inbox->channel, &letter->message);
	case MESSAGE_HEALTH:
		return health_take(inbox->server->health, letter->text,
		    letter->text_len, letter->message.value);
	case MESSAGE_WASM:
		wasm_built(inbox->server->wasm, &letter->message,
		    letter->fds_len > 0 ? letter->fds[0] : -1);
		return 0;
	default:
		return -EPROTO;
	}
}

static void
open_letter(struct inbox *inbox, struct letter *letter)
{
	char text[MESSAGE_TEXT_MAX + 1];
	int r;

	letter->text_len = letter->message.text_len;
	memcpy(text, letter->message.text, letter->text_len);
	text[letter->text_len] = '\0';
	letter->text = text;
	r = act(inbox, letter);
	if (r < 0)
		log_err("message \"%s\" for target %u: %s",
		    message_type_name(letter->message.type), letter->message.target,
		    strerror(-r));
	for (size_t i = 0; i < letter->fds_len; i++)
		if (letter->fds[i] >= 0)
			close(letter->fds[i]);
}

static void
gone_cb(struct target *target, void *arg)
{
	struct inbox *inbox = arg;

	stream_target_gone(inbox->server->stream, target);
	reference_stream_target_gone(inbox->server->references, target);
}

void
inbox_refresh(struct inbox *inbox)
{
	const struct timeval retry = { 0, RETRY_MS * 1000 };
	struct server *server = inbox->server;
	int r = snapshot_refresh(inbox->snapshot);

	if (r < 0)
		event_add(&inbox->retry, &retry);
	if (r > 0)
		targets_apply(server->targets, inbox->snapshot);
	/* Clients hear of a table before they get bits that belong to it. */
	stream_targets_changed(server->stream);
	targets_sweep(server->targets, gone_cb, inbox);
	reference_stream_refresh(server->references);
	news_look(inbox->news);
}

static void
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct inbox *inbox = arg;
	struct letter letter;
	bool news = false; /* more than a ping, for which nothing is looked at */
	int r = 0;

	(void)fd;
	(void)what;
	for (int i = 0; i < BATCH; i++) {
		r = channel_receive(
		    inbox->channel, &letter.message, letter.fds, &letter.fds_len);
		if (r == -EPROTO)
			log_err("the supervisor sent what is no message");
		else if (r < 0)
			break;
		else {
			news = news || letter.message.type != MESSAGE_PING;
			open_letter(inbox, &letter);
		}
	}
	if (r == -EPIPE) {
		event_base_loopbreak(inbox->server->base);
		return;
	}
	if (news)
		inbox_refresh(inbox);
}

static void
writable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct inbox *inbox = arg;

	(void)fd;
	(void)what;
	if (channel_flush(inbox->channel) == 0 && channel_pending(inbox->channel))
		event_add(&inbox->writable, NULL);
}

/* Whoever in this process sent something that has to wait. */
static void
wait_cb(void *arg)
{
	struct inbox *inbox = arg;

	event_add(&inbox->writable, NULL);
}

static void
retry_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	inbox_refresh(arg);
}

struct inbox *
inbox_new(struct channel *channel, struct snapshot *snapshot, struct server *server,
    struct news *news)
{
	struct inbox *inbox = calloc(1, sizeof(*inbox));

	if (inbox == NULL)
		return NULL;
	inbox->channel = channel;
	inbox->snapshot = snapshot;
	inbox->server = server;
	inbox->news = news;
	event_assign(&inbox->readable, server->base, channel_fd(channel),
	    EV_READ | EV_PERSIST, readable_cb, inbox);
	event_assign(&inbox->writable, server->base, channel_fd(channel), EV_WRITE,
	    writable_cb, inbox);
	channel_on_wait(channel, wait_cb, inbox);
	event_assign(&inbox->retry, server->base, -1, 0, retry_cb, inbox);
	event_add(&inbox->readable, NULL);
	return inbox;
}

void
inbox_free(struct inbox *inbox)
{
	if (inbox == NULL)
		return;
	channel_on_wait(inbox->channel, NULL, NULL);
	event_del(&inbox->readable);
	event_del(&inbox->writable);
	event_del(&inbox->retry);
	free(inbox);
}
