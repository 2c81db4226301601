/* SPDX-License-Identifier: MIT
 * Messages for the page's client, put together and fed to it; to be included behind its sources.
 */
#ifndef FUZZSUP_CLIENT_FEED_H
#define FUZZSUP_CLIENT_FEED_H

struct buffer {
	_Alignas(8) unsigned char bytes[1024];
	uint32_t len;
};

static void
put(struct buffer *buffer, const void *bytes, size_t size)
{
	if (size > sizeof(buffer->bytes) - buffer->len)
		abort();
	memcpy(buffer->bytes + buffer->len, bytes, size);
	buffer->len += (uint32_t)size;
}

/* As main.js does it; the room is exactly as large, so that ASan sees one byte too
 * many. */
static int
feed(int (*reader)(uint32_t), const struct buffer *buffer)
{
	if (buffer->len > sizeof(buffer->bytes))
		abort();
	client.input = heap_take(buffer->len);
	client.input_size = buffer->len;
	memcpy(client.input, buffer->bytes, buffer->len);
	return reader(buffer->len);
}

#endif
