/* SPDX-License-Identifier: MIT
 * Answers to HTTP requests; in the front-end.
 */
#include "config.h"

#include "reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <event2/buffer.h>
#include <event2/http.h>

#include "request_check.h"
#include "banned.h"

static const char content_security_policy[] =
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

static const char *
reason(int code)
{
	static const struct {
		int code;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 301, "Moved Permanently" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 413, "Content Too Large" },
		{ 426, "Upgrade Required" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
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

/* evhttp would send the body of an answer to HEAD, and without one no length. */
static void
send_reply(struct evhttp_request *request, int code, struct evbuffer *body)
{
	char length[24];

	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		snprintf(length, sizeof(length), "%zu", evbuffer_get_length(body));
		evhttp_add_header(evhttp_request_get_output_headers(request),
		    "content-length", length);
		evbuffer_drain(body, evbuffer_get_length(body));
	}
	evhttp_send_reply(request, code, reason(code), body);
}

static void
send_text(struct evhttp_request *request, int code, const char *text, size_t len)
{
	struct evbuffer *body = evbuffer_new();

	reply_headers(request, "text/plain; charset=utf-8");
	if (body == NULL) {
		evhttp_send_reply(request, code, reason(code), NULL);
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
	evhttp_add_header(
	    evhttp_request_get_output_headers(request), "connection", "close");
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

void
reply_body(struct evhttp_request *request, const char *content_type, const char *etag,
    struct evbuffer *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	const char *had = evhttp_find_header(
	    evhttp_request_get_input_headers(request), "if-none-match");

	reply_headers(request, content_type);
	if (etag != NULL)
		evhttp_add_header(headers, "etag", etag);
	if (etag != NULL && request_etag_matches(had, etag))
		evhttp_send_reply(request, 304, reason(304), NULL);
	else
		send_reply(request, 200, body);
}
