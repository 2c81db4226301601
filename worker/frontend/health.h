/* SPDX-License-Identifier: MIT
 * Whether all is well, as the supervisor tells: /healthz and /api/v1/health.
 */
#ifndef FUZZSUP_FRONTEND_HEALTH_H
#define FUZZSUP_FRONTEND_HEALTH_H

#include <stddef.h>
#include <stdint.h>

struct channel;
struct evhttp_request;
struct health;

/* @channel, which it does not own, is where the supervisor is heard. NULL without memory. */
struct health *health_new(struct channel *channel);
void health_free(struct health *health);

/* HEALTH: lines as in daemon/health.h, and how many problems there are. 0 or a negative
 * errno. */
int health_take(struct health *health, const char *text, size_t len, uint64_t problems);

/* The supervisor has sent a ping: from now on it is missed if none comes. */
void health_heard(struct health *health);

/* Answers 200 while all is well, else 503; in JSON for a client that accepts it, else in
 * plain text. */
void health_serve(struct health *health, struct evhttp_request *request);

/* The same in JSON, and always with 200: for a page that shows it. */
void health_serve_api(struct health *health, struct evhttp_request *request);

#endif
