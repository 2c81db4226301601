/* SPDX-License-Identifier: MIT
 * One compilation at a time, one for all who wait for it; in the runner.
 */
#include "config.h"

#include "wasm_service.h"

#include <errno.h>
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

struct wasm_service {
	struct event_base *base;
	wasm_send_cb send_cb;
	void *context;
	struct event *ended, *too_long;
	uid_t uid; /* that the compiler runs as */
	gid_t gid;
	int web;
	char *compiler;       /* NULL: there is none */
	struct wasm modes[2]; /* optimized, debug */
	struct wasm_build build;
	struct wasm *building; /* NULL: no compiler runs */
	uint64_t building_hash;
};

static void
answer(struct wasm_service *service, uint64_t value, enum wasm_status status, int fd)
{
	struct message message;

	message_init(&message, MESSAGE_WASM, 0);
	message.built.number = value;
	message.built.status = status;
	service->send_cb(&message, &fd, fd >= 0 ? 1 : 0, service->context);
}

static void
answer_all(
    struct wasm_service *service, struct wasm *wasm, enum wasm_status status, int fd)
{
	for (size_t i = 0; i < wasm->waiting_len; i++)
		answer(service, wasm->waiting[i],
		    i == 0                     ? status
			: status == WASM_BUILT ? WASM_CACHED
					       : status,
		    fd);
	wasm->waiting_len = 0;
}

static void begin_next(struct wasm_service *service);

static void
finish(struct wasm_service *service, int status)
{
	struct wasm *wasm = service->building;
	int fd = -1, r;

	event_free(service->ended);
	service->ended = NULL;
	event_del(service->too_long);
	service->building = NULL;
	r = wasm_build_finish(&service->build, status, &fd);
	if (r == 0) {
		if (wasm->fd >= 0)
			close(wasm->fd);
		wasm->fd = fd;
		wasm->hash = service->building_hash;
		answer_all(service, wasm, WASM_BUILT, fd);
	} else if (r == -ENOEXEC) {
		answer_all(service, wasm, WASM_FAILED, fd);
		close(fd);
	} else {
		log_err("the compiled module cannot be read: %s", strerror(-r));
		answer_all(service, wasm, WASM_NO_COMPILER, -1);
	}
	begin_next(service);
}

static void
ended_cb(evutil_socket_t fd, short what, void *arg)
{
	struct wasm_service *service = arg;
	int status = -1;

	(void)fd;
	(void)what;
	if (waitpid(service->build.pid, &status, WNOHANG) == service->build.pid)
		finish(service, status);
}

static void
too_long_cb(evutil_socket_t fd, short what, void *arg)
{
	struct wasm_service *service = arg;

	(void)fd;
	(void)what;
	log_warning("the compiler took more than %d s and is ended", PATIENCE_S);
	kill(-service->build.pid, SIGKILL);
}

static int
start(
    struct wasm_service *service, struct wasm *wasm, const struct wasm_sources *sources)
{
	const struct timeval patience = { PATIENCE_S, 0 };
	int r = wasm_build_start(sources, service->compiler, wasm == &service->modes[1],
	    service->uid, service->gid, &service->build);

	if (r < 0)
		return r;
	service->building = wasm;
	service->ended = event_new(service->base, service->build.pidfd,
	    EV_READ | EV_PERSIST, ended_cb, service);
	if (service->ended == NULL || event_add(service->ended, NULL) != 0)
		return -ENOMEM;
	event_add(service->too_long, &patience);
	return 0;
}

/* Serves a mode for which somebody waits: from what is there, or by compiling. */
static void
begin(struct wasm_service *service, struct wasm *wasm)
{
	struct wasm_sources sources;
	int r;

	if (service->web < 0 || service->compiler == NULL) {
		answer_all(service, wasm, WASM_NO_COMPILER, -1);
		return;
	}
	r = wasm_sources_read(service->web, &sources);
	if (r == 0) {
		service->building_hash = wasm_sources_hash(
		    &sources, service->compiler, wasm == &service->modes[1]);
		if (wasm->fd >= 0 && wasm->hash == service->building_hash)
			answer_all(service, wasm, WASM_CACHED, wasm->fd);
		else
			r = start(service, wasm, &sources);
		wasm_sources_free(&sources);
	}
	if (r < 0) {
		log_err("client.c cannot be compiled: %s; the shipped module is used",
		    strerror(-r));
		answer_all(service, wasm, WASM_NO_COMPILER, -1);
	}
}

static void
begin_next(struct wasm_service *service)
{
	for (size_t i = 0; i < 2 && service->building == NULL; i++)
		if (service->modes[i].waiting_len > 0)
			begin(service, &service->modes[i]);
}

void
wasm_service_request(struct wasm_service *service, const struct message *message)
{
	struct wasm *wasm = &service->modes[message->build.mode == 1];

	if (wasm->waiting_len == WAITING_MAX) {
		answer(service, message->build.number, WASM_NO_COMPILER, -1);
		return;
	}
	wasm->waiting[wasm->waiting_len++] = message->build.number;
	begin_next(service);
}

void
wasm_service_forget(struct wasm_service *service)
{
	for (size_t i = 0; i < 2; i++)
		service->modes[i].waiting_len = 0;
}

void
wasm_service_share(struct wasm_service *service, struct mail *mail)
{
	size_t path_len = strlen(mail->text);
	const char *wanted =
	    path_len < mail->message->text_len ? mail->text + path_len + 1 : "";

	if (service->web >= 0)
		close(service->web);
	service->web = mail_take_fd(mail, 0);
	free(service->compiler);
	service->compiler =
	    strcmp(wanted, "none") == 0 ? NULL : wasm_compiler_find(wanted);
	if (service->compiler == NULL)
		log_notice(
		    "no compiler for the page's client: the shipped module is served");
}

pid_t
wasm_service_pid(const struct wasm_service *service)
{
	return service->building != NULL ? service->build.pid : 0;
}

int
wasm_service_new(struct event_base *base, const struct heritage *heritage,
    wasm_send_cb send_cb, void *context, struct wasm_service **ret_service)
{
	struct wasm_service *service = calloc(1, sizeof(*service));

	if (service == NULL)
		return -ENOMEM;
	service->base = base;
	service->send_cb = send_cb;
	service->context = context;
	service->uid = heritage->uid;
	service->gid = heritage->gid;
	service->web = service->modes[0].fd = service->modes[1].fd = -1;
	service->too_long = event_new(base, -1, 0, too_long_cb, service);
	if (service->too_long == NULL) {
		wasm_service_free(service);
		return -ENOMEM;
	}
	*ret_service = service;
	return 0;
}

void
wasm_service_free(struct wasm_service *service)
{
	int fd;

	if (service->building != NULL) {
		kill(-service->build.pid, SIGKILL);
		waitpid(service->build.pid, NULL, 0);
		if (wasm_build_finish(&service->build, -1, &fd) == -ENOEXEC)
			close(fd);
	}
	if (service->ended != NULL)
		event_free(service->ended);
	if (service->too_long != NULL)
		event_free(service->too_long);
	for (size_t i = 0; i < 2; i++)
		if (service->modes[i].fd >= 0)
			close(service->modes[i].fd);
	if (service->web >= 0)
		close(service->web);
	free(service->compiler);
	free(service);
}
