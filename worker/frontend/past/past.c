/* SPDX-License-Identifier: MIT
 * Asking the archive for whoever asks us; in the front-end.
 */
#include "config.h"

#include "past.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "clock.h"
#include "line_first.h"
#include "log.h"
#include "mailbox.h"
#include "packed.h"
#include "query.h"
#include "reply.h"
#include "shared_memory.h"
#include "target.h"
#include "banned.h"

#define PATIENCE_MS 10000
#define LOOK_MS 500
#define WAITING_MAX 1024 /* requests */
#define DEATHS_MAX 2     /* of the archive, with a question under way */
#define BATCH 32         /* answers, before connections have their turn */
#define QUESTION_MAX 8000

/* A request that waits for its answer. */
struct question {
	TAILQ_ENTRY(question) link;
	uint64_t number;
	int64_t asked_ms;
	unsigned deaths;
	struct evhttp_request *request;
	const char *content_type;
	char file_name[80];
	char text[];
};

struct past {
	struct event_base *base;
	struct channel *archive;
	struct mailbox_setup setup;
	struct mailbox *mailbox;
	struct event *look; /* whether somebody waited for too long */
	uint64_t next;
	TAILQ_HEAD(, question) waiting; /* by number */
	size_t waiting_len;
};

static struct evhttp_request *
take_out(struct past *past, struct question *question)
{
	struct evhttp_request *request = question->request;

	TAILQ_REMOVE(&past->waiting, question, link);
	past->waiting_len--;
	free(question);
	return request;
}

static void
refuse(struct past *past, struct question *question, int code, const char *words)
{
	reply_text(take_out(past, question), code, "%s\n", words);
}

static void
look_cb(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval again = { .tv_usec = LOOK_MS * 1000 };
	const int64_t now = clock_ms(CLOCK_MONOTONIC);
	struct past *past = arg;
	struct question *question;

	(void)fd;
	(void)what;
	while ((question = TAILQ_FIRST(&past->waiting)) != NULL &&
	    now - question->asked_ms >= PATIENCE_MS)
		refuse(past, question, 503, "the archive does not answer; try again");
	if (question != NULL)
		event_add(past->look, &again);
}

void
past_free(struct past *past)
{
	struct question *question;

	if (past == NULL)
		return;
	while ((question = TAILQ_FIRST(&past->waiting)) != NULL)
		take_out(past, question);
	mailbox_free(past->mailbox);
	if (past->look != NULL)
		event_free(past->look);
	free(past);
}

/* ---- asking ---- */

static bool
send_question(struct past *past, const struct question *question)
{
	struct message message;

	message_init(&message, MESSAGE_ASK, 0);
	message.ask.number = question->number;
	message_printf(&message, "%s", question->text);
	return channel_send(past->archive, &message, NULL, 0) == 0;
}

void
past_ask(struct past *past, struct evhttp_request *request, const char *content_type,
    const char *file_name, const char *text)
{
	const struct timeval look = { .tv_usec = LOOK_MS * 1000 };
	const size_t len = strlen(text);
	struct question *question;

	if (past->waiting_len >= WAITING_MAX || len > QUESTION_MAX) {
		reply_text(request, 503, "the archive is asked too much; try again\n");
		return;
	}
	question = calloc(1, sizeof(*question) + len + 1);
	if (question == NULL) {
		reply_text(request, 503, REPLY_NO_MEMORY);
		return;
	}
	question->number = ++past->next;
	question->asked_ms = clock_ms(CLOCK_MONOTONIC);
	question->request = request;
	question->content_type = content_type;
	if (file_name != NULL)
		snprintf(
		    question->file_name, sizeof(question->file_name), "%s", file_name);
	memcpy(question->text, text, len + 1);
	TAILQ_INSERT_TAIL(&past->waiting, question, link);
	past->waiting_len++;
	if (!send_question(past, question))
		refuse(past, question, 503, "the archive cannot be asked; try again");
	else if (!event_pending(past->look, EV_TIMEOUT, NULL))
		event_add(past->look, &look);
}

/* ---- answers ---- */

static void
unmap_cb(const void *data, size_t len, void *extra)
{
	(void)extra;
	munmap((void *)(uintptr_t)data, len);
}

static void
answer(struct past *past, struct question *question, int fd)
{
	const char *content_type = question->content_type;
	struct evbuffer *body = evbuffer_new();
	char disposition[128] = "";
	const void *data = NULL;
	size_t len = 0;
	struct evhttp_request *request;
	int r = body != NULL ? shared_memory_map_sealed(fd, &data, &len) : -ENOMEM;

	if (question->file_name[0] != '\0')
		snprintf(disposition, sizeof(disposition),
		    "attachment; filename=\"%s\"", question->file_name);
	request = take_out(past, question);
	if (r == 0 && len > 0 &&
	    evbuffer_add_reference(body, data, len, unmap_cb, NULL) != 0) {
		munmap((void *)(uintptr_t)data, len);
		r = -ENOMEM;
	}
	if (r == 0 && disposition[0] != '\0')
		evhttp_add_header(evhttp_request_get_output_headers(request),
		    "content-disposition", disposition);
	if (r < 0)
		reply_text(request, 503, REPLY_NO_MEMORY);
	else
		packed_reply_body(request, content_type, NULL, body);
	if (body != NULL)
		evbuffer_free(body);
}

static int
on_answer(void *context, struct mail *mail)
{
	const struct message_answer *from = &mail->message->answer;
	struct past *past = context;
	struct question *question;

	TAILQ_FOREACH(question, &past->waiting, link)
		if (question->number == from->number)
			break;
	if (question == NULL)
		return 0; /* came too late */
	if (from->error == 0 && mail->fds_len == 1)
		answer(past, question, mail->fds[0]);
	else if (from->error == ENOENT)
		refuse(past, question, 404,
		    mail->text[0] != '\0' ? mail->text
					  : "nothing of that is known (yet)");
	else if (from->error == EPROTO)
		refuse(past, question, 400, "the question is malformed");
	else
		refuse(past, question, 503,
		    mail->text[0] != '\0' ? mail->text
					  : "the archive has no answer; try again");
	return 0;
}

/* A new archive knows nothing of what was asked. */
static int
on_hello(void *context, struct mail *mail)
{
	struct past *past = context;
	struct question *question, *next;

	(void)mail;
	for (question = TAILQ_FIRST(&past->waiting); question != NULL;
	    question = next) {
		next = TAILQ_NEXT(question, link);
		if (++question->deaths >= DEATHS_MAX || !send_question(past, question))
			refuse(past, question, 503,
			    "the archive ended while it was asked; try again");
	}
	return 0;
}

static const struct mail_handler handlers[] = {
	{ MESSAGE_ANSWER, on_answer },
	{ MESSAGE_HELLO, on_hello },
};

struct past *
past_new(struct event_base *base, struct channel *archive)
{
	struct past *past = calloc(1, sizeof(*past));
	struct message hello;

	if (past == NULL)
		return NULL;
	past->base = base;
	past->archive = archive;
	TAILQ_INIT(&past->waiting);
	/* What an earlier life of ours asked for may yet be answered. */
	past->next = (uint64_t)clock_us(CLOCK_MONOTONIC);
	past->look = evtimer_new(base, look_cb, past);
	past->setup = (struct mailbox_setup){ .base = base,
		.handlers = handlers,
		.handlers_len = sizeof(handlers) / sizeof(handlers[0]),
		.batch = BATCH };
	if (past->look == NULL ||
	    mailbox_new(archive, &past->setup, past, &past->mailbox) < 0) {
		past_free(past);
		return NULL;
	}
	message_init(&hello, MESSAGE_HELLO, 0);
	channel_send(archive, &hello, NULL, 0);
	return past;
}

/* ---- what is asked ---- */

/* A word of the query, "" where it is not there; NULL where it would break the question. */
static const char *
word(const struct evkeyvalq *pairs, const char *key)
{
	const char *value = evhttp_find_header(pairs, key);

	if (value == NULL)
		return "";
	return strlen(value) < 256 && strpbrk(value, "\r\n") == NULL ? value : NULL;
}

/* Unix seconds, of such or of milliseconds as JSON has them. */
static long long
seconds(const char *value)
{
	const long long number = value != NULL ? strtoll(value, NULL, 10) : 0;

	return number > 100000000000 ? number / 1000 : number;
}

static long long
count(const char *value)
{
	return value != NULL ? strtoll(value, NULL, 10) : 0;
}

void
past_serve_history(struct past *past, struct evhttp_request *request, const char *name,
    size_t name_len)
{
	struct evkeyvalq pairs;
	char question[512];
	const char *job;

	if (!query_parse(request, &pairs)) {
		reply_refuse(request, 400, "the query is malformed");
		return;
	}
	job = word(&pairs, "job");
	if (job == NULL)
		reply_refuse(request, 400, "there is no such job");
	else
		snprintf(question, sizeof(question),
		    "history\n%.*s\n%.64s\n%lld\n%lld\n%lld",
		    (int)(name_len < 64 ? name_len : 64), name, job,
		    seconds(word(&pairs, "from")), seconds(word(&pairs, "to")),
		    count(word(&pairs, "step")));
	evhttp_clear_headers(&pairs);
	if (job != NULL)
		past_ask(past, request, "application/json", NULL, question);
}

void
past_serve_events(struct past *past, struct evhttp_request *request)
{
	struct evkeyvalq pairs;
	char question[512];
	const char *target;

	if (!query_parse(request, &pairs)) {
		reply_refuse(request, 400, "the query is malformed");
		return;
	}
	target = word(&pairs, "target");
	if (target == NULL)
		reply_refuse(request, 400, "there is no such target");
	else
		snprintf(question, sizeof(question), "events\n%.64s\n%lld\n%lld\n%lld",
		    target, count(word(&pairs, "after")), count(word(&pairs, "before")),
		    count(word(&pairs, "limit")));
	evhttp_clear_headers(&pairs);
	if (target != NULL)
		past_ask(past, request, "application/json", NULL, question);
}

void
past_ask_first(struct past *past, struct evhttp_request *request, const char *target,
    const uint32_t *pcs, int len)
{
	char question[QUESTION_MAX];
	int used = snprintf(question, sizeof(question), "first\n%s\n", target);

	for (int i = 0; i < len && used + 12 < (int)sizeof(question); i++)
		used += snprintf(
		    question + used, sizeof(question) - (size_t)used, "%u,", pcs[i]);
	past_ask(past, request, "application/json", NULL, question);
}

void
past_serve_first(
    struct past *past, struct evhttp_request *request, struct target *target)
{
	const char *file, *line, *pc;
	struct evkeyvalq pairs;
	uint32_t index;

	if (!query_parse(request, &pairs)) {
		reply_refuse(request, 400, "the query is malformed");
		return;
	}
	file = evhttp_find_header(&pairs, "file");
	line = evhttp_find_header(&pairs, "line");
	pc = evhttp_find_header(&pairs, "pc");
	if (pc != NULL && (pc[0] < '0' || pc[0] > '9')) {
		reply_refuse(request, 400, "pc: expected an index in the PC table");
	} else if (pc != NULL) {
		index = (uint32_t)strtoul(pc, NULL, 10);
		past_ask_first(past, request, target->entry.name, &index, 1);
	} else if (file != NULL && line != NULL) {
		line_first_serve(past->base, past, request, target, file,
		    (uint32_t)strtoul(line, NULL, 10));
	} else {
		reply_refuse(request, 400, "expected file and line, or pc");
	}
	evhttp_clear_headers(&pairs);
}

void
past_serve_input(struct past *past, struct evhttp_request *request, const char *sha1)
{
	char question[64];

	if (strlen(sha1) != 40 || strspn(sha1, "0123456789abcdef") != 40) {
		reply_not_found(request);
		return;
	}
	snprintf(question, sizeof(question), "input\n%s", sha1);
	past_ask(past, request, "application/octet-stream", sha1, question);
}
