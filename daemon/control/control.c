/* SPDX-License-Identifier: MIT
 * Connections of the control socket; in the supervisor.
 */
#include "config.h"

#include "control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "privs.h"
#include "banned.h"

#define CLIENTS_MAX 16
#define TIMEOUT_S 5

struct control {
	struct supervisor *supervisor;
	struct event *accept;
	int fd;
	char *path;
	struct client {
		struct control *control;
		struct bufferevent *stream; /* NULL: free */
		uid_t uid;
		bool answered;
	} clients[CLIENTS_MAX];
};

static void
client_close(struct client *client)
{
	bufferevent_free(client->stream);
	client->stream = NULL;
}

static void
written_cb(struct bufferevent *stream, void *context)
{
	struct client *client = context;

	(void)stream;
	if (client->answered)
		client_close(client);
}

static void
event_cb(struct bufferevent *stream, short what, void *context)
{
	(void)stream;
	(void)what;
	client_close(context);
}

static void
read_cb(struct bufferevent *stream, void *context)
{
	struct client *client = context;
	struct evbuffer *input = bufferevent_get_input(stream);
	char *line;

	if (client->answered)
		return;
	line = evbuffer_readln(input, NULL, EVBUFFER_EOL_LF);
	if (line == NULL && evbuffer_get_length(input) < CONTROL_LINE_MAX)
		return;
	client->answered = true;
	bufferevent_disable(stream, EV_READ);
	if (line == NULL)
		evbuffer_add_printf(bufferevent_get_output(stream),
		    "error the request is longer than %d bytes\n", CONTROL_LINE_MAX);
	else
		control_request(client->control->supervisor, client->uid, line,
		    bufferevent_get_output(stream));
	free(line);
}

static struct client *
free_client(struct control *control)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (control->clients[i].stream == NULL)
			return &control->clients[i];
	return NULL;
}

static void
serve(struct control *control, int fd)
{
	const struct timeval limit = { .tv_sec = TIMEOUT_S };
	struct client *client = free_client(control);
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (client == NULL ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	    (peer.uid != 0 && peer.uid != geteuid())) {
		log_warning("control: a connection was refused: %s",
		    client == NULL ? "too many at once"
				   : "only root and the service's user may");
		close(fd);
		return;
	}
	client->control = control;
	client->uid = peer.uid;
	client->answered = false;
	client->stream = bufferevent_socket_new(
	    control->supervisor->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (client->stream == NULL) {
		close(fd);
		return;
	}
	bufferevent_setcb(client->stream, read_cb, written_cb, event_cb, client);
	bufferevent_setwatermark(client->stream, EV_READ, 0, CONTROL_LINE_MAX);
	bufferevent_set_timeouts(client->stream, &limit, &limit);
	bufferevent_enable(client->stream, EV_READ | EV_WRITE);
}

static void
accept_cb(evutil_socket_t fd, short what, void *context)
{
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (client >= 0)
		serve(context, client);
}

int
control_new(
    struct supervisor *supervisor, const char *path, struct control **ret_control)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (control == NULL)
		return -ENOMEM;
	control->supervisor = supervisor;
	control->fd = -1;
	r = privs_listen_unix(path, 0600, &control->fd);
	if (r == 0) {
		control->path = strdup(path);
		control->accept = event_new(supervisor->base, control->fd,
		    EV_READ | EV_PERSIST, accept_cb, control);
		if (control->path == NULL || control->accept == NULL)
			r = -ENOMEM;
	}
	if (r < 0) {
		control_free(control);
		return r;
	}
	event_add(control->accept, NULL);
	*ret_control = control;
	return 0;
}

void
control_free(struct control *control)
{
	if (control == NULL)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (control->clients[i].stream != NULL)
			client_close(&control->clients[i]);
	if (control->accept != NULL)
		event_free(control->accept);
	if (control->fd >= 0)
		close(control->fd);
	if (control->path != NULL)
		unlink(control->path);
	free(control->path);
	free(control);
}
