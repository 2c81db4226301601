/* SPDX-License-Identifier: MIT
 * The HTTP server: checks each request and hands it to what its route names.
 */
#ifndef FUZZSUP_SERVER_H
#define FUZZSUP_SERVER_H

#include "limits.h"
#include "past.h"
#include "reference_stream.h"
#include "request_check.h"
#include "static_file.h"
#include "stream.h"
#include "wasm.h"

struct evhttp;

/* All that a request may need; nothing of it is the server's own but http and limits. */
struct server {
	struct event_base *base;
	struct evhttp *http;
	struct limits *limits;
	struct allowed_hosts hosts;
	struct targets *targets;
	struct job_list *jobs;
	struct health *health;
	struct static_files *files;
	struct wasm *wasm;
	struct past *past;
	struct stream *stream;
	struct reference_stream *references;
};

/* Fills http and limits in. Returns 0 or -ENOMEM. */
int server_open(struct server *server);
void server_close(struct server *server);

/* Takes a listening socket. Returns 0 or a negative errno. */
int server_listen(struct server *server, int fd);

#endif
