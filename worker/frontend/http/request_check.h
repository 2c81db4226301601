/* SPDX-License-Identifier: MIT
 * What a request must fulfil before anything is looked at for it; pure functions over
 * the text of headers.
 */
#ifndef FUZZSUP_REQUEST_CHECK_H
#define FUZZSUP_REQUEST_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define REQUEST_BODY_MAX 65536 /* bytes */

/* Names that Host and Origin may have besides those of loopback. */
struct allowed_hosts {
	char *text; /* names, NUL-terminated each */
	size_t names_len;
};

/* Takes a copy of @text, names one a line. Returns 0 or -ENOMEM. */
int allowed_hosts_set(struct allowed_hosts *hosts, const char *text, size_t len);
void allowed_hosts_free(struct allowed_hosts *hosts);

/* Is @host ("name", "name:port", "[::1]:port") loopback's or one of @hosts? Protects
 * against pages that point a name of their own at this machine. */
bool request_host_allowed(const struct allowed_hosts *hosts, const char *host);

/* The same for an Origin header; "null" and other schemes than HTTP are refused. */
bool request_origin_allowed(const struct allowed_hosts *hosts, const char *origin);

/* True if @origin is of the very page that @host serves: a page of another port of this
 * machine is of another. Both may be NULL. */
bool request_origin_same(const char *origin, const char *host);

/* True if the comma-separated list @header (may be NULL) holds @token, without regard
 * to case. */
bool request_header_lists(const char *header, const char *token);

/* True if an If-None-Match @header names @etag, which is in quotes, or "*". */
bool request_etag_matches(const char *header, const char *etag);

#endif
