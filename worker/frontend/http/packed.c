/* SPDX-License-Identifier: MIT
 * Packing answers; in the front-end.
 *
 * What is packed is known by its ETag. Whoever wants it reads behind the one end that grows;
 * who reads faster packs the next part, some milliseconds of it, so that nobody waits for all of it
 * and the loop for none.
 */
#include "config.h"

#include "packed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <zlib.h>
#include <event2/buffer.h>
#include <event2/http.h>

#include "reply.h"
#include "request_check.h"
#include "streamed_reply.h"
#include "banned.h"

#define LEVEL 5
#define LEAST 1400          /* bytes; what fits a packet gains nothing */
#define PART (128 << 10)    /* bytes of input a step: some milliseconds */
#define CHUNK (64 << 10)    /* bytes of output a chunk */
#define KEPT_MAX (64 << 20) /* bytes of all that are kept */
#define ETAG_MAX 96

struct packed {
	TAILQ_ENTRY(packed) link;
	unsigned references; /* one of them is the cache's, while kept */
	bool kept, done, failed;
	char etag[ETAG_MAX];         /* as it is packed */
	unsigned long long unpacked; /* bytes so far */
	struct packed_source source;
	bool has_source;
	struct evbuffer *input;
	z_stream stream;
	unsigned char *bytes;
	size_t len, size;
};

struct reader {
	struct streamed_reply reply;
	struct packed *packed;
	size_t at;
};

static TAILQ_HEAD(packed_list, packed) cache = TAILQ_HEAD_INITIALIZER(
    cache);               /* newest first */
static size_t kept_bytes; /* of those that are done */

/* ---- what is kept ---- */

static void
release_source(struct packed *packed)
{
	if (packed->has_source)
		packed->source.release(packed->source.context);
	packed->has_source = false;
}

static void
unref(struct packed *packed)
{
	if (--packed->references > 0)
		return;
	release_source(packed);
	if (!packed->done)
		deflateEnd(&packed->stream);
	if (packed->input != NULL)
		evbuffer_free(packed->input);
	free(packed->bytes);
	free(packed);
}

static void
forget(struct packed *packed)
{
	if (!packed->kept)
		return;
	TAILQ_REMOVE(&cache, packed, link);
	packed->kept = false;
	kept_bytes -= packed->done ? packed->len : 0;
	unref(packed);
}

static struct packed *
find(const char *etag)
{
	struct packed *packed;

	TAILQ_FOREACH(packed, &cache, link)
		if (strcmp(packed->etag, etag) == 0) {
			TAILQ_REMOVE(&cache, packed, link);
			TAILQ_INSERT_HEAD(&cache, packed, link);
			return packed;
		}
	return NULL;
}

/* Takes @source if it succeeds. */
static struct packed *
make(const char *etag, const struct packed_source *source)
{
	struct packed *packed = calloc(1, sizeof(*packed));

	if (packed == NULL)
		return NULL;
	packed->input = evbuffer_new();
	if (packed->input == NULL ||
	    deflateInit2(&packed->stream, LEVEL, Z_DEFLATED, 15 + 16, 8,
		Z_DEFAULT_STRATEGY) != Z_OK) {
		if (packed->input != NULL)
			evbuffer_free(packed->input);
		free(packed);
		return NULL;
	}
	snprintf(packed->etag, sizeof(packed->etag), "%s", etag);
	packed->source = *source;
	packed->has_source = true;
	packed->references = 1;
	packed->kept = true;
	TAILQ_INSERT_HEAD(&cache, packed, link);
	return packed;
}

/* ---- packing ---- */

static bool
reserve(struct packed *packed, size_t more)
{
	const size_t wanted = packed->len + more;
	unsigned char *larger;

	if (wanted <= packed->size)
		return true;
	larger = realloc(packed->bytes, wanted + wanted / 2);
	if (larger == NULL)
		return false;
	packed->bytes = larger;
	packed->size = wanted + wanted / 2;
	return true;
}

/* All of @len bytes; Z_FINISH: and the end. */
static bool
squeeze(struct packed *packed, unsigned char *bytes, size_t len, int flush)
{
	z_stream *stream = &packed->stream;
	int r;

	stream->next_in = bytes;
	stream->avail_in = (uInt)len;
	do {
		if (!reserve(packed, CHUNK))
			return false;
		stream->next_out = packed->bytes + packed->len;
		stream->avail_out = (uInt)(packed->size - packed->len);
		r = deflate(stream, flush);
		packed->len = (size_t)(stream->next_out - packed->bytes);
	} while (r == Z_OK && (stream->avail_in > 0 || flush == Z_FINISH));
	return r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR;
}

static void
finish(struct packed *packed)
{
	struct packed *oldest;
	unsigned char *exact;

	deflateEnd(&packed->stream);
	packed->done = true;
	exact = realloc(packed->bytes, packed->len);
	packed->bytes = exact != NULL ? exact : packed->bytes;
	release_source(packed);
	if (!packed->kept)
		return;
	kept_bytes += packed->len;
	while (
	    kept_bytes > KEPT_MAX && (oldest = TAILQ_LAST(&cache, packed_list)) != NULL)
		forget(oldest);
}

/* One part more; sets done or failed when that was the last. */
static void
step(struct packed *packed)
{
	size_t len;
	int r = 1;

	if (evbuffer_get_length(packed->input) == 0)
		r = packed->source.more(packed->source.context, packed->input);
	len = evbuffer_get_length(packed->input);
	len = len < PART ? len : PART;
	if (r < 0) {
		packed->failed = true;
	} else if (len > 0) {
		packed->unpacked += len;
		packed->failed = !squeeze(packed,
		    evbuffer_pullup(packed->input, (ev_ssize_t)len), len, Z_NO_FLUSH);
		evbuffer_drain(packed->input, len);
	} else if (squeeze(packed, NULL, 0, Z_FINISH)) {
		finish(packed);
	} else {
		packed->failed = true;
	}
}

/* ---- answering ---- */

static void
make_cb(void *arg)
{
	struct reader *reader = arg;
	struct packed *packed = reader->packed;
	size_t len;

	while (reader->at == packed->len && !packed->done && !packed->failed)
		step(packed);
	reader->reply.failed = packed->failed;
	len = packed->len - reader->at;
	len = len < CHUNK ? len : CHUNK;
	evbuffer_add(reader->reply.chunk, packed->bytes + reader->at, len);
	reader->at += len;
	if (packed->failed)
		forget(packed);
}

static void
done_cb(void *arg)
{
	struct reader *reader = arg;

	reply_memory_give(CHUNK);
	evbuffer_free(reader->reply.chunk);
	/* What nobody reads any more would hold what it is made of. */
	if (!reader->packed->done && reader->packed->references == 2)
		forget(reader->packed);
	unref(reader->packed);
	free(reader);
}

static void
tell_size(struct evhttp_request *request, const struct packed *packed)
{
	const unsigned long long size =
	    packed->done ? packed->unpacked : packed->source.size;
	char text[24];

	if (size == 0)
		return;
	snprintf(text, sizeof(text), "%llu", size);
	evhttp_add_header(
	    evhttp_request_get_output_headers(request), "x-fuzzsup-size", text);
}

static void
unref_cb(const void *bytes, size_t len, void *packed)
{
	(void)bytes;
	(void)len;
	unref(packed);
}

static void
send_done(struct evhttp_request *request, struct packed *packed)
{
	struct evbuffer *body = evbuffer_new();

	packed->references++;
	if (body == NULL ||
	    evbuffer_add_reference(
		body, packed->bytes, packed->len, unref_cb, packed) != 0) {
		unref(packed);
		if (body != NULL)
			evbuffer_free(body);
		body = NULL;
	}
	if (body != NULL)
		reply_length(request, packed->len);
	evhttp_send_reply(request, body != NULL ? 200 : 503,
	    reply_reason(body != NULL ? 200 : 503), body);
	if (body != NULL)
		evbuffer_free(body);
}

static void
send_growing(struct evhttp_request *request, struct packed *packed)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	struct evbuffer *chunk = evbuffer_new();

	if (reader == NULL || chunk == NULL || !reply_memory_take(CHUNK)) {
		free(reader);
		if (chunk != NULL)
			evbuffer_free(chunk);
		evhttp_send_reply(request, 503, reply_reason(503), NULL);
		return;
	}
	packed->references++;
	*reader = (struct reader){ .packed = packed };
	reader->reply = (struct streamed_reply){ .request = request,
		.chunk = chunk,
		.make_cb = make_cb,
		.done_cb = done_cb,
		.arg = reader };
	streamed_reply_start(&reader->reply);
}

/* Of the same thing, in other bytes. */
static void
packed_etag(const char *etag, char ret_etag[ETAG_MAX])
{
	const size_t len = strlen(etag);

	snprintf(ret_etag, ETAG_MAX, "%.*s-gz\"", (int)(len > 0 ? len - 1 : 0), etag);
}

void
packed_serve(struct evhttp_request *request, const char *content_type, const char *etag,
    const struct packed_source *source)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	const char *had = evhttp_find_header(
	    evhttp_request_get_input_headers(request), "if-none-match");
	char name[ETAG_MAX];
	struct packed *packed;

	packed_etag(etag, name);
	packed = find(name);
	if (packed == NULL && !request_etag_matches(had, name)) {
		packed = make(name, source);
		if (packed == NULL) {
			source->release(source->context);
			reply_text(request, 503, REPLY_NO_MEMORY);
			return;
		}
	} else {
		source->release(source->context);
	}
	reply_headers(request, content_type);
	evhttp_add_header(headers, "etag", name);
	evhttp_add_header(headers, "vary", "accept-encoding");
	if (request_etag_matches(had, name)) {
		evhttp_send_reply(request, 304, reply_reason(304), NULL);
		return;
	}
	evhttp_add_header(headers, "content-encoding", "gzip");
	tell_size(request, packed);
	if (packed->done)
		send_done(request, packed);
	else
		send_growing(request, packed);
}

/* True if @header, of Accept-Encoding, has gzip and does not refuse it. */
static bool
accepts_gzip(const char *header)
{
	size_t len, name;

	for (; header != NULL && *header != '\0';
	    header += len + (header[len] == ',')) {
		header += strspn(header, " \t");
		len = strcspn(header, ",");
		name = strcspn(header, ",; \t");
		if (name != 4 || strncasecmp(header, "gzip", 4) != 0)
			continue;
		for (size_t i = 4; i + 2 < len; i++)
			if (strncasecmp(header + i, "q=0", 3) == 0 &&
			    strspn(header + i + 3, ".0 \t") == len - i - 3)
				return false;
		return true;
	}
	return false;
}

bool
packed_wanted(struct evhttp_request *request, unsigned long long len)
{
	return len >= LEAST && evhttp_request_get_command(request) == EVHTTP_REQ_GET &&
	    accepts_gzip(evhttp_find_header(
		evhttp_request_get_input_headers(request), "accept-encoding"));
}

/* ---- of what is there ---- */

static int
no_more(void *body, struct evbuffer *to)
{
	if (evbuffer_get_length(body) == 0)
		return 0;
	return evbuffer_add_buffer(to, body) == 0 ? 1 : -ENOMEM;
}

static void
release_body(void *body)
{
	evbuffer_free(body);
}

void
packed_reply_body(struct evhttp_request *request, const char *content_type,
    const char *etag, struct evbuffer *body)
{
	struct packed_source source = { no_more, release_body, NULL,
		evbuffer_get_length(body) };

	if (!packed_wanted(request, evbuffer_get_length(body)) || etag == NULL ||
	    (source.context = evbuffer_new()) == NULL) {
		evhttp_add_header(evhttp_request_get_output_headers(request), "vary",
		    "accept-encoding");
		reply_body(request, content_type, etag, body);
		return;
	}
	evbuffer_add_buffer(source.context, body);
	packed_serve(request, content_type, etag, &source);
}
