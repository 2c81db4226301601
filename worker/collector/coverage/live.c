/* SPDX-License-Identifier: MIT
 * Writes a live segment in the order that its readers rely on (live_segment.h); in the
 * collector.
 */
#include "config.h"

#include "live.h"

#include <errno.h>
#include <unistd.h>

#include "bitmap_diff.h"
#include "coverage_map.h"
#include "banned.h"

#define GET(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define SET(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)

/* Takes over what a dead collector had published. */
static int
seed(struct live *live, int seed_fd)
{
	struct live_segment *to = live->map.head;
	const struct live_segment *from;
	struct live_map old;
	uint32_t entries;
	int r;

	r = live_segment_map(seed_fd, &old);
	if (r < 0)
		return r;
	from = old.head;
	if (old.pcs_len != to->pcs_len) {
		live_segment_unmap(&old);
		return -EPROTO;
	}
	to->base_ms = old.base_ms;
	for (size_t i = 0; i < coverage_map_words(to->pcs_len); i++)
		SET(live->map.bits[i], GET(old.bits[i]));
	for (size_t i = 0; i < to->pcs_len; i++)
		SET(live->map.times[i], GET(old.times[i]));
	entries = GET(from->entries_len);
	entries = entries < LIVE_ENTRIES_MAX ? entries : LIVE_ENTRIES_MAX;
	for (uint32_t i = 0; i < entries; i++)
		SET(live->map.entries[i], GET(old.entries[i]));
	SET(to->entries_len, entries);
	SET(to->n_runs, GET(from->n_runs));
	SET(to->unique_runs, GET(from->unique_runs));
	live->seeded = true;
	live->seed_runs = GET(to->n_runs);
	live->seed_unique = GET(to->unique_runs);
	SET(to->last_find_ms, GET(from->last_find_ms));
	SET(to->last_run_ms, GET(from->last_run_ms));
	SET(to->bits_version, GET(from->bits_version) + 1);
	live_segment_unmap(&old);
	/* Counted anew: the dead one may have died between a bit and its count. */
	for (size_t i = 0; i < coverage_map_words(to->pcs_len); i++)
		SET(to->covered,
		    GET(to->covered) +
			(uint32_t)__builtin_popcountll(GET(live->map.bits[i])));
	return 0;
}

int
live_open(uint32_t pcs_len, int64_t now_ms, int seed_fd, struct live *ret_live)
{
	struct live live = { .fd = -1 };
	int r;

	r = live_segment_create(pcs_len, now_ms, &live.fd, &live.map);
	if (r < 0)
		return r;
	if (seed_fd >= 0) {
		r = seed(&live, seed_fd);
		if (r < 0) {
			live_close(&live);
			return r;
		}
	}
	*ret_live = live;
	return 0;
}

void
live_close(struct live *live)
{
	live_segment_unmap(&live->map);
	if (live->fd >= 0)
		close(live->fd);
	live->fd = -1;
}

/* Times first, then the bit with release: who sees a bit sees its time. */
static uint32_t
add_word(struct live *live, size_t word, uint64_t new, uint32_t time)
{
	for (uint64_t rest = new; rest != 0; rest &= rest - 1)
		SET(live->map.times[64 * word + (unsigned)__builtin_ctzll(rest)], time);
	atomic_fetch_or_explicit(&live->map.bits[word], new, memory_order_release);
	return (uint32_t)__builtin_popcountll(new);
}

uint32_t
live_add_bits(struct live *live, const uint64_t *words, int64_t now_ms, bool before)
{
	struct live_segment *head = live->map.head;
	size_t len = coverage_map_words(head->pcs_len), i;
	/* Our own map, which nobody else can write: reading it plainly is no race. */
	const uint64_t *known = (const uint64_t *)live->map.bits;
	int64_t passed = now_ms > head->base_ms ? (now_ms - head->base_ms) / 10 : 0;
	uint32_t time = before    ? 0
	    : passed < UINT32_MAX ? (uint32_t)passed
				  : UINT32_MAX,
		 new = 0;

	if (!before && time == 0)
		time = 1;
	for (i = bitmap_diff_next(words, known, 0, len); i < len;
	    i = bitmap_diff_next(words, known, i + 1, len))
		new += add_word(live, i, words[i] & ~known[i], time);
	if (new == 0)
		return 0;
	SET(head->covered, GET(head->covered) + new);
	SET(head->bits_version, GET(head->bits_version) + 1);
	if (!before)
		SET(head->last_find_ms, now_ms);
	live->changed = true;
	return new;
}

void
live_set_runs(struct live *live, uint64_t n_runs, uint64_t unique_runs,
    uint64_t milli_per_second, int64_t now_ms, bool ran)
{
	struct live_segment *head = live->map.head;

	/* First: who sees runs must see when, even if we die between the two. */
	if (ran)
		SET(head->last_run_ms, now_ms);
	if (n_runs > GET(head->n_runs)) {
		SET(head->n_runs, n_runs);
		live->changed = true;
	}
	if (unique_runs > GET(head->unique_runs)) {
		SET(head->unique_runs, unique_runs);
		live->changed = true;
	}
	if (milli_per_second != GET(head->milli_runs_per_second)) {
		SET(head->milli_runs_per_second, milli_per_second);
		live->changed = true;
	}
}

void
live_add_entry(struct live *live, uint32_t index)
{
	struct live_segment *head = live->map.head;
	uint32_t len = GET(head->entries_len);

	if (index >= head->pcs_len || len == LIVE_ENTRIES_MAX)
		return;
	for (uint32_t i = 0; i < len; i++)
		if (GET(live->map.entries[i]) == index)
			return;
	SET(live->map.entries[len], index);
	atomic_store_explicit(&head->entries_len, len + 1, memory_order_release);
	live->changed = true;
}

bool
live_publish(struct live *live)
{
	if (!live->changed)
		return false;
	live->changed = false;
	/* Partner: the reader's acquire load of sequence. */
	atomic_fetch_add_explicit(&live->map.head->sequence, 1, memory_order_release);
	return true;
}
