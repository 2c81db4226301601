/* SPDX-License-Identifier: MIT
 * The collector's schedule.
 */
#include "config.h"

#include "poll.h"

#include "clock.h"
#include "banned.h"

#define BUSY_TICK_MS 10 /* at least; busy files take a quarter of a core at most */
#define BUSY_SHARE 4
#define TURN_US 4000 /* of reading at once; the next turn goes on behind it */
#define IDLE_TICK_MS 20
#define RINGING_MS 100   /* for the runs of files whose bits announce themselves */
#define IDLE_ROUND_MS 40 /* at least; idle files take a 200th of a core at most */
#define IDLE_SHARE 200
#define CROWD_US 1000 /* each IDLE_TICK_MS, while something changes in the crowd */
#define CROWD_IDLE_US 100
#define CROWD_BUSY_MS 5000
#define RING_GAP_US 500     /* between two scans for one doorbell */
#define GONE_AFTER_MS 10000 /* a file without a name is let go when it stands still */

void
poll_set_clock(struct collector *collector)
{
	collector->now_ms = clock_ms(CLOCK_MONOTONIC);
	collector->wall_ms = clock_ms(CLOCK_REALTIME);
}

static int
busy_tick_ms(const struct collector *collector)
{
	int64_t fair = collector->busy_cost_us * BUSY_SHARE / 1000;

	return fair < BUSY_TICK_MS ? BUSY_TICK_MS : fair < 1000 ? (int)fair : 1000;
}

static bool
announces_itself(const struct file *file)
{
	return file->has_module && file->place->rang;
}

static bool
poll_busy(struct collector *collector)
{
	const struct file *last = TAILQ_LAST(&collector->busy, file_queue);
	struct file *file;
	bool changed = false;
	int64_t from = clock_us(CLOCK_MONOTONIC), now = from;

	if (from / 1000 - collector->busy_polled_ms < busy_tick_ms(collector) - 2)
		return false;
	collector->busy_polled_ms = from / 1000;
	while ((file = TAILQ_FIRST(&collector->busy)) != NULL && now - from < TURN_US) {
		TAILQ_REMOVE(&collector->busy, file, in_queue);
		TAILQ_INSERT_TAIL(&collector->busy, file, in_queue);
		if (!announces_itself(file) ||
		    collector->now_ms - file->read_ms >= RINGING_MS) {
			file->read_ms = collector->now_ms;
			changed = file_poll(collector, file) || changed;
			now = clock_us(CLOCK_MONOTONIC);
		}
		if (file == last)
			break;
	}
	collector->busy_cost_us = (collector->busy_cost_us + now - from) / 2;
	return changed;
}

static int64_t
idle_round_ms(const struct collector *collector)
{
	int64_t fair = (int64_t)collector->idle_len * collector->idle_cost_ns *
	    IDLE_SHARE / 1000000;

	return fair > IDLE_ROUND_MS ? fair : IDLE_ROUND_MS;
}

/* As many of the idle files as have come due since the last time, from the front of their
 * queue to its end. */
static bool
poll_idle(struct collector *collector)
{
	int64_t passed = collector->now_ms - collector->idle_polled_ms;
	size_t due = collector->idle_len, n = 0;
	int64_t round = idle_round_ms(collector), from = clock_us(CLOCK_MONOTONIC);
	struct file *file;
	bool changed = false;

	if (collector->idle_len == 0 || passed < IDLE_TICK_MS)
		return false;
	if (passed < round)
		due = (size_t)((int64_t)due * passed / round) + 1;
	collector->idle_polled_ms = collector->now_ms;
	for (; n < due && (file = TAILQ_FIRST(&collector->idle)) != NULL; n++) {
		TAILQ_REMOVE(&collector->idle, file, in_queue);
		TAILQ_INSERT_TAIL(&collector->idle, file, in_queue);
		if (file_poll(collector, file))
			changed = true;
		else if (file->gone &&
		    collector->now_ms - file->changed_ms > GONE_AFTER_MS)
			file_forget(collector, file);
	}
	if (n > 0)
		collector->idle_cost_ns =
		    (collector->idle_cost_ns * 7 +
			(clock_us(CLOCK_MONOTONIC) - from) * 1000 / (int64_t)n) /
		    8;
	return changed;
}

/* Files of a target that has very many; in turn, for a time that does not grow with them. */
static bool
poll_crowd(struct collector *collector)
{
	const struct file *last = TAILQ_LAST(&collector->crowd, file_queue);
	int64_t until = clock_us(CLOCK_MONOTONIC) +
	    (collector->now_ms - collector->crowd_changed_ms < CROWD_BUSY_MS
		    ? CROWD_US
		    : CROWD_IDLE_US);
	struct file *file, *done = NULL;
	bool changed = false;

	if (last == NULL ||
	    collector->now_ms - collector->crowd_polled_ms < IDLE_TICK_MS)
		return false;
	collector->crowd_polled_ms = collector->now_ms;
	while (done != last && clock_us(CLOCK_MONOTONIC) < until) {
		file = done = TAILQ_FIRST(&collector->crowd);
		TAILQ_REMOVE(&collector->crowd, file, in_queue);
		TAILQ_INSERT_TAIL(&collector->crowd, file, in_queue);
		if (file_poll(collector, file))
			changed = true;
		else if (file->gone &&
		    collector->now_ms - file->changed_ms > GONE_AFTER_MS)
			file_forget(collector, file);
	}
	if (changed)
		collector->crowd_changed_ms = collector->now_ms;
	return changed;
}

bool
poll_due(struct collector *collector)
{
	bool changed = poll_busy(collector);

	changed = poll_crowd(collector) || changed;

	file_retry_all(collector);
	place_retry_all(collector);
	return poll_idle(collector) || changed;
}

int
poll_wait_ms(const struct collector *collector)
{
	const struct file *file;

	TAILQ_FOREACH(file, &collector->busy, in_queue)
		if (!announces_itself(file))
			return collector->busy_cost_us * BUSY_SHARE <
				1000 * IDLE_TICK_MS
			    ? busy_tick_ms(collector)
			    : IDLE_TICK_MS;
	if (!TAILQ_EMPTY(&collector->idle) || !TAILQ_EMPTY(&collector->crowd))
		return IDLE_TICK_MS;
	return !TAILQ_EMPTY(&collector->later) ? 50 : RINGING_MS;
}

int64_t
poll_rung(struct collector *collector, struct place *place, bool *ret_changed)
{
	int64_t now = clock_us(CLOCK_MONOTONIC), gap = 4 * place->scan_cost_us;
	const struct file *last = TAILQ_LAST(&place->files, place_files);
	struct file *file;

	gap = gap > RING_GAP_US ? gap : RING_GAP_US;
	place->rang = place->pending = true;
	if (now - place->scanned_us < gap)
		return gap - (now - place->scanned_us);
	place->scanned_us = now;
	place->pending = false;
	while ((file = TAILQ_FIRST(&place->files)) != NULL && !place->pending) {
		TAILQ_REMOVE(&place->files, file, in_place);
		TAILQ_INSERT_TAIL(&place->files, file, in_place);
		if (file->state == FILE_ATTACHED && file->has_module && !file->crowd) {
			*ret_changed = file_poll(collector, file) || *ret_changed;
			place->scanned_us = clock_us(CLOCK_MONOTONIC);
		}
		if (file == last)
			break;
		/* Who rang may be among the rest. */
		place->pending = place->scanned_us - now > TURN_US;
	}
	place->scan_cost_us = place->scanned_us - now;
	return place->pending ? 4 * place->scan_cost_us : 0;
}
