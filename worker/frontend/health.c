/* SPDX-License-Identifier: MIT
 * Whether all is well; in the front-end.
 */
#include "config.h"

#include "health.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "clock.h"
#include "json_text.h"
#include "reply.h"
#include "banned.h"

#define SILENCE_MS 15000 /* the supervisor pings every second */

struct health {
	struct channel *channel;
	bool was_told;
	uint64_t problems;
	char *lines;
	int64_t heard_ms; /* 0: it sends no pings */
};

struct health *
health_new(struct channel *channel)
{
	struct health *health = calloc(1, sizeof(*health));

	if (health == NULL)
		return NULL;
	health->channel = channel;
	health->lines = strdup("");
	if (health->lines == NULL) {
		free(health);
		return NULL;
	}
	return health;
}

void
health_free(struct health *health)
{
	if (health == NULL)
		return;
	free(health->lines);
	free(health);
}

/* Four columns in each line. */
static bool
are_sound(const char *text, size_t len)
{
	unsigned tabs = 0;

	for (size_t i = 0; i < len; i++) {
		tabs += text[i] == '\t';
		if (text[i] == '\0' || (text[i] == '\n' && tabs != 3))
			return false;
		if (text[i] == '\n')
			tabs = 0;
	}
	return len == 0 || text[len - 1] == '\n';
}

int
health_take(struct health *health, const char *text, size_t len, uint64_t problems)
{
	char *copy;

	if (!are_sound(text, len))
		return -EPROTO;
	copy = strndup(text, len);
	if (copy == NULL)
		return -ENOMEM;
	free(health->lines);
	health->lines = copy;
	health->problems = problems;
	health->was_told = true;
	return 0;
}

void
health_heard(struct health *health)
{
	health->heard_ms = clock_ms(CLOCK_MONOTONIC);
}

/* ---- what is told ---- */

/* What only we can tell: the supervisor itself. NULL: it is there. What it has sent and
 * nobody has read yet is a sign of life, too. */
static const char *
supervisor_trouble(const struct health *health)
{
	struct pollfd unread = { .fd = channel_fd(health->channel), .events = POLLIN };

	if (!health->was_told)
		return "the supervisor has not told yet how the service is";
	if (health->heard_ms != 0 &&
	    clock_ms(CLOCK_MONOTONIC) - health->heard_ms > SILENCE_MS &&
	    poll(&unread, 1, 0) == 0)
		return "the supervisor does not answer: nothing here is newer than its "
		       "last word";
	return NULL;
}

/* A line, cut at its tabs. */
struct problem {
	const char *check, *subject, *words;
	int64_t since_ms;
};

static bool
next_problem(char **rest, struct problem *ret_problem)
{
	char *line = strsep(rest, "\n"), *since;

	if (line == NULL || line[0] == '\0')
		return false;
	ret_problem->check = strsep(&line, "\t");
	ret_problem->subject = strsep(&line, "\t");
	since = strsep(&line, "\t");
	ret_problem->since_ms = strtoll(since, NULL, 10);
	ret_problem->words = line;
	return true;
}

/* All problems, our own first, for @cb. Returns how many there are, those that did not fit
 * into the message included. */
static uint64_t
each_problem(const struct health *health,
    void (*cb)(const struct problem *problem, void *context), void *context)
{
	char *copy = strdup(health->lines), *rest = copy;
	const char *trouble = supervisor_trouble(health);
	struct problem problem = { "worker", "supervisor", trouble, 0 };

	if (trouble != NULL)
		cb(&problem, context);
	while (copy != NULL && next_problem(&rest, &problem))
		cb(&problem, context);
	free(copy);
	return health->problems + (trouble != NULL);
}

static json_t *
describe(const struct problem *problem)
{
	json_t *object = json_object();

	json_object_set_new(object, "check", json_text(problem->check));
	json_object_set_new(object, "subject", json_text(problem->subject));
	json_object_set_new(object, "text", json_text(problem->words));
	json_object_set_new(object, "since_ms",
	    problem->since_ms != 0 ? json_integer(problem->since_ms) : json_null());
	return object;
}

static void
json_cb(const struct problem *problem, void *context)
{
	json_array_append_new(context, describe(problem));
}

/* {"well":false,"count":1,"problems":[…]} */
static bool
add_json(const struct health *health, struct evbuffer *body)
{
	json_t *root = json_object(), *list = json_array();
	const uint64_t count = each_problem(health, json_cb, list);
	char *dump;

	json_object_set_new(root, "well", json_boolean(count == 0));
	json_object_set_new(root, "count", json_integer((json_int_t)count));
	json_object_set_new(root, "problems", list);
	dump = json_dumps(root, JSON_COMPACT);
	if (dump != NULL)
		evbuffer_add(body, dump, strlen(dump));
	json_decref(root);
	free(dump);
	return count == 0;
}

struct text {
	struct evbuffer *body;
	uint64_t told;
};

static void
text_cb(const struct problem *problem, void *context)
{
	struct text *text = context;

	if (text->body == NULL)
		return; /* it is counted */
	text->told++;
	evbuffer_add_printf(text->body, "%s\n", problem->words);
}

static bool
add_text(const struct health *health, struct evbuffer *body)
{
	struct text text = { .body = evbuffer_new() };
	const uint64_t count = each_problem(health, text_cb, &text);

	if (count == 0)
		evbuffer_add_printf(body, "ok\n");
	else
		evbuffer_add_printf(body, "not well: %llu problem%s\n",
		    (unsigned long long)count, count == 1 ? "" : "s");
	if (text.body != NULL)
		evbuffer_add_buffer(body, text.body);
	if (count > text.told)
		evbuffer_add_printf(
		    body, "and %llu more\n", (unsigned long long)(count - text.told));
	if (text.body != NULL)
		evbuffer_free(text.body);
	return count == 0;
}

/* ---- answers ---- */

static void
serve(const struct health *health, struct evhttp_request *request, bool json,
    bool always_200)
{
	struct evbuffer *body = evbuffer_new();
	bool well;

	if (body == NULL) {
		reply_text(request, 503, "out of memory\n");
		return;
	}
	well = json ? add_json(health, body) : add_text(health, body);
	reply_status(request, well || always_200 ? 200 : 503,
	    json ? "application/json" : "text/plain; charset=utf-8", body);
	evbuffer_free(body);
}

void
health_serve(struct health *health, struct evhttp_request *request)
{
	const char *accept =
	    evhttp_find_header(evhttp_request_get_input_headers(request), "accept");

	evhttp_add_header(evhttp_request_get_output_headers(request), "vary", "accept");
	serve(health, request,
	    accept != NULL && strstr(accept, "application/json") != NULL, false);
}

void
health_serve_api(struct health *health, struct evhttp_request *request)
{
	serve(health, request, true, true);
}
