/* SPDX-License-Identifier: MIT
 * Answers to HTTP requests: headers that every answer has, HEAD, ETag and 304.
 */
#ifndef FUZZSUP_REPLY_H
#define FUZZSUP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

struct evbuffer;
struct evhttp_request;

#define REPLY_MEMORY_MAX ((size_t)256 << 20) /* bytes of answers that nobody took yet */
#define REPLY_NO_MEMORY "no memory is left for this answer; try again\n"
#define REPLY_NO_DESCRIPTORS "no descriptor is left to read the file with; try again\n"

/* The words of a status line. */
const char *reply_reason(int code);

/* Adds the headers that every answer has, and its content type. */
void reply_headers(struct evhttp_request *request, const char *content_type);
void reply_length(struct evhttp_request *request, size_t len);
/* Adds a header that is a number. */
void reply_count(struct evhttp_request *request, const char *header, size_t count);

/* Closes the connection behind the answer, and says so; before it is answered. */
void reply_close(struct evhttp_request *request);
/* True if that was asked for, of an answer. */
bool reply_closes(struct evhttp_request *request);

/* Answers with one sentence of plain text; 503 says when to try again. */
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

/* The same with @bytes, which are taken (malloc) and freed when they are sent; 503 if they
 * are NULL, or if too much waits to be sent already. */
void reply_bytes(struct evhttp_request *request, const char *content_type,
    const char *etag, char *bytes, size_t len);

/* Prepares an answer of @len bytes. True if that was all: the client has @etag, or asked
 * for the head alone; else what is sent is up to the caller. */
bool reply_without_body(struct evhttp_request *request, const char *content_type,
    const char *etag, size_t len);

/* Counts memory of an answer. False if too much is in use: answer 503. */
bool reply_memory_take(size_t len);
void reply_memory_give(size_t len);

#endif
