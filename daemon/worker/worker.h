/* SPDX-License-Identifier: MIT
 * The workers as the supervisor sees them: states, restarts, messages.
 */
#ifndef FUZZSUP_WORKER_H
#define FUZZSUP_WORKER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "heritage.h"
#include "mailbox.h"
#include "worker_log.h"

/*  kind       name */
#define WORKERS(X) \
	X(SYMBOLIZER, "symbolizer") \
	X(COLLECTOR, "collector") \
	X(FRONTEND, "frontend") \
	X(RUNNER, "runner") \
	X(ARCHIVE, "archive")

enum worker_kind {
#define X(kind, name) WORKER_##kind,
	WORKERS(X)
#undef X
	    WORKERS_LEN
};

/*  state     name */
#define WORKER_STATES(X) \
	X(STOPPED, "stopped")     /* not started, or ended and not to be started */ \
	X(RUNNING, "running")     /* has a pid and a channel */ \
	X(BACK_OFF, "restarting") /* waits for its timer */ \
	X(STOPPING, "stopping")   /* the service ends; still to be reaped */

enum worker_state {
#define X(state, name) WORKER_STATE_##state,
	WORKER_STATES(X)
#undef X
	    WORKER_STATES_LEN
};

struct worker;

struct worker_callbacks {
	/* It has just been started and wants all that it needs. */
	void (*started)(struct worker *worker, void *context);
	/* Its channel has room again. */
	void (*drained)(struct worker *worker, void *context);
	/* It is dead and not yet reaped. */
	void (*died)(struct worker *worker, const char *how, void *context);
};

/* What all workers share; must outlive them. */
struct worker_setup {
	struct event_base *base;
	const struct worker_callbacks *callbacks;
	const struct mail_handler *handlers; /* dispatch.h */
	size_t handlers_len;
	void *context;
	int news;
	int directory;
	int archive;             /* its folder; -1: there is none */
	int edges[EDGES_LEN][2]; /* edges.h; who is its first party has the first end */
	bool sandbox;
	bool cut_off; /* directories are, see detached.h */
	uid_t uid;
	gid_t gid;
};

/* The ping that a worker owes the answer of (heartbeat.c). */
struct beat {
	uint64_t number;     /* of the last one */
	bool is_out;         /* unanswered */
	bool was_traced;     /* which was said */
	bool is_blocked;     /* in the kernel, by a disk or a file server */
	bool was_blocked;    /* which was said */
	unsigned looks;      /* of the supervisor, since then */
	unsigned idle_looks; /* the last of these in which the worker did nothing */
	uint64_t cpu_ms, first_cpu_ms; /* that it had computed, now and then */
};

struct worker {
	enum worker_kind kind;
	enum worker_state state;
	const struct worker_setup *setup;
	pid_t pid;
	int pidfd;
	struct channel *channel; /* NULL unless RUNNING or STOPPING */
	struct mailbox *mailbox; /* its end in our loop */
	struct mailbox_setup mail_setup;
	struct worker_log *log; /* NULL unless it has a pid */
	struct worker_log_budget log_budget;
	struct event *death, *restart;
	int64_t started_ms;
	bool
	    doomed; /* killed, not yet reaped: it gets no new job, which would count its death */
	unsigned back_off_ms;
	unsigned starts;
	unsigned short_lives; /* deaths in a row, each soon after the start */
	int64_t down_ms;   /* since when it does not run, or was killed; 0: it runs */
	char trouble[200]; /* how it ended last, or why it could not be started */
	struct beat beat;
};

/* It ran for so long that earlier deaths say nothing any more. */
#define WORKER_SETTLED_MS 10000

const char *worker_name(unsigned kind);
const char *worker_state_name(unsigned state);

void worker_init(
    struct worker *worker, enum worker_kind kind, const struct worker_setup *setup);

/* Starts it now, or by its timer if it cannot be started. */
void worker_start(struct worker *worker);

/* Sends, or queues; what a dead worker does not get, it is sent when it is back.
 * Returns false if there is no worker to send to. */
bool worker_send(struct worker *worker, const struct message *message, const int *fds,
    size_t fds_len);

/* Takes what it has sent. Returns false if there is more. */
bool worker_receive(struct worker *worker);

/* True while it runs and messages go straight into its socket. */
bool worker_has_room(const struct worker *worker);

/* Ends it, which it will then be restarted from; @why is logged. */
void worker_kill(struct worker *worker, const char *why);

/* Ends it for good: closes the channel and sends @signal. */
void worker_stop(struct worker *worker, int signal);

/* To be called where a SIGCHLD says so, too: reaps it if it is dead. */
void worker_reap(struct worker *worker);
void worker_close(struct worker *worker);

#endif
