/* SPDX-License-Identifier: MIT
 * The loop, and what it takes from others; in the archive.
 */
#include "config.h"

#include "archive.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answers.h"
#include "clock.h"
#include "events.h"
#include "find_file.h"
#include "finds.h"
#include "log.h"
#include "mailbox.h"
#include "past.h"
#include "series.h"
#include "store.h"
#include "targets.h"
#include "banned.h"

#define BATCH 256
#define EDGE_BATCH 8 /* questions, before a second has its turn */
#define MORE_US 20000
#define PRUNE_EACH_S 10

struct archive {
	struct event_base *base;
	struct channel *supervisor, *frontend, *collector;
	struct mailbox_setup setup, edge_setup, finds_setup;
	struct mailbox *mailbox, *edge, *finds_edge;
	struct event *tick;
	struct store *store;
	struct all_series *series;
	struct targets *targets;
	struct events *events;
	struct finds *finds;
	struct answers answers;
	unsigned life;   /* of the file that the collector's finds are in */
	bool past_told;  /* what jobs go on from */
	bool state_told; /* as it is now */
	bool was_well;
	char words[400];
	uint64_t kept; /* the last event of which it was told that it is kept */
	int64_t sampled;
	int error;
};

static void
say(struct channel *channel, const struct message *message, int fd)
{
	int r = channel_send(channel, message, &fd, fd >= 0 ? 1 : 0);

	if (r < 0 && r != -EPIPE)
		log_err("cannot send %s: %s", message_type_name(message->type),
		    strerror(-r));
}

/* ---- from the supervisor ---- */

static int
on_keep(void *context, struct mail *mail)
{
	struct archive *archive = context;
	const struct message_keep *keep = &mail->message->keep;
	const struct series_keep ages = { { keep->seconds_s, keep->minutes_s,
	    keep->hours_s } };

	series_set_keep(archive->series, &ages);
	events_set_keep(archive->events, keep->events);
	finds_set_keep(archive->finds, (uint64_t)keep->input_kib * 1024);
	targets_set_keep(archive->targets, keep->builds);
	return 0;
}

static int
on_keep_target(void *context, struct mail *mail)
{
	const size_t len = strcspn(mail->text, "\n");
	struct archive *archive = context;
	char name[JOB_NAME_MAX];

	if (len == 0 || len >= sizeof(name) || mail->text[len] != '\n')
		return -EPROTO;
	snprintf(name, sizeof(name), "%.*s", (int)len, mail->text);
	return targets_keep(
	    archive->targets, mail->message->id, name, mail->text + len + 1);
}

static int
on_keep_live(void *context, struct mail *mail)
{
	struct archive *archive = context;
	int r = targets_set_live(archive->targets, mail->message->id, mail->fds[0],
	    mail->text, mail->message->kept_live.built_ms);

	if (r < 0)
		log_err("a live segment cannot be read: %s", strerror(-r));
	return 0;
}

static int
on_forget(void *context, struct mail *mail)
{
	struct archive *archive = context;

	targets_forget(archive->targets, mail->message->id);
	return 0;
}

static int
on_keep_job(void *context, struct mail *mail)
{
	struct archive *archive = context;
	char target[JOB_NAME_MAX], name[JOB_NAME_MAX], engine[24];

	if (sscanf(mail->text, "%63[^/\n]/%63[^\n]\n%23s", target, name, engine) != 3)
		return -EPROTO;
	return targets_keep_job(
	    archive->targets, mail->message->id, target, name, engine);
}

static int
on_forget_job(void *context, struct mail *mail)
{
	struct archive *archive = context;

	targets_forget_job(archive->targets, mail->message->id);
	return 0;
}

static int
on_job_samples(void *context, struct mail *mail)
{
	struct archive *archive = context;
	struct job_sample sample;

	if (mail->message->text_len % sizeof(sample) != 0)
		return -EPROTO;
	for (size_t at = 0; at < mail->message->text_len; at += sizeof(sample)) {
		memcpy(&sample, mail->message->text + at, sizeof(sample));
		/* What begins at zero, for want of its past, would take the file's place. */
		if (sample.is_whole)
			targets_set_job(archive->targets, &sample);
	}
	return 0;
}

static int
on_event(void *context, struct mail *mail)
{
	struct archive *archive = context;

	return events_add(archive->events, mail->message->event.number,
	    mail->message->event.ms, mail->text);
}

static const struct mail_handler handlers[] = {
	{ MESSAGE_KEEP, on_keep },
	{ MESSAGE_KEEP_TARGET, on_keep_target },
	{ MESSAGE_KEEP_LIVE, on_keep_live },
	{ MESSAGE_FORGET, on_forget },
	{ MESSAGE_KEEP_JOB, on_keep_job },
	{ MESSAGE_FORGET_JOB, on_forget_job },
	{ MESSAGE_JOB_SAMPLES, on_job_samples },
	{ MESSAGE_EVENT, on_event },
};

/* ---- from the front-end ---- */

static int
on_ask(void *context, struct mail *mail)
{
	struct archive *archive = context;
	struct message answer;
	int fd;

	/* Who does not read gets no answer: each would keep a descriptor of ours. */
	fd = channel_pending(archive->frontend)
	    ? -EAGAIN
	    : answers_give(&archive->answers, mail->text);
	message_init(&answer, MESSAGE_ANSWER, 0);
	answer.answer.number = mail->message->ask.number;
	answer.answer.error = fd < 0 ? (uint32_t)-fd : 0;
	if (fd == -ENODATA)
		message_printf(&answer, "%s", store_words(archive->store));
	say(archive->frontend, &answer, fd);
	if (fd >= 0)
		close(fd);
	return 0;
}

/* Whoever waited has died. */
static int
on_hello(void *context, struct mail *mail)
{
	(void)context;
	(void)mail;
	return 0;
}

static const struct mail_handler edge_handlers[] = {
	{ MESSAGE_ASK, on_ask },
	{ MESSAGE_HELLO, on_hello },
};

/* ---- from the collector ---- */

static int
on_find(void *context, struct mail *mail)
{
	struct archive *archive = context;

	return finds_add(
	    archive->finds, mail->message, mail->fds_len > 0 ? mail->fds[0] : -1);
}

static const struct mail_handler finds_handlers[] = {
	{ MESSAGE_FIND, on_find },
	{ MESSAGE_HELLO, on_hello },
};

static void
say_hello(struct channel *channel)
{
	struct message hello;

	message_init(&hello, MESSAGE_HELLO, 0);
	say(channel, &hello, -1);
}

/* ---- seconds ---- */

static void
tell_state(struct archive *archive)
{
	const char *words = store_words(archive->store);
	const bool is_well = store_is_well(archive->store);
	struct message message;

	if ((archive->state_told && is_well == archive->was_well &&
		strcmp(words, archive->words) == 0) ||
	    channel_pending(archive->supervisor))
		return;
	archive->state_told = true;
	archive->was_well = is_well;
	snprintf(archive->words, sizeof(archive->words), "%s", words);
	message_init(&message, MESSAGE_ARCHIVE_STATE, 0);
	message.archive_state.is_well = is_well;
	message_printf(&message, "%s", words);
	say(archive->supervisor, &message, -1);
}

static void
tell_kept(struct archive *archive, uint64_t number)
{
	struct message message;

	if (number <= archive->kept)
		return;
	archive->kept = number;
	message_init(&message, MESSAGE_EVENTS_KEPT, 0);
	message.beat.number = number;
	say(archive->supervisor, &message, -1);
}

/* All of a second in one transaction. True if there is more to write. */
static bool
write_all(struct archive *archive, int64_t now)
{
	const bool prunes = now % PRUNE_EACH_S == 0;
	bool more, kept;

	store_begin(archive->store);
	events_write(archive->events);
	more = finds_write(archive->finds);
	more = targets_write(archive->targets) || more;
	if (prunes) {
		finds_prune(archive->finds);
		targets_prune(archive->targets);
	}
	series_write(archive->series, now);
	kept = store_end(archive->store) == 0;
	targets_written(archive->targets, kept);
	finds_written(archive->finds, kept);
	if (!kept)
		return false;
	series_written(archive->series);
	tell_kept(archive, events_written(archive->events));
	if (prunes)
		store_shrink(archive->store);
	return more;
}

static void
tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct archive *archive = arg;
	const int64_t now_ms = clock_ms(CLOCK_REALTIME), now = now_ms / 1000;
	struct timeval wait = { .tv_usec = (1000 - now_ms % 1000) * 1000 };
	bool more = false;

	(void)fd;
	(void)what;
	if (store_look(archive->store, clock_ms(CLOCK_MONOTONIC))) {
		series_load(archive->series);
		targets_load(archive->targets);
		if (archive->life != 0 && archive->life != store_life(archive->store))
			say_hello(archive->collector);
		archive->life = store_life(archive->store);
		if (!archive->past_told) {
			past_tell(archive->store, archive->supervisor);
			archive->past_told = true;
		}
		if (now != archive->sampled)
			targets_sample(archive->targets, now);
		archive->sampled = now;
		more = write_all(archive, now);
	} else if (store_is_foreign(archive->store)) {
		log_notice(
		    "another archive.db is there: it is read from the beginning");
		event_base_loopbreak(archive->base);
		return;
	} else if (now != archive->sampled && store_life(archive->store) != 0) {
		/* Once it is known what there was, nothing need be lost meanwhile. */
		targets_sample(archive->targets, now);
		archive->sampled = now;
	}
	tell_state(archive);
	/* What was too much while nothing could be written is sent again. */
	if (store_is_well(archive->store) && finds_lost(archive->finds))
		say_hello(archive->collector);
	if (more)
		wait.tv_usec = MORE_US;
	evtimer_add(archive->tick, &wait);
}

/* ---- life ---- */

static void
closed_cb(void *context, int error)
{
	struct archive *archive = context;

	archive->error = error == -EPIPE ? 0 : error;
	event_base_loopbreak(archive->base);
}

static int
open_mailboxes(struct archive *archive)
{
	int r;

	archive->setup = (struct mailbox_setup){ .base = archive->base,
		.handlers = handlers,
		.handlers_len = sizeof(handlers) / sizeof(handlers[0]),
		.batch = BATCH,
		.closed = closed_cb };
	archive->edge_setup = (struct mailbox_setup){ .base = archive->base,
		.handlers = edge_handlers,
		.handlers_len = sizeof(edge_handlers) / sizeof(edge_handlers[0]),
		.batch = EDGE_BATCH,
		.is_strict = true };
	archive->finds_setup = (struct mailbox_setup){ .base = archive->base,
		.handlers = finds_handlers,
		.handlers_len = sizeof(finds_handlers) / sizeof(finds_handlers[0]),
		.batch = EDGE_BATCH,
		.is_strict = true };
	r = mailbox_new(
	    archive->supervisor, &archive->setup, archive, &archive->mailbox);
	if (r == 0)
		r = mailbox_new(
		    archive->frontend, &archive->edge_setup, archive, &archive->edge);
	if (r == 0)
		r = mailbox_new(archive->collector, &archive->finds_setup, archive,
		    &archive->finds_edge);
	if (r < 0)
		return r;
	say_hello(archive->frontend);
	say_hello(archive->collector);
	return 0;
}

int
archive_new(struct channel *supervisor, struct channel *frontend,
    struct channel *collector, struct archive **ret_archive)
{
	struct archive *archive = calloc(1, sizeof(*archive));
	int r;

	if (archive == NULL)
		return -ENOMEM;
	archive->supervisor = supervisor;
	archive->frontend = frontend;
	archive->collector = collector;
	archive->base = event_base_new();
	if (archive->base != NULL)
		archive->tick = evtimer_new(archive->base, tick_cb, archive);
	r = archive->tick != NULL ? store_new(&archive->store) : -ENOMEM;
	if (r == 0)
		r = series_new(archive->store, &archive->series);
	if (r == 0)
		r = events_new(archive->store, &archive->events);
	if (r == 0)
		r = targets_new(archive->store, archive->series, &archive->targets);
	if (r == 0)
		r = finds_new(archive->store, archive->targets, &archive->finds);
	if (r == 0)
		r = open_mailboxes(archive);
	if (r < 0) {
		archive_free(archive);
		return r;
	}
	archive->answers = (struct answers){ .store = archive->store,
		.series = archive->series,
		.events = archive->events,
		.finds = archive->finds,
		.targets = archive->targets };
	*ret_archive = archive;
	return 0;
}

int
archive_run(struct archive *archive)
{
	tick_cb(-1, 0, archive);
	if (event_base_dispatch(archive->base) < 0)
		return -EIO;
	/* What came since the last second. */
	if (store_is_open(archive->store))
		write_all(archive, clock_ms(CLOCK_REALTIME) / 1000);
	return archive->error;
}

void
archive_free(struct archive *archive)
{
	targets_free(archive->targets);
	events_free(archive->events);
	finds_free(archive->finds);
	series_free(archive->series);
	store_free(archive->store);
	mailbox_free(archive->finds_edge);
	mailbox_free(archive->edge);
	mailbox_free(archive->mailbox);
	if (archive->tick != NULL)
		event_free(archive->tick);
	if (archive->base != NULL)
		event_base_free(archive->base);
	free(archive);
}
