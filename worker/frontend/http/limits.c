/* SPDX-License-Identifier: MIT
 * Limits of connections; in the front-end.
 *
 * evhttp's timeouts start anew with each byte, and it says nothing when a connection
 * ends. So the state lies in a table by descriptor, and is begun anew for each
 * connection and each request.
 */
#include "config.h"

#include "limits.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "clock.h"
#include "descriptor.h"
#include "log.h"
#include "reply.h"
#include "request_check.h"
#include "request_head.h"
#include "banned.h"

#define WRITE_MAX (256 << 10) /* bytes a step */
#define DESCRIPTORS_MAX 65536 /* however many we may have */
#define RETRY_MS 100          /* until a full table is looked at again */
#define RETRY_CLOSED_MAX 8    /* idle connections that make room at each look */
#define IDLE_MS 1000          /* before that no connection has to make room */
#define QUIET_MS 60000        /* without trouble, until trouble is news again */
/* What may wait to be read: the longest head and body, and some of the next request. */
/* Of an answer in the kernel that was not sent yet. More would hide for how long a slow
 * reader has taken nothing: the kernel asks for more when a third of it is gone. */
#define UNSENT_MAX (256 << 10)
#define INPUT_MAX (2 * (LIMITS_HEADER_MAX + REQUEST_BODY_MAX))

enum phase {
	PHASE_NONE,    /* no connection, or one that is answered */
	PHASE_WAITING, /* for a request: in the list */
	PHASE_HEAD,    /* in the middle of one: likewise */
	PHASE_BODY,    /* of the same request: likewise */
	PHASE_REFUSED, /* it is at its end */
};

struct connection {
	enum phase phase;
	ino_t inode;            /* a descriptor's number is used again, this is not */
	int64_t since_ms;       /* it waits; the request's first byte */
	uint32_t before, after; /* in the list of all that wait; 0: the list's ends */
	struct request_head head;
};

struct limits {
	struct event_base *base;
	int64_t deadline_ms;
	struct timeval silence;
	size_t descriptors_max;
	/* By descriptor. The first is the list's anchor: no connection has number 0. */
	struct connection *connections;
	struct bufferevent *newest; /* a connection that has no entry yet */
	struct event settle, retry;
	int64_t trouble_ms; /* last; 0: never */
	size_t listeners_len;
	struct evconnlistener *listeners[LIMITS_LISTENERS_MAX];
};

/* The context of callbacks that give none of ours: evbuffer's pointer is the connection, a
 * listener's is its evhttp. */
static struct limits *only;

static int64_t
now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC_COARSE);
}

static struct connection *
connection_of(struct limits *limits, int fd)
{
	return fd > 0 && (size_t)fd < limits->descriptors_max ? &limits->connections[fd]
							      : NULL;
}

/* ---- those that wait, the oldest first ---- */

static void
list_remove(struct limits *limits, uint32_t number)
{
	struct connection *all = limits->connections;

	all[all[number].before].after = all[number].after;
	all[all[number].after].before = all[number].before;
	all[number].before = all[number].after = number;
}

static void
list_append(struct limits *limits, uint32_t number)
{
	struct connection *all = limits->connections;

	all[number].before = all[0].before;
	all[number].after = 0;
	all[all[0].before].after = number;
	all[0].before = number;
}

static bool
in_list(enum phase phase)
{
	return phase == PHASE_WAITING || phase == PHASE_HEAD || phase == PHASE_BODY;
}

/* A body's time counts from its head's first byte. */
static void
set_phase(struct limits *limits, struct connection *connection, enum phase phase)
{
	const uint32_t number = (uint32_t)(connection - limits->connections);
	const bool stays = phase == PHASE_BODY && in_list(connection->phase);

	if (in_list(connection->phase) && !stays)
		list_remove(limits, number);
	connection->phase = phase;
	if (stays || !in_list(phase))
		return;
	connection->since_ms = now_ms();
	list_append(limits, number);
}

static bool
wants_head(const struct connection *connection)
{
	return connection->phase == PHASE_WAITING || connection->phase == PHASE_HEAD;
}

/* Ends up to @len connections that had time enough to ask something. evhttp then finds
 * the end of each. */
static void
make_room(struct limits *limits, size_t len)
{
	const int64_t latest = now_ms() - IDLE_MS;
	struct connection *all = limits->connections, *oldest;
	struct stat st;

	while (all[0].after != 0 && len > 0) {
		oldest = &all[all[0].after];
		if (oldest->since_ms > latest)
			return;
		/* Of those that ended by themselves nobody told us. */
		if (fstat((int)all[0].after, &st) == 0 && st.st_ino == oldest->inode) {
			shutdown((int)all[0].after, SHUT_RDWR);
			len--;
		}
		set_phase(limits, oldest, PHASE_NONE);
	}
}

/* ---- what is refused ---- */

/* Nothing of evhttp's is under way for a head that is not complete: the answer may go
 * past it. It then finds the end of the connection. */
static void
refuse(struct connection *connection, int fd, unsigned status, const char *why)
{
	const bool bare = connection->head.method == REQUEST_HEAD;
	char reply[512];
	int len = snprintf(reply, sizeof(reply),
	    "HTTP/1.1 %u %s\r\nconnection: close\r\ncontent-type: text/plain; "
	    "charset=utf-8\r\nx-content-type-options: nosniff\r\n%scontent-length: "
	    "%zu\r\n\r\n%s%s",
	    status, reply_reason((int)status),
	    /* Which of them depends on the path, which nobody has read yet. */
	    status == 405 ? "allow: GET, HEAD, POST\r\n" : "", strlen(why) + 1,
	    bare ? "" : why, bare ? "" : "\n");

	set_phase(only, connection, PHASE_REFUSED);
	/* A client that does not take it has had its chance. */
	(void)!send(fd, reply, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_RDWR);
}

static void
refuse_late(struct connection *connection, int fd)
{
	if (now_ms() - connection->since_ms > only->deadline_ms)
		refuse(connection, fd, 408, "the request took too long");
}

static void
take_head(struct connection *connection, int fd, const char *bytes, size_t len)
{
	struct request_head *head = &connection->head;

	if (connection->phase == PHASE_WAITING)
		set_phase(only, connection, PHASE_HEAD);
	request_head_take(head, bytes, len);
	if (head->bytes > LIMITS_HEADER_MAX)
		refuse(connection, fd, 431, "the request's head is too large");
	else if (head->status != 0)
		refuse(connection, fd, head->status, head->why);
	else if (request_head_complete(head))
		set_phase(only, connection, PHASE_BODY);
}

/* The last @len bytes of @input. */
static void
take_input(struct connection *connection, int fd, struct evbuffer *input, size_t len)
{
	struct evbuffer_iovec parts[8];
	struct evbuffer_ptr at;
	size_t part;
	int parts_len;

	while (len > 0 && wants_head(connection)) {
		if (evbuffer_ptr_set(input, &at, evbuffer_get_length(input) - len,
			EVBUFFER_PTR_SET) != 0)
			return;
		parts_len = evbuffer_peek(input, (ev_ssize_t)len, &at, parts, 8);
		for (int i = 0; i < parts_len && i < 8 && wants_head(connection); i++) {
			part = parts[i].iov_len < len ? parts[i].iov_len : len;
			take_head(connection, fd, parts[i].iov_base, part);
			len -= part;
		}
	}
}

/* ---- evhttp's connections ---- */

static void
bytes_cb(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	const int fd = bufferevent_getfd(arg);
	struct connection *connection = connection_of(only, fd);

	if (info->n_added == 0 || connection == NULL)
		return;
	if (wants_head(connection))
		take_input(connection, fd, input, info->n_added);
	if (connection->phase == PHASE_HEAD || connection->phase == PHASE_BODY)
		refuse_late(connection, fd);
}

/* Its answer is with the kernel. What came behind it was not looked at until now. */
static void
answered_cb(struct evhttp_request *request, void *arg)
{
	struct limits *limits = arg;
	struct bufferevent *bufferevent =
	    evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
	struct evbuffer *input = bufferevent_get_input(bufferevent);
	const int fd = bufferevent_getfd(bufferevent);
	struct connection *connection = connection_of(limits, fd);

	if (connection == NULL || connection->phase == PHASE_REFUSED ||
	    reply_closes(request))
		return;
	bufferevent_setwatermark(bufferevent, EV_READ, 0, 0);
	bufferevent_set_timeouts(bufferevent, &limits->silence, &limits->silence);
	connection->head = (struct request_head){ 0 };
	set_phase(limits, connection, PHASE_WAITING);
	take_input(connection, fd, input, evbuffer_get_length(input));
}

static struct bufferevent *
bufferevent_of(struct evhttp_request *request)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);

	return connection != NULL ? evhttp_connection_get_bufferevent(connection)
				  : NULL;
}

static int
descriptor_of(struct evhttp_request *request)
{
	struct bufferevent *bufferevent = bufferevent_of(request);

	return bufferevent != NULL ? bufferevent_getfd(bufferevent) : -1;
}

bool
limits_request_arrived(struct limits *limits, struct evhttp_request *request)
{
	struct connection *connection = connection_of(limits, descriptor_of(request));

	if (connection == NULL)
		return true;
	if (connection->phase != PHASE_BODY)
		return false;
	set_phase(limits, connection, PHASE_NONE);
	/* evhttp reads on while it sends an answer: what does not fit waits in the kernel.
	 * While it reads a request this would cost a change of events for each line. */
	bufferevent_setwatermark(bufferevent_of(request), EV_READ, 0, INPUT_MAX);
	/* It says nothing while it reads: only what it does not take is silence. */
	bufferevent_set_timeouts(bufferevent_of(request), NULL, &limits->silence);
	evhttp_request_set_on_complete_cb(request, answered_cb, limits);
	return true;
}

enum limits_room
limits_room(struct evhttp_request *request)
{
	int next;

	if (descriptor_for_connection(descriptor_of(request)))
		return LIMITS_ROOM;
	next = descriptor_next();
	return next >= 0 && descriptor_for_connection(next) ? LIMITS_ROOM_ONCE
							    : LIMITS_GUEST;
}

/* ---- descriptors ---- */

static void
say_trouble(struct limits *limits)
{
	const int64_t now = now_ms();

	if (limits->trouble_ms == 0 || now - limits->trouble_ms > QUIET_MS)
		log_warning(
		    "nearly all of %zu descriptors are in use: idle connections "
		    "are closed, new ones wait or are told to try again; allow "
		    "the service more (LimitNOFILE of its unit, ulimit -n)",
		    limits->descriptors_max);
	limits->trouble_ms = now;
}

static void
pause_listening(struct limits *limits)
{
	const struct timeval retry = { 0, RETRY_MS * 1000 };

	say_trouble(limits);
	event_add(&limits->retry, &retry);
	for (size_t i = 0; i < limits->listeners_len; i++)
		evconnlistener_disable(limits->listeners[i]);
}

static bool
may_accept(void)
{
	const int next = descriptor_next();

	return next >= 0 && descriptor_for_guest(next);
}

static void
retry_cb(evutil_socket_t fd, short what, void *arg)
{
	struct limits *limits = arg;

	(void)fd;
	(void)what;
	make_room(limits, RETRY_CLOSED_MAX);
	if (!may_accept()) {
		pause_listening(limits);
		return;
	}
	for (size_t i = 0; i < limits->listeners_len; i++)
		evconnlistener_enable(limits->listeners[i]);
}

/* Its pointer is evhttp's, like that of the listener's other callback. */
static void
accept_failed_cb(struct evconnlistener *listener, void *evhttp)
{
	(void)listener;
	(void)evhttp;
	make_room(only, RETRY_CLOSED_MAX);
	pause_listening(only);
}

/* evhttp made a connection of the newest by now, so that its descriptor is known. */
static void
settle(struct limits *limits)
{
	struct bufferevent *newest = limits->newest;
	struct connection *connection;
	struct stat st;
	int fd;

	limits->newest = NULL;
	if (newest == NULL)
		return;
	fd = bufferevent_getfd(newest);
	connection = connection_of(limits, fd);
	if (connection != NULL && fstat(fd, &st) == 0) {
		connection->inode = st.st_ino;
		connection->head = (struct request_head){ 0 };
		set_phase(limits, connection, PHASE_WAITING);
		if (!descriptor_for_connection(fd)) {
			say_trouble(limits);
			make_room(limits, 1);
		}
	}
	bufferevent_decref(newest);
}

static void
settle_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	settle(arg);
}

/* Called by evhttp for each connection that it accepted. */
static struct bufferevent *
new_connection_cb(struct event_base *base, void *arg)
{
	struct limits *limits = arg;
	struct bufferevent *bufferevent =
	    bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	settle(limits);
	if (!may_accept())
		pause_listening(limits);
	if (bufferevent == NULL)
		return NULL;
	bufferevent_set_max_single_write(bufferevent, WRITE_MAX);
	evbuffer_add_cb(bufferevent_get_input(bufferevent), bytes_cb, bufferevent);
	bufferevent_incref(bufferevent);
	limits->newest = bufferevent;
	event_active(&limits->settle, EV_TIMEOUT, 0);
	return bufferevent;
}

/* All that we may have: every browser and every source root is one. */
static size_t
raise_descriptors(void)
{
	struct rlimit files = { 1024, 1024 };

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
		getrlimit(RLIMIT_NOFILE, &files);
	}
	return files.rlim_cur < DESCRIPTORS_MAX ? (size_t)files.rlim_cur
						: DESCRIPTORS_MAX;
}

struct limits *
limits_new(struct event_base *base, struct evhttp *http, unsigned deadline_ms,
    unsigned silence_ms)
{
	struct limits *limits = calloc(1, sizeof(*limits));

	if (limits == NULL)
		return NULL;
	limits->base = base;
	limits->deadline_ms = deadline_ms;
	limits->silence =
	    (struct timeval){ silence_ms / 1000, silence_ms % 1000 * 1000 };
	limits->descriptors_max = raise_descriptors();
	limits->connections =
	    calloc(limits->descriptors_max + 1, sizeof(*limits->connections));
	if (limits->connections == NULL) {
		free(limits);
		return NULL;
	}
	descriptor_share_out(limits->descriptors_max);
	only = limits;
	event_assign(&limits->retry, base, -1, 0, retry_cb, limits);
	event_assign(&limits->settle, base, -1, 0, settle_cb, limits);
	evhttp_set_bevcb(http, new_connection_cb, limits);
	evhttp_set_timeout_tv(http, &limits->silence);
	evhttp_set_max_headers_size(http, 2 * LIMITS_HEADER_MAX);
	return limits;
}

void
limits_free(struct limits *limits)
{
	if (limits == NULL)
		return;
	if (limits->newest != NULL)
		bufferevent_decref(limits->newest);
	event_del(&limits->retry);
	event_del(&limits->settle);
	free(limits->connections);
	free(limits);
}

int
limits_add_listener(struct limits *limits, struct evhttp_bound_socket *socket)
{
	struct evconnlistener *listener = evhttp_bound_socket_get_listener(socket);
	const int on = 1, unsent = UNSENT_MAX;

	if (limits->listeners_len == LIMITS_LISTENERS_MAX)
		return -E2BIG;
	/* Inherited by connections; a unix socket has no such things. */
	setsockopt(
	    evconnlistener_get_fd(listener), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(evconnlistener_get_fd(listener), IPPROTO_TCP, TCP_NOTSENT_LOWAT,
	    &unsent, sizeof(unsent));
	evconnlistener_set_error_cb(listener, accept_failed_cb);
	limits->listeners[limits->listeners_len++] = listener;
	return 0;
}
