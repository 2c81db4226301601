/* SPDX-License-Identifier: MIT
 * What the control socket is asked, and the replies; in the supervisor.
 */
#include "config.h"

#include "control.h"

#include <ctype.h>
#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "target.h"
#include "banned.h"

struct request {
	struct supervisor *supervisor;
	uid_t peer;
	bool json;
	int words_len;
	char **words;
	struct evbuffer *reply;
};

int
control_split(char *line, char *words[CONTROL_WORDS_MAX])
{
	const char *separator = strchr(line, '\t') != NULL ? "\t" : " ";
	char *rest = NULL, *word;
	int len = 0;

	line[strcspn(line, "\r\n")] = '\0';
	for (word = strtok_r(line, separator, &rest); word != NULL;
	     word = strtok_r(NULL, separator, &rest)) {
		if (len == CONTROL_WORDS_MAX)
			return -E2BIG;
		words[len++] = word;
	}
	return len;
}

bool
control_read_id(const char *word, uint64_t *ret_id)
{
	if (strlen(word) != 16 || strspn(word, "0123456789abcdef") != 16)
		return false;
	*ret_id = strtoull(word, NULL, 16);
	return true;
}

bool
control_read_address(const char *word, uint64_t *ret_address)
{
	size_t len = strlen(word);

	if (len < 3 || len > 18 || strncmp(word, "0x", 2) != 0 ||
	    strspn(word + 2, "0123456789abcdefABCDEF") != len - 2)
		return false;
	*ret_address = strtoull(word, NULL, 16);
	return true;
}

static void
add_string(struct evbuffer *reply, const char *text)
{
	evbuffer_add(reply, "\"", 1);
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			evbuffer_add_printf(reply, "\\%c", byte);
		else if (byte < 0x20)
			evbuffer_add_printf(reply, "\\u%04x", byte);
		else
			evbuffer_add(reply, text, 1);
	}
	evbuffer_add(reply, "\"", 1);
}

static void
fail(struct request *request, const char *text)
{
	evbuffer_add_printf(request->reply, "error %s\n", text);
}

/* ---- the requests ---- */

static void
do_status(struct request *request)
{
	struct supervisor *supervisor = request->supervisor;
	struct evbuffer *reply = request->reply;

	evbuffer_add_printf(reply, "ok\n%s", request->json ? "{\"workers\":[" : "");
	for (unsigned i = 0; i < WORKERS_LEN; i++) {
		const struct worker *worker = &supervisor->workers[i];

		evbuffer_add_printf(reply,
		    request->json ? "%s{\"name\":\"%s\",\"state\":\"%s\",\"pid\":%d,"
				    "\"starts\":%u}"
				  : "%.0s%-12s %-12s pid %-8d starts %u\n",
		    i > 0 ? "," : "", worker_name(i), worker_state_name(worker->state),
		    (int)worker->pid, worker->starts);
	}
	if (request->json)
		evbuffer_add_printf(reply, "],\"listen\":[");
	for (size_t i = 0; i < supervisor->listeners_len; i++) {
		const char *text = supervisor->listeners[i].text;

		if (request->json) {
			evbuffer_add_printf(reply, "%s", i > 0 ? "," : "");
			add_string(reply, text);
		} else
			evbuffer_add_printf(reply, "listens on %s\n", text);
	}
	evbuffer_add_printf(reply, request->json ? "],\"targets\":%zu}\n" : "targets %zu\n",
	    supervisor->targets->len);
}

static void
do_targets(struct request *request)
{
	const struct targets *targets = request->supervisor->targets;
	struct evbuffer *reply = request->reply;

	evbuffer_add_printf(reply, "ok\n%s", request->json ? "{\"targets\":[" : "");
	for (size_t i = 0; i < targets->len; i++) {
		const struct target *target = targets->by_name[i];

		if (!request->json) {
			evbuffer_add_printf(reply, "%-24s %-12s %s\n", target->conf.name,
			    target_state_name(target->state), target->reason);
			continue;
		}
		evbuffer_add_printf(reply, "%s{\"id\":%u,\"name\":", i > 0 ? "," : "",
		    target->id);
		add_string(reply, target->conf.name);
		evbuffer_add_printf(reply, ",\"state\":\"%s\",\"reason\":",
		    target_state_name(target->state));
		add_string(reply, target->reason);
		evbuffer_add_printf(reply, ",\"executable\":");
		add_string(reply, target->conf.executable);
		evbuffer_add_printf(reply, "}");
	}
	if (request->json)
		evbuffer_add_printf(reply, "]}\n");
}

/* Of the executable's name what a target's name may hold, and a number if it is taken. */
static void
derive_name(const struct targets *targets, const char *executable, char *ret_name,
    size_t size)
{
	const char *slash = strrchr(executable, '/');
	char base[48];
	size_t len = 0;

	for (const char *c = slash + 1; *c != '\0' && len + 1 < sizeof(base); c++)
		if (isalnum((unsigned char)*c) || (len > 0 && strchr("._-", *c) != NULL))
			base[len++] = *c;
	base[len] = '\0';
	snprintf(ret_name, size, "%s", len > 0 ? base : "target");
	for (unsigned i = 2; targets_find(targets, ret_name) != NULL; i++)
		snprintf(ret_name, size, "%s-%u", len > 0 ? base : "target", i);
}

static void
announce(struct request *request, uint64_t id, const char *name)
{
	struct targets *targets = request->supervisor->targets;
	char derived[64];
	struct conf_target conf = { .executable = request->words[2],
		.coverage = request->words[3] };
	struct target *target;
	int r;

	if (name == NULL)
		derive_name(targets, conf.executable, derived, sizeof(derived));
	else
		snprintf(derived, sizeof(derived), "%s", name);
	conf.name = derived;
	r = targets_add(targets, &conf, &target);
	if (r == -EEXIST)
		fail(request, "a target of that name exists");
	else if (r < 0)
		fail(request, r == -ENOSPC ? "there are too many targets" : strerror(-r));
	else {
		target->announced = true;
		target->coverage_id = id;
		if (request->peer != 0)
			target->owner = request->peer;
		targets_poll(targets);
		evbuffer_add_printf(request->reply, "ok\n%s\n", derived);
	}
}

static void
do_announce(struct request *request)
{
	char *const *words = request->words;
	const char *name = request->words_len > 4 ? words[4] : NULL;
	struct target *known;
	uint64_t id;

	if (request->words_len < 4 || request->words_len > 5 ||
	    !control_read_id(words[1], &id)) {
		fail(request, "expected: announce COVERAGE-ID EXECUTABLE COVERAGE-FILE [NAME], the "
			      "id being 16 hex digits");
		return;
	}
	if (words[2][0] != '/' || words[3][0] != '/' || strlen(words[2]) > 4000 ||
	    strlen(words[3]) > 4000) {
		fail(request, "expected absolute paths of executable and coverage file");
		return;
	}
	if (name != NULL && !conf_name_valid(name)) {
		fail(request, "expected a name of at most 63 letters, digits, '.', '_' and '-'");
		return;
	}
	known = targets_by_coverage(request->supervisor->targets, id);
	if (known != NULL && strcmp(known->conf.executable, words[2]) == 0)
		evbuffer_add_printf(request->reply, "ok\n%s\n", known->conf.name);
	else
		announce(request, id, name);
}

static void
do_entry(struct request *request)
{
	struct targets *targets = request->supervisor->targets;
	struct target *target;
	uint64_t id, address;
	int r;

	if (request->words_len != 3 || !control_read_id(request->words[1], &id) ||
	    !control_read_address(request->words[2], &address)) {
		fail(request, "expected: entry COVERAGE-ID 0xADDRESS");
		return;
	}
	target = targets_by_coverage(targets, id);
	if (target == NULL) {
		fail(request, "no target has this coverage id; announce it first");
		return;
	}
	r = target_entry(targets, target, address);
	if (r < 0)
		fail(request, r == -ENOSPC ? "the target has too many entry points"
					   : strerror(-r));
	else
		evbuffer_add_printf(request->reply, "ok\n");
}

static void
collect_cb(const char *message, void *context)
{
	evbuffer_add_printf(context, "error %s\n", message);
}

static void
do_reload(struct request *request)
{
	if (supervisor_reload(request->supervisor, collect_cb, request->reply) == 0)
		evbuffer_add_printf(request->reply, "ok\n");
}

static void
do_check(struct request *request)
{
	struct conf *conf;

	if (conf_load(request->supervisor->options->conf_path, collect_cb, request->reply,
		&conf) < 0)
		return;
	evbuffer_add_printf(request->reply, "ok\n");
	conf_free(conf);
}

static const struct {
	const char *name;
	void (*handler)(struct request *request);
} requests[] = {
	{ "status", do_status },
	{ "targets", do_targets },
	{ "announce", do_announce },
	{ "entry", do_entry },
	{ "reload", do_reload },
	{ "check", do_check },
};

void
control_request(struct supervisor *supervisor, uid_t peer, char *line,
    struct evbuffer *reply)
{
	char *words[CONTROL_WORDS_MAX];
	struct request request = { .supervisor = supervisor, .peer = peer, .reply = reply };
	int len = control_split(line, words);

	request.words = words;
	if (len > 0 && strcmp(words[0], "json") == 0) {
		request.json = true;
		request.words = words + 1;
		len--;
	}
	request.words_len = len;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]) && len > 0; i++)
		if (strcmp(request.words[0], requests[i].name) == 0) {
			requests[i].handler(&request);
			return;
		}
	fail(&request, "unknown request; expected status, targets, announce, entry, reload or "
		       "check");
}
