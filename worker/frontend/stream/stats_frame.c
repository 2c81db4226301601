/* SPDX-License-Identifier: MIT
 * Numbers of targets; in the front-end.
 */
#include "config.h"

#include "stats_frame.h"

#include <string.h>

#include "wire.h"
#include "banned.h"

struct __attribute__((packed)) stats_head {
	struct wire_header header;
	uint32_t count;
	uint32_t zero;
};
_Static_assert(sizeof(struct stats_head) == 16, "head of stats");

static bool
wanted(const struct target *target, bool all)
{
	return target->live.head != NULL && (all || target->stats_changed);
}

static struct wire_stats
numbers(const struct target *target)
{
	const struct live_segment *live = target->live.head;
	uint64_t rate =
	    atomic_load_explicit(&live->milli_runs_per_second, memory_order_relaxed);

	return (struct wire_stats){
		.target = target->id,
		.covered = target_covered(target),
		.n_runs = atomic_load_explicit(&live->n_runs, memory_order_relaxed),
		.unique_runs =
		    atomic_load_explicit(&live->unique_runs, memory_order_relaxed),
		.last_find_ms =
		    atomic_load_explicit(&live->last_find_ms, memory_order_relaxed),
		.last_run_ms =
		    atomic_load_explicit(&live->last_run_ms, memory_order_relaxed),
		.runs_per_second = (float)rate / 1000,
	};
}

struct frame *
stats_frame(struct targets *targets, bool all)
{
	struct stats_head head = { .header = { .tag = WIRE_STATS } };
	struct wire_stats stats;
	struct frame *frame;
	char *at;

	for (size_t i = 0; i < targets->len; i++)
		head.count += wanted(targets->sorted[i], all);
	if (head.count == 0)
		return NULL;
	frame =
	    frame_new(FRAME_BINARY, sizeof(head) + head.count * sizeof(stats), NULL, 0);
	if (frame == NULL)
		return NULL;
	at = frame_front(frame);
	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	for (size_t i = 0; i < targets->len; i++) {
		if (!wanted(targets->sorted[i], all))
			continue;
		stats = numbers(targets->sorted[i]);
		memcpy(at, &stats, sizeof(stats));
		at += sizeof(stats);
		if (!all)
			targets->sorted[i]->stats_changed = false;
	}
	return frame;
}
