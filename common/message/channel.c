/* SPDX-License-Identifier: MIT
 * Framed messages with descriptors; between the supervisor and each worker.
 */
#include "config.h"

#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edges.h"
#include "banned.h"

#define HEADER_SIZE offsetof(struct message, text)

struct waiting {
	struct waiting *next;
	size_t size;
	size_t fds_len;
	int fds[MESSAGE_FDS_MAX];
	unsigned char bytes[];
};

struct channel {
	int fd;
	enum party self, peer;
	struct waiting *first;
	struct waiting **last; /* where the next one is hung in */
	size_t waiting_len;
	channel_wait_cb wait_cb;
	void *context;
};

/* ---- who may say what ---- */

enum {
#define X(name, text) name = PARTY_##name,
	PARTIES(X)
#undef X
};

/* Of message 1 and so on. */
static const struct message_row {
	uint16_t from, to;
	unsigned char fds_min, fds_max, body_size;
} rows[] = {
#define X(name, text, body, from, to, fds_min, fds_max) \
	{ from, to, fds_min, fds_max, sizeof(struct message_##body) },
	MESSAGE_TYPES(X)
#undef X
};
_Static_assert(PARTIES_LEN <= 16, "parties");

/* Of two workers only those that share an edge. */
static bool
is_edge(enum party from, enum party to)
{
	if ((from & PARTY_WORKERS) == 0 || (to & PARTY_WORKERS) == 0)
		return true;
	for (unsigned i = 0; i < EDGES_LEN; i++)
		if ((edge_ends(i)->one == from && edge_ends(i)->other == to) ||
		    (edge_ends(i)->one == to && edge_ends(i)->other == from))
			return true;
	return false;
}

bool
message_is_allowed(unsigned type, enum party from, enum party to, size_t fds_len)
{
	const struct message_row *row;

	if (from == PARTY_ANY || to == PARTY_ANY)
		return true;
	if (type == MESSAGE_NONE || type >= MESSAGE_TYPES_LEN)
		return false;
	row = &rows[type - 1];
	return is_edge(from, to) && (row->from & from) != 0 && (row->to & to) != 0 &&
	    fds_len >= row->fds_min && fds_len <= row->fds_max;
}

bool
channel_may_receive(const struct channel *channel, enum message_type type)
{
	return message_is_allowed(
	    type, channel->peer, channel->self, rows[type - 1].fds_min);
}

/* Who fills another body than the row's leaves something behind it. */
static bool
has_its_body(const struct channel *channel, const struct message *message)
{
	if (channel->self == PARTY_ANY)
		return true;
	for (size_t i = rows[message->type - 1].body_size; i < MESSAGE_BODY_MAX; i++)
		if (message->bytes[i] != 0)
			return false;
	return true;
}

/* ---- channels ---- */

int
channel_pair(int ret_fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		ret_fds) != 0)
		return -errno;
	return 0;
}

int
channel_new(int fd, enum party self, enum party peer, struct channel **ret_channel)
{
	struct channel *channel;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return -errno;
	channel = calloc(1, sizeof(*channel));
	if (channel == NULL)
		return -ENOMEM;
	channel->fd = fd;
	channel->self = self;
	channel->peer = peer;
	channel->last = &channel->first;
	*ret_channel = channel;
	return 0;
}

static void
waiting_free(struct waiting *waiting)
{
	for (size_t i = 0; i < waiting->fds_len; i++)
		close(waiting->fds[i]);
	free(waiting);
}

void
channel_free(struct channel *channel)
{
	struct waiting *next;

	if (channel == NULL)
		return;
	for (; channel->first != NULL; channel->first = next) {
		next = channel->first->next;
		waiting_free(channel->first);
	}
	close(channel->fd);
	free(channel);
}

int
channel_fd(const struct channel *channel)
{
	return channel->fd;
}

enum party
channel_peer(const struct channel *channel)
{
	return channel->peer;
}

bool
channel_pending(const struct channel *channel)
{
	return channel->first != NULL;
}

size_t
channel_waiting(const struct channel *channel)
{
	return channel->waiting_len;
}

void
channel_on_wait(struct channel *channel, channel_wait_cb cb, void *context)
{
	channel->wait_cb = cb;
	channel->context = context;
}

/* Hands one packet to the socket. 0, -EAGAIN or another negative errno. */
static int
send_packet(int socket, const void *bytes, size_t size, const int *fds, size_t fds_len)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
	} control;
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = size };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t n;

	if (fds_len > 0) {
		memset(&control, 0, sizeof(control));
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * fds_len);
		cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * fds_len);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * fds_len);
	}
	do
		n = sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	if (errno == EWOULDBLOCK || errno == ENOBUFS || errno == ETOOMANYREFS)
		return -EAGAIN;
	return errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
}

static int
enqueue(struct channel *channel, const void *bytes, size_t size, const int *fds,
    size_t fds_len)
{
	struct waiting *waiting;
	int r;

	if (channel->waiting_len >= CHANNEL_WAITING_MAX)
		return -ENOBUFS;
	waiting = malloc(sizeof(*waiting) + size);
	if (waiting == NULL)
		return -ENOMEM;
	waiting->next = NULL;
	waiting->size = size;
	memcpy(waiting->bytes, bytes, size);
	for (waiting->fds_len = 0; waiting->fds_len < fds_len; waiting->fds_len++) {
		int copy = fcntl(fds[waiting->fds_len], F_DUPFD_CLOEXEC, 3);

		if (copy < 0) {
			r = -errno;
			waiting_free(waiting);
			return r;
		}
		waiting->fds[waiting->fds_len] = copy;
	}
	*channel->last = waiting;
	channel->last = &waiting->next;
	channel->waiting_len++;
	if (channel->wait_cb != NULL)
		channel->wait_cb(channel->context);
	return 0;
}

int
channel_send(struct channel *channel, const struct message *message, const int *fds,
    size_t fds_len)
{
	size_t size;
	int r;

	if (fds_len > MESSAGE_FDS_MAX || message->text_len > MESSAGE_TEXT_MAX)
		return -EMSGSIZE;
	if (!message_is_allowed(message->type, channel->self, channel->peer, fds_len) ||
	    !has_its_body(channel, message))
		return -EPERM;
	size = HEADER_SIZE + message->text_len;
	if (channel->first == NULL) {
		r = send_packet(channel->fd, message, size, fds, fds_len);
		if (r != -EAGAIN)
			return r;
	}
	return enqueue(channel, message, size, fds, fds_len);
}

int
channel_flush(struct channel *channel)
{
	struct waiting *waiting;
	int r;

	while ((waiting = channel->first) != NULL) {
		r = send_packet(channel->fd, waiting->bytes, waiting->size,
		    waiting->fds, waiting->fds_len);
		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return r;
		channel->first = waiting->next;
		if (channel->first == NULL)
			channel->last = &channel->first;
		channel->waiting_len--;
		waiting_free(waiting);
	}
	return 0;
}

int
channel_send_all(struct channel *channel, const struct message *message, const int *fds,
    size_t fds_len)
{
	struct pollfd pollfd = { .fd = channel->fd, .events = POLLOUT };
	int r = channel_send(channel, message, fds, fds_len);

	while (r == 0 && channel->first != NULL) {
		if (poll(&pollfd, 1, -1) < 0 && errno != EINTR)
			return -errno;
		r = channel_flush(channel);
	}
	return r;
}

int
channel_pong(struct channel *channel, const struct message *ping)
{
	static struct message pong;

	message_init(&pong, MESSAGE_PONG, 0);
	pong.beat.number = ping->beat.number;
	return channel_send(channel, &pong, NULL, 0);
}

/* Collects what descriptors came along; closes those beyond the limit. */
static size_t
take_descriptors(struct msghdr *header, int *fds)
{
	struct cmsghdr *cmsg;
	size_t len = 0, n, i;
	int fd;

	for (cmsg = CMSG_FIRSTHDR(header); cmsg != NULL;
	    cmsg = CMSG_NXTHDR(header, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
			if (len < MESSAGE_FDS_MAX)
				fds[len++] = fd;
			else
				close(fd);
		}
	}
	return len;
}

static void
close_all(const int *fds, size_t len)
{
	for (size_t i = 0; i < len; i++)
		close(fds[i]);
}

int
channel_receive(struct channel *channel, struct message *ret_message,
    int ret_fds[MESSAGE_FDS_MAX], size_t *ret_fds_len)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
	} control;
	struct iovec iov = { .iov_base = ret_message, .iov_len = sizeof(*ret_message) };
	struct msghdr header = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n;

	/* Of who died with something unread the first thing told is that; what it said last comes
	 * behind it. */
	do
		n = recvmsg(channel->fd, &header, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	if (n == 0)
		return -EPIPE;
	*ret_fds_len = take_descriptors(&header, ret_fds);
	if ((size_t)n < HEADER_SIZE ||
	    (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
	    ret_message->type == MESSAGE_NONE ||
	    ret_message->type >= MESSAGE_TYPES_LEN ||
	    ret_message->text_len != (size_t)n - HEADER_SIZE) {
		close_all(ret_fds, *ret_fds_len);
		*ret_fds_len = 0;
		return -EPROTO;
	}
	if (ret_message->text_len < MESSAGE_TEXT_MAX)
		ret_message->text[ret_message->text_len] = '\0';
	if (message_is_allowed(
		ret_message->type, channel->peer, channel->self, *ret_fds_len) &&
	    has_its_body(channel, ret_message))
		return 0;
	close_all(ret_fds, *ret_fds_len);
	return -EPERM;
}

void
message_init(struct message *message, enum message_type type, uint32_t id)
{
	memset(message, 0, HEADER_SIZE);
	message->type = type;
	message->id = id;
}

void
message_printf(struct message *message, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(message->text, sizeof(message->text), format, args);
	va_end(args);
	message->text_len = n < 0          ? 0
	    : (size_t)n < MESSAGE_TEXT_MAX ? (uint32_t)n
					   : MESSAGE_TEXT_MAX - 1;
}

const char *
message_type_name(unsigned type)
{
	static const char *const names[] = { "none",
#define X(name, text, ...) text,
		MESSAGE_TYPES(X)
#undef X
	};
	return type < MESSAGE_TYPES_LEN ? names[type] : "?";
}

const char *
party_name(enum party party)
{
	static const char *const names[] = {
#define X(name, text) text,
		PARTIES(X)
#undef X
	};

	for (unsigned i = 0; i < PARTIES_LEN; i++)
		if (party == 1U << i)
			return names[i];
	return "?";
}
