/* SPDX-License-Identifier: MIT
 * Open WebSockets; in the front-end.
 */
#include "config.h"

#include "websocket.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <wslay/wslay.h>

#include "takeover.h"
#include "banned.h"

#define READ_MAX 16384    /* bytes taken from a client at a time */
#define EARLY_MAX 65536   /* bytes that may come right behind a handshake */
#define ANSWERS_MAX 65536 /* bytes of pongs that may wait before we stop listening */
#define TAIL_SECONDS 60   /* that a client may take for what waits for it, each write */

enum state {
	STATE_OPEN,
	STATE_CLOSING, /* good-bye is sent or waits; then the end */
	STATE_DEAD,    /* nothing can be sent any more */
};

struct websocket {
	int fd;
	enum state state;
	struct event readable, writable;
	struct evbuffer *tail; /* what waits; NULL most of the time */
	/* Made when a client sends something, and freed between its messages: 4 KiB each
	 * would be most of what an idle client costs. */
	struct wslay_event_context *wslay;
	const unsigned char *input; /* while being fed */
	size_t input_len;
	uint64_t fed, framed; /* bytes into wslay, bytes of whole frames out of it */
	uint64_t frame_len;   /* of the frame under way, with its header */
	bool in_message;      /* between the fragments of one */
	bool told_ready;      /* false: the first ready is still owed */
	unsigned char *early; /* what came right behind the handshake */
	size_t early_len;
	const struct websocket_callbacks *callbacks;
	void *arg;
};

/* ---- the end ---- */

void
websocket_free(struct websocket *socket)
{
	if (socket == NULL)
		return;
	event_del(&socket->readable);
	event_del(&socket->writable);
	if (socket->wslay != NULL)
		wslay_event_context_free(socket->wslay);
	if (socket->tail != NULL)
		evbuffer_free(socket->tail);
	free(socket->early);
	close(socket->fd);
	free(socket);
}

static void
end(struct websocket *socket)
{
	socket->callbacks->closed(socket->arg);
	websocket_free(socket);
}

/* The event loop ends it, when nobody is using it. */
static void
mark_dead(struct websocket *socket)
{
	socket->state = STATE_DEAD;
	event_active(&socket->writable, EV_WRITE, 0);
}

/* ---- writing ---- */

static void
wait_writable(struct websocket *socket)
{
	const struct timeval patience = { TAIL_SECONDS, 0 };

	event_add(&socket->writable, &patience);
}

/* Puts what @sent bytes left of @frame behind what waits. */
static void
keep_tail(struct websocket *socket, struct frame *frame, size_t sent)
{
	if (socket->tail == NULL)
		socket->tail = evbuffer_new();
	for (unsigned i = 0; socket->tail != NULL && i < frame->parts_len; i++) {
		const struct iovec *part = &frame->parts[i];
		size_t skip = sent < part->iov_len ? sent : part->iov_len;

		sent -= skip;
		if (skip == part->iov_len)
			continue;
		if (evbuffer_add_reference(socket->tail, (char *)part->iov_base + skip,
			part->iov_len - skip, frame_unref_cb, frame_ref(frame)) != 0) {
			frame_unref(frame);
			mark_dead(socket);
			return;
		}
	}
	if (socket->tail == NULL)
		mark_dead(socket);
	else
		wait_writable(socket);
}

bool
websocket_ready(const struct websocket *socket)
{
	return socket->state == STATE_OPEN && socket->tail == NULL &&
	    socket->told_ready;
}

void
websocket_send(struct websocket *socket, struct frame *frame)
{
	ssize_t sent;

	if (socket->state != STATE_OPEN)
		return;
	if (socket->tail != NULL) {
		keep_tail(socket, frame, 0);
		return;
	}
	/* Not by sendmsg, which the sandbox keeps for the channel. */
	do
		sent = writev(socket->fd, frame->parts, (int)frame->parts_len);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		mark_dead(socket);
	else if (sent < 0 || (size_t)sent < frame->size)
		keep_tail(socket, frame, sent < 0 ? 0 : (size_t)sent);
}

/* Sends bytes that are nobody's to keep: pongs, good-byes, the handshake. */
static int
send_copy(struct websocket *socket, const void *data, size_t len)
{
	ssize_t sent = 0;

	if (socket->tail == NULL) {
		sent = send(socket->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (sent < 0)
			sent = 0;
		if ((size_t)sent == len)
			return 0;
		socket->tail = evbuffer_new();
		if (socket->tail == NULL)
			return -ENOMEM;
	}
	if (evbuffer_add(socket->tail, (const char *)data + sent, len - (size_t)sent) !=
	    0)
		return -ENOMEM;
	wait_writable(socket);
	return 0;
}

/* True if everything that waited is gone. */
static bool
flush_tail(struct websocket *socket)
{
	int sent;

	while (evbuffer_get_length(socket->tail) > 0) {
		sent = evbuffer_write(socket->tail, socket->fd);
		if (sent > 0)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
			wait_writable(socket);
			return false;
		}
		socket->state = STATE_DEAD;
		return false;
	}
	evbuffer_free(socket->tail);
	socket->tail = NULL;
	return true;
}

/* ---- reading ---- */

static ssize_t
feed_cb(wslay_event_context_ptr wslay, uint8_t *to, size_t len, int flags, void *arg)
{
	struct websocket *socket = arg;

	(void)flags;
	if (socket->input_len == 0) {
		wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	if (len > socket->input_len)
		len = socket->input_len;
	memcpy(to, socket->input, len);
	socket->input += len;
	socket->input_len -= len;
	socket->fed += len;
	return (ssize_t)len;
}

static ssize_t
answer_cb(wslay_event_context_ptr wslay, const uint8_t *data, size_t len, int flags,
    void *arg)
{
	struct websocket *socket = arg;

	(void)flags;
	if (socket->state == STATE_DEAD || send_copy(socket, data, len) < 0) {
		wslay_event_set_error(wslay, WSLAY_ERR_CALLBACK_FAILURE);
		return -1;
	}
	return (ssize_t)len;
}

static void
frame_start_cb(wslay_event_context_ptr wslay,
    const struct wslay_event_on_frame_recv_start_arg *start, void *arg)
{
	struct websocket *socket = arg;
	uint64_t len = start->payload_length;

	(void)wslay;
	/* Two bytes, the longer length if it needs one, the mask. */
	socket->frame_len = len + 6 + (len < 126 ? 0 : len < 65536 ? 2 : 8);
	if (!wslay_is_ctrl_frame(start->opcode))
		socket->in_message = !start->fin;
}

static void
frame_end_cb(wslay_event_context_ptr wslay, void *arg)
{
	struct websocket *socket = arg;

	(void)wslay;
	socket->framed += socket->frame_len;
}

static void
message_cb(wslay_event_context_ptr wslay,
    const struct wslay_event_on_msg_recv_arg *message, void *arg)
{
	struct websocket *socket = arg;

	/* The pongs of what came before it go first. */
	if (message->opcode == WSLAY_TEXT_FRAME && wslay_event_want_write(wslay) &&
	    wslay_event_send(wslay) != 0)
		mark_dead(socket);
	if (message->opcode == WSLAY_TEXT_FRAME && socket->state == STATE_OPEN)
		socket->callbacks->text(
		    socket->arg, (const char *)message->msg, message->msg_length);
}

static int
need_wslay(struct websocket *socket)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = feed_cb,
		.send_callback = answer_cb,
		.on_frame_recv_start_callback = frame_start_cb,
		.on_frame_recv_end_callback = frame_end_cb,
		.on_msg_recv_callback = message_cb,
	};

	if (socket->wslay != NULL)
		return 0;
	if (wslay_event_context_server_init(&socket->wslay, &callbacks, socket) != 0) {
		socket->wslay = NULL;
		return -ENOMEM;
	}
	wslay_event_config_set_max_recv_msg_length(
	    socket->wslay, WEBSOCKET_MESSAGE_MAX);
	socket->fed = socket->framed = 0;
	return 0;
}

/* Hands @len bytes to wslay. Returns false if the connection is at its end. */
static bool
take_input(struct websocket *socket, const unsigned char *data, size_t len)
{
	if (need_wslay(socket) < 0)
		return false;
	socket->input = data;
	socket->input_len = len;
	if (wslay_event_recv(socket->wslay) != 0)
		return false;
	/* Pongs, and the good-bye that answers one, or a violation of the protocol. */
	if (wslay_event_want_write(socket->wslay) &&
	    wslay_event_send(socket->wslay) != 0)
		return false;
	if (wslay_event_get_close_sent(socket->wslay) ||
	    !wslay_event_get_read_enabled(socket->wslay)) {
		socket->state = STATE_CLOSING;
		return socket->tail != NULL;
	}
	if (socket->fed == socket->framed && !socket->in_message) {
		wslay_event_context_free(socket->wslay);
		socket->wslay = NULL;
	}
	return true;
}

/* A client that asks but does not read is not listened to until it does. */
static void
throttle(struct websocket *socket)
{
	if (socket->state == STATE_CLOSING ||
	    (socket->tail != NULL && evbuffer_get_length(socket->tail) > ANSWERS_MAX))
		event_del(&socket->readable);
}

static void
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	static unsigned char buffer[READ_MAX]; /* one thread, and nothing stays in it */
	struct websocket *socket = arg;
	ssize_t len;

	(void)what;
	if (socket->state != STATE_OPEN)
		return;
	len = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0 || !take_input(socket, buffer, (size_t)len)) {
		end(socket);
		return;
	}
	throttle(socket);
}

/* ---- between the two ---- */

/* The first call: whoever listens has been told, so what came early is heard. */
static bool
first_ready(struct websocket *socket)
{
	unsigned char *early = socket->early;
	bool sound = true;

	socket->told_ready = true;
	event_add(&socket->readable, NULL);
	socket->callbacks->ready(socket->arg);
	socket->early = NULL;
	if (early != NULL && socket->state == STATE_OPEN)
		sound = take_input(socket, early, socket->early_len);
	free(early);
	return sound;
}

static void
writable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct websocket *socket = arg;

	(void)fd;
	if ((what & EV_TIMEOUT) != 0)
		socket->state = STATE_DEAD;
	if (socket->state != STATE_DEAD && socket->tail != NULL &&
	    !flush_tail(socket) && socket->state != STATE_DEAD)
		return;
	if (socket->state != STATE_OPEN ||
	    (!socket->told_ready && !first_ready(socket))) {
		end(socket);
		return;
	}
	if (websocket_ready(socket)) {
		event_add(&socket->readable, NULL);
		socket->callbacks->ready(socket->arg);
	}
}

void
websocket_close(struct websocket *socket, unsigned code)
{
	const unsigned char goodbye[] = { 0x88, 2, (unsigned char)(code >> 8),
		(unsigned char)code };

	if (socket->state != STATE_OPEN)
		return;
	if (send_copy(socket, goodbye, sizeof(goodbye)) < 0) {
		mark_dead(socket);
		return;
	}
	socket->state = STATE_CLOSING;
	event_del(&socket->readable);
	if (socket->tail == NULL)
		event_active(&socket->writable, EV_WRITE, 0);
}

/* ---- the beginning ---- */

/* What the client said behind its handshake is kept until somebody listens. */
static int
keep_early(struct websocket *socket, struct evbuffer *input)
{
	size_t len = evbuffer_get_length(input);

	if (len == 0)
		return 0;
	if (len > EARLY_MAX)
		return -EMSGSIZE;
	socket->early = malloc(len);
	if (socket->early == NULL)
		return -ENOMEM;
	socket->early_len = len;
	evbuffer_remove(input, socket->early, len);
	return 0;
}

int
websocket_upgrade(struct event_base *base, struct evhttp_request *request,
    const char *reply, size_t reply_len, struct websocket **ret_socket)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct bufferevent *old = evhttp_connection_get_bufferevent(connection);
	struct websocket *socket = calloc(1, sizeof(*socket));
	int r;

	if (socket == NULL)
		return -ENOMEM;
	r = keep_early(socket, bufferevent_get_input(old));
	if (r < 0)
		goto fail;
	/* Before the descriptor is another's: epoll goes by number and by file. */
	bufferevent_disable(old, EV_READ | EV_WRITE);
	r = takeover_socket(bufferevent_getfd(old));
	if (r < 0)
		goto fail;
	socket->fd = r;
	bufferevent_setcb(old, NULL, NULL, NULL, NULL);
	evhttp_connection_free(connection);

	event_assign(&socket->readable, base, socket->fd, EV_READ | EV_PERSIST,
	    readable_cb, socket);
	event_assign(
	    &socket->writable, base, socket->fd, EV_WRITE, writable_cb, socket);
	if (send_copy(socket, reply, reply_len) < 0)
		socket->state = STATE_DEAD;
	*ret_socket = socket;
	return 0;
fail:
	free(socket->early);
	free(socket);
	return r;
}

void
websocket_start(
    struct websocket *socket, const struct websocket_callbacks *callbacks, void *arg)
{
	socket->callbacks = callbacks;
	socket->arg = arg;
	event_active(&socket->writable, EV_WRITE, 0);
}
