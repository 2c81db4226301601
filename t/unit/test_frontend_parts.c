/* SPDX-License-Identifier: MIT
 * The front-end's pure parts: routes, request checks, handshake, names, index, deltas.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "frontend/coverage/coverage.h"
#include "frontend/coverage/delta.h"
#include "frontend/stream/handshake.h"
#include "frontend/http/limits.h"
#include "frontend/http/request_check.h"
#include "frontend/http/request_head.h"
#include "frontend/http/route.h"
#include "sha1.h"
#include "frontend/targets/source_index.h"
#include "clock.h"
#include "wire.h"

/* ---- routes ---- */

static void
assert_route(const char *path, enum route_kind kind, const char *name, bool debug,
    const char *rest)
{
	struct route route;

	route_parse(path, &route);
	assert_int_equal(route.kind, kind);
	if (kind == ROUTE_NONE)
		return;
	assert_int_equal(route.debug, debug);
	assert_int_equal(route.name != NULL, name != NULL);
	if (name != NULL) {
		assert_int_equal(route.name_len, strlen(name));
		assert_memory_equal(route.name, name, route.name_len);
	}
	assert_string_equal(route.rest, rest);
}

static void
routes_of_both_bases(void **state)
{
	(void)state;
	assert_route("/", ROUTE_PAGE, NULL, false, "");
	assert_route("/debug", ROUTE_PAGE, NULL, true, "");
	assert_route("/debug/", ROUTE_PAGE, NULL, true, "");
	assert_route("/t/a", ROUTE_REDIRECT, "a", false, "");
	assert_route("/t/a.b/", ROUTE_PAGE, "a.b", false, "");
	assert_route("/t/a/debug", ROUTE_PAGE, "a", true, "");
	assert_route("/t/a/debug/main.wasm", ROUTE_WASM, "a", true, "");
	assert_route("/main.wasm", ROUTE_WASM, NULL, false, "");
	assert_route("/debug/sources.tar", ROUTE_TAR, NULL, true, "");
	assert_route("/t/a/index.bin", ROUTE_INDEX, "a", false, "");
	assert_route("/t/a/src/x/y.c", ROUTE_SOURCE, "a", false, "x/y.c");
	assert_route("/vendor/prism.js", ROUTE_FILE, NULL, false, "vendor/prism.js");
	assert_route("/healthz", ROUTE_HEALTH, NULL, false, "");
	assert_route("/api/v1/targets", ROUTE_API_TARGETS, NULL, false, "");
	assert_route("/api/v1/health", ROUTE_API_HEALTH, NULL, false, "");
	assert_route("/api/v1/jobs", ROUTE_API_JOBS, NULL, false, "");
	assert_route(
	    "/api/v1/jobs/t/stop/log", ROUTE_API_JOBS, NULL, false, "t/stop/log");
	assert_route(
	    "/api/v1/jobs/t/log/stop", ROUTE_API_WISH, NULL, false, "t/log/stop");
	assert_route("/api/v1/jobs/t/stop", ROUTE_API_JOBS, NULL, false, "t/stop");
}

static void
routes_that_lead_nowhere(void **state)
{
	(void)state;
	assert_route("", ROUTE_NONE, NULL, false, "");
	assert_route("x", ROUTE_NONE, NULL, false, "");
	assert_route("/../etc/passwd", ROUTE_NONE, NULL, false, "");
	assert_route("/src/../x", ROUTE_NONE, NULL, false, "");
	assert_route("/src//etc/passwd", ROUTE_NONE, NULL, false, "");
	assert_route("/src/", ROUTE_NONE, NULL, false, "");
	assert_route("/t/", ROUTE_NONE, NULL, false, "");
	assert_route("/t//", ROUTE_NONE, NULL, false, "");
	assert_route("/a\nb", ROUTE_NONE, NULL, false, "");
	assert_route("/debug/debug/", ROUTE_NONE, NULL, false, "");
}

/* ---- request checks ---- */

static void
hosts(void **state)
{
	static const char list[] = "fuzz.example\nbox";
	struct allowed_hosts allowed = { 0 };

	(void)state;
	assert_true(request_host_allowed(&allowed, "localhost"));
	assert_true(request_host_allowed(&allowed, "LOCALHOST:80"));
	assert_true(request_host_allowed(&allowed, "x.localhost"));
	assert_true(request_host_allowed(&allowed, "127.0.0.1:8080"));
	assert_true(request_host_allowed(&allowed, "127.9.9.9"));
	assert_true(request_host_allowed(&allowed, "[::1]:8080"));
	assert_false(request_host_allowed(&allowed, "[::2]"));
	assert_false(request_host_allowed(&allowed, "127.0.0.1.evil.com"));
	assert_false(request_host_allowed(&allowed, "localhost.evil.com"));
	assert_false(request_host_allowed(&allowed, "evillocalhost"));
	assert_false(request_host_allowed(&allowed, ""));
	assert_false(request_host_allowed(&allowed, "localhost:80:80"));
	assert_false(request_host_allowed(&allowed, "localhost@evil"));
	assert_false(request_host_allowed(&allowed, "fuzz.example"));
	assert_int_equal(allowed_hosts_set(&allowed, list, strlen(list)), 0);
	assert_true(request_host_allowed(&allowed, "Fuzz.Example:1"));
	assert_true(request_host_allowed(&allowed, "box."));
	assert_true(request_origin_allowed(&allowed, "https://fuzz.example"));
	assert_true(request_origin_allowed(&allowed, "http://localhost:3"));
	assert_false(request_origin_allowed(&allowed, "null"));
	assert_true(request_origin_same("http://localhost:3", "localhost:3"));
	assert_true(request_origin_same("https://fuzz.example", "Fuzz.example"));
	assert_false(request_origin_same("http://localhost:4", "localhost:3"));
	assert_false(request_origin_same("http://localhost", "localhost:3"));
	assert_false(request_origin_same("localhost:3", "localhost:3"));
	assert_false(request_origin_same(NULL, "localhost:3"));
	assert_false(request_origin_same("http://localhost:3", NULL));
	assert_false(request_origin_allowed(&allowed, "http://evil"));
	assert_false(request_origin_allowed(&allowed, "file://box"));
	allowed_hosts_free(&allowed);
}

/* What becomes of @text, wherever it is cut: 0 (complete), or the status to refuse it
 * with; 1: more is expected. */
static unsigned
head_status(const char *text, size_t len)
{
	unsigned status = 0;

	for (size_t cut = 0; cut <= len; cut++) {
		struct request_head head = { 0 };
		unsigned now;

		if (request_head_take(&head, text, cut) == cut)
			request_head_take(&head, text + cut, len - cut);
		now = head.status != 0 ? head.status : !request_head_complete(&head);
		if (now >= 400)
			assert_non_null(head.why);
		if (cut > 0)
			assert_int_equal(now, status);
		status = now;
	}
	return status;
}

#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: localhost\r\n"

static void
heads_as_strict_as_they_may_be(void **state)
{
#define CASE(status, text) { status, text, sizeof(text) - 1 }
	static const struct {
		unsigned status;
		const char *text;
		size_t len;
	} cases[] = {
		CASE(0, GET HOST "\r\n"),
		CASE(0, "HEAD /a?b HTTP/1.0\r\nhost:localhost\t\r\nX: \t \r\n\r\n"),
		CASE(0,
		    "POST /\xc3\xbc HTTP/1.1\r\n" HOST "Content-Length:  7 \r\n\r\n"),
		CASE(0, "GET http://localhost:80/x HTTP/1.1\r\n" HOST "\r\n"),
		CASE(0, GET HOST "Expect: 100-Continue\r\n\r\n"),
		CASE(0, GET HOST "Transfer-Encodings: x\r\n\r\n"),
		CASE(1, GET HOST "\r"),
		CASE(1, GET),
		CASE(400, "\r\n" GET HOST "\r\n"),
		CASE(400, " " GET HOST "\r\n"),
		CASE(400, "GET  / HTTP/1.1\r\n" HOST "\r\n"),
		CASE(400, "GET /  HTTP/1.1\r\n" HOST "\r\n"),
		CASE(400, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
		CASE(400, "GET /\r\n" HOST "\r\n"),
		CASE(400, "GET * HTTP/1.1\r\n" HOST "\r\n"),
		CASE(400, "GET http:// HTTP/1.1\r\n" HOST "\r\n"),
		CASE(400, "GET http://[x/ HTTP/1.1\r\n" HOST "\r\n"),
		CASE(400, "GET http://a:b/ HTTP/1.1\r\n" HOST "\r\n"),
		CASE(400, "GET ftp://localhost/ HTTP/1.1\r\n" HOST "\r\n"),
		CASE(404, "GET //localhost/ HTTP/1.1\r\n" HOST "\r\n"),
		CASE(400, "GET / HTTP/-1.1\r\n" HOST "\r\n"),
		CASE(400, "GET / HTTP/1.10\r\n" HOST "\r\n"),
		CASE(400, "GET / http/1.1\r\n" HOST "\r\n"),
		CASE(505, "GET / HTTP/0.9\r\n" HOST "\r\n"),
		CASE(505, "GET / HTTP/2.0\r\n" HOST "\r\n"),
		CASE(405, "CONNECT localhost:80 HTTP/1.1\r\n" HOST "\r\n"),
		CASE(405, "get / HTTP/1.1\r\n" HOST "\r\n"),
		CASE(400, "GET / HTTP/1.1\n" HOST "\r\n"),
		CASE(400, GET "Host: localhost\n\r\n"),
		CASE(400, GET HOST "\n"),
		CASE(400, GET HOST "X: a\rb\r\n\r\n"),
		CASE(400, GET HOST "X: a\0b\r\n\r\n"),
		CASE(400, GET "Host: localhost\0.evil\r\n\r\n"),
		CASE(400, GET HOST "X: \x1b[1m\r\n\r\n"),
		CASE(400, GET HOST "X\0: y\r\n\r\n"),
		CASE(400, "GET /\0 HTTP/1.1\r\n" HOST "\r\n"),
		CASE(400, GET HOST " folded\r\n\r\n"),
		CASE(400, GET HOST "X : y\r\n\r\n"),
		CASE(400, GET HOST ": y\r\n\r\n"),
		CASE(400, GET HOST "X\r\n\r\n"),
		CASE(400, GET HOST HOST "\r\n"),
		CASE(400, GET "\r\n"),
		CASE(417, GET HOST "Expect: more\r\n\r\n"),
		CASE(411, GET HOST "Transfer-Encoding: chunked\r\n\r\n"),
		CASE(400,
		    GET HOST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"),
		CASE(400, GET HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"),
		CASE(400, GET HOST "Content-Length: \r\n\r\n"),
		CASE(400, GET HOST "Content-Length: +5\r\n\r\n"),
		CASE(400, GET HOST "Content-Length: 5, 5\r\n\r\n"),
		CASE(400, GET HOST "Content-Length: 5 5\r\n\r\n"),
		CASE(400, GET HOST "Content-Length: 0x5\r\n\r\n"),
		CASE(0, GET HOST "Content-Length: 65536\r\n\r\n"),
		CASE(413, GET HOST "Content-Length: 65537\r\n\r\n"),
		CASE(
		    413, GET HOST "Content-Length: 99999999999999999999999999\r\n\r\n"),
		CASE(413, GET HOST "Content-Length: 18446744073709551616\r\n\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned status = head_status(cases[i].text, cases[i].len);

		if (status != cases[i].status)
			print_error("%s\n", cases[i].text);
		assert_int_equal(status, cases[i].status);
	}
}

/* Its last byte ends it: the rest is somebody else's. */
static void
heads_end_where_they_end(void **state)
{
	static const char text[] = GET HOST "\r\nGET /";
	struct request_head head = { 0 };

	(void)state;
	assert_int_equal(
	    request_head_take(&head, text, sizeof(text) - 1), sizeof(text) - 6);
	assert_true(request_head_complete(&head));
	assert_int_equal(head.method, REQUEST_GET);
}

static void
header_lists(void **state)
{
	(void)state;
	assert_true(request_header_lists("keep-alive, Upgrade", "upgrade"));
	assert_true(request_header_lists(" upgrade ,x", "upgrade"));
	assert_false(request_header_lists("upgraded", "upgrade"));
	assert_false(request_header_lists(NULL, "upgrade"));
	assert_true(request_etag_matches("\"a\", W/\"b\"", "\"b\""));
	assert_true(request_etag_matches("*", "\"b\""));
	assert_false(request_etag_matches("\"bb\"", "\"b\""));
	assert_false(request_etag_matches(NULL, "\"b\""));
}

/* ---- handshake ---- */

static struct handshake
sound_handshake(void)
{
	return (struct handshake){ .upgrade = "websocket",
		.connection = "Upgrade",
		.key = "dGhlIHNhbXBsZSBub25jZQ==",
		.version = "13",
		.get = true,
		.http_1_1 = true };
}

static int
refusal(struct handshake handshake)
{
	const char *why = NULL;
	bool ours;
	int status = handshake_check(&handshake, &ours, &why);

	assert_true(status == 0 || why != NULL);
	return status;
}

/* The key and its answer are the example of RFC 6455, 1.3. */
static void
handshake_of_the_rfc(void **state)
{
	struct handshake handshake = sound_handshake();
	char reply[HANDSHAKE_REPLY_MAX];
	const char *why;
	bool ours = true;
	size_t len;

	(void)state;
	assert_int_equal(handshake_check(&handshake, &ours, &why), 0);
	assert_false(ours);
	len = handshake_reply(handshake.key, false, reply);
	assert_int_equal(len, strlen(reply));
	assert_non_null(strstr(reply, "Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"));
	handshake.protocols = "chat, fuzzsup.v1";
	assert_int_equal(handshake_check(&handshake, &ours, &why), 0);
	assert_true(ours);
	handshake_reply(handshake.key, true, reply);
	assert_non_null(strstr(reply, "Protocol: fuzzsup.v1\r\n\r\n"));
}

static void
handshakes_refused(void **state)
{
	struct handshake handshake = sound_handshake();

	(void)state;
	handshake.get = false;
	assert_int_equal(refusal(handshake), 405);
	handshake = sound_handshake();
	handshake.version = "8";
	assert_int_equal(refusal(handshake), 426);
	handshake.version = NULL;
	assert_int_equal(refusal(handshake), 426);
	handshake = sound_handshake();
	handshake.http_1_1 = false;
	assert_int_equal(refusal(handshake), 400);
	handshake = sound_handshake();
	handshake.connection = "keep-alive";
	assert_int_equal(refusal(handshake), 400);
	handshake = sound_handshake();
	handshake.key = "dGhlIHNhbXBsZSBub25jZR==";
	assert_int_equal(refusal(handshake), 400);
	handshake.key = "short";
	assert_int_equal(refusal(handshake), 400);
	handshake.key = NULL;
	assert_int_equal(refusal(handshake), 400);
	handshake = sound_handshake();
	handshake.protocols = "chat";
	assert_int_equal(refusal(handshake), 400);
}

/* Lengths around the padding's edges; digests by coreutils' sha1sum. */
static void
sha1_at_block_edges(void **state)
{
	static const struct {
		size_t len;
		unsigned char first[4];
	} cases[] = {
		{ 0, { 0xda, 0x39, 0xa3, 0xee } },
		{ 55, { 0xc1, 0xc8, 0xbb, 0xdc } },
		{ 56, { 0xc2, 0xdb, 0x33, 0x0f } },
		{ 64, { 0x00, 0x98, 0xba, 0x82 } },
	};
	unsigned char digest[SHA1_BYTES];
	char text[64];

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sha1(text, cases[i].len, digest);
		assert_memory_equal(digest, cases[i].first, 4);
	}
}

/* ---- names ---- */

static void
assert_name(const struct source_roots *roots, const char *directory, const char *wanted)
{
	char *name = NULL;
	size_t root;
	int r = source_directory_name(roots, directory, &name, &root);

	if (wanted == NULL) {
		assert_int_equal(r, -ENOENT);
		return;
	}
	assert_int_equal(r, 0);
	assert_string_equal(name, wanted);
	free(name);
}

static void
directories_below_roots(void **state)
{
	struct source_roots roots = { 0 };

	(void)state;
	assert_name(&roots, "/srv/json", NULL);
	assert_int_equal(
	    source_roots_add(&roots, "/srv/json/", "/data/json-1.2", -1), 0);
	assert_int_equal(source_roots_add(&roots, "/opt/json", "/opt/json", -1), 0);
	assert_int_equal(
	    source_roots_add(&roots, "/srv/json/inner", "/x/inner", -1), 0);
	assert_name(&roots, "/srv/json", "json");
	assert_name(&roots, "/srv/json/a/b", "json/a/b");
	assert_name(&roots, "/data/json-1.2/a", "json/a");
	assert_name(&roots, "/opt/json/a", "json-2/a");
	assert_name(&roots, "/srv/json/inner/c", "inner/c");
	assert_name(&roots, "/srv/jsonx", NULL);
	assert_name(&roots, "/etc", NULL);
	assert_name(&roots, "sub/dir", "json/sub/dir");
	assert_name(&roots, ".", "json");
	assert_name(&roots, "../x", NULL);
	assert_name(&roots, "/srv/json/../../etc", NULL);
	source_roots_free(&roots);
	assert_int_equal(source_roots_add(&roots, "/", "/", -1), 0);
	assert_name(&roots, "/etc/x", "root/etc/x");
	source_roots_free(&roots);
}

/* Offsets into names: */
#define NAMES "/srv/json\0/etc\0/data\0b.c\0a.c\0shadow\0.."
enum {
	N_SRV = 0,
	N_ETC = 10,
	N_DATA = 15,
	N_B = 21,
	N_A = 25,
	N_SHADOW = 29,
	N_UP = 36
};

static const struct wire_file small_files[] = { { 0, N_B }, { 0, N_A }, { 1, N_SHADOW },
	{ 2, N_A }, { 0, N_UP } };
static const uint32_t small_directories[] = { N_SRV, N_ETC, N_DATA };
static const struct wire_location small_locations[] = { { 0, 7, 1 },
	{ WIRE_FILE_UNKNOWN, 0, 0 }, { 1, 9, 2 } };
static const struct source_table_header small_header = { .pcs_len = 3,
	.directories_len = 3,
	.files_len = 5,
	.string_bytes_len = sizeof(NAMES) };
static const struct source_table small_table = { .header = &small_header,
	.directories = small_directories,
	.files = small_files,
	.locations = small_locations,
	.strings = NAMES };
static const struct source_paths small_paths = { small_directories, small_files, NAMES,
	3, 5, sizeof(NAMES) };

static void
list_is_sorted_once_and_below_roots(void **state)
{
	struct source_roots roots = { 0 };
	struct source_list *list = NULL;

	(void)state;
	/* /data is the real path of /srv/json: a.c comes by two names. */
	assert_int_equal(source_roots_add(&roots, "/srv/json", "/data", -1), 0);
	assert_int_equal(source_list_new(&small_paths, &roots, &list), 0);
	assert_int_equal(list->len, 2);
	assert_string_equal(list->files[0].name, "json/a.c");
	assert_string_equal(list->files[0].below, "a.c");
	assert_string_equal(list->files[1].name, "json/b.c");
	assert_non_null(source_list_find(list, "json/b.c"));
	assert_null(source_list_find(list, "/etc/shadow"));
	assert_null(source_list_find(list, "json/.."));
	source_list_free(list);
	source_roots_free(&roots);
}

static void
index_names_agree_with_the_list(void **state)
{
	struct source_roots roots = { 0 };
	struct frame *frame = NULL;
	struct wire_source_index head;
	struct wire_file file;
	uint32_t directory;
	const char *front, *strings;

	(void)state;
	assert_int_equal(source_roots_add(&roots, "/srv/json", "/srv/json", -1), 0);
	assert_int_equal(source_index_new(&small_table, &small_paths, &roots, 42,
			     (struct frame_shared){ 0 }, &frame),
	    0);
	front = frame_front(frame);
	strings = frame_tail(frame);
	memcpy(&head, front, sizeof(head));
	assert_int_equal(head.flags, WIRE_SOURCE_INDEX);
	assert_int_equal(head.locations_len, 3);
	assert_int_equal(head.start_timestamp, 42);
	assert_int_equal(frame->parts[1].iov_len, 28 + 3 * 4 + 5 * 8);
	assert_ptr_equal(frame->parts[2].iov_base, small_locations);
	assert_int_equal(frame->parts[2].iov_len, 36);
	assert_int_equal(frame->parts[3].iov_len, head.string_bytes_len);
	memcpy(&directory, front + 28, 4);
	assert_string_equal(strings + directory, "json");
	memcpy(&directory, front + 32, 4);
	assert_string_equal(strings + directory, "/etc");
	memcpy(&file, front + 28 + 12 + 8, 8);
	assert_string_equal(strings + file.basename, "a.c");
	assert_int_equal(strings[head.string_bytes_len - 1], 0);
	frame_unref(frame);
	source_roots_free(&roots);
}

/* ---- deltas ---- */

static void
assert_delta(const uint32_t *indexes, size_t len, uint32_t encoding,
    const unsigned char *wanted, size_t wanted_len)
{
	struct delta delta = { 0 };
	unsigned char *bytes;
	uint32_t got;
	size_t got_len;

	for (size_t i = 0; i < len; i++)
		assert_int_equal(delta_add(&delta, indexes[i]), 0);
	assert_int_equal(delta_encode(&delta, &bytes, &got_len, &got), 0);
	assert_int_equal(got, encoding);
	assert_int_equal(got_len, wanted_len);
	assert_memory_equal(bytes, wanted, wanted_len);
	free(bytes);
	delta_free(&delta);
}

static void
deltas_take_the_shorter_encoding(void **state)
{
	(void)state;
	assert_delta((uint32_t[]){ 0, 5, 300 }, 3, WIRE_DELTA_GAPS,
	    (unsigned char[]){ 0, 4, 0xa6, 0x02 }, 4);
	assert_delta((uint32_t[]){ 200, 201, 202, 203, 204, 210, 211, 212 }, 8,
	    WIRE_DELTA_RUNS, (unsigned char[]){ 0xc8, 0x01, 5, 5, 3 }, 5);
}

static void
assert_header(size_t len, size_t header_len, unsigned char second)
{
	struct frame *frame = frame_new(FRAME_BINARY, len, NULL, 0);

	assert_int_equal(frame->parts[0].iov_len, header_len);
	assert_int_equal(frame->header[0], 0x82);
	assert_int_equal(frame->header[1], second);
	assert_int_equal(frame->size, header_len + len);
	frame_unref(frame);
}

static void
frame_headers_at_their_edges(void **state)
{
	(void)state;
	assert_header(0, 2, 0);
	assert_header(125, 2, 125);
	assert_header(126, 4, 126);
	assert_header(65535, 4, 126);
	assert_header(65536, 10, 127);
}

/* ---- coverage ---- */

static void
set_live_bit(struct live_map *live, uint32_t index)
{
	atomic_fetch_or(&live->bits[index / 64], UINT64_C(1) << index % 64);
	atomic_store(&live->times[index], index + 1);
	atomic_fetch_add(&live->head->bits_version, 1);
	atomic_fetch_add(&live->head->sequence, 1);
}

static void
coverage_grows_by_deltas(void **state)
{
	struct coverage coverage = { 0 };
	struct wire_coverage_delta head;
	struct live_map live;
	uint64_t first;
	int fd;

	(void)state;
	assert_int_equal(live_segment_create(100, 1000, &fd, &live), 0);
	assert_int_equal(coverage_reset(&coverage, 9, 100), 0);
	assert_int_equal(coverage_look(&coverage, &live), 0);
	first = coverage.version;
	set_live_bit(&live, 99);
	assert_int_equal(coverage_look(&coverage, &live), COVERAGE_BITS);
	assert_int_equal(coverage_look(&coverage, &live), 0);
	assert_int_equal(coverage.version, first + 1);
	assert_non_null(coverage_delta(&coverage, first));
	assert_null(coverage_delta(&coverage, first + 1));
	memcpy(&head, frame_front(coverage_delta(&coverage, first)), sizeof(head));
	assert_int_equal(head.header.target, 9);
	assert_int_equal(head.from_version, first);
	assert_int_equal(head.to_version, first + 1);
	assert_int_equal(head.bits_len, 1);
	assert_int_equal(head.hit_time, 100);
	/* A new build: no delta leads there. */
	assert_int_equal(coverage_reset(&coverage, 9, 100), 0);
	assert_null(coverage_delta(&coverage, first + 1));
	assert_true(coverage.version > first + 1);
	coverage_clear(&coverage);
	live_segment_unmap(&live);
}

static void
bits_past_the_end_are_none(void **state)
{
	struct coverage coverage = { 0 };
	struct live_map live;
	int fd;

	(void)state;
	assert_int_equal(live_segment_create(70, 0, &fd, &live), 0);
	assert_int_equal(coverage_reset(&coverage, 1, 70), 0);
	atomic_store(&live.bits[1], UINT64_MAX);
	atomic_store(&live.head->bits_version, 1);
	assert_int_equal(coverage_look(&coverage, &live), COVERAGE_BITS);
	assert_int_equal(coverage.bits[1], 0x3f);
	coverage_clear(&coverage);
	live_segment_unmap(&live);
}

/* A reader that fell further behind than deltas are kept gets everything. */
/* A collector that was taken over tells more PCs after its segment was checked. */
static void
segments_keep_their_length(void **state)
{
	struct coverage coverage = { 0 };
	struct live_map writer, reader;
	int fd;

	(void)state;
	assert_int_equal(live_segment_create(64, 5, &fd, &writer), 0);
	assert_int_equal(live_segment_map(fd, &reader), 0);
	assert_int_equal(coverage_reset(&coverage, 1, 1 << 26), 0);
	writer.head->pcs_len = 1 << 26;
	writer.head->bits_version++;
	assert_int_equal(coverage_look(&coverage, &reader), 0);
	assert_int_equal(coverage_reset(&coverage, 1, 64), 0);
	writer.head->pcs_len = 1;
	writer.head->base_ms = -1;
	atomic_store(&writer.bits[0], 4);
	assert_int_equal(coverage_look(&coverage, &reader), COVERAGE_BITS);
	assert_int_equal(coverage.base_ms, 5);
	coverage_clear(&coverage);
	live_segment_unmap(&reader);
	live_segment_unmap(&writer);
	close(fd);
}

static void
old_versions_have_no_delta(void **state)
{
	struct coverage coverage = { 0 };
	struct live_map live;
	uint64_t first;
	int fd;

	(void)state;
	assert_int_equal(live_segment_create(4096, 0, &fd, &live), 0);
	assert_int_equal(coverage_reset(&coverage, 1, 4096), 0);
	first = coverage.version;
	for (uint32_t i = 0; i <= COVERAGE_DELTAS; i++) {
		set_live_bit(&live, 2 * i);
		assert_int_equal(coverage_look(&coverage, &live), COVERAGE_BITS);
	}
	assert_null(coverage_delta(&coverage, first));
	assert_non_null(coverage_delta(&coverage, first + 1));
	coverage_clear(&coverage);
	live_segment_unmap(&live);
}

static void
unknown_entry_points_stay_here(void **state)
{
	struct coverage coverage = { 0 };
	struct live_map live;
	uint32_t words[2];
	struct frame *frame;
	int fd;

	(void)state;
	assert_int_equal(live_segment_create(3, 0, &fd, &live), 0);
	assert_int_equal(coverage_reset(&coverage, 1, 3), 0);
	atomic_store(&live.entries[0], 1);
	atomic_store(&live.entries[1], 2);
	atomic_store(&live.entries[2], 77);
	atomic_store(&live.head->entries_len, 3);
	assert_int_equal(coverage_look(&coverage, &live), COVERAGE_ENTRIES);
	assert_int_equal(coverage.entries_len, 2);
	frame = coverage_entry_points(&coverage, &small_table);
	assert_int_equal(frame->parts[1].iov_len, 8);
	memcpy(words, frame_front(frame), 8);
	assert_int_equal(words[0], WIRE_ENTRY_POINTS | 1 << 8);
	assert_int_equal(words[1], 2);
	coverage_clear(&coverage);
	live_segment_unmap(&live);
}

/* ---- limits ---- */

#define SILENCE_MS 1000

static char large_body[2 << 20];

static void
never_called_cb(struct evhttp_request *request, void *arg)
{
	(void)request;
	(void)arg;
	fail();
}

/* A server that is nothing but limits, and a connection to it. */
struct limited {
	struct event_base *base;
	struct evhttp *http;
	struct limits *limits;
	int fd;
	bool gone;
};

static void
open_limited(struct limited *limited, unsigned deadline_ms, unsigned silence_ms,
    void (*answer)(struct evhttp_request *, void *), int receive_buffer)
{
	struct event_base *base = event_base_new();
	struct evhttp *http = evhttp_new(base);
	struct evhttp_bound_socket *bound =
	    evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	*limited = (struct limited){ .base = base,
		.http = http,
		.limits = limits_new(base, http, deadline_ms, silence_ms),
		.fd = socket(AF_INET, SOCK_STREAM, 0) };
	evhttp_set_gencb(http, answer, limited);
	assert_int_equal(limits_add_listener(limited->limits, bound), 0);
	assert_int_equal(getsockname(evhttp_bound_socket_get_fd(bound),
			     (struct sockaddr *)&address, &len),
	    0);
	if (receive_buffer > 0)
		setsockopt(limited->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer,
		    sizeof(receive_buffer));
	assert_int_equal(connect(limited->fd, (struct sockaddr *)&address, len), 0);
}

static void
close_limited(struct limited *limited)
{
	close(limited->fd);
	event_base_loop(limited->base, EVLOOP_NONBLOCK);
	evhttp_free(limited->http);
	limits_free(limited->limits);
	event_base_free(limited->base);
}

/* A byte now and then keeps every timeout of evhttp's from firing; ours counts from the
 * first. */
static void
dribbled_requests_time_out(void **state)
{
	struct limited limited;
	char answer[64] = "";

	(void)state;
	open_limited(&limited, 30, 30000, never_called_cb, 0);
	while (recv(limited.fd, answer, sizeof(answer) - 1, MSG_DONTWAIT) < 0) {
		assert_int_equal(send(limited.fd, "G", 1, MSG_NOSIGNAL), 1);
		event_base_loop(limited.base, EVLOOP_NONBLOCK);
	}
	assert_non_null(strstr(answer, "408 Request Timeout"));
	close_limited(&limited);
}

static void
gone_cb(struct evhttp_connection *connection, void *arg)
{
	struct limited *limited = arg;

	(void)connection;
	limited->gone = true;
}

static void
large_answer_cb(struct evhttp_request *request, void *arg)
{
	struct limited *limited = arg;
	struct evbuffer *body = evbuffer_new();

	assert_true(limits_request_arrived(limited->limits, request));
	evhttp_connection_set_closecb(
	    evhttp_request_get_connection(request), gone_cb, limited);
	assert_int_equal(evbuffer_add(body, large_body, sizeof(large_body)), 0);
	evhttp_send_reply(request, 200, "OK", body);
	evbuffer_free(body);
}

static int64_t
milliseconds(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

/* Takes an answer so that it lasts four times as long as a connection may be silent, then
 * takes nothing until it is gone. Returns in how many milliseconds at most we had no turn:
 * none was read or written in that time, whatever the server's limits are. */
static int64_t
read_slowly(unsigned silence_ms, size_t *taken, bool *gone)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	const int64_t lasts = 4 * (int64_t)silence_ms, began = milliseconds();
	int64_t now = began, before, longest = 0;
	struct limited limited;
	char part[4096];
	ssize_t len;

	open_limited(&limited, 30000, silence_ms, large_answer_cb, sizeof(part));
	send(limited.fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
	for (*taken = 0; now < began + lasts && !limited.gone;) {
		event_base_loop(limited.base, EVLOOP_NONBLOCK);
		before = now;
		now = milliseconds();
		longest = now - before > longest ? now - before : longest;
		/* As much as it may have taken by now. */
		if ((int64_t)*taken * lasts >
		    (int64_t)sizeof(large_body) / 2 * (now - began))
			continue;
		len = recv(limited.fd, part, sizeof(part), MSG_DONTWAIT);
		*taken += len > 0 ? (size_t)len : 0;
	}
	*gone = limited.gone;
	while (!limited.gone)
		event_base_loop(limited.base, EVLOOP_ONCE);
	close_limited(&limited);
	return longest;
}

/* On a machine so busy that we stood still for half of the time in which it may be silent,
 * nothing is learned: once more, with more time. */
static void
slow_readers_are_not_silent(void **state)
{
	unsigned silence_ms = SILENCE_MS;
	size_t taken;
	bool gone;

	(void)state;
	while (read_slowly(silence_ms, &taken, &gone) * 2 >= silence_ms)
		silence_ms *= 2;
	assert_false(gone);
	assert_true(taken > sizeof(large_body) / 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_of_both_bases),
		cmocka_unit_test(routes_that_lead_nowhere),
		cmocka_unit_test(hosts),
		cmocka_unit_test(heads_as_strict_as_they_may_be),
		cmocka_unit_test(heads_end_where_they_end),
		cmocka_unit_test(header_lists),
		cmocka_unit_test(handshake_of_the_rfc),
		cmocka_unit_test(handshakes_refused),
		cmocka_unit_test(sha1_at_block_edges),
		cmocka_unit_test(directories_below_roots),
		cmocka_unit_test(list_is_sorted_once_and_below_roots),
		cmocka_unit_test(index_names_agree_with_the_list),
		cmocka_unit_test(deltas_take_the_shorter_encoding),
		cmocka_unit_test(frame_headers_at_their_edges),
		cmocka_unit_test(coverage_grows_by_deltas),
		cmocka_unit_test(bits_past_the_end_are_none),
		cmocka_unit_test(segments_keep_their_length),
		cmocka_unit_test(old_versions_have_no_delta),
		cmocka_unit_test(unknown_entry_points_stay_here),
		cmocka_unit_test(dribbled_requests_time_out),
		cmocka_unit_test(slow_readers_are_not_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
