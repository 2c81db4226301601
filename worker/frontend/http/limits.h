/* SPDX-License-Identifier: MIT
 * What a connection may cost before it has made a request: time, bytes, descriptors. And
 * the strict look at the head of each, before evhttp reads it.
 */
#ifndef FUZZSUP_LIMITS_H
#define FUZZSUP_LIMITS_H

#include <stdbool.h>

struct event_base;
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_request;
struct limits;

#define LIMITS_HEADER_MAX 16384  /* bytes of a request's head */
#define LIMITS_DEADLINE_MS 10000 /* from a request's first byte to its last */
#define LIMITS_SILENCE_MS 30000  /* in which no byte moves */
#define LIMITS_LISTENERS_MAX 16

/* Puts itself in the way of every connection of @http; one for each process. A request has
 * @deadline_ms; a connection on which no byte moves for @silence_ms is closed. While an
 * answer is sent only its bytes count, however slowly they are read. Returns NULL without
 * memory. */
struct limits *limits_new(struct event_base *base, struct evhttp *http,
    unsigned deadline_ms, unsigned silence_ms);
void limits_free(struct limits *limits);

/* Stops accepting on @listener while all descriptors are in use. Returns 0, -E2BIG. */
int limits_add_listener(struct limits *limits, struct evhttp_bound_socket *listener);

/* @request is complete: the next one's time counts from its first byte. False if it was
 * refused: it is only to be ended. */
bool limits_request_arrived(struct limits *limits, struct evhttp_request *request);

/* What a request's connection is. */
enum limits_room {
	LIMITS_ROOM,      /* one among few */
	LIMITS_ROOM_ONCE, /* in the reserve: closed behind its answer */
	LIMITS_GUEST, /* likewise, while there is no room for it: told that we are alive */
};
enum limits_room limits_room(struct evhttp_request *request);

#endif
