/* SPDX-License-Identifier: MIT
 * Requests that only the archive can answer: history, events, inputs.
 */
#ifndef FUZZSUP_FRONTEND_PAST_H
#define FUZZSUP_FRONTEND_PAST_H

#include <stddef.h>
#include <stdint.h>

struct channel;
struct event_base;
struct evhttp_request;
struct past;

/* @archive, which it does not own, is the edge to it. NULL without memory. */
struct past *past_new(struct event_base *base, struct channel *archive);
void past_free(struct past *past);

/* Answers @request with what the archive says to @question (worker/archive/answers.h), as
 * @content_type; 503 while it cannot. @file_name: of a download; NULL: none. */
void past_ask(struct past *past, struct evhttp_request *request,
    const char *content_type, const char *file_name, const char *question);

/* Asks for the first hit among @len PCs (indexes) of @target. */
void past_ask_first(struct past *past, struct evhttp_request *request,
    const char *target, const uint32_t *pcs, int len);

/* /api/v1/targets/NAME/history?job=&from=&to=&step= of the target @name (@name_len bytes), which need not be there any more, and /api/v1/events?target=
 * &after=&limit=. */
void past_serve_history(struct past *past, struct evhttp_request *request,
    const char *name, size_t name_len);
void past_serve_events(struct past *past, struct evhttp_request *request);

/* /api/v1/targets/NAME/first?file=&line= or ?pc=: how a line, or a PC (its index), was reached first; and
 * /api/v1/inputs/SHA1: the bytes of an input. */
struct target;
void past_serve_first(
    struct past *past, struct evhttp_request *request, struct target *target);
void past_serve_input(
    struct past *past, struct evhttp_request *request, const char *sha1);

#endif
