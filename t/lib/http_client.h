/* SPDX-License-Identifier: MIT
 * A blunt HTTP and WebSocket client for tests: sends what it is told, right or wrong.
 */
#ifndef FUZZSUP_HTTP_CLIENT_H
#define FUZZSUP_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct http_client {
	int fd;
	char *data; /* received and not yet taken */
	size_t len, capacity;
	unsigned char *payload; /* of the last frame */
};

struct http_reply {
	int status; /* 0: the connection was closed without a reply */
	char head[8192];
	char *body;
	size_t body_len;
};

void http_connect(struct http_client *client, unsigned port);
void http_close(struct http_client *client);
void http_send(struct http_client *client, const void *data, size_t len);

/* Takes one reply; @head_only for answers to HEAD. Free with http_reply_free(). */
struct http_reply http_receive(struct http_client *client, bool head_only);
void http_reply_free(struct http_reply *reply);

/* True if the server closed the connection, and nothing is left to take. */
bool http_at_end(struct http_client *client);

/* One request on a connection of its own; @text is sent as it is. */
struct http_reply http_exchange(unsigned port, const char *text);

/* GET with @headers ("name: value\r\n"…, may be empty). */
struct http_reply http_get(unsigned port, const char *path, const char *headers);

/* Upgrades; @protocol may be NULL. Returns the status. */
int ws_open(
    struct http_client *client, unsigned port, const char *path, const char *protocol);

/* Sends a frame, masked unless @unmasked; @first is the first byte: FIN, opcode. */
void ws_send(struct http_client *client, unsigned first, const void *payload,
    size_t len, bool unmasked);

/* Takes one frame; *ret_payload is valid until the next call on @client. Returns the
 * first byte, or -1 at the end of the connection. */
int ws_receive(
    struct http_client *client, const unsigned char **ret_payload, size_t *ret_len);

#endif
