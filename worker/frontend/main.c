/* SPDX-License-Identifier: MIT
 * fuzzsupd-frontend: the worker that browsers talk to.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <event2/event.h>

#include "health.h"
#include "edges.h"
#include "heritage.h"
#include "inbox.h"
#include "line_counter.h"
#include "jobs.h"
#include "log.h"
#include "sandbox.h"
#include "banned.h"

struct frontend {
	struct channel *channel;
	struct channel *runner, *archive; /* the edges to them */
	struct snapshot snapshot;
	struct targets targets;
	struct server server;
	struct news *news;
	struct line_counter *line_counter;
	struct inbox *inbox;
};

/* Deferring what epoll is told until the loop waits spares four system calls a request. It
 * is sound as long as no descriptor is replaced while a change of it is deferred, which is
 * why the server upgrades connections one turn of the loop later. */
static struct event_base *
make_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	/* And the precise timer: the coarse clock makes 4 ms of every millisecond. */
	if (config != NULL &&
	    event_config_set_flag(config,
		EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST | EVENT_BASE_FLAG_PRECISE_TIMER) ==
		0)
		base = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	return base;
}

static void
lines_changed_cb(void *stream)
{
	stream_targets_changed(stream);
}

static int
open_all(struct frontend *frontend, const struct heritage *heritage)
{
	struct server *server = &frontend->server;
	int r;

	r = channel_new(
	    HERITAGE_CHANNEL, PARTY_FRONTEND, PARTY_SUPERVISOR, &frontend->channel);
	if (r == 0)
		r = channel_new(edge_fd(EDGE_FRONTEND_RUNNER), PARTY_FRONTEND,
		    PARTY_RUNNER, &frontend->runner);
	if (r == 0)
		r = channel_new(edge_fd(EDGE_FRONTEND_ARCHIVE), PARTY_FRONTEND,
		    PARTY_ARCHIVE, &frontend->archive);
	if (r == 0)
		r = snapshot_open(
		    &frontend->snapshot, HERITAGE_DIRECTORY, heritage->slot);
	if (r < 0)
		return r;
	server->base = make_base();
	if (server->base == NULL)
		return -ENOMEM;
	server->targets = &frontend->targets;
	server->files = static_files_new();
	if (server->files == NULL)
		return -ENOMEM;
	server->wasm = wasm_new(server->base, frontend->runner, server->files);
	server->past = past_new(server->base, frontend->archive);
	server->jobs = job_list_new(frontend->channel);
	server->health = health_new(frontend->channel);
	server->stream = stream_new(server->base, &frontend->targets);
	server->references = reference_stream_new(server->base, &frontend->targets);
	if (server->jobs == NULL || server->health == NULL || server->wasm == NULL ||
	    server->past == NULL || server->stream == NULL ||
	    server->references == NULL)
		return -ENOMEM;
	frontend->news = news_new(server->base, HERITAGE_NEWS, &frontend->targets,
	    server->stream, server->references);
	frontend->line_counter = line_counter_new(server->base, &frontend->targets,
	    frontend->channel, lines_changed_cb, server->stream);
	if (frontend->news == NULL || frontend->line_counter == NULL)
		return -ENOMEM;
	r = server_open(server);
	if (r < 0)
		return r;
	frontend->inbox =
	    inbox_new(frontend->channel, &frontend->snapshot, server, frontend->news);
	return frontend->inbox != NULL ? 0 : -ENOMEM;
}

static void
close_all(struct frontend *frontend)
{
	struct server *server = &frontend->server;

	inbox_free(frontend->inbox);
	line_counter_free(frontend->line_counter);
	stream_free(server->stream);
	reference_stream_free(server->references);
	news_free(frontend->news);
	server_close(server);
	wasm_free(server->wasm);
	past_free(server->past);
	static_files_free(server->files);
	job_list_free(server->jobs);
	health_free(server->health);
	targets_free(&frontend->targets);
	if (server->base != NULL)
		event_base_free(server->base);
	snapshot_close(&frontend->snapshot);
	channel_free(frontend->runner);
	channel_free(frontend->archive);
	channel_free(frontend->channel);
}

int
main(int argc, char **argv)
{
	struct frontend frontend = { 0 };
	struct heritage heritage;
	int r;

	if (heritage_take(argc, argv, "frontend", &heritage) < 0)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	target_clock();
	r = open_all(&frontend, &heritage);
	if (r < 0)
		log_err("cannot start: %s", strerror(-r));
	if (r == 0)
		r = sandbox_enter(SANDBOX_FRONTEND, &heritage);
	if (r == 0) {
		inbox_refresh(frontend.inbox);
		event_base_dispatch(frontend.server.base);
	}
	close_all(&frontend);
	return r == 0 ? 0 : 1;
}
