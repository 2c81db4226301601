/* SPDX-License-Identifier: MIT
 * The table of routes: what a path asks for, without looking at anything else.
 */
#ifndef FUZZSUP_ROUTE_H
#define FUZZSUP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

enum route_kind {
	ROUTE_NONE,          /* not found */
	ROUTE_PAGE,          /* index.html; also where WebSockets are opened */
	ROUTE_FILE,          /* a file of the page: rest */
	ROUTE_WASM,          /* main.wasm */
	ROUTE_TAR,           /* sources.tar */
	ROUTE_INDEX,         /* index.bin */
	ROUTE_FUNCTIONS,     /* functions.json */
	ROUTE_FUNCTIONS_BIN, /* functions.bin */
	ROUTE_BLOCKS,        /* blocks.bin */
	ROUTE_SHAPES,        /* shapes.bin */
	ROUTE_LCOV,          /* coverage.lcov */
	ROUTE_COVERAGE_JSON, /* coverage.json */
	ROUTE_COBERTURA,     /* coverage.xml */
	ROUTE_SOURCE,        /* one source file: rest */
	ROUTE_REDIRECT,      /* /t/NAME, which wants a slash */
	ROUTE_HEALTH,        /* /healthz */
	ROUTE_API_TARGETS,   /* /api/v1/targets */
	ROUTE_API_HEALTH,    /* /api/v1/health */
	ROUTE_API_HISTORY,   /* /api/v1/targets/NAME/history */
	ROUTE_API_EVENTS,    /* /api/v1/events */
	ROUTE_API_FIRST,     /* /api/v1/targets/NAME/first */
	ROUTE_API_INPUT,     /* /api/v1/inputs/SHA1: rest */
	ROUTE_API_JOBS,      /* /api/v1/jobs, and what is read below it: rest */
	ROUTE_API_WISH,      /* below it: rest ends in start, stop or restart */
};

struct route {
	enum route_kind kind;
	bool debug;       /* below debug/ */
	const char *name; /* of the target, within the path; NULL: the root base URL */
	size_t name_len;
	const char *rest; /* what stands behind the route's own part, within the path */
};

/* Takes @path, percent-decoded and without a query, apart. Pointers in *ret_route lie in
 * @path. What no route names gives ROUTE_NONE. */
void route_parse(const char *path, struct route *ret_route);

/* True if @path is relative and clean enough to be opened below a directory: no empty
 * component, no ".", no "..", no control character. */
bool route_clean_path(const char *path);

#endif
