/* SPDX-License-Identifier: MIT
 * One end of a channel in a libevent loop.
 */
#include "config.h"

#include "mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "banned.h"

struct mailbox {
	const struct mailbox_setup *setup;
	struct channel *channel;
	void *context;
	struct event *readable, *writable;
	mail_cb handlers[MESSAGE_TYPES_LEN];
	unsigned depth; /* of calls that receive */
	bool closed;    /* nothing will come any more */
	bool is_free;   /* the innermost handler's caller frees it */
};

int
mail_take_fd(struct mail *mail, size_t place)
{
	int fd = place < mail->fds_len ? mail->fds[place] : -1;

	if (fd >= 0)
		mail->fds[place] = -1;
	return fd;
}

/* Nobody honest says this; what it is for one can do without. */
static void
hear_no_more(struct mailbox *mailbox, const struct message *message, int error)
{
	log_err("the %s may not say this: %s (%s): it is not heard any more",
	    party_name(channel_peer(mailbox->channel)),
	    message != NULL ? message_type_name(message->type) : "no message",
	    strerror(-error));
	event_del(mailbox->readable);
	mailbox->closed = true;
}

static void
tell_bad(struct mailbox *mailbox, const struct message *message, int error)
{
	if (mailbox->setup->is_strict)
		hear_no_more(mailbox, message, error);
	else if (mailbox->setup->bad != NULL)
		mailbox->setup->bad(mailbox->context, message, error);
	else if (message == NULL)
		log_err("the %s sent what is no message",
		    party_name(channel_peer(mailbox->channel)));
	else
		log_err("message %s of the %s, for %u: %s",
		    message_type_name(message->type),
		    party_name(channel_peer(mailbox->channel)), message->id,
		    strerror(-error));
}

/* Hands it to its handler. */
static void
open_mail(
    struct mailbox *mailbox, const struct message *message, int *fds, size_t fds_len)
{
	const mail_cb handler = mailbox->handlers[message->type];
	char text[MESSAGE_TEXT_MAX + 1];
	struct mail mail = { message, text, fds, fds_len };
	int r = 0;

	memcpy(text, message->text, message->text_len);
	text[message->text_len] = '\0';
	if (message->type == MESSAGE_PING)
		r = channel_pong(mailbox->channel, message);
	r = r == -EPIPE ? 0 : r; /* its end is told where it is read */
	if (handler != NULL)
		r = handler(mailbox->context, &mail);
	if (r < 0 && !mailbox->is_free)
		tell_bad(mailbox, message, r);
	for (size_t i = 0; i < fds_len; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void
close_up(struct mailbox *mailbox, int error)
{
	/* A peer's end would be told again and again. */
	event_del(mailbox->readable);
	mailbox->closed = true;
	if (mailbox->setup->closed != NULL)
		mailbox->setup->closed(mailbox->context, error);
}

/* One message. True if there may be more. */
static bool
receive_one(struct mailbox *mailbox, bool *news)
{
	struct message message;
	int fds[MESSAGE_FDS_MAX], r;
	size_t fds_len = 0;

	r = channel_receive(mailbox->channel, &message, fds, &fds_len);
	switch (r) {
	case 0:
		*news = *news || message.type != MESSAGE_PING;
		open_mail(mailbox, &message, fds, fds_len);
		return !mailbox->closed;
	case -EAGAIN:
		return false;
	case -EPROTO:
	case -EPERM:
		tell_bad(mailbox, r == -EPERM ? &message : NULL, r);
		return !mailbox->closed;
	default:
		close_up(mailbox, r);
		return false;
	}
}

bool
mailbox_receive(struct mailbox *mailbox)
{
	bool news = false, more = !mailbox->closed, is_free;

	mailbox->depth++;
	for (unsigned i = 0; more && i < mailbox->setup->batch && !mailbox->is_free;
	    i++)
		more = receive_one(mailbox, &news);
	if (!mailbox->is_free && !mailbox->closed && mailbox->setup->done != NULL)
		mailbox->setup->done(mailbox->context, news);
	mailbox->depth--;
	is_free = mailbox->is_free;
	if (is_free && mailbox->depth == 0)
		free(mailbox);
	return is_free || !more;
}

static void
readable_cb(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	mailbox_receive(context);
}

static void
writable_cb(evutil_socket_t fd, short what, void *context)
{
	struct mailbox *mailbox = context;

	(void)fd;
	(void)what;
	if (channel_flush(mailbox->channel) < 0)
		return; /* its end is told where it is read */
	if (channel_pending(mailbox->channel))
		event_add(mailbox->writable, NULL);
	else if (mailbox->setup->drained != NULL)
		mailbox->setup->drained(mailbox->context);
}

/* Whoever sent something that has to wait. */
static void
wait_cb(void *context)
{
	struct mailbox *mailbox = context;

	event_add(mailbox->writable, NULL);
}

static bool
is_complete(const struct mailbox *mailbox)
{
	bool ok = true;

	for (unsigned type = MESSAGE_NONE + 1; type < MESSAGE_TYPES_LEN; type++) {
		if (type == MESSAGE_PING || mailbox->handlers[type] != NULL ||
		    !channel_may_receive(mailbox->channel, (enum message_type)type))
			continue;
		log_err("nobody handles message %s of the %s", message_type_name(type),
		    party_name(channel_peer(mailbox->channel)));
		ok = false;
	}
	return ok;
}

int
mailbox_new(struct channel *channel, const struct mailbox_setup *setup, void *context,
    struct mailbox **ret_mailbox)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
	const int fd = channel_fd(channel);
	int r = 0;

	if (mailbox == NULL)
		return -ENOMEM;
	mailbox->setup = setup;
	mailbox->channel = channel;
	mailbox->context = context;
	for (size_t i = 0; i < setup->handlers_len; i++)
		mailbox->handlers[setup->handlers[i].type] = setup->handlers[i].cb;
	mailbox->readable =
	    event_new(setup->base, fd, EV_READ | EV_PERSIST, readable_cb, mailbox);
	mailbox->writable = event_new(setup->base, fd, EV_WRITE, writable_cb, mailbox);
	if (!is_complete(mailbox))
		r = -EINVAL;
	else if (mailbox->readable == NULL || mailbox->writable == NULL ||
	    event_add(mailbox->readable, NULL) != 0)
		r = -ENOMEM;
	channel_on_wait(channel, wait_cb, mailbox);
	if (r < 0)
		mailbox_free(mailbox);
	else
		*ret_mailbox = mailbox;
	return r;
}

void
mailbox_free(struct mailbox *mailbox)
{
	if (mailbox == NULL)
		return;
	channel_on_wait(mailbox->channel, NULL, NULL);
	if (mailbox->readable != NULL)
		event_free(mailbox->readable);
	if (mailbox->writable != NULL)
		event_free(mailbox->writable);
	mailbox->readable = mailbox->writable = NULL;
	mailbox->is_free = true;
	if (mailbox->depth == 0)
		free(mailbox);
}
