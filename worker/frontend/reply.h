/* SPDX-License-Identifier: MIT
 * Answers to HTTP requests: headers that every answer has, HEAD, ETag and 304.
 */
#ifndef FUZZSUP_REPLY_H
#define FUZZSUP_REPLY_H

#include <stddef.h>

struct evbuffer;
struct evhttp_request;

/* Adds the headers that every answer has, and its content type. */
void reply_headers(struct evhttp_request *request, const char *content_type);

/* Answers with one sentence of plain text. */
void reply_text(struct evhttp_request *request, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, and closes the connection: what follows on it cannot be trusted. */
void reply_refuse(struct evhttp_request *request, int code, const char *sentence);

void reply_not_found(struct evhttp_request *request);
void reply_redirect(struct evhttp_request *request, const char *location);

/* Answers @code with @body, which is drained. */
void reply_status(struct evhttp_request *request, int code, const char *content_type,
    struct evbuffer *body);

/* Answers 200 with @body, which is drained, or 304 without it if the client has @etag
 * (quoted; NULL: no ETag). */
void reply_body(struct evhttp_request *request, const char *content_type,
    const char *etag, struct evbuffer *body);

#endif
