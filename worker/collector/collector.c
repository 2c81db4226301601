/* SPDX-License-Identifier: MIT
 * The collector's loop; libevent.
 */
#include "config.h"

#include "collector.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "afl_bitmap.h"
#include "collect.h"
#include "find_send.h"
#include "job_watch.h"
#include "log.h"
#include "mailbox.h"
#include "poll.h"
#include "banned.h"

#define EXECUTABLE_TEXT_MAX (256 + PATH_MAX) /* as COLLECT has it */
#define HOUSEKEEPING_MS 250
#define NUMBERS_MS 100 /* counters alone ring the front-end no more often */
/* Looking at files takes half a core at most, and holds nobody up for longer. */
#define LOOK_US 2000
#define BATCH 64 /* messages, before files have their turn */

struct collector_loop {
	struct collector collector; /* first: callbacks get this address */
	struct event_base *base;
	struct channel *channel, *archive; /* the supervisor's, and an edge */
	struct mailbox_setup setup, edge_setup;
	struct mailbox *mailbox, *edge;
	struct event *inotify, *tick, *ring_again, *look;
	struct jobs *jobs;
	int news;
	int64_t kept_ms, numbers_ms;
	int64_t tick_ms; /* when tick comes */
	int error;
};

/* ---- to the supervisor and the front-end ---- */

static void
say(struct collector_loop *loop, const struct message *message, int fd)
{
	int r = channel_send(loop->channel, message, &fd, fd >= 0 ? 1 : 0);

	if (r < 0 && r != -EPIPE)
		log_err("cannot tell the supervisor %s: %s",
		    message_type_name(message->type), strerror(-r));
}

/* Never queued, as tell_job(): a state that flips while the supervisor is busy would fill
 * the queue. */
static bool
tell_activity(
    struct collector *collector, struct target *target, int state, const char *text)
{
	struct collector_loop *loop = (struct collector_loop *)collector;
	struct message message;

	if (channel_pending(loop->channel))
		return false;
	message_init(&message, MESSAGE_ACTIVITY, target->id);
	message.activity.generation = target->generation;
	message.activity.state = (uint32_t)state;
	message_printf(&message, "%s", text);
	say(loop, &message, -1);
	return true;
}

static void
tell_pcs(struct collector *collector, struct target *target, int pcs)
{
	struct message message;

	message_init(&message, MESSAGE_PCS, target->id);
	message.of.generation = target->generation;
	say((struct collector_loop *)collector, &message, pcs);
}

/* Never queued: while the supervisor has not read what there is, the next look has newer
 * numbers. */
static int
tell_job(void *arg, uint32_t id, const struct job_stats *stats)
{
	struct collector_loop *loop = arg;
	struct message message;

	if (channel_pending(loop->channel))
		return -EAGAIN;
	message_init(&message, MESSAGE_JOB_STATS, id);
	memcpy(message.text, stats, sizeof(*stats));
	message.text_len = sizeof(*stats);
	say(loop, &message, -1);
	return 0;
}

static int
tell_end(void *arg, uint32_t id, unsigned instance, int32_t pid, const char *line)
{
	struct collector_loop *loop = arg;
	struct message message;

	if (channel_pending(loop->channel))
		return -EAGAIN;
	message_init(&message, MESSAGE_JOB_END, id);
	message.end.instance = instance;
	message.end.pid = pid;
	message_printf(&message, "%s", line);
	say(loop, &message, -1);
	return 0;
}

static int
tell_fuzzers(void *arg, uint32_t id, const struct job_fuzzer *fuzzers, size_t len)
{
	struct collector_loop *loop = arg;
	struct message message;

	if (channel_pending(loop->channel))
		return -EAGAIN;
	message_init(&message, MESSAGE_JOB_FUZZERS, id);
	memcpy(message.text, fuzzers, len * sizeof(*fuzzers));
	message.text_len = (uint32_t)(len * sizeof(*fuzzers));
	say(loop, &message, -1);
	return 0;
}

/* What the archive does not take yet is told again. */
static int
tell_find(void *arg, uint32_t id, const char *name, unsigned instance,
    const struct job_find *find)
{
	struct collector_loop *loop = arg;
	const struct target *target;

	if (channel_pending(loop->archive))
		return -EAGAIN;
	LIST_FOREACH(target, &loop->collector.targets, in_all)
		if (strcmp(target->name, name) == 0)
			break;
	/* It is yet to be symbolized, or is no more. */
	if (target == NULL || !target->has_table || find_is_too_soon())
		return -EAGAIN;
	return find_send(loop->archive, target, id, instance, find);
}

static int
take_bitmap(void *arg, const struct job_bitmap *bitmap)
{
	struct collector_loop *loop = arg;

	poll_set_clock(&loop->collector);
	return afl_bitmap_take(&loop->collector, bitmap);
}

/* Publishes what changed and rings the front-end once for all of it. */
static void
publish(struct collector_loop *loop, bool all)
{
	struct collector *collector = &loop->collector;
	const uint64_t one = 1;
	struct target *target;
	bool published = false;
	bool numbers = collector->now_ms - loop->numbers_ms >= NUMBERS_MS;

	if (numbers)
		loop->numbers_ms = collector->now_ms;
	LIST_FOREACH(target, &collector->targets, in_all) {
		if (target->dirty || all)
			published =
			    target_settle(collector, target, numbers) || published;
		if (all)
			target_tell(collector, target);
	}
	if (published && write(loop->news, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_err("cannot ring the front-end: %s", strerror(errno));
}

/* ---- the clock ---- */

/* Only ever brings the tick forward: events that keep coming must not put it off. */
static void
plan(struct collector_loop *loop)
{
	int ms = poll_wait_ms(&loop->collector);
	struct timeval wait = { ms / 1000, ms % 1000 * 1000 };
	int64_t at = loop->collector.now_ms + ms;

	if (event_pending(loop->tick, EV_TIMEOUT, NULL) && loop->tick_ms <= at)
		return;
	loop->tick_ms = at;
	event_add(loop->tick, &wait);
}

/* Looks at files for a while, and later at the rest. */
static void
look(struct collector_loop *loop)
{
	const struct timeval pause = { .tv_usec = LOOK_US };

	if (!event_pending(loop->look, EV_TIMEOUT, NULL) &&
	    turns_take(&loop->collector, LOOK_US))
		event_add(loop->look, &pause);
}

static void
look_cb(evutil_socket_t fd, short what, void *arg)
{
	struct collector_loop *loop = arg;

	(void)fd;
	(void)what;
	poll_set_clock(&loop->collector);
	look(loop);
	publish(loop, false);
	plan(loop);
}

static void
tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct collector_loop *loop = arg;
	struct collector *collector = &loop->collector;
	bool changed, all;

	(void)fd;
	(void)what;
	poll_set_clock(collector);
	changed = poll_due(collector);
	look(loop);
	all = collector->now_ms - loop->kept_ms >= HOUSEKEEPING_MS;
	if (all)
		loop->kept_ms = collector->now_ms;
	if (changed || all || collector->now_ms - loop->numbers_ms >= NUMBERS_MS)
		publish(loop, all);
	plan(loop);
}

static void
scan_rung(struct collector_loop *loop, struct place *place)
{
	bool changed = false;
	int64_t us = poll_rung(&loop->collector, place, &changed);
	struct timeval wait = { 0, us };

	if (us > 0)
		event_add(loop->ring_again, &wait);
	if (changed)
		publish(loop, false);
}

static void
ring_again_cb(evutil_socket_t fd, short what, void *arg)
{
	struct collector_loop *loop = arg;
	struct place *place;

	(void)fd;
	(void)what;
	poll_set_clock(&loop->collector);
	LIST_FOREACH(place, &loop->collector.places, in_all)
		if (place->pending)
			scan_rung(loop, place);
}

static void
doorbell_cb(evutil_socket_t fd, short what, void *arg)
{
	struct place *place = arg;
	struct collector_loop *loop = place->loop;
	char rings[4096];
	ssize_t n = read(fd, rings, sizeof(rings));

	(void)what;
	/* No writer is left, not even we: that would wake us for ever. */
	if (n == 0)
		event_del(place->doorbell_event);
	if (n <= 0)
		return;
	poll_set_clock(&loop->collector);
	scan_rung(loop, place);
}

static void
watch_doorbell(struct collector *collector, struct place *place)
{
	struct collector_loop *loop = (struct collector_loop *)collector;

	if (place->doorbell_event != NULL)
		event_free(place->doorbell_event);
	place->doorbell_event = NULL;
	place->loop = loop;
	if (place->doorbell < 0)
		return;
	place->doorbell_event = event_new(
	    loop->base, place->doorbell, EV_READ | EV_PERSIST, doorbell_cb, place);
	if (place->doorbell_event == NULL ||
	    event_add(place->doorbell_event, NULL) != 0)
		log_warning(
		    "%s: its doorbell cannot be heard; files are polled", place->path);
}

static void
inotify_cb(evutil_socket_t fd, short what, void *arg)
{
	struct collector_loop *loop = arg;

	(void)fd;
	(void)what;
	poll_set_clock(&loop->collector);
	place_read_events(&loop->collector);
	look(loop);
	publish(loop, false);
	plan(loop);
}

/* ---- from the supervisor ---- */

/* Behind the name and its NUL: what is told of the executable. */
static void
take_executable(struct target *target, const struct message *message)
{
	size_t name = strnlen(message->text, message->text_len), id;
	char text[EXECUTABLE_TEXT_MAX];
	const char *at = text;
	char *end;

	if (name + 1 >= message->text_len)
		return;
	snprintf(text, sizeof(text), "%.*s", (int)(message->text_len - name - 1),
	    message->text + name + 1);
	target->built_ms = strtoll(at, &end, 10);
	target->executable_size = strtoull(end, &end, 10);
	at = end + (*end == ' ');
	id = strcspn(at, " ");
	target->build_id_len = module_file_build_id(at, id, target->build_id);
	if (at[id] == ' ')
		module_file_set_path(at + id + 1, strlen(at + id + 1),
		    &target->path_hash, target->program);
}

static int
on_collect(void *context, struct mail *mail)
{
	struct collector_loop *loop = context;
	const struct message *message = mail->message;
	const uint32_t bits = message->collect.bits;
	bool has_table = (bits & COLLECT_TABLE) != 0,
	     has_seed = (bits & COLLECT_SEED) != 0;
	struct source_table table = { 0 };
	struct target *target;
	struct message answer;
	int r = 0, seed = -1;

	poll_set_clock(&loop->collector);
	if (mail->fds_len != (size_t)has_table + has_seed)
		return -EPROTO;
	if (has_table)
		r = source_table_map(mail->fds[0], &table);
	if (has_seed)
		seed = mail->fds[mail->fds_len - 1];
	if (r == 0)
		r = target_collect(&loop->collector, message->id,
		    message->collect.generation, mail->text, has_table ? &table : NULL,
		    seed, &target);
	if (r < 0) {
		log_err("%s: cannot be collected: %s", mail->text, strerror(-r));
		source_table_unmap(&table);
		return 0;
	}
	target->built_ms = 0;
	take_executable(target, message);
	/* What its jobs found before the table came was of a build that nobody knew. */
	jobs_find_again(loop->jobs, target->name);
	if (!has_table)
		return 0;
	message_init(&answer, MESSAGE_LIVE, target->id);
	answer.of.generation = target->generation;
	live_publish(&target->live);
	say(loop, &answer, target->live.fd);
	return 0;
}

/* The target that it is about; NULL: it was forgotten while this was under way. */
static struct target *
target_of(struct collector_loop *loop, const struct mail *mail)
{
	return target_find(&loop->collector, mail->message->id);
}

static int
on_coverage_dir(void *context, struct mail *mail)
{
	struct collector_loop *loop = context;
	const struct message *message = mail->message;
	struct target *target = target_of(loop, mail);
	size_t path_len = strlen(mail->text);
	const char *name =
	    path_len < message->text_len ? mail->text + path_len + 1 : "";
	struct place *place;
	int directory, doorbell;

	poll_set_clock(&loop->collector);
	if (mail->fds_len !=
		1U + ((message->coverage_dir.bits & COVERAGE_DIR_DOORBELL) != 0) ||
	    strchr(name, '/') != NULL)
		return -EPROTO;
	if (target == NULL)
		return 0;
	directory = mail_take_fd(mail, 0);
	doorbell = mail_take_fd(mail, 1);
	place = place_open(&loop->collector, directory, doorbell, mail->text);
	if (place != NULL &&
	    place_add_look(&loop->collector, place, target, mail->text, name,
		message->coverage_dir.owner_uid,
		(message->coverage_dir.bits & COVERAGE_DIR_OWN) != 0) < 0)
		log_err("%s: out of memory", target->name);
	return 0;
}

static int
on_entry_point(void *context, struct mail *mail)
{
	struct target *target = target_of(context, mail);

	if (target == NULL)
		return 0;
	target_add_entry(target, mail->message->entry.address);
	target->dirty = true;
	return 0;
}

static int
on_forget(void *context, struct mail *mail)
{
	struct collector_loop *loop = context;
	struct target *target = target_of(loop, mail);

	if (target != NULL)
		target_forget(&loop->collector, target);
	return 0;
}

static int
on_collect_job(void *context, struct mail *mail)
{
	struct collector_loop *loop = context;
	int r = jobs_collect(loop->jobs, mail->message, mail_take_fd(mail, 0));

	if (r < 0)
		log_err("job %s: its engine cannot be watched: %s", mail->text,
		    strerror(-r));
	return 0;
}

static int
on_forget_job(void *context, struct mail *mail)
{
	struct collector_loop *loop = context;

	jobs_forget(loop->jobs, mail->message->id);
	return 0;
}

/* For a ping no target is looked at. */
static void
done_cb(void *context, bool news)
{
	struct collector_loop *loop = context;

	if (!news)
		return;
	poll_set_clock(&loop->collector);
	look(loop);
	publish(loop, true);
	plan(loop);
}

static void
closed_cb(void *context, int error)
{
	struct collector_loop *loop = context;

	loop->error = error == -EPIPE ? 0 : error;
	event_base_loopbreak(loop->base);
}

static const struct mail_handler handlers[] = {
	{ MESSAGE_COLLECT, on_collect },
	{ MESSAGE_COVERAGE_DIR, on_coverage_dir },
	{ MESSAGE_ENTRY_POINT, on_entry_point },
	{ MESSAGE_FORGET, on_forget },
	{ MESSAGE_COLLECT_JOB, on_collect_job },
	{ MESSAGE_FORGET_JOB, on_forget_job },
};

/* ---- the archive ---- */

/* A new one: what was sent to the one before may not be in its file. */
static int
on_hello(void *context, struct mail *mail)
{
	struct collector_loop *loop = context;

	(void)mail;
	jobs_find_again(loop->jobs, NULL);
	return 0;
}

static const struct mail_handler edge_handlers[] = {
	{ MESSAGE_HELLO, on_hello },
};

static int
open_edge(struct collector_loop *loop)
{
	loop->edge_setup = (struct mailbox_setup){ .base = loop->base,
		.handlers = edge_handlers,
		.handlers_len = sizeof(edge_handlers) / sizeof(edge_handlers[0]),
		.batch = BATCH };
	return mailbox_new(loop->archive, &loop->edge_setup, loop, &loop->edge);
}

/* ---- life ---- */

static struct event *
add(struct collector_loop *loop, int fd, short what, event_callback_fn callback,
    bool now)
{
	struct event *event = event_new(loop->base, fd, what, callback, loop);

	if (event != NULL && now)
		event_add(event, NULL);
	return event;
}

/* libevent's usual clock goes in steps of 4 ms, which is more than a bit may take. */
static struct event_base *
precise_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL ||
	    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) != 0)
		base = event_base_new();
	else
		base = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	return base;
}

int
collector_loop_new(struct channel *channel, struct channel *archive, int news,
    struct collector_loop **ret_loop)
{
	struct collector_loop *loop = calloc(1, sizeof(*loop));
	const struct jobs_callbacks callbacks = { tell_job, tell_end, tell_fuzzers,
		take_bitmap, tell_find, loop };
	struct collector *collector;

	if (loop == NULL)
		return -ENOMEM;
	collector = &loop->collector;
	LIST_INIT(&collector->places);
	LIST_INIT(&collector->targets);
	TAILQ_INIT(&collector->busy);
	TAILQ_INIT(&collector->idle);
	TAILQ_INIT(&collector->crowd);
	TAILQ_INIT(&collector->later);
	TAILQ_INIT(&collector->round);
	collector->tell_activity = tell_activity;
	collector->tell_pcs = tell_pcs;
	collector->watch_doorbell = watch_doorbell;
	loop->channel = channel;
	loop->archive = archive;
	loop->news = news;
	collector->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	loop->base = precise_base();
	if (collector->inotify < 0 || loop->base == NULL) {
		collector_loop_free(loop);
		return -EMFILE;
	}
	loop->inotify =
	    add(loop, collector->inotify, EV_READ | EV_PERSIST, inotify_cb, true);
	loop->tick = add(loop, -1, 0, tick_cb, false);
	loop->ring_again = add(loop, -1, 0, ring_again_cb, false);
	loop->look = add(loop, -1, 0, look_cb, false);
	loop->setup = (struct mailbox_setup){ .base = loop->base,
		.handlers = handlers,
		.handlers_len = sizeof(handlers) / sizeof(handlers[0]),
		.batch = BATCH,
		.done = done_cb,
		.closed = closed_cb };
	if (loop->inotify == NULL || loop->tick == NULL || loop->ring_again == NULL ||
	    loop->look == NULL ||
	    mailbox_new(channel, &loop->setup, loop, &loop->mailbox) < 0 ||
	    open_edge(loop) < 0 || jobs_new(loop->base, &callbacks, &loop->jobs) < 0) {
		collector_loop_free(loop);
		return -ENOMEM;
	}
	*ret_loop = loop;
	return 0;
}

int
collector_loop_run(struct collector_loop *loop)
{
	poll_set_clock(&loop->collector);
	plan(loop);
	if (event_base_dispatch(loop->base) < 0)
		return -EIO;
	return loop->error;
}

void
collector_loop_free(struct collector_loop *loop)
{
	struct event *events[] = { loop->inotify, loop->tick, loop->ring_again,
		loop->look };
	struct target *target;

	while ((target = LIST_FIRST(&loop->collector.targets)) != NULL)
		target_forget(&loop->collector, target);
	jobs_free(loop->jobs);
	mailbox_free(loop->edge);
	mailbox_free(loop->mailbox);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (loop->base != NULL)
		event_base_free(loop->base);
	if (loop->collector.inotify >= 0)
		close(loop->collector.inotify);
	free(loop->collector.scratch);
	free(loop);
}
