/* SPDX-License-Identifier: MIT
 * The table of routes; in the front-end.
 */
#include "config.h"

#include "route.h"

#include <string.h>

#include "banned.h"

/* Below every base URL, and below debug/ of it. */
static const struct {
	const char *path;
	enum route_kind kind;
} fixed[] = {
	{ "", ROUTE_PAGE },
	{ "main.wasm", ROUTE_WASM },
	{ "sources.tar", ROUTE_TAR },
	{ "index.bin", ROUTE_INDEX },
	{ "functions.json", ROUTE_FUNCTIONS },
	{ "functions.bin", ROUTE_FUNCTIONS_BIN },
	{ "blocks.bin", ROUTE_BLOCKS },
	{ "shapes.bin", ROUTE_SHAPES },
	{ "coverage.lcov", ROUTE_LCOV },
	{ "coverage.json", ROUTE_COVERAGE_JSON },
	{ "coverage.xml", ROUTE_COBERTURA },
};

static void
parse_below_base(const char *path, struct route *route)
{
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (strcmp(path, fixed[i].path) == 0) {
			route->kind = fixed[i].kind;
			return;
		}
	if (strncmp(path, "src/", 4) == 0) {
		route->rest = path + 4;
		route->kind = ROUTE_SOURCE;
	} else {
		route->rest = path;
		route->kind = ROUTE_FILE;
	}
	if (!route_clean_path(route->rest))
		route->kind = ROUTE_NONE;
}

/* "debug" is the page too: relative links of it lead to the base URL's own files. */
static void
parse_base(const char *path, struct route *route)
{
	if (strcmp(path, "debug") == 0) {
		route->kind = ROUTE_PAGE;
		route->debug = true;
	} else if (strncmp(path, "debug/", 6) == 0) {
		route->debug = true;
		parse_below_base(path + 6, route);
	} else {
		parse_below_base(path, route);
	}
}

/* NAME/WHAT, of a target. */
static void
parse_target_api(const char *path, struct route *route)
{
	static const struct {
		const char *path;
		enum route_kind kind;
	} kinds[] = { { "/history", ROUTE_API_HISTORY },
		{ "/first", ROUTE_API_FIRST } };
	const size_t len = strcspn(path, "/");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && len > 0; i++)
		if (strcmp(path + len, kinds[i].path) == 0) {
			route->kind = kinds[i].kind;
			route->name = path;
			route->name_len = len;
		}
}

/* TARGET/JOB/WISH; what such a job is called does not matter. */
static bool
is_wish(const char *rest)
{
	static const char *const wishes[] = { "/start", "/stop", "/restart" };
	const char *job = strchr(rest, '/'),
		   *wish = job != NULL ? strchr(job + 1, '/') : NULL;

	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]) && wish != NULL; i++)
		if (strcmp(wish, wishes[i]) == 0)
			return true;
	return false;
}

void
route_parse(const char *path, struct route *ret_route)
{
	struct route route = { .kind = ROUTE_NONE, .rest = "" };
	const char *slash;

	if (path[0] != '/') {
		;
	} else if (strcmp(path, "/healthz") == 0) {
		route.kind = ROUTE_HEALTH;
	} else if (strcmp(path, "/api/v1/targets") == 0) {
		route.kind = ROUTE_API_TARGETS;
	} else if (strncmp(path, "/api/v1/targets/", 16) == 0) {
		parse_target_api(path + 16, &route);
	} else if (strcmp(path, "/api/v1/events") == 0) {
		route.kind = ROUTE_API_EVENTS;
	} else if (strncmp(path, "/api/v1/inputs/", 15) == 0) {
		route.rest = path + 15;
		route.kind = ROUTE_API_INPUT;
	} else if (strcmp(path, "/api/v1/health") == 0) {
		route.kind = ROUTE_API_HEALTH;
	} else if (strcmp(path, "/api/v1/jobs") == 0) {
		route.kind = ROUTE_API_JOBS;
	} else if (strncmp(path, "/api/v1/jobs/", 13) == 0) {
		route.rest = path + 13;
		route.kind = is_wish(route.rest) ? ROUTE_API_WISH : ROUTE_API_JOBS;
	} else if (strncmp(path, "/t/", 3) != 0) {
		parse_base(path + 1, &route);
	} else if (path[3] != '\0' && path[3] != '/') {
		route.name = path + 3;
		slash = strchr(route.name, '/');
		route.name_len =
		    slash != NULL ? (size_t)(slash - route.name) : strlen(route.name);
		if (slash == NULL)
			route.kind = ROUTE_REDIRECT;
		else
			parse_base(slash + 1, &route);
	}
	*ret_route = route;
}

bool
route_clean_path(const char *path)
{
	size_t len;

	for (const char *at = path; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return false;
	for (;; path += len + 1) {
		len = strcspn(path, "/");
		if (len == 0 || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (path[len] == '\0')
			return true;
	}
}
