/* SPDX-License-Identifier: MIT
 * Answers to HTTP requests; in the front-end.
 */
#include "config.h"

#include "reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/queue.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>

#include "request_check.h"
#include "banned.h"

static const char content_security_policy[] =
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

const char *
reply_reason(int code)
{
	static const struct {
		int code;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 301, "Moved Permanently" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 417, "Expectation Failed" },
		{ 426, "Upgrade Required" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].code == code)
			return reasons[i].reason;
	return "Unknown";
}

void
reply_headers(struct evhttp_request *request, const char *content_type)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	if (content_type != NULL)
		evhttp_add_header(headers, "content-type", content_type);
	evhttp_add_header(headers, "cache-control", "max-age=0, must-revalidate");
	evhttp_add_header(headers, "content-security-policy", content_security_policy);
	evhttp_add_header(headers, "x-content-type-options", "nosniff");
	evhttp_add_header(headers, "referrer-policy", "no-referrer");
}

void
reply_close(struct evhttp_request *request)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	if (evhttp_find_header(headers, "connection") == NULL)
		evhttp_add_header(headers, "connection", "close");
	/* Or evhttp would say keep-alive, too. */
	if (request->minor == 0)
		evhttp_remove_header(
		    evhttp_request_get_input_headers(request), "connection");
}

bool
reply_closes(struct evhttp_request *request)
{
	const char *connection = evhttp_find_header(
	    evhttp_request_get_output_headers(request), "connection");

	return connection != NULL && strcasecmp(connection, "close") == 0;
}

/* evhttp would send the body of an answer to HEAD, and leaves lengths out. */
static void
send_reply(struct evhttp_request *request, int code, struct evbuffer *body)
{
	reply_length(request, evbuffer_get_length(body));
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD)
		evbuffer_drain(body, evbuffer_get_length(body));
	evhttp_send_reply(request, code, reply_reason(code), body);
}

void
reply_count(struct evhttp_request *request, const char *header, size_t count)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", count);
	evhttp_add_header(evhttp_request_get_output_headers(request), header, text);
}

void
reply_length(struct evhttp_request *request, size_t len)
{
	reply_count(request, "content-length", len);
}

static void
send_text(struct evhttp_request *request, int code, const char *text, size_t len)
{
	struct evbuffer *body = evbuffer_new();

	reply_headers(request, "text/plain; charset=utf-8");
	if (code == 503)
		evhttp_add_header(
		    evhttp_request_get_output_headers(request), "retry-after", "1");
	if (body == NULL) {
		evhttp_send_reply(request, code, reply_reason(code), NULL);
		return;
	}
	evbuffer_add(body, text, len);
	send_reply(request, code, body);
	evbuffer_free(body);
}

void
reply_text(struct evhttp_request *request, int code, const char *format, ...)
{
	char text[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0)
		len = 0;
	send_text(request, code, text,
	    (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}

void
reply_refuse(struct evhttp_request *request, int code, const char *sentence)
{
	reply_close(request);
	reply_text(request, code, "%s\n", sentence);
}

void
reply_not_found(struct evhttp_request *request)
{
	reply_text(request, 404, "not found");
}

void
reply_redirect(struct evhttp_request *request, const char *location)
{
	evhttp_add_header(
	    evhttp_request_get_output_headers(request), "location", location);
	reply_text(request, 301, "%s\n", location);
}

void
reply_status(struct evhttp_request *request, int code, const char *content_type,
    struct evbuffer *body)
{
	reply_headers(request, content_type);
	send_reply(request, code, body);
}

/* Sends headers and 304 if the client has @etag. */
static bool
not_modified(struct evhttp_request *request, const char *content_type, const char *etag)
{
	const char *had = evhttp_find_header(
	    evhttp_request_get_input_headers(request), "if-none-match");

	reply_headers(request, content_type);
	if (etag == NULL)
		return false;
	evhttp_add_header(evhttp_request_get_output_headers(request), "etag", etag);
	if (!request_etag_matches(had, etag))
		return false;
	evhttp_send_reply(request, 304, reply_reason(304), NULL);
	return true;
}

void
reply_body(struct evhttp_request *request, const char *content_type, const char *etag,
    struct evbuffer *body)
{
	if (!not_modified(request, content_type, etag))
		send_reply(request, 200, body);
}

bool
reply_without_body(struct evhttp_request *request, const char *content_type,
    const char *etag, size_t len)
{
	if (not_modified(request, content_type, etag))
		return true;
	reply_length(request, len);
	if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD)
		return false;
	evhttp_send_reply(request, 200, reply_reason(200), NULL);
	return true;
}

/* ---- memory ---- */

static size_t memory; /* that answers hold which nobody took yet */

bool
reply_memory_take(size_t len)
{
	if (len > REPLY_MEMORY_MAX || memory > REPLY_MEMORY_MAX - len)
		return false;
	memory += len;
	return true;
}

void
reply_memory_give(size_t len)
{
	memory -= len;
}

static void
give_bytes_cb(const void *bytes, size_t len, void *arg)
{
	(void)arg;
	reply_memory_give(len);
	free((void *)bytes);
}

void
reply_bytes(struct evhttp_request *request, const char *content_type, const char *etag,
    char *bytes, size_t len)
{
	struct evbuffer *body = evbuffer_new();

	if (body == NULL || bytes == NULL || !reply_memory_take(len)) {
		free(bytes);
		reply_text(request, 503, REPLY_NO_MEMORY);
	} else if (len == 0) {
		free(bytes);
		reply_body(request, content_type, etag, body);
	} else if (evbuffer_add_reference(body, bytes, len, give_bytes_cb, NULL) != 0) {
		give_bytes_cb(bytes, len, NULL);
		reply_text(request, 503, REPLY_NO_MEMORY);
	} else {
		reply_body(request, content_type, etag, body);
	}
	if (body != NULL)
		evbuffer_free(body);
}
