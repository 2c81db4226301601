/* SPDX-License-Identifier: MIT
 * The HTTP server; in the front-end.
 */
#include "config.h"

#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/queue.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>

#include "coverage_export.h"
#include "export_format.h"
#include "functions_json.h"
#include "handshake.h"
#include "hash.h"
#include "health.h"
#include "jobs.h"
#include "log.h"
#include "packed.h"
#include "reply.h"
#include "route.h"
#include "source_file.h"
#include "source_shapes.h"
#include "sources_tar.h"
#include "target_json.h"
#include "banned.h"

/* ---- checks ---- */

/* What a proxy would be sent names its host twice: both must be ours. */
static const char *
unwanted_host(const struct server *server, struct evhttp_request *request)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *host =
	    evhttp_find_header(evhttp_request_get_input_headers(request), "host");

	if (!request_host_allowed(&server->hosts, host))
		return host;
	if (uri == NULL || evhttp_uri_get_scheme(uri) == NULL)
		return NULL;
	host = evhttp_uri_get_host(uri);
	return host == NULL || !request_host_allowed(&server->hosts, host) ? host
									   : NULL;
}

static int
check_origin(
    const struct server *server, struct evhttp_request *request, char *why, size_t size)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	const char *host = unwanted_host(server, request);
	const char *origin = evhttp_find_header(headers, "origin");
	char quoted[256];

	if (host != NULL) {
		snprintf(why, size,
		    "host %s is not allowed here; name it in allowed-hosts "
		    "of fuzz.conf",
		    log_quote(host, strlen(host), quoted, sizeof(quoted)));
		return 403;
	}
	if (origin != NULL && !request_origin_allowed(&server->hosts, origin)) {
		snprintf(why, size,
		    "origin %s is not allowed here; name its host in "
		    "allowed-hosts of fuzz.conf",
		    log_quote(origin, strlen(origin), quoted, sizeof(quoted)));
		return 403;
	}
	return 0;
}

static bool
is_read(struct evhttp_request *request)
{
	enum evhttp_cmd_type command = evhttp_request_get_command(request);

	return command == EVHTTP_REQ_GET || command == EVHTTP_REQ_HEAD;
}

/* Answers behind which the connection ends say so: where the client wants it, where it
 * sends a body, which means nothing to us, and where there is no room for one more. */
static void
decide_close(struct evhttp_request *request, enum limits_room room)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	const char *connection = evhttp_find_header(headers, "connection");
	const bool keeps = request->minor >= 1
	    ? !request_header_lists(connection, "close")
	    : request_header_lists(connection, "keep-alive");

	if (!keeps || room != LIMITS_ROOM ||
	    evhttp_find_header(headers, "content-length") != NULL)
		reply_close(request);
	/* Or evhttp would not see, and not say, that the connection ends. */
	request->flags &= ~EVHTTP_PROXY_REQUEST;
}

/* Answers what must not go on; returns true then. */
static bool
refused(const struct server *server, struct evhttp_request *request)
{
	char why[512];
	int status = check_origin(server, request, why, sizeof(why));

	if (status != 0)
		reply_refuse(request, status, why);
	return status != 0;
}

/* While nearly all descriptors are in use a new connection learns that we are alive. */
static bool
refused_guest(
    struct evhttp_request *request, enum limits_room room, const struct route *route)
{
	if (room != LIMITS_GUEST || route->kind == ROUTE_HEALTH)
		return false;
	reply_refuse(
	    request, 503, "too many connections are open; try again in a moment");
	return true;
}

/* Likewise, where it depends on the route: a wish is posted, all else is read. */
static bool
refused_method(struct evhttp_request *request, const struct route *route)
{
	const bool posted = evhttp_request_get_command(request) == EVHTTP_REQ_POST;
	const bool is_wish = route->kind == ROUTE_API_WISH;

	if (is_wish ? posted : is_read(request))
		return false;
	evhttp_add_header(evhttp_request_get_output_headers(request), "allow",
	    is_wish ? "POST" : "GET, HEAD");
	reply_refuse(request, 405,
	    is_wish ? "only POST is known here" : "only GET and HEAD are known here");
	return true;
}

/* ---- routes ---- */

static struct target *
target_of(const struct server *server, const struct route *route)
{
	if (route->name == NULL)
		return targets_default(server->targets);
	return targets_by_name(server->targets, route->name, route->name_len);
}

static void
serve_redirect(
    struct server *server, struct evhttp_request *request, const struct route *route)
{
	char location[DIRECTORY_NAME_MAX + 8];

	if (targets_by_name(server->targets, route->name, route->name_len) == NULL) {
		reply_not_found(request);
		return;
	}
	snprintf(
	    location, sizeof(location), "/t/%.*s/", (int)route->name_len, route->name);
	reply_redirect(request, location);
}

static void
serve_index(struct evhttp_request *request, struct target *target)
{
	struct frame *index = target != NULL ? target_index(target) : NULL;
	struct evbuffer *body = evbuffer_new();
	char etag[64];

	if (index == NULL || body == NULL) {
		reply_not_found(request);
	} else {
		for (unsigned i = 1; i < index->parts_len; i++)
			if (index->parts[i].iov_len > 0 &&
			    evbuffer_add_reference(body, index->parts[i].iov_base,
				index->parts[i].iov_len, frame_unref_cb,
				frame_ref(index)) != 0)
				frame_unref(index);
		snprintf(etag, sizeof(etag), "\"i%llx-%x-%zx\"",
		    (unsigned long long)target->table_generation, target->names_version,
		    index->size);
		packed_reply_body(request, "application/octet-stream", etag, body);
	}
	if (body != NULL)
		evbuffer_free(body);
}

/* A table as it is: @size bytes at @table, which @release gives back; @kind tells its ETag from those
 * of the other tables. False: no memory, and nothing was answered. */
static bool
serve_table(struct evhttp_request *request, const struct target *target, char kind,
    const void *table, uint64_t size, evbuffer_ref_cleanup_cb release, void *owner)
{
	struct evbuffer *body = evbuffer_new();
	const bool is_there = body != NULL &&
	    evbuffer_add_reference(body, table, size, release, owner) == 0;
	char etag[64];

	if (is_there) {
		snprintf(etag, sizeof(etag), "\"%c%llx-%llx-%llx\"", kind,
		    (unsigned long long)target->table_generation,
		    (unsigned long long)hash_bytes(HASH_SEED, target->entry.build_id,
			sizeof(target->entry.build_id)),
		    (unsigned long long)size);
		packed_reply_body(request, "application/octet-stream", etag, body);
	} else {
		release(table, size, owner);
	}
	if (body != NULL)
		evbuffer_free(body);
	return is_there;
}

static void
release_functions_cb(const void *data, size_t len, void *functions)
{
	(void)data;
	(void)len;
	target_functions_unref(functions);
}

static void
serve_functions(struct evhttp_request *request, struct target *target)
{
	struct target_functions *functions = target != NULL ? target->functions : NULL;

	if (functions == NULL ||
	    !serve_table(request, target, 'f', functions->table.header,
		functions->table.header->size, release_functions_cb,
		target_functions_ref(functions)))
		functions_json_refuse(request, target);
}

static void
release_blocks_cb(const void *data, size_t len, void *blocks)
{
	(void)data;
	(void)len;
	target_blocks_unref(blocks);
}

static void
serve_blocks(struct evhttp_request *request, struct target *target)
{
	struct target_blocks *blocks = target != NULL ? target->blocks : NULL;

	if (blocks == NULL ||
	    !serve_table(request, target, 'b', blocks->table.header,
		blocks->table.header->size, release_blocks_cb,
		target_blocks_ref(blocks)))
		target_refuse_lines(request, target);
}

static void
serve_api_targets(struct server *server, struct evhttp_request *request)
{
	char *text = targets_json_api(server->targets);

	reply_bytes(
	    request, "application/json", NULL, text, text != NULL ? strlen(text) : 0);
}

/* The page itself is there for every name: it says that there is no such target, and shows it as soon as there is. */
static bool
needs_target(const struct route *route)
{
	return route->name != NULL && route->kind != ROUTE_PAGE &&
	    route->kind != ROUTE_FILE && route->kind != ROUTE_WASM &&
	    route->kind != ROUTE_API_HISTORY;
}

static void
serve_route(
    struct server *server, struct evhttp_request *request, const struct route *route)
{
	struct target *target = target_of(server, route);

	if (needs_target(route) && target == NULL) {
		reply_not_found(request);
		return;
	}
	switch (route->kind) {
	case ROUTE_PAGE:
		static_files_serve(server->files, request, "index.html");
		break;
	case ROUTE_FILE:
		static_files_serve(server->files, request, route->rest);
		break;
	case ROUTE_WASM:
		wasm_serve(server->wasm, request, route->debug);
		break;
	case ROUTE_TAR:
		sources_tar_serve(request, target);
		break;
	case ROUTE_INDEX:
		serve_index(request, target);
		break;
	case ROUTE_FUNCTIONS:
		functions_json_serve(request, target);
		break;
	case ROUTE_FUNCTIONS_BIN:
		serve_functions(request, target);
		break;
	case ROUTE_BLOCKS:
		serve_blocks(request, target);
		break;
	case ROUTE_SHAPES:
		source_shapes_serve(request, target);
		break;
	case ROUTE_LCOV:
		coverage_export_serve(request, target, &export_lcov);
		break;
	case ROUTE_COVERAGE_JSON:
		coverage_export_serve(request, target, &export_json);
		break;
	case ROUTE_COBERTURA:
		coverage_export_serve(request, target, &export_cobertura);
		break;
	case ROUTE_SOURCE:
		if (target != NULL)
			source_file_serve(request, target, route->rest);
		else
			reply_not_found(request);
		break;
	case ROUTE_REDIRECT:
		serve_redirect(server, request, route);
		break;
	case ROUTE_HEALTH:
		health_serve(server->health, request);
		break;
	case ROUTE_API_HEALTH:
		health_serve_api(server->health, request);
		break;
	case ROUTE_API_HISTORY:
		past_serve_history(server->past, request, route->name, route->name_len);
		break;
	case ROUTE_API_FIRST:
		past_serve_first(server->past, request, target);
		break;
	case ROUTE_API_INPUT:
		past_serve_input(server->past, request, route->rest);
		break;
	case ROUTE_API_EVENTS:
		past_serve_events(server->past, request);
		break;
	case ROUTE_API_TARGETS:
		serve_api_targets(server, request);
		break;
	case ROUTE_API_JOBS:
	case ROUTE_API_WISH:
		job_list_serve(server->jobs, server->targets, request, route->rest);
		break;
	default:
		reply_not_found(request);
	}
}

/* ---- WebSockets ---- */

/* A connection between its handshake and its upgrade. */
struct upgrade {
	struct server *server;
	struct evhttp_request *request;
	bool ours, named;
	uint32_t target; /* id, if named */
};

static void
upgrade_cb(evutil_socket_t fd, short what, void *arg)
{
	struct upgrade upgrade = *(struct upgrade *)arg;
	struct server *server = upgrade.server;
	struct target *target = NULL;
	char reply[HANDSHAKE_REPLY_MAX];
	struct websocket *socket;
	size_t len;
	int r;

	(void)fd;
	(void)what;
	free(arg);
	len = handshake_reply(
	    evhttp_find_header(
		evhttp_request_get_input_headers(upgrade.request), "sec-websocket-key"),
	    upgrade.ours, reply);
	if (upgrade.named) {
		target = targets_by_id(server->targets, upgrade.target);
		if (target == NULL) {
			reply_not_found(upgrade.request);
			return;
		}
	}
	r = websocket_upgrade(server->base, upgrade.request, reply, len, &socket);
	if (r < 0)
		reply_refuse(upgrade.request, 503, strerror(-r));
	else if (upgrade.ours)
		stream_accept(server->stream, socket);
	else
		reference_stream_accept(server->references, socket, target);
}

/* Lets one turn of the loop pass: see make_base() in main.c. */
static void
defer_upgrade(struct server *server, struct evhttp_request *request, bool ours,
    const struct target *target)
{
	struct bufferevent *bufferevent =
	    evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
	const struct timeval at_once = { 0, 0 };
	struct upgrade *upgrade = malloc(sizeof(*upgrade));

	if (upgrade == NULL) {
		reply_refuse(request, 503, "out of memory");
		return;
	}
	*upgrade = (struct upgrade){ .server = server,
		.request = request,
		.ours = ours,
		.named = target != NULL,
		.target = target != NULL ? target->id : 0 };
	bufferevent_disable(bufferevent, EV_READ | EV_WRITE);
	if (event_base_once(
		server->base, -1, EV_TIMEOUT, upgrade_cb, upgrade, &at_once) != 0) {
		free(upgrade);
		reply_refuse(request, 503, "out of memory");
	}
}

static void
open_websocket(struct server *server, struct evhttp_request *request,
    const struct route *route, const struct handshake *handshake)
{
	struct target *target = NULL;
	const char *why;
	bool ours;
	int status;

	if (route->name != NULL)
		target = targets_by_name(server->targets, route->name, route->name_len);
	if (route->kind != ROUTE_PAGE || (route->name != NULL && target == NULL)) {
		reply_not_found(request);
		return;
	}
	status = handshake_check(handshake, &ours, &why);
	if (status == 426)
		evhttp_add_header(evhttp_request_get_output_headers(request),
		    "sec-websocket-version", "13");
	if (status != 0)
		reply_refuse(request, status, why);
	else
		defer_upgrade(server, request, ours, target);
}

static struct handshake
read_handshake(struct evhttp_request *request)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);

	return (struct handshake){
		.upgrade = evhttp_find_header(headers, "upgrade"),
		.connection = evhttp_find_header(headers, "connection"),
		.key = evhttp_find_header(headers, "sec-websocket-key"),
		.version = evhttp_find_header(headers, "sec-websocket-version"),
		.protocols = evhttp_find_header(headers, "sec-websocket-protocol"),
		.get = evhttp_request_get_command(request) == EVHTTP_REQ_GET,
		.http_1_1 =
		    request->major > 1 || (request->major == 1 && request->minor >= 1),
	};
}

/* ---- requests ---- */

static char *
decoded_path(struct evhttp_request *request)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
	size_t len;
	char *decoded;

	if (path == NULL)
		return NULL;
	decoded = evhttp_uridecode(path, 0, &len);
	if (decoded != NULL && strlen(decoded) != len) {
		free(decoded);
		return NULL;
	}
	return decoded;
}

static void
request_cb(struct evhttp_request *request, void *arg)
{
	struct server *server = arg;
	struct route route = { .kind = ROUTE_NONE, .rest = "" };
	enum limits_room room;
	struct handshake handshake;
	char *path;

	if (!limits_request_arrived(server->limits, request)) {
		reply_refuse(request, 400, "the request is malformed");
		return;
	}
	room = limits_room(request);
	decide_close(request, room);
	if (refused(server, request))
		return;
	path = decoded_path(request);
	if (path != NULL)
		route_parse(path, &route);
	if (refused_guest(request, room, &route) || refused_method(request, &route)) {
		free(path);
		return;
	}
	if (path == NULL) {
		reply_refuse(request, 400, "the path is malformed");
		return;
	}
	handshake = read_handshake(request);
	if (handshake_wanted(&handshake))
		open_websocket(server, request, &route, &handshake);
	else
		serve_route(server, request, &route);
	free(path);
}

int
server_open(struct server *server)
{
	server->http = evhttp_new(server->base);
	if (server->http == NULL)
		return -ENOMEM;
	server->limits = limits_new(
	    server->base, server->http, LIMITS_DEADLINE_MS, LIMITS_SILENCE_MS);
	if (server->limits == NULL)
		return -ENOMEM;
	evhttp_set_max_body_size(server->http, REQUEST_BODY_MAX);
	evhttp_set_allowed_methods(
	    server->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST);
	evhttp_set_gencb(server->http, request_cb, server);
	return 0;
}

void
server_close(struct server *server)
{
	if (server->http != NULL)
		evhttp_free(server->http);
	limits_free(server->limits);
	allowed_hosts_free(&server->hosts);
}

int
server_listen(struct server *server, int fd)
{
	struct evhttp_bound_socket *bound;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
		close(fd);
		return -EINVAL;
	}
	bound = evhttp_accept_socket_with_handle(server->http, fd);
	if (bound == NULL) {
		close(fd);
		return -ENOMEM;
	}
	return limits_add_listener(server->limits, bound);
}
