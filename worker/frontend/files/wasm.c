/* SPDX-License-Identifier: MIT
 * main.wasm on request; in the front-end.
 */
#include "config.h"

#include "wasm.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>

#include "hash.h"
#include "clock.h"
#include "log.h"
#include "mailbox.h"
#include "packed.h"
#include "reply.h"
#include "shared_memory.h"
#include "static_file.h"
#include "banned.h"

#define PATIENCE_SECONDS 10   /* a build takes half a second, on a busy machine more */
#define WAITING_MAX 1024      /* requests */
#define DEATHS_MAX 2          /* of the runner, with a build under way */
#define BATCH 16              /* messages, before connections have their turn */
#define WORDS_LOGGED_MAX 3000 /* bytes of the compiler's words that fit in a log line */
#define SHIPPED "main.wasm"

struct waiting {
	STAILQ_ENTRY(waiting) link;
	struct evhttp_request *request;
};

/* A module in memory, kept by answers that are under way. */
struct module {
	unsigned references;
	const void *data;
	size_t len;
	char etag[24];
};

/* One of the two: optimized and debug. */
struct mode {
	struct wasm *wasm;
	uint32_t code;
	uint64_t asked;  /* what the build under way was asked with; 0: none is */
	unsigned deaths; /* of the runner, since then */
	struct event patience;
	size_t waiting_len;
	STAILQ_HEAD(, waiting) waiting;
};

struct wasm {
	struct channel *runner;
	struct mailbox_setup setup;
	struct mailbox *mailbox;
	struct static_files *files;
	uint64_t next;
	struct mode modes[2];
};

static void
module_unref(struct module *module)
{
	if (module == NULL || --module->references > 0)
		return;
	if (module->len > 0)
		munmap((void *)module->data, module->len);
	free(module);
}

static void
module_unref_cb(const void *data, size_t len, void *module)
{
	(void)data;
	(void)len;
	module_unref(module);
}

static void
answer_module(struct evhttp_request *request, struct module *module)
{
	struct evbuffer *body = evbuffer_new();

	if (body == NULL ||
	    evbuffer_add_reference(
		body, module->data, module->len, module_unref_cb, module) != 0) {
		reply_text(request, 503, REPLY_NO_MEMORY);
	} else {
		module->references++;
		packed_reply_body(request, "application/wasm", module->etag, body);
	}
	if (body != NULL)
		evbuffer_free(body);
}

static void
answer_words(struct evhttp_request *request, const struct module *words)
{
	struct evbuffer *body = evbuffer_new();

	reply_headers(request, "text/plain; charset=utf-8");
	if (body != NULL && evhttp_request_get_command(request) != EVHTTP_REQ_HEAD)
		evbuffer_add(body, words->data, words->len);
	evhttp_send_reply(request, 500, "Internal Server Error", body);
	if (body != NULL)
		evbuffer_free(body);
}

/* Answers all who wait: with @module, @words, or (both NULL) the shipped file. */
static void
answer_all(struct mode *mode, struct module *module, const struct module *words)
{
	struct waiting *waiting;

	mode->asked = 0;
	mode->waiting_len = 0;
	event_del(&mode->patience);
	while ((waiting = STAILQ_FIRST(&mode->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&mode->waiting, link);
		if (module != NULL)
			answer_module(waiting->request, module);
		else if (words != NULL)
			answer_words(waiting->request, words);
		else
			static_files_serve(
			    mode->wasm->files, waiting->request, SHIPPED);
		free(waiting);
	}
}

static void
patience_cb(evutil_socket_t fd, short what, void *arg)
{
	struct mode *mode = arg;

	(void)fd;
	(void)what;
	log_warning("main.wasm: no answer from the compiler within %d s; "
		    "sending the shipped file",
	    PATIENCE_SECONDS);
	answer_all(mode, NULL, NULL);
}

void
wasm_free(struct wasm *wasm)
{
	struct waiting *waiting;

	if (wasm == NULL)
		return;
	mailbox_free(wasm->mailbox);
	for (size_t i = 0; i < 2; i++) {
		event_del(&wasm->modes[i].patience);
		while ((waiting = STAILQ_FIRST(&wasm->modes[i].waiting)) != NULL) {
			STAILQ_REMOVE_HEAD(&wasm->modes[i].waiting, link);
			free(waiting);
		}
	}
	free(wasm);
}

static bool
send_question(const struct mode *mode)
{
	struct message message;

	message_init(&message, MESSAGE_BUILD_WASM, 0);
	message.build.mode = mode->code;
	message.build.number = mode->asked;
	return channel_send(mode->wasm->runner, &message, NULL, 0) == 0;
}

/* Returns false if nobody can be asked. */
static bool
ask(struct mode *mode)
{
	const struct timeval patience = { PATIENCE_SECONDS, 0 };

	mode->asked = ++mode->wasm->next;
	mode->deaths = 0;
	if (!send_question(mode)) {
		mode->asked = 0;
		return false;
	}
	event_add(&mode->patience, &patience);
	return true;
}

void
wasm_serve(struct wasm *wasm, struct evhttp_request *request, bool debug)
{
	struct mode *mode = &wasm->modes[debug];
	struct waiting *waiting;

	if (mode->waiting_len >= WAITING_MAX || (mode->asked == 0 && !ask(mode))) {
		static_files_serve(wasm->files, request, SHIPPED);
		return;
	}
	waiting = malloc(sizeof(*waiting));
	if (waiting == NULL) {
		reply_text(request, 503, REPLY_NO_MEMORY);
		return;
	}
	waiting->request = request;
	mode->waiting_len++;
	STAILQ_INSERT_TAIL(&mode->waiting, waiting, link);
}

static struct module *
map_module(int fd)
{
	struct module *module = calloc(1, sizeof(*module));

	if (module == NULL)
		return NULL;
	module->references = 1;
	if (fd < 0 || shared_memory_map_sealed(fd, &module->data, &module->len) < 0 ||
	    module->len == 0) {
		free(module);
		return NULL;
	}
	snprintf(module->etag, sizeof(module->etag), "\"w%016llx\"",
	    (unsigned long long)hash_bytes(HASH_SEED, module->data, module->len));
	return module;
}

static void
log_words(const struct module *words)
{
	size_t len = words->len < WORDS_LOGGED_MAX ? words->len : WORDS_LOGGED_MAX;
	char quoted[WORDS_LOGGED_MAX + 64];

	log_err("main.wasm: the compiler refused share/web/client.c: %s",
	    log_quote(words->data, len, quoted, sizeof(quoted)));
}

static int
on_wasm(void *context, struct mail *mail)
{
	struct wasm *wasm = context;
	const struct message *message = mail->message;
	struct module *module;
	struct mode *mode = NULL;

	for (size_t i = 0; i < 2; i++)
		if (message->built.number != 0 &&
		    wasm->modes[i].asked == message->built.number)
			mode = &wasm->modes[i];
	if (mode == NULL)
		return 0; /* came too late */
	module = map_module(mail->fds_len > 0 ? mail->fds[0] : -1);
	if (message->built.status == WASM_BUILT)
		log_notice("source changes detected; rebuilt wasm component");
	if (module == NULL) {
		answer_all(mode, NULL, NULL);
	} else if (message->built.status == WASM_FAILED) {
		log_words(module);
		answer_all(mode, NULL, module);
		module_unref(module);
	} else if (message->built.status == WASM_BUILT ||
	    message->built.status == WASM_CACHED) {
		answer_all(mode, module, NULL);
		module_unref(module);
	} else {
		module_unref(module);
		answer_all(mode, NULL, NULL);
	}
	return 0;
}

/* A new runner knows nothing of what is wanted. One that dies of it is not asked again. */
static int
on_hello(void *context, struct mail *mail)
{
	struct wasm *wasm = context;

	(void)mail;
	for (size_t i = 0; i < 2; i++) {
		struct mode *mode = &wasm->modes[i];

		if (mode->asked != 0 &&
		    (++mode->deaths >= DEATHS_MAX || !send_question(mode)))
			answer_all(mode, NULL, NULL);
	}
	return 0;
}

static const struct mail_handler handlers[] = {
	{ MESSAGE_WASM, on_wasm },
	{ MESSAGE_HELLO, on_hello },
};

struct wasm *
wasm_new(struct event_base *base, struct channel *runner, struct static_files *files)
{
	struct wasm *wasm = calloc(1, sizeof(*wasm));
	struct message hello;

	if (wasm == NULL)
		return NULL;
	wasm->runner = runner;
	wasm->files = files;
	for (uint32_t i = 0; i < 2; i++) {
		struct mode *mode = &wasm->modes[i];

		mode->wasm = wasm;
		mode->code = i;
		STAILQ_INIT(&mode->waiting);
		event_assign(&mode->patience, base, -1, 0, patience_cb, mode);
	}
	wasm->setup = (struct mailbox_setup){ .base = base,
		.handlers = handlers,
		.handlers_len = sizeof(handlers) / sizeof(handlers[0]),
		.batch = BATCH };
	/* What an earlier life of ours asked for may yet be answered. */
	wasm->next = (uint64_t)clock_ms(CLOCK_MONOTONIC) << 20;
	message_init(&hello, MESSAGE_HELLO, 0);
	/* Without a runner the shipped module is served. */
	channel_send(runner, &hello, NULL, 0);
	if (mailbox_new(runner, &wasm->setup, wasm, &wasm->mailbox) < 0) {
		wasm_free(wasm);
		return NULL;
	}
	return wasm;
}
