/* SPDX-License-Identifier: MIT
 * HTTP and WebSocket from the client's side; in tests.
 */
#include "config.h"

#include "http_client.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "banned.h"

#define PATIENCE_MS 60000

void
http_connect(struct http_client *client, unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	*client = (struct http_client){ .fd = socket(
					    AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	if (client->fd < 0 ||
	    connect(client->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		err(99, "connect");
}

void
http_close(struct http_client *client)
{
	close(client->fd);
	free(client->data);
	free(client->payload);
	*client = (struct http_client){ .fd = -1 };
}

void
http_send(struct http_client *client, const void *data, size_t len)
{
	const char *bytes = data;
	ssize_t part;

	while (len > 0) {
		part = send(client->fd, bytes, len, MSG_NOSIGNAL);
		/* The server may have said no already, and gone. */
		if (part < 0)
			return;
		bytes += part;
		len -= (size_t)part;
	}
}

/* Receives more; false at the end. */
static bool
more(struct http_client *client)
{
	struct pollfd readable = { .fd = client->fd, .events = POLLIN };
	ssize_t part;

	if (client->capacity - client->len < 65536) {
		client->capacity = 2 * client->capacity + 65536;
		client->data = realloc(client->data, client->capacity);
		if (client->data == NULL)
			err(99, "realloc");
	}
	if (poll(&readable, 1, PATIENCE_MS) == 0)
		errx(99, "no answer");
	part = recv(
	    client->fd, client->data + client->len, client->capacity - client->len, 0);
	if (part <= 0)
		return false;
	client->len += (size_t)part;
	return true;
}

static void
take(struct http_client *client, size_t len)
{
	memmove(client->data, client->data + len, client->len - len);
	client->len -= len;
}

static char *
find(struct http_client *client, const char *text)
{
	return client->len == 0 ? NULL
				: memmem(client->data, client->len, text, strlen(text));
}

static void
append(struct http_reply *reply, const char *data, size_t len)
{
	reply->body = realloc(reply->body, reply->body_len + len + 1);
	if (reply->body == NULL)
		err(99, "realloc");
	memcpy(reply->body + reply->body_len, data, len);
	reply->body_len += len;
	reply->body[reply->body_len] = '\0';
}

static void
receive_chunks(struct http_client *client, struct http_reply *reply)
{
	size_t size, line;
	char *end;

	do {
		while ((end = find(client, "\r\n")) == NULL)
			if (!more(client))
				return;
		size = strtoul(client->data, NULL, 16);
		line = (size_t)(end - client->data) + 2;
		while (client->len < line + size + 2)
			if (!more(client))
				return;
		append(reply, client->data + line, size);
		take(client, line + size + 2);
	} while (size > 0);
}

struct http_reply
http_receive(struct http_client *client, bool head_only)
{
	struct http_reply reply = { 0 };
	size_t len;
	char *at;

	append(&reply, "", 0);
	while ((at = find(client, "\r\n\r\n")) == NULL)
		if (!more(client))
			return reply;
	len = (size_t)(at - client->data) + 4;
	if (len >= sizeof(reply.head))
		errx(99, "the head of a reply is too long");
	memcpy(reply.head, client->data, len);
	take(client, len);
	sscanf(reply.head, "HTTP/1.%*d %d", &reply.status);
	if (head_only || reply.status == 304 || reply.status == 101)
		return reply;
	if (strcasestr(reply.head, "transfer-encoding: chunked") != NULL) {
		receive_chunks(client, &reply);
		return reply;
	}
	at = strcasestr(reply.head, "content-length: ");
	len = at != NULL ? strtoul(at + 16, NULL, 10) : 0;
	while (client->len < len && more(client))
		;
	if (client->len < len)
		len = client->len;
	append(&reply, client->data, len);
	take(client, len);
	return reply;
}

void
http_reply_free(struct http_reply *reply)
{
	free(reply->body);
	reply->body = NULL;
}

bool
http_at_end(struct http_client *client)
{
	return client->len == 0 && !more(client);
}

struct http_reply
http_exchange(unsigned port, const char *text)
{
	struct http_client client;
	struct http_reply reply;

	http_connect(&client, port);
	http_send(&client, text, strlen(text));
	reply = http_receive(&client, false);
	http_close(&client);
	return reply;
}

struct http_reply
http_get(unsigned port, const char *path, const char *headers)
{
	struct http_reply reply;
	char *text;

	if (asprintf(&text, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path,
		headers) < 0)
		err(99, "asprintf");
	reply = http_exchange(port, text);
	free(text);
	return reply;
}

int
ws_open(
    struct http_client *client, unsigned port, const char *path, const char *protocol)
{
	struct http_reply reply;
	char text[1024];
	int len = snprintf(text, sizeof(text),
	    "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
	    "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s\r\n",
	    path, protocol != NULL ? "Sec-WebSocket-Protocol: " : "",
	    protocol != NULL ? protocol : "", protocol != NULL ? "\r\n" : "");

	http_connect(client, port);
	http_send(client, text, (size_t)len);
	reply = http_receive(client, false);
	http_reply_free(&reply);
	return reply.status;
}

void
ws_send(struct http_client *client, unsigned first, const void *payload, size_t len,
    bool unmasked)
{
	static const unsigned char mask[4] = { 0x11, 0x82, 0x43, 0xf4 };
	unsigned char *frame = malloc(len + 14);
	size_t used = 2;

	if (frame == NULL)
		err(99, "malloc");
	frame[0] = (unsigned char)first;
	frame[1] = (unsigned char)((len < 126 ? len : 126) | (unmasked ? 0 : 128));
	if (len >= 126) {
		frame[used++] = (unsigned char)(len >> 8);
		frame[used++] = (unsigned char)len;
	}
	if (!unmasked) {
		memcpy(frame + used, mask, 4);
		used += 4;
	}
	for (size_t i = 0; i < len; i++)
		frame[used + i] =
		    ((const unsigned char *)payload)[i] ^ (unmasked ? 0 : mask[i % 4]);
	http_send(client, frame, used + len);
	free(frame);
}

int
ws_receive(
    struct http_client *client, const unsigned char **ret_payload, size_t *ret_len)
{
	unsigned char *payload;
	const unsigned char *bytes;
	size_t head;
	uint64_t len;
	int first;

	while (client->len < 2)
		if (!more(client))
			return -1;
	bytes = (unsigned char *)client->data;
	head = bytes[1] == 126 ? 4 : bytes[1] == 127 ? 10 : 2;
	while (client->len < head)
		if (!more(client))
			return -1;
	bytes = (unsigned char *)client->data;
	len = bytes[1];
	if (head > 2)
		for (size_t i = len = 0; i < head - 2; i++)
			len = len << 8 | bytes[2 + i];
	while (client->len < head + len)
		if (!more(client))
			return -1;
	bytes = (unsigned char *)client->data;
	first = bytes[0];
	free(client->payload);
	payload = client->payload = malloc(len + 1);
	if (payload == NULL)
		err(99, "malloc");
	memcpy(payload, bytes + head, len);
	payload[len] = '\0';
	take(client, head + len);
	*ret_payload = payload;
	*ret_len = len;
	return first;
}
