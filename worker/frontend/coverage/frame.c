/* SPDX-License-Identifier: MIT
 * Shared WebSocket messages; in the front-end.
 */
#include "config.h"

#include "frame.h"

#include <stdint.h>
#include <stdlib.h>

#include "banned.h"

/* Servers do not mask, and every message is one frame (RFC 6455, 5.2). */
static size_t
put_header(unsigned char *to, int opcode, uint64_t len)
{
	int bytes = len < 126 ? 0 : len < 65536 ? 2 : 8;

	to[0] = (unsigned char)(0x80 | opcode);
	to[1] = (unsigned char)(bytes == 0 ? len : bytes == 2 ? 126 : 127);
	for (int i = 0; i < bytes; i++)
		to[2 + i] = (unsigned char)(len >> (8 * (bytes - 1 - i)));
	return (size_t)(2 + bytes);
}

struct frame *
frame_new(
    int opcode, size_t front_len, const struct frame_shared *shared, size_t tail_len)
{
	size_t shared_len = shared != NULL ? shared->len : 0;
	struct frame *frame = malloc(sizeof(*frame) + front_len + tail_len);
	size_t header_len;

	if (frame == NULL)
		return NULL;
	header_len =
	    put_header(frame->header, opcode, front_len + shared_len + tail_len);
	frame->references = 1;
	frame->parts_len = FRAME_PARTS_MAX;
	frame->size = header_len + front_len + shared_len + tail_len;
	frame->parts[0] = (struct iovec){ frame->header, header_len };
	frame->parts[1] = (struct iovec){ frame->own, front_len };
	frame->parts[2] =
	    (struct iovec){ shared != NULL ? (void *)shared->data : NULL, shared_len };
	frame->parts[3] = (struct iovec){ frame->own + front_len, tail_len };
	frame->release = shared != NULL ? shared->release : NULL;
	frame->owner = shared != NULL ? shared->owner : NULL;
	if (tail_len == 0)
		frame->parts_len = shared_len == 0 ? 2 : 3;
	return frame;
}

void *
frame_front(struct frame *frame)
{
	return frame->parts[1].iov_base;
}

void *
frame_tail(struct frame *frame)
{
	return frame->parts[3].iov_base;
}

void
frame_shorten(struct frame *frame, size_t front_len)
{
	size_t header_len = put_header(frame->header, frame->header[0] & 15, front_len);

	frame->parts[0].iov_len = header_len;
	frame->parts[1].iov_len = front_len;
	frame->size = header_len + front_len;
}

struct frame *
frame_ref(struct frame *frame)
{
	frame->references++;
	return frame;
}

void
frame_unref(struct frame *frame)
{
	if (frame == NULL || --frame->references > 0)
		return;
	if (frame->release != NULL)
		frame->release(frame->owner);
	free(frame);
}

void
frame_unref_cb(const void *data, size_t len, void *frame)
{
	(void)data;
	(void)len;
	frame_unref(frame);
}
