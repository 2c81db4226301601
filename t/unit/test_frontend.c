/* SPDX-License-Identifier: MIT
 * The front-end as a process, its supervisor played: HTTP, both WebSocket protocols.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "http_client.h"
#include "supervisor_double.h"
#include "wire.h"

#define PCS 5000

static struct supervisor_double supervisor;
static struct double_target *target;
static char folder[] = "/tmp/fuzzsupd-frontend-XXXXXX";
static char web[64], sources[64];

static void
write_file(const char *directory, const char *name, const char *text, size_t len)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
}

static int
start(void **state)
{
	const char *build = getenv("builddir");
	char program[512];
	char *large = calloc(1, 3000000);

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(large);
	assert_non_null(mkdtemp(folder));
	snprintf(web, sizeof(web), "%s/web", folder);
	snprintf(sources, sizeof(sources), "%s/proj", folder);
	mkdir(web, 0755);
	mkdir(sources, 0755);
	write_file(web, "index.html", "<p>page", 7);
	write_file(web, "main.wasm", "shipped", 7);
	write_file(web, "secret", "no", 2);
	snprintf(program, sizeof(program), "%s/out.txt", web);
	assert_int_equal(symlink("/etc/passwd", program), 0);
	write_file(sources, "a.c", "int a;\n", 7);
	write_file(sources, "b.c", "", 0);
	write_file(sources, "large.c", large, 3000000);
	free(large);
	snprintf(program, sizeof(program), "%s/fuzzsupd-frontend",
	    build != NULL ? build : ".");
	double_start(&supervisor, program, web, 0, true);
	target = double_add(&supervisor, "one", sources, PCS);
	double_add(&supervisor, "two", sources, 100);
	return 0;
}

static int
stop(void **state)
{
	char command[128];
	int status = double_stop(&supervisor);

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* ---- HTTP ---- */

static void
assert_status(const char *request, int status)
{
	struct http_reply reply = http_exchange(supervisor.port, request);

	if (reply.status != status)
		print_error("%s\n", request);
	assert_int_equal(reply.status, status);
	http_reply_free(&reply);
}

static void
assert_get(const char *path, int status, const char *type, const char *body)
{
	struct http_reply reply = http_get(supervisor.port, path, "");

	if (reply.status != status)
		print_error("%s\n", path);
	assert_int_equal(reply.status, status);
	if (type != NULL)
		assert_non_null(strstr(reply.head, type));
	if (body != NULL)
		assert_string_equal(reply.body, body);
	assert_non_null(strstr(reply.head, "nosniff"));
	assert_non_null(strstr(reply.head, "default-src 'none'"));
	http_reply_free(&reply);
}

static void
pages_stand_under_every_base(void **state)
{
	static const char *const bases[] = { "/", "/debug", "/debug/", "/?x=1",
		"/t/one/", "/t/one/debug", "/t/one/debug/", "/%64ebug/" };

	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		assert_get(bases[i], 200, "text/html", "<p>page");
	assert_get("/t/one", 301, "location: /t/one/", NULL);
	assert_get("/healthz", 200, "text/plain", "ok\n");
	assert_get("/api/v1/targets", 200, "application/json", NULL);
}

static void
nothing_else_is_there(void **state)
{
	static const char *const paths[] = { "/x", "/secret", "/out.txt", "/../secret",
		"/%2e%2e/secret", "/t/three/index.bin", "/t/three", "/t/",
		"/src/proj/none.c", "/t/one/src//etc/shadow",
		"/t/one/src/../etc/shadow", "/t/one/src/proj/../../etc/shadow",
		"/t/one/src//etc/passwd" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_get(paths[i], 404, "text/plain", "not found");
}

static void
files_are_seen_fresh(void **state)
{
	struct http_reply first = http_get(supervisor.port, "/", ""), second;
	char header[256], *etag = strstr(first.head, "etag: ");

	(void)state;
	assert_non_null(etag);
	assert_non_null(
	    strstr(first.head, "cache-control: max-age=0, must-revalidate"));
	snprintf(header, sizeof(header), "If-None-Match: %.*s\r\n",
	    (int)strcspn(etag + 6, "\r"), etag + 6);
	second = http_get(supervisor.port, "/", header);
	assert_int_equal(second.status, 304);
	http_reply_free(&second);
	write_file(web, "index.html", "<p>other", 8);
	second = http_get(supervisor.port, "/", header);
	assert_int_equal(second.status, 200);
	assert_string_equal(second.body, "<p>other");
	write_file(web, "index.html", "<p>page", 7);
	http_reply_free(&second);
	http_reply_free(&first);
}

/* A body in an answer to HEAD would be taken for the next answer. */
static void
head_keeps_the_connection_in_step(void **state)
{
	static const char *const paths[] = { "/", "/sources.tar", "/index.bin", "/none",
		"/src/proj/a.c", "/healthz" };
	struct http_client client;
	struct http_reply reply;
	char text[256];
	int len;

	(void)state;
	http_connect(&client, supervisor.port);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		len = snprintf(text, sizeof(text),
		    "HEAD %s HTTP/1.1\r\nHost: localhost\r\n"
		    "\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
		    paths[i]);
		http_send(&client, text, (size_t)len);
		reply = http_receive(&client, true);
		assert_int_equal(
		    reply.status, strcmp(paths[i], "/none") == 0 ? 404 : 200);
		http_reply_free(&reply);
		reply = http_receive(&client, false);
		assert_int_equal(reply.status, 200);
		assert_string_equal(reply.body, "ok\n");
		http_reply_free(&reply);
	}
	http_close(&client);
}

static void
malformed_requests_are_refused(void **state)
{
#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: localhost\r\n"
	(void)state;
	assert_status("\x16\x03\x01 garbage\r\n\r\n", 400);
	assert_status(GET "\r\n", 400);
	assert_status(GET HOST HOST "\r\n", 400);
	assert_status(GET HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400);
	assert_status(GET HOST "Content-Length: +5\r\n\r\nxxxxx", 400);
	assert_status(GET HOST "Content-Length: 999999999\r\n\r\n", 413);
	assert_status(GET HOST "Content-Length : 5\r\n\r\nxxxxx", 400);
	assert_status(GET HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
			       "5\r\nxxxxx\r\n0\r\n\r\n",
	    400);
	assert_status("GET /%00 HTTP/1.1\r\n" HOST "\r\n", 400);
	assert_status("POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nxx", 405);
	assert_status("DELETE / HTTP/1.1\r\n" HOST "\r\n", 405);
	assert_status("CONNECT localhost:80 HTTP/1.1\r\n" HOST "\r\n", 405);
	assert_status("BREW / HTTP/1.1\r\n" HOST "\r\n", 405);
	assert_status(GET "Host: evil.example\r\n\r\n", 403);
	assert_status(GET HOST "Origin: http://evil.example\r\n\r\n", 403);
	assert_status(GET HOST "Origin: null\r\n\r\n", 403);
	assert_status(
	    GET "Host: fuzz.example\r\nOrigin: https://other.example\r\n\r\n", 200);
}

static void
refusals_name_the_remedy(void **state)
{
	struct http_reply reply =
	    http_exchange(supervisor.port, GET "Host: evil.example\r\n\r\n");

	(void)state;
	assert_non_null(strstr(reply.body, "evil.example"));
	assert_non_null(strstr(reply.body, "allowed-hosts"));
	http_reply_free(&reply);
	reply = http_exchange(supervisor.port, "PUT / HTTP/1.1\r\n" HOST "\r\n");
	assert_non_null(strstr(reply.head, "allow: GET, HEAD"));
	http_reply_free(&reply);
}

static void
large_heads_get_431(void **state)
{
	static const char head[] = GET HOST "X: ";
	char *text = malloc(sizeof(head) + 20008);

	(void)state;
	assert_non_null(text);
	memcpy(text, head, sizeof(head) - 1);
	memset(text + sizeof(head) - 1, 'x', 20000);
	memcpy(text + sizeof(head) - 1 + 20000, "\r\n\r\n", 5);
	assert_status(text, 431);
	free(text);
}

/* The reference dies of this, and takes its fuzzers along. */
static void
a_body_that_never_comes(void **state)
{
	struct http_client client;
	const char *text = GET HOST "Content-Length: 5\r\n\r\n";

	(void)state;
	http_connect(&client, supervisor.port);
	http_send(&client, text, strlen(text));
	http_close(&client);
	assert_get("/healthz", 200, NULL, "ok\n");
}

/* What stands where a body was announced must not be read as a request. */
static void
a_body_is_no_request(void **state)
{
	const char *text = GET HOST "Content-Length: 42\r\n\r\n"
				    "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct http_client client;
	struct http_reply reply;

	(void)state;
	http_connect(&client, supervisor.port);
	http_send(&client, text, strlen(text));
	reply = http_receive(&client, false);
	assert_int_equal(reply.status, 200);
	http_reply_free(&reply);
	assert_true(http_at_end(&client));
	http_close(&client);
}

/* ---- sources ---- */

static void
assert_tar_is(const char *path, const char *wanted)
{
	struct http_reply reply = http_get(supervisor.port, path, "");
	char file[128], command[512];

	assert_int_equal(reply.status, 200);
	assert_non_null(strstr(reply.head, "application/x-tar"));
	/* The trailer: two blocks of zeros, which the reference leaves out. */
	assert_true(reply.body_len >= 1024 && reply.body_len % 512 == 0);
	for (size_t i = reply.body_len - 1024; i < reply.body_len; i++)
		assert_int_equal(reply.body[i], 0);
	snprintf(file, sizeof(file), "%s/got.tar", folder);
	write_file(folder, "got.tar", reply.body, reply.body_len);
	snprintf(command, sizeof(command),
	    "test \"$(tar tf %s 2>&1 | tr '\\n' ' ')\" = '%s'", file, wanted);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command),
	    "cd %s && tar xf got.tar --one-top-level=x && "
	    "diff -r x/proj proj",
	    folder);
	assert_int_equal(system(command), 0);
	http_reply_free(&reply);
}

static void
tar_holds_what_the_table_names(void **state)
{
	(void)state;
	assert_tar_is("/t/one/sources.tar", "proj/a.c proj/b.c proj/large.c ");
	assert_tar_is("/debug/sources.tar", "proj/a.c proj/b.c proj/large.c ");
}

static void
sources_by_name(void **state)
{
	(void)state;
	assert_get("/t/one/src/proj/a.c", 200, "text/plain; charset=utf-8", "int a;\n");
	assert_get("/src/proj/a.c", 200, "text/plain; charset=utf-8", "int a;\n");
	assert_get("/src/proj/b.c", 200, "text/plain", "");
}

/* It sends requests and reads nothing of the answers. */
static void
a_slow_reader_holds_nobody_up(void **state)
{
	const char *text = "GET /sources.tar HTTP/1.1\r\n" HOST "\r\n";
	struct http_client slow[8];

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		http_connect(&slow[i], supervisor.port);
		http_send(&slow[i], text, strlen(text));
	}
	assert_get("/healthz", 200, NULL, "ok\n");
	assert_get("/t/one/src/proj/a.c", 200, NULL, "int a;\n");
	for (size_t i = 0; i < 8; i++)
		http_close(&slow[i]);
	assert_get("/healthz", 200, NULL, "ok\n");
}

/* ---- main.wasm ---- */

#define WASM_REQUESTS 6

static void
assert_wasm(unsigned status, const char *content, int wanted, const char *body)
{
	const char *text = "GET /main.wasm HTTP/1.1\r\n" HOST "\r\n";
	struct http_client clients[WASM_REQUESTS];
	struct message question;
	struct http_reply reply;

	for (size_t i = 0; i < WASM_REQUESTS; i++) {
		http_connect(&clients[i], supervisor.port);
		http_send(&clients[i], text, strlen(text));
	}
	question = double_wait_wasm(&supervisor);
	assert_int_equal(question.build.mode, 0);
	/* All have been read by the time that this one is answered. */
	assert_get("/healthz", 200, NULL, "ok\n");
	double_answer_wasm(&supervisor, &question, status, content, strlen(content));
	for (size_t i = 0; i < WASM_REQUESTS; i++) {
		reply = http_receive(&clients[i], false);
		assert_int_equal(reply.status, wanted);
		assert_string_equal(reply.body, body);
		http_reply_free(&reply);
		http_close(&clients[i]);
	}
}

static void
one_build_for_many_requests(void **state)
{
	(void)state;
	assert_wasm(WASM_BUILT, "module", 200, "module");
	assert_wasm(WASM_FAILED, "client.c:3: error", 500, "client.c:3: error");
	assert_wasm(WASM_NO_COMPILER, "", 200, "shipped");
}

/* A runner that died is asked again by the front-end, once: then the shipped file is sent. */
static void
a_new_runner_is_asked_again(void **state)
{
	const char *text = "GET /main.wasm HTTP/1.1\r\n" HOST "\r\n";
	struct message first, again;
	struct http_client client;
	struct http_reply reply;

	(void)state;
	for (int deaths = 1; deaths <= 2; deaths++) {
		http_connect(&client, supervisor.port);
		http_send(&client, text, strlen(text));
		first = double_wait_wasm(&supervisor);
		double_hello(&supervisor);
		again = double_wait_wasm(&supervisor);
		assert_true(again.build.number == first.build.number);
		if (deaths == 1)
			double_answer_wasm(&supervisor, &again, WASM_CACHED, "anew", 4);
		else
			double_hello(&supervisor);
		reply = http_receive(&client, false);
		assert_string_equal(reply.body, deaths == 1 ? "anew" : "shipped");
		http_reply_free(&reply);
		http_close(&client);
	}
}

/* ---- the reference's protocol ---- */

static size_t
expect_tag(struct http_client *client, int tag, const unsigned char **ret_payload)
{
	size_t len;

	assert_int_equal(ws_receive(client, ret_payload, &len), 0x82);
	assert_int_equal((*ret_payload)[0], tag);
	return len;
}

static uint32_t
u32_at(const unsigned char *bytes, size_t offset)
{
	uint32_t value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

static void
reference_order_and_bytes(void **state)
{
	struct double_target *fresh = double_add(&supervisor, "fresh", sources, 130);
	const unsigned char *payload;
	struct wire_source_index head;
	struct http_client client;
	struct http_reply index;
	uint64_t word;
	size_t len;

	(void)state;
	while (
	    (index = http_get(supervisor.port, "/t/fresh/index.bin", "")).status != 200)
		http_reply_free(&index);
	assert_int_equal(ws_open(&client, supervisor.port, "/t/fresh/", NULL), 101);
	assert_int_equal(expect_tag(&client, 0, &payload), 9);
	len = expect_tag(&client, 1, &payload); /* although nothing ran yet */
	memcpy(&head, payload, sizeof(head));
	assert_int_equal(len,
	    28 + 4 * head.directories_len + 8 * head.files_len +
		12 * head.locations_len + head.string_bytes_len);
	assert_int_equal(head.locations_len, 130);
	assert_int_equal(len, index.body_len);
	assert_memory_equal(payload, index.body, len);
	assert_int_equal(expect_tag(&client, 2, &payload), 24 + 3 * 8);
	/* An unknown place is kept back; a known one comes. */
	double_entry(&supervisor, fresh, 15);
	double_entry(&supervisor, fresh, 16);
	while (expect_tag(&client, 3, &payload) != 8)
		;
	assert_int_equal(u32_at(payload, 0), 3 | 1 << 8);
	assert_int_equal(u32_at(payload, 4), 16);
	/* A bit without a change of unique_runs is a change. */
	double_hit(&supervisor, fresh, 129, 1);
	expect_tag(&client, 2, &payload);
	memcpy(&word, payload + 24 + 16, 8);
	assert_int_equal(word, 2);
	/* Another build: entries go before the index comes. */
	double_rebuild(&supervisor, fresh, sources, 70);
	assert_int_equal(expect_tag(&client, 3, &payload), 4);
	expect_tag(&client, 1, &payload);
	assert_int_equal(u32_at(payload, 12), 70);
	assert_int_equal(expect_tag(&client, 2, &payload), 24 + 2 * 8);
	double_remove(&supervisor, fresh);
	assert_int_equal(ws_receive(&client, &payload, &len), 0x88);
	http_reply_free(&index);
	http_close(&client);
}

/* "one" has no coverage, "two" gets some: the root moves there. */
static void
root_follows_coverage(void **state)
{
	const unsigned char *payload;
	struct http_client client;

	(void)state;
	assert_int_equal(ws_open(&client, supervisor.port, "/", NULL), 101);
	expect_tag(&client, 0, &payload);
	expect_tag(&client, 1, &payload);
	assert_int_equal(u32_at(payload, 12), PCS);
	expect_tag(&client, 2, &payload);
	double_hit(&supervisor, &supervisor.targets[1], 3, 1);
	expect_tag(&client, 3, &payload);
	expect_tag(&client, 1, &payload);
	assert_int_equal(u32_at(payload, 12), 100);
	expect_tag(&client, 2, &payload);
	assert_int_equal(payload[24], 8);
	http_close(&client);
}

/* ---- fuzzsup.v1 ---- */

/* The next frame of @tag ('{': text), past numbers that come by themselves. */
static size_t
next_of(struct http_client *client, int tag, const unsigned char **ret_payload)
{
	size_t len;

	do
		assert_true(ws_receive(client, ret_payload, &len) >= 0);
	while ((*ret_payload)[0] != tag);
	return len;
}

static void
open_ours(struct http_client *client)
{
	const unsigned char *payload;
	size_t len;

	assert_int_equal(ws_open(client, supervisor.port, "/", WIRE_SUBPROTOCOL), 101);
	assert_int_equal(
	    expect_tag(client, WIRE_HELLO, &payload), sizeof(struct wire_hello));
	assert_int_equal(payload[8], 0x88);
	assert_int_equal(ws_receive(client, &payload, &len), 0x81);
	assert_non_null(strstr((const char *)payload, "\"name\":\"one\""));
	assert_non_null(strstr((const char *)payload, "\"full\":true"));
}

static void
subscribe(struct http_client *client, uint32_t id)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "{\"subscribe\":%u}", id);

	ws_send(client, 0x81, text, (size_t)len, false);
}

static void
deltas_lead_from_version_to_version(void **state)
{
	const unsigned char *payload;
	struct wire_coverage_delta delta;
	struct wire_coverage_full full;
	struct http_client client;
	uint32_t first_time;
	size_t len;

	(void)state;
	open_ours(&client);
	subscribe(&client, target->id);
	len = next_of(&client, WIRE_COVERAGE_FULL, &payload);
	memcpy(&full, payload, sizeof(full));
	assert_int_equal(len, sizeof(full) + 8 * ((PCS + 63) / 64));
	next_of(&client, WIRE_HIT_TIMES, &payload);
	next_of(&client, WIRE_ENTRIES, &payload);
	double_hit(&supervisor, target, 4000, 2);
	next_of(&client, WIRE_COVERAGE_DELTA, &payload);
	memcpy(&delta, payload, sizeof(delta));
	assert_int_equal(delta.from_version, full.version);
	assert_int_equal(delta.to_version, full.version + 1);
	assert_int_equal(delta.bits_len, 2);
	first_time = delta.hit_time;
	double_hit(&supervisor, target, 4000, 3);
	next_of(&client, WIRE_COVERAGE_DELTA, &payload);
	memcpy(&delta, payload, sizeof(delta));
	assert_int_equal(delta.from_version, full.version + 1);
	assert_int_equal(delta.bits_len, 1);
	assert_true(delta.hit_time > first_time);
	/* Again from the start: what it knows by now. */
	subscribe(&client, target->id);
	next_of(&client, WIRE_COVERAGE_FULL, &payload);
	assert_int_equal(payload[sizeof(full) + 500], 7);
	next_of(&client, WIRE_HIT_TIMES, &payload);
	assert_int_equal(u32_at(payload, 16), 3);
	http_close(&client);
}

static void
targets_come_and_go(void **state)
{
	const unsigned char *payload;
	struct http_client client;
	struct double_target *fresh;
	char removed[64];

	(void)state;
	open_ours(&client);
	fresh = double_add(&supervisor, "zeta", sources, 64);
	snprintf(removed, sizeof(removed), "\"removed\":[%u]", fresh->id);
	do
		next_of(&client, '{', &payload);
	while (strstr((const char *)payload, "zeta") == NULL);
	double_remove(&supervisor, fresh);
	do
		next_of(&client, '{', &payload);
	while (strstr((const char *)payload, removed) == NULL);
	http_close(&client);
}

static void
bad_requests_are_answered(void **state)
{
	static const char *const texts[] = { "{\"subscribe\":4000000}",
		"{\"subscribe\":-1}", "{\"subscribe\":\"x\"}", "[]", "nonsense", "{}" };
	const unsigned char *payload;
	struct http_client client;

	(void)state;
	open_ours(&client);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ws_send(&client, 0x81, texts[i], strlen(texts[i]), false);
		next_of(&client, '{', &payload);
		assert_non_null(strstr((const char *)payload, "\"type\":\"error\""));
	}
	http_close(&client);
}

/* It reads nothing while the whole set changes 600 times, and then finds the newest. */
static void
a_stale_client_gets_the_newest(void **state)
{
	struct double_target *wide = double_add(&supervisor, "wide", sources, 1000000);
	struct wire_coverage_delta delta;
	struct wire_coverage_full full;
	const unsigned char *payload;
	struct http_client client, other;
	uint64_t version = 0;
	size_t len, bits = 0;

	(void)state;
	open_ours(&client);
	open_ours(&other);
	subscribe(&client, wide->id);
	subscribe(&other, wide->id);
	next_of(&client, WIRE_ENTRIES, &payload);
	next_of(&other, WIRE_ENTRIES, &payload);
	for (uint32_t i = 0; i < 500; i++) {
		double_hit(&supervisor, wide, 2000 * i, 2000);
		next_of(&other, WIRE_COVERAGE_DELTA, &payload);
	}
	while (bits < 1000000) {
		assert_int_equal(ws_receive(&client, &payload, &len), 0x82);
		if (payload[0] == WIRE_COVERAGE_FULL) {
			memcpy(&full, payload, sizeof(full));
			version = full.version;
			bits = 0;
			for (size_t i = sizeof(full); i < len; i++)
				bits += (size_t)__builtin_popcount(payload[i]);
		} else if (payload[0] == WIRE_COVERAGE_DELTA) {
			memcpy(&delta, payload, sizeof(delta));
			assert_true(version == 0 || delta.from_version == version);
			version = delta.to_version;
			bits += delta.bits_len;
		}
	}
	assert_int_equal(bits, 1000000);
	http_close(&client);
	http_close(&other);
	double_remove(&supervisor, wide);
}

/* Also where no number changes: it knows by that how old they are. */
static void
clients_are_told_that_we_live(void **state)
{
	const unsigned char *payload;
	struct wire_alive first, second;
	struct http_client client;

	(void)state;
	open_ours(&client);
	assert_int_equal(next_of(&client, WIRE_ALIVE, &payload), sizeof(first));
	memcpy(&first, payload, sizeof(first));
	next_of(&client, WIRE_ALIVE, &payload);
	memcpy(&second, payload, sizeof(second));
	assert_true(second.now_ms >= first.now_ms + WIRE_ALIVE_MS - 250);
	assert_true(first.now_ms > 1600000000000);
	http_close(&client);
}

/* ---- RFC 6455 ---- */

static void
pings_and_fragments(void **state)
{
	const unsigned char *payload;
	struct http_client client;
	size_t len;

	(void)state;
	open_ours(&client);
	ws_send(&client, 0x89, "are you", 7, false);
	do
		assert_true(ws_receive(&client, &payload, &len) >= 0);
	while (payload[0] == WIRE_STATS || payload[0] == WIRE_ALIVE);
	assert_int_equal(len, 7);
	assert_memory_equal(payload, "are you", 7);
	/* A request in three pieces with a ping between them, byte by byte. */
	ws_send(&client, 0x01, "{\"subs", 6, false);
	ws_send(&client, 0x89, "x", 1, false);
	ws_send(&client, 0x00, "cribe\"", 6, false);
	ws_send(&client, 0x80, ":1}", 3, false);
	next_of(&client, WIRE_COVERAGE_FULL, &payload);
	http_close(&client);
}

/* Frames of one packet, of which each "?" is answered: pongs with their payload, the text
 * with an error. The answers come in the order of the questions. */
static void
answers_keep_their_order(void **state)
{
#define MASK "\0\0\0\0"
#define PING(c) "\x89\x81" MASK c
	static const struct {
		const char *frames;
		size_t len;
		const char *answers; /* E: the error */
	} cases[] = {
#define CASE(frames, answers) { frames, sizeof(frames) - 1, answers }
		CASE(PING("a") "\x81\x81" MASK "?" PING("b"), "aEb"),
		CASE("\x81\x81" MASK "?" PING("a"), "Ea"),
		CASE("\x01\x81" MASK "?" PING("a") "\x80\x81" MASK "?", "aE"),
		CASE("\x01\x81" MASK "?"
		     "\x00\x81" MASK "?" PING("a") "\x00\x81" MASK "?" PING(
			 "b") "\x80\x81" MASK "?" PING("c"),
		    "abEc"),
		CASE("\x81\x81" MASK "?"
		     "\x81\x81" MASK "?" PING("a") "\x81\x81" MASK "?",
		    "EEaE"),
#undef CASE
	};
	const unsigned char *payload;
	struct http_client client;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char got[16] = "";
		size_t used = 0;

		open_ours(&client);
		http_send(&client, cases[i].frames, cases[i].len);
		while (used < strlen(cases[i].answers)) {
			const int first = ws_receive(&client, &payload, &len);

			assert_true(first >= 0);
			if (first == 0x8a)
				got[used++] = (char)payload[0];
			else if (first == 0x81 && len > 16 &&
			    memcmp(payload, "{\"type\":\"error\"", 15) == 0)
				got[used++] = 'E';
		}
		assert_string_equal(got, cases[i].answers);
		http_close(&client);
	}
}

static void
assert_closes(
    unsigned first, const void *payload, size_t len, bool unmasked, unsigned code)
{
	const unsigned char *answer;
	struct http_client client;
	size_t answer_len;
	int got;

	assert_int_equal(ws_open(&client, supervisor.port, "/t/one/", NULL), 101);
	ws_send(&client, first, payload, len, unmasked);
	do
		got = ws_receive(&client, &answer, &answer_len);
	while (got >= 0 && got != 0x88);
	assert_int_equal(got, 0x88);
	assert_int_equal(answer[0] << 8 | answer[1], code);
	assert_int_equal(ws_receive(&client, &answer, &answer_len), -1);
	http_close(&client);
}

static void
good_byes(void **state)
{
	static char large[5000];

	(void)state;
	assert_closes(0x88, "\x03\xe8", 2, false, 1000);
	assert_closes(0x81, "x", 1, true, 1002);
	assert_closes(0x83, "x", 1, false, 1002);
	assert_closes(0xc1, "x", 1, false, 1002);
	assert_closes(0x80, "x", 1, false, 1002);
	assert_closes(0x81, "\xff\xff", 2, false, 1007);
	assert_closes(0x82, large, sizeof(large), false, 1009);
}

static void
upgrades_refused(void **state)
{
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define WS_13 "Sec-WebSocket-Version: 13\r\n"
	(void)state;
	assert_status("GET /main.js HTTP/1.1\r\n" HOST UPGRADE KEY WS_13 "\r\n", 404);
	assert_status("GET /t/none/ HTTP/1.1\r\n" HOST UPGRADE KEY WS_13 "\r\n", 404);
	assert_status("POST / HTTP/1.1\r\n" HOST UPGRADE KEY WS_13 "\r\n", 405);
	assert_status(GET HOST UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n", 426);
	assert_status(GET HOST UPGRADE WS_13 "\r\n", 400);
	assert_status(
	    GET HOST UPGRADE KEY WS_13 "Origin: http://evil.example\r\n\r\n", 403);
	assert_status(GET "Host: evil.example\r\n" UPGRADE KEY WS_13 "\r\n", 403);
	assert_status(
	    GET HOST UPGRADE KEY WS_13 "Sec-WebSocket-Protocol: chat\r\n\r\n", 400);
}

/* Bytes that come in one packet with the handshake are not lost. */
static void
frames_right_behind_the_handshake(void **state)
{
	static const char text[] = GET HOST UPGRADE KEY WS_13
	    "Sec-WebSocket-Protocol: fuzzsup.v1\r\n\r\n\x89\x82\0\0\0\0hi";
	const unsigned char *payload;
	struct http_client client;
	struct http_reply reply;
	size_t len;
	int first;

	(void)state;
	http_connect(&client, supervisor.port);
	http_send(&client, text, sizeof(text) - 1);
	reply = http_receive(&client, true);
	assert_int_equal(reply.status, 101);
	do
		first = ws_receive(&client, &payload, &len);
	while (first >= 0 && first != 0x8a);
	assert_int_equal(first, 0x8a);
	assert_memory_equal(payload, "hi", 2);
	http_reply_free(&reply);
	http_close(&client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_stand_under_every_base),
		cmocka_unit_test(nothing_else_is_there),
		cmocka_unit_test(files_are_seen_fresh),
		cmocka_unit_test(head_keeps_the_connection_in_step),
		cmocka_unit_test(malformed_requests_are_refused),
		cmocka_unit_test(refusals_name_the_remedy),
		cmocka_unit_test(large_heads_get_431),
		cmocka_unit_test(a_body_that_never_comes),
		cmocka_unit_test(a_body_is_no_request),
		cmocka_unit_test(tar_holds_what_the_table_names),
		cmocka_unit_test(sources_by_name),
		cmocka_unit_test(a_slow_reader_holds_nobody_up),
		cmocka_unit_test(one_build_for_many_requests),
		cmocka_unit_test(a_new_runner_is_asked_again),
		cmocka_unit_test(reference_order_and_bytes),
		cmocka_unit_test(root_follows_coverage),
		cmocka_unit_test(deltas_lead_from_version_to_version),
		cmocka_unit_test(targets_come_and_go),
		cmocka_unit_test(bad_requests_are_answered),
		cmocka_unit_test(a_stale_client_gets_the_newest),
		cmocka_unit_test(clients_are_told_that_we_live),
		cmocka_unit_test(pings_and_fragments),
		cmocka_unit_test(answers_keep_their_order),
		cmocka_unit_test(good_byes),
		cmocka_unit_test(upgrades_refused),
		cmocka_unit_test(frames_right_behind_the_handshake),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
