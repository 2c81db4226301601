/* SPDX-License-Identifier: MIT
 * Counting lines in the background; in the front-end.
 */
#include "config.h"

#include "line_counter.h"

#include <stdlib.h>
#include <event2/event.h>

#include "channel.h"
#include "clock.h"
#include "line_job.h"
#include "source_shapes.h"
#include "targets.h"
#include "banned.h"

#define AGAIN_MS 5000       /* one target is not counted more often */
#define LOOK_AGAIN_MS 60000 /* nor are its sources looked at */
#define IDLE_MS 500         /* between looks where nothing is to be done */
#define REST 9              /* so many times what a step took */

struct line_counter {
	struct event *timer;
	struct targets *targets;
	struct channel *channel;
	bool owes; /* some target's numbers to the supervisor */
	void (*changed)(void *context);
	void *context;
	struct line_job job;
	uint32_t target;  /* whose job it is; 0: there is none */
	uint64_t bits;    /* version of its bits, when it began */
	uint32_t looking; /* the target at whose sources we look, likewise */
};

static uint64_t
bits_of(const struct target *target)
{
	return target->live.head != NULL
	    ? atomic_load_explicit(
		  &target->live.head->bits_version, memory_order_relaxed)
	    : 0;
}

static bool
is_due(const struct target *target, int64_t now)
{
	return target->blocks != NULL && target->listed &&
	    (target->lines_counted_ms == 0 ||
		(now - target->lines_counted_ms >= AGAIN_MS &&
		    target->lines_bits != bits_of(target)));
}

/* False: nobody is due, or there is no memory for it now. */
static bool
begin_next(struct line_counter *counter)
{
	const int64_t now = clock_ms(CLOCK_MONOTONIC);
	struct target *next = NULL;

	for (size_t i = 0; i < counter->targets->len; i++) {
		struct target *target = counter->targets->sorted[i];

		if (is_due(target, now) &&
		    (next == NULL || target->lines_counted_ms < next->lines_counted_ms))
			next = target;
	}
	if (next == NULL)
		return false;
	counter->bits = bits_of(next);
	if (line_job_begin(&counter->job, next) < 0)
		return false;
	counter->target = next->id;
	return true;
}

/* The supervisor gets the newest numbers when there is room, and none wait. */
static void
tell_owed(struct line_counter *counter)
{
	struct message message;

	counter->owes = false;
	for (size_t i = 0; i < counter->targets->len; i++) {
		struct target *target = counter->targets->sorted[i];

		if (!target->lines_owed || !target->lines_known)
			continue;
		if (channel_pending(counter->channel)) {
			counter->owes = true;
			return;
		}
		message_init(&message, MESSAGE_LINES, target->id);
		message.lines.generation = target->table_generation;
		message.lines.known = target->lines.found;
		message.lines.reached = target->lines.hit;
		target->lines_owed =
		    channel_send(counter->channel, &message, NULL, 0) < 0;
		counter->owes = counter->owes || target->lines_owed;
	}
}

static void
finish(struct line_counter *counter)
{
	struct target *target = targets_by_id(counter->targets, counter->target);
	const struct line_job *job = &counter->job;

	/* Of another build, or of one that is gone, nobody wants to know. */
	if (target != NULL && target->blocks == job->blocks) {
		target->lines_bits = counter->bits;
		target->lines_counted_ms = clock_ms(CLOCK_MONOTONIC);
		if (!job->failed &&
		    (!target->lines_known || target->lines.found != job->all.found ||
			target->lines.hit != job->all.hit)) {
			target->lines = job->all;
			target->lines_known = true;
			target->json_stale = true;
			target->lines_owed = counter->owes = true;
			counter->changed(counter->context);
		}
	}
	line_job_end(&counter->job);
	counter->target = 0;
}

/* ---- sources that people change under a running fuzzer ---- */

static void
tell_changes(struct line_counter *counter, struct target *target)
{
	const struct source_changes now = source_shapes_changes(target->shapes);

	if (now.changed == target->changes.changed &&
	    now.missing == target->changes.missing)
		return;
	target->changes = now;
	target->json_stale = true;
	counter->changed(counter->context);
}

/* The target whose sources were looked at longest ago; NULL: all were, a short time ago. */
static struct target *
next_to_look_at(const struct line_counter *counter)
{
	const int64_t now = clock_ms(CLOCK_MONOTONIC);
	struct target *next = NULL;

	for (size_t i = 0; i < counter->targets->len; i++) {
		struct target *target = counter->targets->sorted[i];

		if (target->shapes != NULL && target->listed &&
		    (target->looked_ms == 0 ||
			now - target->looked_ms >= LOOK_AGAIN_MS) &&
		    (next == NULL || target->looked_ms < next->looked_ms))
			next = target;
	}
	return next;
}

/* False: there is nothing to look at. */
static bool
look(struct line_counter *counter)
{
	struct target *target = counter->looking != 0
	    ? targets_by_id(counter->targets, counter->looking)
	    : next_to_look_at(counter);

	counter->looking = 0;
	if (target == NULL || target->shapes == NULL)
		return false;
	if (!source_shapes_look(target->shapes)) {
		counter->looking = target->id;
		return true;
	}
	target->looked_ms = clock_ms(CLOCK_MONOTONIC);
	tell_changes(counter, target);
	return true;
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct line_counter *counter = arg;
	const int64_t begin = clock_ns(CLOCK_MONOTONIC);
	struct timeval rest = { .tv_usec = IDLE_MS * 1000 };
	bool busy = counter->target != 0 || begin_next(counter);
	int64_t us;

	(void)fd;
	(void)what;
	if (busy && !line_job_step(&counter->job))
		finish(counter);
	if (busy || look(counter)) {
		us = REST * (clock_ns(CLOCK_MONOTONIC) - begin) / 1000 + 1000;
		rest = (struct timeval){ us / 1000000, us % 1000000 };
	}
	if (counter->owes)
		tell_owed(counter);
	event_add(counter->timer, &rest);
}

struct line_counter *
line_counter_new(struct event_base *base, struct targets *targets,
    struct channel *channel, void (*changed)(void *context), void *context)
{
	const struct timeval first = { .tv_usec = IDLE_MS * 1000 };
	struct line_counter *counter = calloc(1, sizeof(*counter));

	if (counter == NULL)
		return NULL;
	counter->targets = targets;
	counter->channel = channel;
	counter->changed = changed;
	counter->context = context;
	counter->timer = event_new(base, -1, 0, timer_cb, counter);
	if (counter->timer == NULL) {
		free(counter);
		return NULL;
	}
	event_add(counter->timer, &first);
	return counter;
}

void
line_counter_free(struct line_counter *counter)
{
	if (counter == NULL)
		return;
	if (counter->target != 0)
		line_job_end(&counter->job);
	event_free(counter->timer);
	free(counter);
}
