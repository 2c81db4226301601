/* SPDX-License-Identifier: MIT
 * What a request must fulfil; in the front-end.
 */
#include "config.h"

#include "request_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

#define HOST_MAX 256 /* bytes, as in DNS */

int
allowed_hosts_set(struct allowed_hosts *hosts, const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	size_t names = 0;

	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (copy[i] == '\n')
			copy[i] = '\0';
	for (size_t i = 0; i <= len; i++)
		names += copy[i] == '\0';
	free(hosts->text);
	hosts->text = copy;
	hosts->names_len = names;
	return 0;
}

void
allowed_hosts_free(struct allowed_hosts *hosts)
{
	free(hosts->text);
	*hosts = (struct allowed_hosts){ 0 };
}

/* Cuts the port off and unwraps an IPv6 address. False if @host is none. */
static bool
bare_name(const char *host, char *name, size_t size)
{
	size_t len;
	const char *rest;

	if (host[0] == '[') {
		len = strcspn(++host, "]");
		if (host[len] != ']')
			return false;
		rest = host + len + 1;
	} else {
		len = strcspn(host, ":");
		rest = host + len;
	}
	if (len == 0 || len >= size || strspn(rest, ":0123456789") != strlen(rest) ||
	    (rest[0] != '\0' && (rest[0] != ':' || strchr(rest + 1, ':') != NULL)))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (name[len - 1] == '.')
		name[len - 1] = '\0';
	return true;
}

static bool
is_loopback(const char *name)
{
	static const char suffix[] = ".localhost";
	size_t len = strlen(name), suffix_len = sizeof(suffix) - 1;
	struct in6_addr six;
	struct in_addr four;

	if (strcasecmp(name, "localhost") == 0)
		return true;
	if (len > suffix_len && strcasecmp(name + len - suffix_len, suffix) == 0)
		return true;
	if (inet_pton(AF_INET, name, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, name, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool
request_host_allowed(const struct allowed_hosts *hosts, const char *host)
{
	const char *allowed = hosts->text;
	char name[HOST_MAX];

	if (!bare_name(host, name, sizeof(name)))
		return false;
	if (is_loopback(name))
		return true;
	for (size_t i = 0; i < hosts->names_len; i++) {
		if (allowed[0] != '\0' && strcasecmp(allowed, name) == 0)
			return true;
		allowed += strlen(allowed) + 1;
	}
	return false;
}

bool
request_origin_allowed(const struct allowed_hosts *hosts, const char *origin)
{
	if (strncasecmp(origin, "http://", 7) == 0)
		return request_host_allowed(hosts, origin + 7);
	if (strncasecmp(origin, "https://", 8) == 0)
		return request_host_allowed(hosts, origin + 8);
	return false;
}

bool
request_origin_same(const char *origin, const char *host)
{
	const char *scheme = origin != NULL ? strstr(origin, "://") : NULL;

	return scheme != NULL && host != NULL && strcasecmp(scheme + 3, host) == 0;
}

bool
request_header_lists(const char *header, const char *token)
{
	size_t token_len = strlen(token), len;

	while (header != NULL && *header != '\0') {
		header += strspn(header, " \t,");
		len = strcspn(header, ",");
		while (len > 0 && (header[len - 1] == ' ' || header[len - 1] == '\t'))
			len--;
		if (len == token_len && strncasecmp(header, token, len) == 0)
			return true;
		header += strcspn(header, ",");
	}
	return false;
}

bool
request_etag_matches(const char *header, const char *etag)
{
	size_t etag_len = strlen(etag), len;

	while (header != NULL && *header != '\0') {
		header += strspn(header, " \t,");
		if (strncmp(header, "W/", 2) == 0)
			header += 2;
		len = strcspn(header, ", \t");
		if ((len == 1 && header[0] == '*') ||
		    (len == etag_len && memcmp(header, etag, len) == 0))
			return true;
		header += strcspn(header, ",");
	}
	return false;
}
