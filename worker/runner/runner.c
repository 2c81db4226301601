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
#include "jobs.h"
#include "log.h"
#include "process_tree.h"
#include "wasm_service.h"
#include "banned.h"

#define SWEEP_MS 2000
#define END_LOOK_US 10000
#define END_LOOKS_MAX 90 /* the supervisor waits a little longer */

struct runner {
	struct event_base *base;
	struct channel *channel;
	struct event *readable, *writable, *end;
	unsigned looks; /* while it ends */
	struct wasm_service *wasm;
	struct jobs *jobs;
	int error;
};

static void
send_fds(const struct message *message, const int *fds, size_t fds_len, void *context)
{
	struct runner *runner = context;
	int r = channel_send(runner->channel, message, fds, fds_len);

	if (r < 0 && r != -EPIPE)
		log_err("cannot send %s: %s", message_type_name(message->type),
		    strerror(-r));
}

static void
wait_cb(void *context)
{
	struct runner *runner = context;

	event_add(runner->writable, NULL);
}

/* A report is never queued: while the supervisor has not read what there is, the next one
 * is newer. */
static bool
send_plain(const struct message *message, void *context)
{
	const struct runner *runner = context;

	if (message->type == MESSAGE_JOB_STATE && channel_pending(runner->channel))
		return false;
	send_fds(message, NULL, 0, context);
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

static void
take(struct runner *runner, const struct message *message, int *fds, size_t len)
{
	int r;

	if (message->type == MESSAGE_SHARE && len == 1 &&
	    message->text_len < MESSAGE_TEXT_MAX) {
		wasm_service_share(runner->wasm, message, fds[--len]);
	} else if (message->type == MESSAGE_PING) {
		channel_pong(runner->channel, message);
	} else if (message->type == MESSAGE_BUILD_WASM) {
		wasm_service_request(runner->wasm, message);
	} else {
		r = jobs_take(runner->jobs, message);
		if (r < 0)
			log_warning("cannot do %s: %s",
			    message_type_name(message->type), strerror(-r));
	}
	while (len > 0)
		close(fds[--len]);
}

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
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct runner *runner = arg;
	static struct message message;
	int fds[MESSAGE_FDS_MAX], r;
	size_t len;

	(void)fd;
	(void)what;
	while ((r = channel_receive(runner->channel, &message, fds, &len)) == 0)
		take(runner, &message, fds, len);
	if (r == -EAGAIN)
		return;
	event_del(runner->readable);
	runner->error = r == -EPIPE ? 0 : r;
	jobs_end(runner->jobs);
	end_cb(-1, 0, runner);
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
		    runner->base, heritage, send_fds, runner, &runner->wasm);
	if (r == 0)
		r = jobs_new(runner->base, send_plain, sweep, runner, &runner->jobs);
	if (r == 0) {
		runner->readable = event_new(runner->base, channel_fd(channel),
		    EV_READ | EV_PERSIST, readable_cb, runner);
		runner->writable = event_new(runner->base, channel_fd(channel),
		    EV_WRITE | EV_PERSIST, writable_cb, runner);
		runner->end = evtimer_new(runner->base, end_cb, runner);
		if (runner->end == NULL || runner->readable == NULL ||
		    runner->writable == NULL || event_add(runner->readable, NULL) != 0)
			r = -ENOMEM;
		else
			channel_on_wait(channel, wait_cb, runner);
	}
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
	if (runner->readable != NULL)
		event_free(runner->readable);
	if (runner->writable != NULL)
		event_free(runner->writable);
	if (runner->end != NULL)
		event_free(runner->end);
	if (runner->base != NULL)
		event_base_free(runner->base);
	free(runner);
}
