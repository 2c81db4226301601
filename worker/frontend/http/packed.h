/* SPDX-License-Identifier: MIT
 * Answers by gzip: packed once, a part at a time, while the first client takes them, and kept for
 * those that come later; in the front-end.
 */
#ifndef FUZZSUP_PACKED_H
#define FUZZSUP_PACKED_H

#include <stdbool.h>

struct evbuffer;
struct evhttp_request;

/* Where the bytes come from: adds the next of them to @to. Returns 1, 0 at the end, or a negative
 * errno: what is answered is cut off. */
struct packed_source {
	int (*more)(void *context, struct evbuffer *to);
	void (*release)(void *context); /* called once */
	void *context;
	unsigned long long size; /* of all of them; 0: not known yet */
};

/* True if the client takes gzip and would be better off: then what it is sent is up to
 * packed_serve(). */
bool packed_wanted(struct evhttp_request *request, unsigned long long len);

/* Answers with what @source gives, which is taken; @etag names it, and nothing else. How long it
 * is when it is unpacked, which is what browsers tell the page of, says x-fuzzsup-size. */
void packed_serve(struct evhttp_request *request, const char *content_type,
    const char *etag, const struct packed_source *source);

/* As reply_body(), by gzip if the client takes it. */
void packed_reply_body(struct evhttp_request *request, const char *content_type,
    const char *etag, struct evbuffer *body);

#endif
