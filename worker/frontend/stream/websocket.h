/* SPDX-License-Identifier: MIT
 * One open WebSocket: takes the descriptor over from evhttp, writes shared frames, reads
 * what little clients say.
 *
 * Nothing here ever frees a connection under its user: a failure only marks it, and
 * `closed` comes later from the event loop.
 */
#ifndef FUZZSUP_WEBSOCKET_H
#define FUZZSUP_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "frame.h"

struct event_base;
struct evhttp_request;
struct websocket;

#define WEBSOCKET_MESSAGE_MAX 4096 /* bytes of a client's message */
#define WEBSOCKET_GOING_AWAY 1001
#define WEBSOCKET_POLICY 1008

struct websocket_callbacks {
	/* All that was sent is in the kernel: send what is newest now. */
	void (*ready)(void *arg);
	/* A whole text message; not terminated. */
	void (*text)(void *arg, const char *text, size_t len);
	/* The last call: the connection is freed after it. */
	void (*closed)(void *arg);
};

/* Takes the connection of @request, whose handshake was checked, away from evhttp and
 * answers it with @reply. The request is gone after it. Calls nothing back before it
 * returned. Returns 0 or a negative errno; then the request is still to be answered. */
int websocket_upgrade(struct event_base *base, struct evhttp_request *request,
    const char *reply, size_t reply_len, struct websocket **ret_socket);

/* Says who is called back, and lets the first ready come. */
void websocket_start(
    struct websocket *socket, const struct websocket_callbacks *callbacks, void *arg);

/* True if frames may be sent: nothing waits, and the connection is sound. */
bool websocket_ready(const struct websocket *socket);

/* Sends @frame: as much as fits at once, the rest by reference as soon as it does.
 * Call it only while websocket_ready(), or for a frame that belongs to the one before. */
void websocket_send(struct websocket *socket, struct frame *frame);

/* Says good-bye with @code and closes, once what waits is sent. */
void websocket_close(struct websocket *socket, unsigned code);

/* Frees at once, without a callback; for the end of the process. */
void websocket_free(struct websocket *socket);

#endif
