/* SPDX-License-Identifier: MIT
 * The archive's folder, events on their way to it, jobs' samples and pasts; in the supervisor.
 */
#include "config.h"

#include "archive_feed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "jobs.h"
#include "log.h"
#include "make_folder.h"
#include "supervisor.h"
#include "target.h"
#include "banned.h"

#define EVENTS_MAX 8192   /* that are not kept yet; older ones are lost */
#define PAST_WAIT_MS 3000 /* jobs do not wait longer for what they go on from */

/* Kept until the archive has it in its file. */
struct event {
	STAILQ_ENTRY(event) link;
	uint64_t number;
	int64_t ms;
	bool is_sent; /* to the archive of now */
	char text[];
};

struct archive_feed {
	struct supervisor *supervisor;
	STAILQ_HEAD(, event) events;
	size_t events_len;
	uint64_t number; /* of the last event */
	bool lost;       /* events were, and that is said */
	int64_t began_ms;
	dev_t device; /* of the folder that it holds */
	ino_t inode;
	char trouble[300]; /* why there is no folder */
	char words[400];   /* as it says */
};

static struct message message;

static struct worker *
archive_of(const struct archive_feed *feed)
{
	return supervisor_worker(feed->supervisor, WORKER_ARCHIVE);
}

int
archive_feed_new(struct supervisor *supervisor, struct archive_feed **ret_feed)
{
	struct archive_feed *feed = calloc(1, sizeof(*feed));

	if (feed == NULL)
		return -ENOMEM;
	feed->supervisor = supervisor;
	STAILQ_INIT(&feed->events);
	feed->began_ms = clock_ms(CLOCK_MONOTONIC);
	/* Beyond those of all lives before, of which none told a million events a second. */
	feed->number = (uint64_t)clock_us(CLOCK_REALTIME);
	*ret_feed = feed;
	return 0;
}

static void
drop_first(struct archive_feed *feed)
{
	struct event *event = STAILQ_FIRST(&feed->events);

	STAILQ_REMOVE_HEAD(&feed->events, link);
	feed->events_len--;
	free(event);
}

void
archive_feed_free(struct archive_feed *feed)
{
	if (feed == NULL)
		return;
	while (!STAILQ_EMPTY(&feed->events))
		drop_first(feed);
	free(feed);
}

/* ---- its folder ---- */

/* False where it is too long. */
static bool
folder_path(const struct archive_feed *feed, char path[static PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/archive",
		   feed->supervisor->conf->state_dir) < PATH_MAX;
}

/* Returns it, the workers' own, or a negative errno. */
static int
open_folder(const struct archive_feed *feed)
{
	const struct worker_setup *setup = &feed->supervisor->setup;
	char path[PATH_MAX];
	struct stat st;
	int r, fd;

	if (!folder_path(feed, path))
		return -ENAMETOOLONG;
	r = make_folder(path, 0700);
	fd = r == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : r;
	if (fd < 0)
		return r < 0 ? r : -errno;
	if (fstat(fd, &st) != 0 ||
	    (geteuid() == 0 && setup->sandbox && st.st_uid != setup->uid &&
		(fchown(fd, setup->uid, setup->gid) != 0 || fchmod(fd, 0700) != 0))) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* True if the path leads where it led. */
static bool
still_there(const struct archive_feed *feed)
{
	char path[PATH_MAX];
	struct stat st;

	return folder_path(feed, path) && lstat(path, &st) == 0 &&
	    st.st_dev == feed->device && st.st_ino == feed->inode;
}

static void
make_folder_again(struct archive_feed *feed)
{
	struct worker_setup *setup = &feed->supervisor->setup;
	char trouble[sizeof(feed->trouble)];
	int fd = open_folder(feed);
	struct stat st;

	if (fd < 0) {
		snprintf(trouble, sizeof(trouble),
		    "nothing is kept in the archive: its folder %.150s/archive: %s",
		    feed->supervisor->conf->state_dir, strerror(-fd));
		if (strcmp(trouble, feed->trouble) != 0)
			log_err("%s", trouble);
		memcpy(feed->trouble, trouble, sizeof(trouble));
		return;
	}
	if (fstat(fd, &st) == 0) {
		feed->device = st.st_dev;
		feed->inode = st.st_ino;
	}
	feed->trouble[0] = '\0';
	if (setup->archive >= 0)
		close(setup->archive);
	setup->archive = fd;
	if (archive_of(feed)->state == WORKER_STATE_RUNNING)
		worker_kill(archive_of(feed), "its folder is another one");
}

static void
send_samples(struct archive_feed *feed)
{
	struct worker *worker = archive_of(feed);
	size_t from = 0;

	if (!jobs_are_held(feed->supervisor->jobs))
		while (worker_has_room(worker) &&
		    jobs_samples(feed->supervisor->jobs, &from, &message))
			worker_send(worker, &message, NULL, 0);
}

void
archive_feed_look(struct archive_feed *feed)
{
	if (feed->supervisor->setup.archive < 0 || !still_there(feed))
		make_folder_again(feed);
	if (clock_ms(CLOCK_MONOTONIC) - feed->began_ms > PAST_WAIT_MS)
		jobs_release(feed->supervisor->jobs);
	send_samples(feed);
}

/* ---- events ---- */

void
archive_feed_event(struct archive_feed *feed, enum feed_kind kind, const char *target,
    const char *job, const char *format, ...)
{
	static const char *const words[] = {
#define X(kind, word) word,
		FEED_KINDS(X)
#undef X
	};
	char text[1024], line[1400];
	struct event *event;
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = ' ';
	len = (size_t)snprintf(
	    line, sizeof(line), "%s\n%.80s\n%.80s\n%s", words[kind], target, job, text);
	event = malloc(sizeof(*event) + len + 1);
	if (event == NULL)
		return;
	*event =
	    (struct event){ .number = ++feed->number, .ms = clock_ms(CLOCK_REALTIME) };
	memcpy(event->text, line, len + 1);
	STAILQ_INSERT_TAIL(&feed->events, event, link);
	if (++feed->events_len > EVENTS_MAX) {
		if (!feed->lost)
			log_warning(
			    "events that the archive could not keep for long are lost");
		feed->lost = true;
		drop_first(feed);
	}
	archive_feed_pump(feed);
}

void
archive_feed_pump(struct archive_feed *feed)
{
	struct worker *worker = archive_of(feed);
	struct event *event;

	targets_pump(feed->supervisor->targets, OUTBOX_ARCHIVE);
	jobs_pump(feed->supervisor->jobs, JOB_OUTBOX_ARCHIVE);
	STAILQ_FOREACH(event, &feed->events, link)
	{
		if (event->is_sent)
			continue;
		if (!worker_has_room(worker))
			return;
		message_init(&message, MESSAGE_EVENT, 0);
		message.event.number = event->number;
		message.event.ms = event->ms;
		message_printf(&message, "%s", event->text);
		event->is_sent = worker_send(worker, &message, NULL, 0);
	}
}

void
archive_feed_configure(struct archive_feed *feed)
{
	const struct conf_archive *conf = &feed->supervisor->conf->archive;

	message_init(&message, MESSAGE_KEEP, 0);
	message.keep.seconds_s = conf->seconds_s;
	message.keep.minutes_s = conf->minutes_s;
	message.keep.hours_s = conf->hours_s;
	message.keep.events = conf->events;
	message.keep.builds = conf->builds;
	message.keep.input_kib = (uint32_t)MIN(conf->input_bytes / 1024, UINT32_MAX);
	worker_send(archive_of(feed), &message, NULL, 0);
}

void
archive_feed_started(struct archive_feed *feed)
{
	struct event *event;

	archive_feed_configure(feed);
	STAILQ_FOREACH(event, &feed->events, link)
	event->is_sent = false;
	targets_resend(feed->supervisor->targets, OUTBOX_ARCHIVE);
	jobs_resend(feed->supervisor->jobs, JOB_OUTBOX_ARCHIVE);
	archive_feed_pump(feed);
}

/* ---- what it says ---- */

int
archive_feed_kept(struct archive_feed *feed, const struct message *from)
{
	while (!STAILQ_EMPTY(&feed->events) &&
	    STAILQ_FIRST(&feed->events)->number <= from->beat.number)
		drop_first(feed);
	feed->lost = false;
	return 0;
}

int
archive_feed_past(struct archive_feed *feed, const struct message *from)
{
	const size_t len = strnlen(from->text, from->text_len);
	struct job_sample past;
	char name[2 * JOB_NAME_MAX];

	if (len >= sizeof(name) || from->text_len != len + 1 + sizeof(past))
		return -EPROTO;
	memcpy(name, from->text, len);
	name[len] = '\0';
	memcpy(&past, from->text + len + 1, sizeof(past));
	jobs_past(feed->supervisor->jobs, name, &past);
	return 0;
}

int
archive_feed_past_told(struct archive_feed *feed)
{
	jobs_past_told(feed->supervisor->jobs);
	return 0;
}

int
archive_feed_state(struct archive_feed *feed, const struct message *from)
{
	snprintf(
	    feed->words, sizeof(feed->words), "%.*s", (int)from->text_len, from->text);
	/* A file that cannot be opened tells nothing of the past; jobs run without. */
	if (!from->archive_state.is_well)
		jobs_release(feed->supervisor->jobs);
	return 0;
}

const char *
archive_feed_words(const struct archive_feed *feed)
{
	return feed->trouble[0] != '\0' ? feed->trouble : feed->words;
}
