/* SPDX-License-Identifier: MIT
 * The WebSocket opening handshake; in the front-end.
 */
#include "config.h"

#include "handshake.h"

#include <stdio.h>
#include <string.h>

#include "request_check.h"
#include "sha1.h"
#include "wire.h"
#include "banned.h"

#define KEY_LEN 24 /* base64 of 16 bytes */
#define ACCEPT_LEN 28

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Base64 of exactly 16 bytes: 22 digits, of which the last carries two bits. */
static bool
key_sound(const char *key)
{
	return strlen(key) == KEY_LEN && strspn(key, alphabet) == 22 &&
	    strchr("AQgw", key[21]) != NULL && strcmp(key + 22, "==") == 0;
}

static void
encode_digest(const unsigned char digest[SHA1_BYTES], char ret_text[ACCEPT_LEN + 1])
{
	unsigned char padded[21] = { 0 };
	size_t used = 0;

	memcpy(padded, digest, SHA1_BYTES);
	for (int i = 0; i < 21; i += 3) {
		unsigned group = (unsigned)padded[i] << 16 |
		    (unsigned)padded[i + 1] << 8 | padded[i + 2];

		for (int shift = 18; shift >= 0; shift -= 6)
			ret_text[used++] = alphabet[group >> shift & 63];
	}
	ret_text[ACCEPT_LEN - 1] = '=';
	ret_text[ACCEPT_LEN] = '\0';
}

bool
handshake_wanted(const struct handshake *handshake)
{
	return request_header_lists(handshake->upgrade, "websocket");
}

int
handshake_check(const struct handshake *handshake, bool *ret_ours, const char **ret_why)
{
	bool ours = request_header_lists(handshake->protocols, WIRE_SUBPROTOCOL);

	if (!handshake->get) {
		*ret_why = "a WebSocket is opened with GET";
		return 405;
	}
	if (!handshake->http_1_1 ||
	    !request_header_lists(handshake->connection, "upgrade")) {
		*ret_why = "a WebSocket needs HTTP/1.1 and \"connection: upgrade\"";
		return 400;
	}
	if (handshake->version == NULL || strcmp(handshake->version, "13") != 0) {
		*ret_why = "this service speaks version 13 of the WebSocket protocol";
		return 426;
	}
	if (handshake->key == NULL || !key_sound(handshake->key)) {
		*ret_why = "sec-websocket-key must be the base64 of 16 bytes";
		return 400;
	}
	if (handshake->protocols != NULL && !ours) {
		*ret_why =
		    "this service speaks the subprotocol " WIRE_SUBPROTOCOL ", or none";
		return 400;
	}
	*ret_ours = ours;
	return 0;
}

size_t
handshake_reply(const char *key, bool ours, char ret_reply[HANDSHAKE_REPLY_MAX])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[KEY_LEN + sizeof(guid)], accept[ACCEPT_LEN + 1];
	unsigned char digest[SHA1_BYTES];

	snprintf(text, sizeof(text), "%s%s", key, guid);
	sha1(text, strlen(text), digest);
	encode_digest(digest, accept);
	return (size_t)snprintf(ret_reply, HANDSHAKE_REPLY_MAX,
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
	    accept, ours ? "Sec-WebSocket-Protocol: " WIRE_SUBPROTOCOL "\r\n" : "");
}
