/* SPDX-License-Identifier: MIT
 * Limits of connections; in the front-end.
 *
 * evhttp's timeouts start anew with each byte, and it says nothing when a connection
 * ends. So the state lies in a table by descriptor, and is begun anew by the first byte
 * of each connection and of each request.
 */
#include "config.h"

#include "limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <time.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "log.h"
#include "banned.h"

#define WRITE_MAX (256 << 10)   /* bytes a step */
#define RESERVED_DESCRIPTORS 64 /* for files that answers are read from */
#define DESCRIPTORS_MAX 65536   /* however many we may have */
#define RETRY_MS 100            /* until a full table is looked at again */

struct head {
	int64_t began_ms;
	uint32_t bytes, line_bytes; /* of the head, and of its last line */
	bool complete, refused;
};

struct limits {
	struct event_base *base;
	int64_t deadline_ms;
	size_t descriptors_max;
	struct head *heads; /* by descriptor */
	struct event retry;
	bool paused;
	size_t listeners_len;
	struct evconnlistener *listeners[LIMITS_LISTENERS_MAX];
};

/* The context of a connection's callback: evbuffer gives one pointer alone. */
static struct limits *only;

static void later_bytes_cb(struct evbuffer *, const struct evbuffer_cb_info *, void *);

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Follows the lines of a head until its empty one. */
static void
follow(struct head *head, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len && !head->complete; i++) {
		head->bytes++;
		if (bytes[i] == '\n') {
			head->complete = head->line_bytes == 0 && head->bytes > 2;
			head->line_bytes = 0;
		} else if (bytes[i] != '\r') {
			head->line_bytes++;
		}
	}
}

static void
follow_added(
    struct head *head, struct evbuffer *input, const struct evbuffer_cb_info *info)
{
	struct evbuffer_iovec parts[8];
	struct evbuffer_ptr at;
	size_t left = info->n_added;
	int len;

	if (evbuffer_ptr_set(input, &at, info->orig_size, EVBUFFER_PTR_SET) != 0)
		return;
	len = evbuffer_peek(input, (ev_ssize_t)left, &at, parts, 8);
	for (int i = 0; i < len && i < 8 && left > 0; i++) {
		size_t part = parts[i].iov_len < left ? parts[i].iov_len : left;

		follow(head, parts[i].iov_base, part);
		left -= part;
	}
}

/* Nothing of evhttp's is under way for a head that is not complete: the answer may go
 * past it. It then finds the end of the connection. */
static void
refuse(struct head *head, int fd, const char *status)
{
	char reply[160];
	int len = snprintf(reply, sizeof(reply),
	    "HTTP/1.1 %s\r\nconnection: close\r\n"
	    "content-type: text/plain\r\ncontent-length: %zu\r\n\r\n%s\n",
	    status, strlen(status) + 1, status);

	head->refused = true;
	/* A client that does not take it has had its chance. */
	(void)!send(fd, reply, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_RDWR);
}

static void
check(struct evbuffer *input, const struct evbuffer_cb_info *info, int fd)
{
	struct head *head = &only->heads[fd];

	if (head->refused)
		return;
	if (!head->complete)
		follow_added(head, input, info);
	if (head->bytes > LIMITS_HEADER_MAX)
		refuse(head, fd, "431 Request Header Fields Too Large");
	else if (now_ms() - head->began_ms > only->deadline_ms)
		refuse(head, fd, "408 Request Timeout");
}

static void
first_bytes_cb(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	int fd = bufferevent_getfd(arg);

	if (info->n_added == 0 || fd < 0 || (size_t)fd >= only->descriptors_max)
		return;
	only->heads[fd] = (struct head){ .began_ms = now_ms() };
	evbuffer_remove_cb(input, first_bytes_cb, arg);
	evbuffer_add_cb(input, later_bytes_cb, arg);
	check(input, info, fd);
}

static void
later_bytes_cb(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	int fd = bufferevent_getfd(arg);

	if (info->n_added > 0 && fd >= 0 && (size_t)fd < only->descriptors_max)
		check(input, info, fd);
}

void
limits_request_arrived(struct limits *limits, struct evhttp_request *request)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct bufferevent *bufferevent;
	struct evbuffer *input;

	(void)limits;
	if (connection == NULL)
		return;
	bufferevent = evhttp_connection_get_bufferevent(connection);
	input = bufferevent_get_input(bufferevent);
	if (evbuffer_remove_cb(input, later_bytes_cb, bufferevent) == 0)
		evbuffer_add_cb(input, first_bytes_cb, bufferevent);
}

/* ---- descriptors ---- */

/* Descriptors are numbered without gaps: the next one tells how many are in use. */
static bool
descriptors_left(const struct limits *limits)
{
	int probe = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	if (probe < 0)
		return false;
	close(probe);
	return (size_t)probe + RESERVED_DESCRIPTORS < limits->descriptors_max;
}

static void
pause_listening(struct limits *limits)
{
	const struct timeval retry = { 0, RETRY_MS * 1000 };

	event_add(&limits->retry, &retry);
	if (limits->paused)
		return;
	limits->paused = true;
	log_warning("all %zu descriptors are in use; new connections wait",
	    limits->descriptors_max);
	for (size_t i = 0; i < limits->listeners_len; i++)
		evconnlistener_disable(limits->listeners[i]);
}

static void
retry_cb(evutil_socket_t fd, short what, void *arg)
{
	struct limits *limits = arg;

	(void)fd;
	(void)what;
	if (!descriptors_left(limits)) {
		pause_listening(limits);
		return;
	}
	limits->paused = false;
	for (size_t i = 0; i < limits->listeners_len; i++)
		evconnlistener_enable(limits->listeners[i]);
}

static void
accept_failed_cb(struct evconnlistener *listener, void *arg)
{
	(void)listener;
	pause_listening(arg);
}

/* Called by evhttp for each connection that it accepted. */
static struct bufferevent *
new_connection_cb(struct event_base *base, void *arg)
{
	struct bufferevent *bufferevent =
	    bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (!descriptors_left(arg))
		pause_listening(arg);
	if (bufferevent == NULL)
		return NULL;
	bufferevent_set_max_single_write(bufferevent, WRITE_MAX);
	evbuffer_add_cb(
	    bufferevent_get_input(bufferevent), first_bytes_cb, bufferevent);
	return bufferevent;
}

struct limits *
limits_new(struct event_base *base, struct evhttp *http, unsigned deadline_ms)
{
	struct limits *limits = calloc(1, sizeof(*limits));
	struct rlimit files = { 1024, 1024 };

	if (limits == NULL)
		return NULL;
	/* All that we may have: every browser and every source root is one. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
		getrlimit(RLIMIT_NOFILE, &files);
	}
	if (files.rlim_cur > DESCRIPTORS_MAX)
		files.rlim_cur = DESCRIPTORS_MAX;
	limits->base = base;
	limits->deadline_ms = deadline_ms;
	limits->descriptors_max = (size_t)files.rlim_cur;
	limits->heads = calloc(limits->descriptors_max, sizeof(*limits->heads));
	if (limits->heads == NULL) {
		free(limits);
		return NULL;
	}
	only = limits;
	event_assign(&limits->retry, base, -1, 0, retry_cb, limits);
	evhttp_set_bevcb(http, new_connection_cb, limits);
	evhttp_set_timeout(http, LIMITS_SILENCE_SECONDS);
	evhttp_set_max_headers_size(http, 2 * LIMITS_HEADER_MAX);
	return limits;
}

void
limits_free(struct limits *limits)
{
	if (limits == NULL)
		return;
	event_del(&limits->retry);
	free(limits->heads);
	free(limits);
}

int
limits_add_listener(struct limits *limits, struct evhttp_bound_socket *socket)
{
	struct evconnlistener *listener = evhttp_bound_socket_get_listener(socket);
	const int on = 1;

	if (limits->listeners_len == LIMITS_LISTENERS_MAX)
		return -E2BIG;
	/* Inherited by connections; a unix socket has no such thing. */
	setsockopt(
	    evconnlistener_get_fd(listener), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	evconnlistener_set_error_cb(listener, accept_failed_cb);
	limits->listeners[limits->listeners_len++] = listener;
	return 0;
}
