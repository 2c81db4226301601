/* SPDX-License-Identifier: MIT
 * One WebSocket message, built once and shared by reference by all who are sent it.
 */
#ifndef FUZZSUP_FRAME_H
#define FUZZSUP_FRAME_H

#include <stddef.h>
#include <sys/uio.h>

#define FRAME_PARTS_MAX 4
#define FRAME_TEXT 1
#define FRAME_BINARY 2

/* Parts in the order of sending: WebSocket header, front, shared, tail. Front and tail
 * are the frame's own; shared is somebody else's, kept alive by the frame. */
struct frame {
	unsigned references;
	unsigned parts_len;
	size_t size; /* of all parts, with the header */
	struct iovec parts[FRAME_PARTS_MAX];
	void (*release)(void *owner);
	void *owner;
	unsigned char header[10];
	_Alignas(8) unsigned char own[];
};

/* Memory that outlives its maker for as long as a frame points into it. */
struct frame_shared {
	const void *data;
	size_t len;
	void (*release)(void *owner); /* called when the frame is freed */
	void *owner;
};

/* A frame with one reference, whose front (of @front_len bytes) and tail the caller
 * fills in; @shared may be NULL. Returns NULL without memory; then @shared is still the
 * caller's. */
struct frame *frame_new(
    int opcode, size_t front_len, const struct frame_shared *shared, size_t tail_len);
void *frame_front(struct frame *frame);
void *frame_tail(struct frame *frame);

/* Cuts the front of a frame that has nothing behind it down to @front_len bytes. */
void frame_shorten(struct frame *frame, size_t front_len);

struct frame *frame_ref(struct frame *frame);
/* Gives a reference back; NULL is fine. */
void frame_unref(struct frame *frame);

/* frame_unref() in the shape of evbuffer's clean-up callback. */
void frame_unref_cb(const void *data, size_t len, void *frame);

#endif
