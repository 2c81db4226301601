/* SPDX-License-Identifier: MIT
 * SHA-1, only for the WebSocket handshake, which asks for it (RFC 6455, 4.2.2).
 */
#ifndef FUZZSUP_SHA1_H
#define FUZZSUP_SHA1_H

#include <stddef.h>

#define SHA1_BYTES 20

void sha1(const void *data, size_t len, unsigned char ret_digest[SHA1_BYTES]);

#endif
