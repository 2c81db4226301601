/* SPDX-License-Identifier: MIT
 * A reply that is made a part at a time, each when the client has taken the one before: it
 * costs one part of memory, and never holds up the loop.
 */
#ifndef FUZZSUP_STREAMED_REPLY_H
#define FUZZSUP_STREAMED_REPLY_H

#include <stdbool.h>

struct evbuffer;
struct evhttp_request;

/* Adds the next part to the chunk; nothing behind the last, however often it is called. Sets
 * failed if it cannot: then the connection is cut off. */
typedef void (*streamed_make_cb)(void *arg);

/* All was sent, or the client went away: frees @arg. */
typedef void (*streamed_done_cb)(void *arg);

/* A member of what @arg is. */
struct streamed_reply {
	struct evhttp_request *request;
	struct evbuffer *chunk;
	streamed_make_cb make_cb;
	streamed_done_cb done_cb;
	void *arg;
	bool failed;
};

/* Answers 200, with headers that were added before, and what make_cb adds to the chunk: as
 * many bytes as the length says, if there is one, else in chunks or, by HTTP/1.0, until the
 * connection ends.
 * Calls done_cb in the end, perhaps at once. Not for HEAD. */
void streamed_reply_start(struct streamed_reply *reply);

#endif
