/* SPDX-License-Identifier: MIT
 * What the archive is given and told, and what it tells; in the supervisor.
 */
#ifndef FUZZSUP_ARCHIVE_FEED_H
#define FUZZSUP_ARCHIVE_FEED_H

#include <stdbool.h>

#include "message.h"

struct archive_feed;
struct supervisor;

/*  kind        word          what happened */
#define FEED_KINDS(X) \
	X(SERVICE, "service") /* it started */ \
	X(RELOAD, "reload")   /* a configuration was taken over, or refused */ \
	X(WORKER, "worker")   /* one of our processes died */ \
	X(BUILD, "build")     /* a target is another build */ \
	X(TARGET_FAILED, "target-failed") /* it cannot be shown */ \
	X(JOB_STARTED, "job-started") \
	X(JOB_ENDED, "job-ended") /* done, or on request */ \
	X(JOB_FAILED, "job-failed") \
	X(JOB_RESTARTED, "job-restarted") /* an instance ended and is started again */ \
	X(JOB_WAITING, "job-waiting") \
	X(PLATEAU, "plateau") /* a job found nothing new for long */

enum feed_kind {
#define X(kind, word) FEED_##kind,
	FEED_KINDS(X)
#undef X
};

int archive_feed_new(struct supervisor *supervisor, struct archive_feed **ret_feed);
void archive_feed_free(struct archive_feed *feed);

/* Makes the archive's folder in state-dir, or says why it cannot. To be called before the archive
 * is started, and then once a second: a folder that was removed is made again, for a new archive. */
void archive_feed_look(struct archive_feed *feed);

/* Tells how much is to be kept; after a reload. */
void archive_feed_configure(struct archive_feed *feed);

/* The archive has just been started, or has room again. */
void archive_feed_started(struct archive_feed *feed);
void archive_feed_pump(struct archive_feed *feed);

/* Something happened; @target and @job may be "". */
void archive_feed_event(struct archive_feed *feed, enum feed_kind kind,
    const char *target, const char *job, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* What it says. -EPROTO if it must be killed. */
int archive_feed_kept(struct archive_feed *feed, const struct message *message);
int archive_feed_past(struct archive_feed *feed, const struct message *message);
int archive_feed_past_told(struct archive_feed *feed);
int archive_feed_state(struct archive_feed *feed, const struct message *message);

/* What a user should know of it; "": all is well. */
const char *archive_feed_words(const struct archive_feed *feed);

#endif
