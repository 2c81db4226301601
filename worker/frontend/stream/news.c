/* SPDX-License-Identifier: MIT
 * Noticing changes of live segments; in the front-end.
 */
#include "config.h"

#include "news.h"

#include <stdlib.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "banned.h"

#define LOOK_INTERVAL_US 1000 /* between two looks, however often it rings */

struct news {
	struct event rung, timer;
	struct targets *targets;
	struct stream *stream;
	struct reference_stream *references;
};

static void
look_at(struct news *news, struct target *target)
{
	uint64_t sequence;
	int changes;

	if (target->live.head == NULL)
		return;
	sequence =
	    atomic_load_explicit(&target->live.head->sequence, memory_order_acquire);
	if (sequence == target->live_sequence)
		return;
	target->live_sequence = sequence;
	target->stats_changed = true;
	changes = target_look(target);
	if (changes < 0)
		target->live_sequence = UINT64_MAX;
	if (changes <= 0)
		return;
	if ((changes & (COVERAGE_BITS | COVERAGE_ENTRIES)) != 0)
		stream_target_changed(news->stream, target);
	reference_stream_target_changed(news->references, target);
}

void
news_look(struct news *news)
{
	for (size_t i = 0; i < news->targets->len; i++)
		look_at(news, news->targets->sorted[i]);
	reference_stream_settle(news->references);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct news *news = arg;

	(void)fd;
	(void)what;
	event_add(&news->rung, NULL);
}

/* Looks at once, then lets a moment pass: ringing costs the loop a bounded share. */
static void
rung_cb(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval interval = { 0, LOOK_INTERVAL_US };
	struct news *news = arg;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return;
	event_del(&news->rung);
	event_add(&news->timer, &interval);
	news_look(news);
}

struct news *
news_new(struct event_base *base, int fd, struct targets *targets,
    struct stream *stream, struct reference_stream *references)
{
	struct news *news = calloc(1, sizeof(*news));

	if (news == NULL)
		return NULL;
	news->targets = targets;
	news->stream = stream;
	news->references = references;
	event_assign(&news->rung, base, fd, EV_READ | EV_PERSIST, rung_cb, news);
	event_assign(&news->timer, base, -1, 0, timer_cb, news);
	event_add(&news->rung, NULL);
	return news;
}

void
news_free(struct news *news)
{
	if (news == NULL)
		return;
	event_del(&news->rung);
	event_del(&news->timer);
	free(news);
}
