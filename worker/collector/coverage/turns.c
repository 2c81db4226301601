/* SPDX-License-Identifier: MIT
 * Whose files are looked at next: places and targets take turns, each by one step of well
 * below a millisecond; in the collector.
 */
#include "config.h"

#include "clock.h"
#include "collect.h"
#include "banned.h"

void
turns_init(struct lane *lane, struct place *place)
{
	TAILQ_INIT(&lane->files);
	lane->place = place;
	lane->waits = false;
}

void
turns_wake(struct collector *collector, struct lane *lane)
{
	if (!lane->waits)
		TAILQ_INSERT_TAIL(&collector->round, lane, in_round);
	lane->waits = true;
}

static bool
is_idle(const struct lane *lane)
{
	return TAILQ_EMPTY(&lane->files) &&
	    (lane->place == NULL || lane->place->listing == NULL);
}

void
turns_rest(struct collector *collector, struct lane *lane)
{
	if (!lane->waits || !is_idle(lane))
		return;
	TAILQ_REMOVE(&collector->round, lane, in_round);
	lane->waits = false;
}

void
turns_put(struct collector *collector, struct lane *lane, struct file *file)
{
	if (file->lane != NULL)
		return;
	file->lane = lane;
	TAILQ_INSERT_TAIL(&lane->files, file, in_lane);
	turns_wake(collector, lane);
}

void
turns_remove(struct collector *collector, struct file *file)
{
	struct lane *lane = file->lane;

	if (lane == NULL)
		return;
	TAILQ_REMOVE(&lane->files, file, in_lane);
	file->lane = NULL;
	turns_rest(collector, lane);
}

void
turns_close(struct collector *collector, struct lane *lane)
{
	struct file *file;

	/* What a target leaves may be another one's. */
	while ((file = TAILQ_FIRST(&lane->files)) != NULL) {
		turns_remove(collector, file);
		turns_put(collector, &file->place->lane, file);
	}
	turns_rest(collector, lane);
}

/* One step. Files of a lane are looked at one after the other, so that each target has one
 * list of PCs in the making, and no more. */
static void
take(struct collector *collector, struct lane *lane)
{
	struct place *place = lane->place;
	struct file *file = TAILQ_FIRST(&lane->files);

	if (place != NULL && place->listing != NULL) {
		place->list_turn = !place->list_turn;
		if (file == NULL || place->list_turn) {
			place_list_step(collector, place);
			return;
		}
	}
	if (file != NULL)
		check_step(collector, file);
}

bool
turns_take(struct collector *collector, int64_t us)
{
	int64_t until = clock_us(CLOCK_MONOTONIC) + us;
	struct lane *lane;

	while ((lane = TAILQ_FIRST(&collector->round)) != NULL &&
	    clock_us(CLOCK_MONOTONIC) < until) {
		TAILQ_REMOVE(&collector->round, lane, in_round);
		TAILQ_INSERT_TAIL(&collector->round, lane, in_round);
		take(collector, lane);
	}
	return !TAILQ_EMPTY(&collector->round);
}
