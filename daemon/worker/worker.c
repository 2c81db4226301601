/* SPDX-License-Identifier: MIT
 * Starting, restarting and talking to workers; in the supervisor.
 */
#include "config.h"

#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "edges.h"
#include "heartbeat.h"
#include "log.h"
#include "spawn.h"
#include "banned.h"

#define BACK_OFF_MIN_MS 50
#define BACK_OFF_MAX_MS 1200 /* whole again within 2 s, whatever was killed */
#define MESSAGES_PER_TURN 64

const char *
worker_name(unsigned kind)
{
	static const char *const names[] = {
#define X(kind, name) name,
		WORKERS(X)
#undef X
	};
	return kind < WORKERS_LEN ? names[kind] : "?";
}

const char *
worker_state_name(unsigned state)
{
	static const char *const names[] = {
#define X(state, name) name,
		WORKER_STATES(X)
#undef X
	};
	return state < WORKER_STATES_LEN ? names[state] : "?";
}

/* Workers are parties in the same order. */
static enum party
party_of(enum worker_kind kind)
{
	_Static_assert(PARTY_SYMBOLIZER == 2 << WORKER_SYMBOLIZER &&
		PARTY_COLLECTOR == 2 << WORKER_COLLECTOR &&
		PARTY_FRONTEND == 2 << WORKER_FRONTEND &&
		PARTY_RUNNER == 2 << WORKER_RUNNER &&
		PARTY_ARCHIVE == 2 << WORKER_ARCHIVE,
	    "parties");
	return (enum party)(2U << kind);
}

static void
set_state(struct worker *worker, enum worker_state state)
{
	if (worker->state == state)
		return;
	log_debug("%s: %s, was %s", worker_name(worker->kind), worker_state_name(state),
	    worker_state_name(worker->state));
	worker->state = state;
}

/* ---- messages ---- */

/* It would lack something, or lies: a fresh one starts over. */
static void
bad_cb(void *context, const struct message *message, int error)
{
	struct worker *worker = context;
	char why[128];

	if (worker->doomed)
		return;
	if (error == -EPERM && message != NULL)
		snprintf(why, sizeof(why), "it may not send this: %s",
		    message_type_name(message->type));
	else if (message == NULL)
		snprintf(why, sizeof(why), "what it sent is no message");
	else if (error == -EPROTO)
		snprintf(why, sizeof(why), "what it sent is malformed: %s",
		    message_type_name(message->type));
	else
		return; /* whoever handles it said what is wrong with us */
	worker_kill(worker, why);
}

static void
closed_cb(void *context, int error)
{
	/* Its end tells more than the channel's. */
	if (error != -EPIPE)
		worker_kill(context, "what it sends cannot be read");
}

static void
drained_cb(void *context)
{
	struct worker *worker = context;

	worker->setup->callbacks->drained(worker, worker->setup->context);
}

bool
worker_receive(struct worker *worker)
{
	return worker->mailbox == NULL || mailbox_receive(worker->mailbox);
}

bool
worker_send(struct worker *worker, const struct message *message, const int *fds,
    size_t fds_len)
{
	int r;

	if (worker->state != WORKER_STATE_RUNNING)
		return false;
	r = channel_send(worker->channel, message, fds, fds_len);
	if (r < 0 && r != -EPIPE) {
		log_err("%s: cannot send %s: %s", worker_name(worker->kind),
		    message_type_name(message->type), strerror(-r));
		/* It would lack something for ever; a fresh one is sent everything. */
		worker_kill(worker, "it could not be sent what it needs");
		return false;
	}
	return r == 0;
}

bool
worker_has_room(const struct worker *worker)
{
	return worker->state == WORKER_STATE_RUNNING && !worker->doomed &&
	    !channel_pending(worker->channel);
}

/* ---- life and death ---- */

static void
send_signal(const struct worker *worker, int number)
{
	if (worker->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, worker->pidfd, number, NULL, 0);
}

void
worker_kill(struct worker *worker, const char *why)
{
	log_err("%s: killed: %s", worker_name(worker->kind), why);
	snprintf(worker->trouble, sizeof(worker->trouble), "killed: %s", why);
	worker->doomed = true;
	if (worker->down_ms == 0)
		worker->down_ms = clock_ms(CLOCK_MONOTONIC);
	send_signal(worker, SIGKILL);
}

static void
free_event(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

static void
close_channel(struct worker *worker)
{
	mailbox_free(worker->mailbox);
	worker->mailbox = NULL;
	channel_free(worker->channel);
	worker->channel = NULL;
}

/* What is remembered of an end, for whoever asks how the service is. */
static void
remember_end(struct worker *worker, const char *how)
{
	const int64_t now = clock_ms(CLOCK_MONOTONIC);

	worker->short_lives =
	    now - worker->started_ms < WORKER_SETTLED_MS ? worker->short_lives + 1 : 0;
	if (worker->down_ms == 0)
		worker->down_ms = now;
	if (!worker->doomed) /* else it is known why */
		snprintf(worker->trouble, sizeof(worker->trouble), "%s", how);
}

static void
restart_later(struct worker *worker)
{
	struct timeval pause;

	if (clock_ms(CLOCK_MONOTONIC) - worker->started_ms >= WORKER_SETTLED_MS)
		worker->back_off_ms = 0;
	worker->back_off_ms = worker->back_off_ms == 0  ? BACK_OFF_MIN_MS
	    : worker->back_off_ms * 2 < BACK_OFF_MAX_MS ? worker->back_off_ms * 2
							: BACK_OFF_MAX_MS;
	pause.tv_sec = worker->back_off_ms / 1000;
	pause.tv_usec = worker->back_off_ms % 1000 * 1000;
	set_state(worker, WORKER_STATE_BACK_OFF);
	event_add(worker->restart, &pause);
}

static void
describe_end(const siginfo_t *info, char *text, size_t size)
{
	if (info->si_code == CLD_EXITED)
		snprintf(text, size, "exit code %d", info->si_status);
	else
		snprintf(text, size, "signal %d, %s", info->si_status,
		    strsignal(info->si_status));
}

void
worker_reap(struct worker *worker)
{
	siginfo_t info = { 0 };
	char how[96];

	/* Looked at first: a zombie's pid is nobody else's, so its locks can be freed.
	 */
	if (worker->pidfd < 0 ||
	    waitid(P_PIDFD, (id_t)worker->pidfd, &info, WEXITED | WNOWAIT | WNOHANG) !=
		0 ||
	    info.si_pid == 0)
		return;
	describe_end(&info, how, sizeof(how));
	worker_log_drain(worker->log);
	if (worker->state == WORKER_STATE_RUNNING)
		log_err(
		    "%s: died (%s); it is restarted", worker_name(worker->kind), how);
	/* What it said before it died still counts. */
	worker_receive(worker);
	worker->setup->callbacks->died(worker, how, worker->setup->context);
	remember_end(worker, how);
	waitid(P_PIDFD, (id_t)worker->pidfd, &info, WEXITED | WNOHANG);
	close_channel(worker);
	free_event(&worker->death);
	worker_log_leave(worker->log);
	worker->log = NULL;
	close(worker->pidfd);
	worker->pidfd = -1;
	worker->pid = 0;
	if (worker->state == WORKER_STATE_STOPPING)
		set_state(worker, WORKER_STATE_STOPPED);
	else
		restart_later(worker);
}

static void
death_cb(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	worker_reap(context);
}

static int
spawn(struct worker *worker, int channel_fd, int log_fd)
{
	const struct worker_setup *setup = worker->setup;
	bool has_news =
	    worker->kind == WORKER_COLLECTOR || worker->kind == WORKER_FRONTEND;
	struct spawn_request request = {
		.folder = spawn_folder(),
		.name = worker_name(worker->kind),
		.channel = channel_fd,
		.log = log_fd,
		.news = has_news ? setup->news : -1,
		.directory = worker->kind == WORKER_FRONTEND ? setup->directory
		    : worker->kind == WORKER_ARCHIVE         ? setup->archive
							     : -1,
		.log_level = log_level(),
		.sandbox = setup->sandbox,
		.cut_off = setup->cut_off,
		.uid = setup->uid,
		.gid = setup->gid,
		.slot = (unsigned)worker->kind + 1,
	};

	for (unsigned i = 0; i < EDGES_LEN; i++)
		request.edges[i] = edge_ends(i)->one == party_of(worker->kind)
		    ? setup->edges[i][0]
		    : edge_ends(i)->other == party_of(worker->kind) ? setup->edges[i][1]
								    : -1;

	return spawn_worker(&request, &worker->pid, &worker->pidfd);
}

static int
make_events(struct worker *worker)
{
	int r;

	worker->death =
	    event_new(worker->setup->base, worker->pidfd, EV_READ, death_cb, worker);
	if (worker->death == NULL || event_add(worker->death, NULL) != 0)
		return -ENOMEM;
	r = mailbox_new(worker->channel, &worker->mail_setup, worker, &worker->mailbox);
	if (r < 0)
		return r;
	return 0;
}

/* Tried again every second, and said once. */
static void
cannot_start(struct worker *worker, int error)
{
	char trouble[sizeof(worker->trouble)];

	snprintf(trouble, sizeof(trouble), "cannot be started: %.120s/fuzzsupd-%s: %s",
	    spawn_folder(), worker_name(worker->kind), strerror(-error));
	if (worker->down_ms == 0)
		worker->down_ms = worker->started_ms;
	if (strcmp(worker->trouble, trouble) == 0)
		return;
	log_err("%s: %s; it is tried again", worker_name(worker->kind), trouble);
	memcpy(worker->trouble, trouble, sizeof(trouble));
}

void
worker_start(struct worker *worker)
{
	int fds[2] = { -1, -1 }, log_fd = -1;
	int r = channel_pair(fds);

	worker->started_ms = clock_ms(CLOCK_MONOTONIC);
	if (r == 0)
		r = channel_new(
		    fds[0], PARTY_SUPERVISOR, party_of(worker->kind), &worker->channel);
	if (r == 0)
		r = worker_log_open(worker->setup->base, worker_name(worker->kind),
		    &worker->log_budget, &worker->log, &log_fd);
	if (r == 0)
		r = spawn(worker, fds[1], log_fd);
	if (fds[1] >= 0)
		close(fds[1]);
	if (log_fd >= 0)
		close(log_fd);
	if (r == 0)
		r = make_events(worker);
	if (r < 0) {
		cannot_start(worker, r);
		if (worker->channel == NULL && fds[0] >= 0)
			close(fds[0]);
		close_channel(worker);
		worker_log_leave(worker->log);
		worker->log = NULL;
		restart_later(worker);
		return;
	}
	worker->starts++;
	worker->doomed = false;
	worker->down_ms = 0;
	worker->beat = (struct beat){ .number = worker->beat.number };
	set_state(worker, WORKER_STATE_RUNNING);
	worker->setup->callbacks->started(worker, worker->setup->context);
}

static void
restart_cb(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	worker_start(context);
}

void
worker_init(
    struct worker *worker, enum worker_kind kind, const struct worker_setup *setup)
{
	*worker = (struct worker){ .kind = kind, .setup = setup, .pidfd = -1 };
	worker->mail_setup = (struct mailbox_setup){ .base = setup->base,
		.handlers = setup->handlers,
		.handlers_len = setup->handlers_len,
		.batch = MESSAGES_PER_TURN,
		.closed = closed_cb,
		.bad = bad_cb,
		.drained = drained_cb };
	worker->restart = evtimer_new(setup->base, restart_cb, worker);
}

void
worker_stop(struct worker *worker, int number)
{
	if (worker->restart != NULL)
		event_del(worker->restart);
	if (worker->pidfd < 0) {
		set_state(worker, WORKER_STATE_STOPPED);
		return;
	}
	set_state(worker, WORKER_STATE_STOPPING);
	close_channel(worker);
	send_signal(worker, number);
}

void
worker_close(struct worker *worker)
{
	if (worker->setup == NULL)
		return; /* the service ended before it was made */
	close_channel(worker);
	free_event(&worker->death);
	free_event(&worker->restart);
	if (worker->pidfd >= 0)
		close(worker->pidfd);
	worker->pidfd = -1;
}
