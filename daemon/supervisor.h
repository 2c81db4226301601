/* SPDX-License-Identifier: MIT
 * The supervisor: everything that it holds, its loop, reload and end.
 */
#ifndef FUZZSUP_SUPERVISOR_H
#define FUZZSUP_SUPERVISOR_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "worker.h"

struct supervisor_options {
	const char *conf_path;
	bool sandbox;
};

struct listener {
	int fd;
	char text[256];
};

struct supervisor {
	const struct supervisor_options *options;
	struct conf *conf;
	struct event_base *base;
	struct worker_setup setup;
	struct worker workers[WORKERS_LEN];
	struct directory_writer *directory;
	struct targets *targets;
	struct tables *tables;
	struct jobs *jobs;
	struct health *health;
	struct archive_feed *archive_feed;
	struct control *control;
	int state_lock; /* file that says that state-dir is ours; -1: none */
	struct listener listeners[CONF_LISTEN_MAX];
	size_t listeners_len;
	struct string_list coverage_dirs;
	uint64_t instance;
	uint64_t generation; /* last one given to a table, live segment or request */
	struct event *commit, *poll, *beat, *watchdog, *hang_up, *terminate, *interrupt,
	    *child, *end;
	int64_t
	    commit_blocked_ms; /* since when a reader holds the lock; 0: it does not */
	bool announce_directory; /* the front-end is to be told of a new generation */
	bool listening_logged;
	bool heartbeat;        /* workers that do not answer are replaced */
	bool watchdog_starves; /* on purpose: a worker is beyond our help */
	bool ending;
	int exit_code;
};

/* Runs until it is told to end. Takes @conf. Returns the exit code. */
int supervisor_run(const struct supervisor_options *options, struct conf *conf);

static inline struct worker *
supervisor_worker(struct supervisor *supervisor, enum worker_kind kind)
{
	return &supervisor->workers[kind];
}

/* Something that the directory shows has changed: it is published soon. */
void supervisor_changed(struct supervisor *supervisor);

/* Reads the configuration again. Errors, and what could not be taken over, go to the log
 * and, where it is not NULL, to @error_cb. Returns 0, or -EINVAL with the old one still in
 * force. */
int supervisor_reload(
    struct supervisor *supervisor, conf_error_cb error_cb, void *context);

/* A number that was never given out before in this life of the service. */
static inline uint64_t
supervisor_next_generation(struct supervisor *supervisor)
{
	return ++supervisor->generation;
}

#endif
