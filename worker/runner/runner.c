/* SPDX-License-Identifier: MIT
 * The runner's loop; libevent.
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

#include "cgroup.h"
#include "edges.h"
#include "jobs.h"
#include "log.h"
#include "mailbox.h"
#include "process_tree.h"
#include "wasm_service.h"
#include "banned.h"

#define SWEEP_MS 2000
#define BATCH 256    /* messages, before fuzzers have their turn */
#define EDGE_BATCH 4 /* the same of the front-end's, each of which reads files */
#define END_LOOK_US 10000
#define END_LOOKS_MAX 90 /* the supervisor waits a little longer */

struct runner {
	struct event_base *base;
	struct channel *channel;
	struct mailbox_setup setup, edge_setup;
	struct mailbox *mailbox;
	struct channel *frontend; /* the edge to it */
	struct mailbox *edge;
	struct event *end;
	unsigned looks; /* while it ends */
	struct wasm_service *wasm;
	struct jobs *jobs;
	int error;
};

static void
say(struct channel *channel, const struct message *message, const int *fds,
    size_t fds_len)
{
	int r = channel_send(channel, message, fds, fds_len);

	if (r < 0 && r != -EPIPE)
		log_err("cannot send %s: %s", message_type_name(message->type),
		    strerror(-r));
}

static void
send_frontend(
    const struct message *message, const int *fds, size_t fds_len, void *context)
{
	const struct runner *runner = context;

	/* Who does not read gets none: each would keep a descriptor of ours. */
	if (!channel_pending(runner->frontend))
		say(runner->frontend, message, fds, fds_len);
}

/* A report is never queued: while the supervisor has not read what there is, the next one
 * is newer. */
static bool
send_plain(const struct message *message, void *context)
{
	const struct runner *runner = context;

	if (message->type == MESSAGE_JOB_STATE && channel_pending(runner->channel))
		return false;
	say(runner->channel, message, NULL, 0);
	return true;
}

static bool
is_ours(pid_t pid, void *context)
{
	const struct runner *runner = context;

	return jobs_have_child(runner->jobs, pid) ||
	    pid == wasm_service_pid(runner->wasm);
}

/* What a dead minder left fell to us. */
static void
sweep(void *context)
{
	struct runner *runner = context;

	if (process_tree_end(is_ours, runner, SWEEP_MS) < 0)
		log_warning("processes of a job do not end");
}

static int
on_share(void *context, struct mail *mail)
{
	struct runner *runner = context;

	wasm_service_share(runner->wasm, mail);
	return 0;
}

static int
on_build_wasm(void *context, struct mail *mail)
{
	struct runner *runner = context;

	if (mail->message->build.mode > 1)
		return -EPROTO;
	wasm_service_request(runner->wasm, mail->message);
	return 0;
}

/* Whoever waited has died. */
static int
on_hello(void *context, struct mail *mail)
{
	struct runner *runner = context;

	(void)mail;
	wasm_service_forget(runner->wasm);
	return 0;
}

static int
on_job(void *context, struct mail *mail)
{
	struct runner *runner = context;

	return jobs_take(runner->jobs, mail->message);
}

static const struct mail_handler handlers[] = {
	{ MESSAGE_SHARE, on_share },
	{ MESSAGE_TURNS, on_job },
	{ MESSAGE_RUN_JOB, on_job },
	{ MESSAGE_WISH_JOB, on_job },
	{ MESSAGE_FORGET_JOB, on_job },
};

static const struct mail_handler edge_handlers[] = {
	{ MESSAGE_BUILD_WASM, on_build_wasm },
	{ MESSAGE_HELLO, on_hello },
};

/* The service ends: fuzzers may write their last numbers, but nobody waits for long. */
static void
end_cb(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval soon = { .tv_usec = END_LOOK_US };
	struct runner *runner = arg;

	(void)fd;
	(void)what;
	if (!jobs_run(runner->jobs) || runner->looks++ == END_LOOKS_MAX)
		event_base_loopbreak(runner->base);
	else
		evtimer_add(runner->end, &soon);
}

static void
closed_cb(void *context, int error)
{
	struct runner *runner = context;

	runner->error = error == -EPIPE ? 0 : error;
	jobs_end(runner->jobs);
	end_cb(-1, 0, runner);
}

static int
open_edge(struct runner *runner)
{
	struct message hello;
	int r = channel_new(edge_fd(EDGE_FRONTEND_RUNNER), PARTY_RUNNER, PARTY_FRONTEND,
	    &runner->frontend);

	if (r < 0)
		return r;
	runner->edge_setup = (struct mailbox_setup){ .base = runner->base,
		.handlers = edge_handlers,
		.handlers_len = sizeof(edge_handlers) / sizeof(edge_handlers[0]),
		.batch = EDGE_BATCH,
		.is_strict = true };
	r = mailbox_new(runner->frontend, &runner->edge_setup, runner, &runner->edge);
	if (r < 0)
		return r;
	message_init(&hello, MESSAGE_HELLO, 0);
	say(runner->frontend, &hello, NULL, 0);
	return 0;
}

int
runner_new(struct channel *channel, const struct heritage *heritage,
    struct runner **ret_runner)
{
	struct runner *runner = calloc(1, sizeof(*runner));
	int r = 0;

	if (runner == NULL)
		return -ENOMEM;
	runner->channel = channel;
	runner->base = event_base_new();
	if (runner->base == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = wasm_service_new(
		    runner->base, heritage, send_frontend, runner, &runner->wasm);
	if (r == 0)
		r = jobs_new(runner->base, send_plain, sweep, runner, &runner->jobs);
	if (r == 0) {
		runner->end = evtimer_new(runner->base, end_cb, runner);
		if (runner->end == NULL)
			r = -ENOMEM;
	}
	runner->setup = (struct mailbox_setup){ .base = runner->base,
		.handlers = handlers,
		.handlers_len = sizeof(handlers) / sizeof(handlers[0]),
		.batch = BATCH,
		.closed = closed_cb };
	if (r == 0)
		r = mailbox_new(channel, &runner->setup, runner, &runner->mailbox);
	if (r == 0)
		r = open_edge(runner);
	if (r < 0) {
		runner_free(runner);
		return r;
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
	if (runner->jobs != NULL)
		jobs_free(runner->jobs);
	if (runner->wasm != NULL)
		wasm_service_free(runner->wasm);
	process_tree_end(NULL, NULL, SWEEP_MS);
	cgroup_finish();
	mailbox_free(runner->edge);
	channel_free(runner->frontend);
	mailbox_free(runner->mailbox);
	if (runner->end != NULL)
		event_free(runner->end);
	if (runner->base != NULL)
		event_base_free(runner->base);
	free(runner);
}
