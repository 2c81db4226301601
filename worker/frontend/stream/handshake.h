/* SPDX-License-Identifier: MIT
 * The WebSocket opening handshake, server side (RFC 6455, 4.2); pure functions.
 */
#ifndef FUZZSUP_HANDSHAKE_H
#define FUZZSUP_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#define HANDSHAKE_REPLY_MAX 256

/* What a client sent; pointers may be NULL where a header is missing. */
struct handshake {
	const char *upgrade, *connection, *key, *version, *protocols;
	bool get;      /* the method is GET */
	bool http_1_1; /* the version is 1.1 or later */
};

/* True if the client wants to switch protocols at all. */
bool handshake_wanted(const struct handshake *handshake);

/* Checks it. Returns 0, or the HTTP status to refuse it with (400, 405, 426) and a
 * sentence in *ret_why. *ret_ours: it speaks WIRE_SUBPROTOCOL, else no subprotocol. */
int handshake_check(
    const struct handshake *handshake, bool *ret_ours, const char **ret_why);

/* Writes the 101 reply for a sound @key. Returns its length. */
size_t handshake_reply(const char *key, bool ours, char ret_reply[HANDSHAKE_REPLY_MAX]);

#endif
