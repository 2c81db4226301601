/* SPDX-License-Identifier: MIT
 * Messages from the supervisor; in the front-end.
 */
#include "config.h"

#include "inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "health.h"
#include "jobs.h"
#include "log.h"
#include "mailbox.h"
#include "banned.h"

#define RETRY_MS 5 /* when the directory's writer was in the way */
#define BATCH 256  /* messages, before connections have their turn */

struct inbox {
	struct mailbox_setup setup;
	struct mailbox *mailbox;
	struct snapshot *snapshot;
	struct server *server;
	struct news *news;
	struct event retry;
};

static int
on_share(void *context, struct mail *mail)
{
	struct inbox *inbox = context;

	static_files_set_directory(inbox->server->files, mail_take_fd(mail, 0));
	return 0;
}

static int
on_listener(void *context, struct mail *mail)
{
	struct inbox *inbox = context;

	return server_listen(inbox->server, mail_take_fd(mail, 0));
}

static int
on_service(void *context, struct mail *mail)
{
	struct inbox *inbox = context;

	stream_set_instance(inbox->server->stream, mail->message->service.instance);
	return allowed_hosts_set(
	    &inbox->server->hosts, mail->text, mail->message->text_len);
}

static int
on_serve(void *context, struct mail *mail)
{
	struct inbox *inbox = context;
	size_t name_len = strcspn(mail->text, "\n");
	const char *rest = mail->text + name_len + (mail->text[name_len] == '\n');
	char name[DIRECTORY_NAME_MAX];
	struct target *target;

	if (name_len == 0 || name_len >= sizeof(name) || mail->message->id == 0)
		return -EPROTO;
	memcpy(name, mail->text, name_len);
	name[name_len] = '\0';
	target = targets_need(inbox->server->targets, mail->message->id, name);
	if (target == NULL)
		return -ENOMEM;
	return target_serve(target, rest, strlen(rest));
}

/* The target that it is about; NULL: it was forgotten while this was under way. */
static struct target *
target_of(const struct inbox *inbox, const struct mail *mail)
{
	return targets_by_id(inbox->server->targets, mail->message->id);
}

static int
on_source_root(void *context, struct mail *mail)
{
	struct target *target = target_of(context, mail);
	const char *configured = mail->text;
	size_t len = strlen(configured);

	if (len == 0)
		return -EPROTO;
	if (target == NULL)
		return 0;
	return target_add_root(target, configured,
	    len < mail->message->text_len ? configured + len + 1 : configured,
	    mail_take_fd(mail, 0));
}

static int
on_serve_table(void *context, struct mail *mail)
{
	struct target *target = target_of(context, mail);
	int r;

	if (mail->message->of.generation == 0)
		return -EPROTO;
	if (target == NULL)
		return 0;
	r = target_set_table(target, mail->message->of.generation, mail->fds[0]);
	return r < 0 ? r : 0;
}

static int
on_serve_functions(void *context, struct mail *mail)
{
	struct target *target = target_of(context, mail);

	if (target == NULL)
		return 0;
	return target_set_functions(target, mail->message->of.generation,
	    mail->fds_len > 0 ? mail->fds[0] : -1, mail->text);
}

static int
on_serve_blocks(void *context, struct mail *mail)
{
	struct target *target = target_of(context, mail);

	if (target == NULL)
		return 0;
	return target_set_blocks(target, mail->message->blocks.generation,
	    mail->fds_len > 0 ? mail->fds[0] : -1, mail->text,
	    mail->message->blocks.built_ms);
}

static int
on_serve_live(void *context, struct mail *mail)
{
	struct target *target = target_of(context, mail);

	return target != NULL ? target_set_live(target, mail->fds[0]) : 0;
}

static int
on_forget(void *context, struct mail *mail)
{
	struct target *target = target_of(context, mail);

	/* The directory says when it leaves the list: a target that a reload changed is
	 * followed there by its successor without a gap. */
	if (target != NULL)
		target->served = false;
	return 0;
}

static int
on_job(void *context, struct mail *mail)
{
	struct inbox *inbox = context;

	return job_list_take(inbox->server->jobs, mail->message, mail_take_fd(mail, 0));
}

/* That it came is all. */
static int
on_directory(void *context, struct mail *mail)
{
	(void)context;
	(void)mail;
	return 0;
}

static int
on_ping(void *context, struct mail *mail)
{
	struct inbox *inbox = context;

	(void)mail;
	health_heard(inbox->server->health);
	return 0;
}

static int
on_health(void *context, struct mail *mail)
{
	struct inbox *inbox = context;

	return health_take(inbox->server->health, mail->text, mail->message->text_len,
	    mail->message->health.problems);
}

static const struct mail_handler handlers[] = {
	{ MESSAGE_SHARE, on_share },
	{ MESSAGE_LISTENER, on_listener },
	{ MESSAGE_SERVICE, on_service },
	{ MESSAGE_SERVE, on_serve },
	{ MESSAGE_SOURCE_ROOT, on_source_root },
	{ MESSAGE_SERVE_TABLE, on_serve_table },
	{ MESSAGE_SERVE_FUNCTIONS, on_serve_functions },
	{ MESSAGE_SERVE_BLOCKS, on_serve_blocks },
	{ MESSAGE_SERVE_LIVE, on_serve_live },
	{ MESSAGE_FORGET, on_forget },
	{ MESSAGE_SERVE_JOB, on_job },
	{ MESSAGE_SERVE_JOB_STATE, on_job },
	{ MESSAGE_SERVE_JOB_STATS, on_job },
	{ MESSAGE_FORGET_JOB, on_job },
	{ MESSAGE_DIRECTORY, on_directory },
	{ MESSAGE_PING, on_ping },
	{ MESSAGE_HEALTH, on_health },
};

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

/* For a ping nothing is looked at. */
static void
done_cb(void *context, bool news)
{
	if (news)
		inbox_refresh(context);
}

static void
closed_cb(void *context, int error)
{
	struct inbox *inbox = context;

	if (error != -EPIPE)
		log_err("the supervisor cannot be heard: %s", strerror(-error));
	event_base_loopbreak(inbox->server->base);
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
	inbox->snapshot = snapshot;
	inbox->server = server;
	inbox->news = news;
	inbox->setup = (struct mailbox_setup){ .base = server->base,
		.handlers = handlers,
		.handlers_len = sizeof(handlers) / sizeof(handlers[0]),
		.batch = BATCH,
		.done = done_cb,
		.closed = closed_cb };
	if (mailbox_new(channel, &inbox->setup, inbox, &inbox->mailbox) < 0) {
		free(inbox);
		return NULL;
	}
	event_assign(&inbox->retry, server->base, -1, 0, retry_cb, inbox);
	return inbox;
}

void
inbox_free(struct inbox *inbox)
{
	if (inbox == NULL)
		return;
	mailbox_free(inbox->mailbox);
	event_del(&inbox->retry);
	free(inbox);
}
