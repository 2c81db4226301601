/* SPDX-License-Identifier: MIT
 * Replies in chunks; in the front-end.
 */
#include "config.h"

#include "streamed_reply.h"

#include <sys/queue.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>

#include "reply.h"
#include "banned.h"

/* What was promised cannot be sent: the client sees that the end is missing. */
static void
cut_off(struct evhttp_connection *connection, struct streamed_reply *reply)
{
	evhttp_connection_set_closecb(connection, NULL, NULL);
	evhttp_connection_free(connection);
	reply->done_cb(reply->arg);
}

static void
step_cb(struct evhttp_connection *connection, void *arg)
{
	struct streamed_reply *reply = arg;

	reply->make_cb(reply->arg);
	if (reply->failed) {
		cut_off(connection, reply);
		return;
	}
	if (evbuffer_get_length(reply->chunk) > 0) {
		evhttp_send_reply_chunk_with_cb(
		    reply->request, reply->chunk, step_cb, reply);
		return;
	}
	evhttp_connection_set_closecb(connection, NULL, NULL);
	evhttp_send_reply_end(reply->request);
	reply->done_cb(reply->arg);
}

/* The client went away in the middle. */
static void
closed_cb(struct evhttp_connection *connection, void *arg)
{
	struct streamed_reply *reply = arg;

	(void)connection;
	/* Without a connection the request is nobody's but ours. */
	if (evhttp_request_get_connection(reply->request) == NULL)
		evhttp_request_free(reply->request);
	reply->done_cb(reply->arg);
}

void
streamed_reply_start(struct streamed_reply *reply)
{
	struct evhttp_connection *connection =
	    evhttp_request_get_connection(reply->request);

	/* HTTP/1.0 knows no chunks: without a length the end is that of the connection. */
	if (reply->request->minor == 0 &&
	    evhttp_find_header(evhttp_request_get_output_headers(reply->request),
		"content-length") == NULL)
		reply_close(reply->request);
	evhttp_connection_set_closecb(connection, closed_cb, reply);
	evhttp_send_reply_start(reply->request, 200, "OK");
	step_cb(connection, reply);
}
