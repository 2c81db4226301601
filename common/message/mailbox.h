/* SPDX-License-Identifier: MIT
 * One end of a channel in a libevent loop: what comes is handed to the handler of its type,
 * what has to wait is sent when there is room.
 *
 * A new message is a row in MESSAGE_TYPES, who sends it, and a handler in the table of who
 * receives it; a table that lacks one is refused when the mailbox is made.
 */
#ifndef FUZZSUP_MAILBOX_H
#define FUZZSUP_MAILBOX_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "channel.h"

struct mailbox;

/* A message that came. Lives until its handler returns. */
struct mail {
	const struct message *message;
	const char *text; /* its text_len bytes, and a NUL */
	int *fds;         /* those that nobody took are closed */
	size_t fds_len;
};

/* The descriptor at @place, which is the caller's from now on; -1: there is none. */
int mail_take_fd(struct mail *mail, size_t place);

/* Returns 0 or a negative errno, which is told as bad. */
typedef int (*mail_cb)(void *context, struct mail *mail);

struct mail_handler {
	enum message_type type;
	mail_cb cb;
};

struct mailbox_setup {
	struct event_base *base;
	/* One for each message that the peer may send. PING is answered in any case. */
	const struct mail_handler *handlers;
	size_t handlers_len;
	unsigned batch; /* messages, before others have their turn */
	/* Each may be NULL. After a batch; @news: more came than pings. */
	void (*done)(void *context, bool news);
	/* Nothing will come any more: -EPIPE if the peer has closed, or another negative errno. */
	void (*closed)(void *context, int error);
	/* -EPROTO: what came is no message (@message is NULL), or one that a handler finds malformed;
	 * -EPERM: the peer may not send it so; or what else a handler returned. NULL: it is logged. */
	void (*bad)(void *context, const struct message *message, int error);
	bool
	    is_strict; /* after what is bad, which is logged, nothing is heard any more */
	/* Nothing waits any more. */
	void (*drained)(void *context);
};

/* Both must live as long as the mailbox; the channel stays the caller's. @context is for the
 * callbacks. Returns 0, -EINVAL if a handler is missing, or -ENOMEM. */
int mailbox_new(struct channel *channel, const struct mailbox_setup *setup,
    void *context, struct mailbox **ret_mailbox);

/* From a handler, too. Before the channel is freed. NULL is nothing. */
void mailbox_free(struct mailbox *mailbox);

/* Takes a batch, as when the channel becomes readable. True if nothing is left, or nothing will
 * come. */
bool mailbox_receive(struct mailbox *mailbox);

#endif
