/* SPDX-License-Identifier: MIT
 * The runner's loop; libevent. One compilation at a time, one for all who wait for it.
 */
#include "config.h"

#include "runner.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "wasm_build.h"
#include "banned.h"

#define WAITING_MAX 64
#define PATIENCE_S 30

struct wasm {
	uint64_t hash; /* of what fd was built from */
	int fd;        /* -1: nothing was built yet */
	uint64_t waiting[WAITING_MAX];
	size_t waiting_len;
};

struct runner {
	struct event_base *base;
	struct channel *channel;
	struct event *readable, *writable, *ended, *too_long;
	int web;
	char *compiler;       /* NULL: there is none */
	struct wasm modes[2]; /* optimized, debug */
	struct wasm_build build;
	struct wasm *building; /* NULL: no compiler runs */
	uint64_t building_hash;
	int error;
};

static void
answer(struct runner *runner, uint64_t value, enum wasm_status status, int fd)
{
	struct message message;
	int r;

	message_init(&message, MESSAGE_WASM, 0);
	message.value = value;
	message.code = status;
	r = channel_send(runner->channel, &message, &fd, fd >= 0 ? 1 : 0);
	if (r < 0 && r != -EPIPE)
		log_err("cannot send a module: %s", strerror(-r));
	if (channel_pending(runner->channel))
		event_add(runner->writable, NULL);
}

static void
answer_all(struct runner *runner, struct wasm *wasm, enum wasm_status status, int fd)
{
	for (size_t i = 0; i < wasm->waiting_len; i++)
		answer(runner, wasm->waiting[i],
		    i == 0                     ? status
			: status == WASM_BUILT ? WASM_CACHED
					       : status,
		    fd);
	wasm->waiting_len = 0;
}

static void begin_next(struct runner *runner);

static void
finish(struct runner *runner, int status)
{
	struct wasm *wasm = runner->building;
	int fd = -1, r;

	event_free(runner->ended);
	runner->ended = NULL;
	event_del(runner->too_long);
	runner->building = NULL;
	r = wasm_build_finish(&runner->build, status, &fd);
	if (r == 0) {
		if (wasm->fd >= 0)
			close(wasm->fd);
		wasm->fd = fd;
		wasm->hash = runner->building_hash;
		answer_all(runner, wasm, WASM_BUILT, fd);
	} else if (r == -ENOEXEC) {
		answer_all(runner, wasm, WASM_FAILED, fd);
		close(fd);
	} else {
		log_err("the compiled module cannot be read: %s", strerror(-r));
		answer_all(runner, wasm, WASM_NO_COMPILER, -1);
	}
	begin_next(runner);
}

static void
ended_cb(evutil_socket_t fd, short what, void *arg)
{
	struct runner *runner = arg;
	int status = -1;

	(void)fd;
	(void)what;
	if (waitpid(runner->build.pid, &status, WNOHANG) == runner->build.pid)
		finish(runner, status);
}

static void
too_long_cb(evutil_socket_t fd, short what, void *arg)
{
	struct runner *runner = arg;

	(void)fd;
	(void)what;
	log_warning("the compiler took more than %d s and is ended", PATIENCE_S);
	kill(-runner->build.pid, SIGKILL);
}

static int
start(struct runner *runner, struct wasm *wasm, const struct wasm_sources *sources)
{
	const struct timeval patience = { PATIENCE_S, 0 };
	int r = wasm_build_start(
	    sources, runner->compiler, wasm == &runner->modes[1], &runner->build);

	if (r < 0)
		return r;
	runner->building = wasm;
	runner->ended = event_new(
	    runner->base, runner->build.pidfd, EV_READ | EV_PERSIST, ended_cb, runner);
	if (runner->ended == NULL || event_add(runner->ended, NULL) != 0)
		return -ENOMEM;
	event_add(runner->too_long, &patience);
	return 0;
}

/* Serves a mode for which somebody waits: from what is there, or by compiling. */
static void
begin(struct runner *runner, struct wasm *wasm)
{
	struct wasm_sources sources;
	int r;

	if (runner->web < 0 || runner->compiler == NULL) {
		answer_all(runner, wasm, WASM_NO_COMPILER, -1);
		return;
	}
	r = wasm_sources_read(runner->web, &sources);
	if (r == 0) {
		runner->building_hash = wasm_sources_hash(
		    &sources, runner->compiler, wasm == &runner->modes[1]);
		if (wasm->fd >= 0 && wasm->hash == runner->building_hash)
			answer_all(runner, wasm, WASM_CACHED, wasm->fd);
		else
			r = start(runner, wasm, &sources);
		wasm_sources_free(&sources);
	}
	if (r < 0) {
		log_err("client.c cannot be compiled: %s; the shipped module is used",
		    strerror(-r));
		answer_all(runner, wasm, WASM_NO_COMPILER, -1);
	}
}

static void
begin_next(struct runner *runner)
{
	for (size_t i = 0; i < 2 && runner->building == NULL; i++)
		if (runner->modes[i].waiting_len > 0)
			begin(runner, &runner->modes[i]);
}

static void
take_request(struct runner *runner, const struct message *message)
{
	struct wasm *wasm = &runner->modes[message->code == 1];

	if (wasm->waiting_len == WAITING_MAX) {
		answer(runner, message->value, WASM_NO_COMPILER, -1);
		return;
	}
	wasm->waiting[wasm->waiting_len++] = message->value;
	begin_next(runner);
}

/* Takes the descriptor. */
static void
take_share(struct runner *runner, const struct message *message, int fd)
{
	size_t path_len = strnlen(message->text, message->text_len);
	const char *wanted =
	    path_len < message->text_len ? message->text + path_len + 1 : "";

	if (runner->web >= 0)
		close(runner->web);
	runner->web = fd;
	free(runner->compiler);
	runner->compiler =
	    strcmp(wanted, "none") == 0 ? NULL : wasm_compiler_find(wanted);
	if (runner->compiler == NULL)
		log_notice(
		    "no compiler for the page's client: the shipped module is served");
}

static void
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct runner *runner = arg;
	int fds[MESSAGE_FDS_MAX], r;
	struct message message;
	size_t len;

	(void)fd;
	(void)what;
	while ((r = channel_receive(runner->channel, &message, fds, &len)) == 0) {
		if (message.type == MESSAGE_SHARE && len == 1 &&
		    message.text_len < MESSAGE_TEXT_MAX) {
			take_share(runner, &message, fds[--len]);
		} else if (message.type == MESSAGE_BUILD_WASM) {
			take_request(runner, &message);
		} else {
			log_warning(
			    "the supervisor sent %s, which is not for the runner",
			    message_type_name(message.type));
		}
		while (len > 0)
			close(fds[--len]);
	}
	if (r == -EAGAIN)
		return;
	runner->error = r == -EPIPE ? 0 : r;
	event_base_loopbreak(runner->base);
}

static void
writable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct runner *runner = arg;

	(void)fd;
	(void)what;
	channel_flush(runner->channel);
	if (!channel_pending(runner->channel))
		event_del(runner->writable);
}

int
runner_new(struct channel *channel, struct runner **ret_runner)
{
	struct runner *runner = calloc(1, sizeof(*runner));

	if (runner == NULL)
		return -ENOMEM;
	runner->channel = channel;
	runner->web = runner->modes[0].fd = runner->modes[1].fd = -1;
	runner->base = event_base_new();
	if (runner->base != NULL) {
		runner->readable = event_new(runner->base, channel_fd(channel),
		    EV_READ | EV_PERSIST, readable_cb, runner);
		runner->writable = event_new(runner->base, channel_fd(channel),
		    EV_WRITE | EV_PERSIST, writable_cb, runner);
		runner->too_long = event_new(runner->base, -1, 0, too_long_cb, runner);
	}
	if (runner->readable == NULL || runner->writable == NULL ||
	    runner->too_long == NULL || event_add(runner->readable, NULL) != 0) {
		runner_free(runner);
		return -ENOMEM;
	}
	*ret_runner = runner;
	return 0;
}

int
runner_run(struct runner *runner)
{
	return event_base_dispatch(runner->base) < 0 ? -EIO : runner->error;
}

void
runner_free(struct runner *runner)
{
	struct event *events[] = { runner->readable, runner->writable, runner->ended,
		runner->too_long };
	int fd;

	if (runner->building != NULL) {
		kill(-runner->build.pid, SIGKILL);
		waitpid(runner->build.pid, NULL, 0);
		if (wasm_build_finish(&runner->build, -1, &fd) == -ENOEXEC)
			close(fd);
	}
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (runner->base != NULL)
		event_base_free(runner->base);
	for (size_t i = 0; i < 2; i++)
		if (runner->modes[i].fd >= 0)
			close(runner->modes[i].fd);
	if (runner->web >= 0)
		close(runner->web);
	free(runner->compiler);
	free(runner);
}
