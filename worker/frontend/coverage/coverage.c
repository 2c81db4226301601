/* SPDX-License-Identifier: MIT
 * The seen bits of a target and the frames made of them; in the front-end.
 */
#include "config.h"

#include "coverage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coverage_map.h"
#include "delta.h"
#include "wire.h"
#include "banned.h"

static void
drop(struct frame **frame)
{
	frame_unref(*frame);
	*frame = NULL;
}

static void
drop_frames(struct coverage *coverage)
{
	drop(&coverage->full);
	drop(&coverage->times);
	drop(&coverage->entries_frame);
	drop(&coverage->update);
	drop(&coverage->entry_points);
	for (size_t i = 0; i < COVERAGE_DELTAS; i++)
		drop(&coverage->deltas[i].frame);
}

void
coverage_clear(struct coverage *coverage)
{
	drop_frames(coverage);
	free(coverage->bits);
	free(coverage->entries);
	*coverage = (struct coverage){
		.version = coverage->version,
		.entries_version = coverage->entries_version,
		.update_version = coverage->update_version,
	};
}

int
coverage_reset(struct coverage *coverage, uint32_t target, uint32_t pcs_len)
{
	uint64_t *bits = calloc(coverage_map_words(pcs_len) + 1, sizeof(*bits));

	if (bits == NULL)
		return -ENOMEM;
	coverage_clear(coverage);
	coverage->target = target;
	coverage->pcs_len = pcs_len;
	coverage->bits = bits;
	/* Two steps, so that no delta leads from what was before to what is now. */
	coverage->version += 2;
	coverage->entries_version++;
	coverage->update_version++;
	return 0;
}

static uint64_t
valid_bits(const struct coverage *coverage, uint64_t word)
{
	uint32_t rest = coverage->pcs_len % 64;

	if (rest == 0 || word + 1 < coverage_map_words(coverage->pcs_len))
		return UINT64_MAX;
	return (UINT64_C(1) << rest) - 1;
}

/* Lists what @live has and @coverage has not. The copy is changed only when all is
 * well, so a failure loses nothing. */
static int
list_new_bits(
    const struct coverage *coverage, const struct live_map *live, struct delta *delta)
{
	uint64_t words = coverage_map_words(coverage->pcs_len), fresh;
	int r = 0;

	for (uint64_t i = 0; i < words && r == 0; i++) {
		fresh = atomic_load_explicit(&live->bits[i], memory_order_relaxed) &
		    ~coverage->bits[i];
		if (fresh == 0)
			continue;
		for (fresh &= valid_bits(coverage, i); fresh != 0 && r == 0;
		    fresh &= fresh - 1)
			r = delta_add(delta,
			    (uint32_t)(64 * i) + (uint32_t)__builtin_ctzll(fresh));
	}
	return r;
}

/* Keeps a delta frame for the new version, unless a full frame is smaller. */
static void
keep_delta(struct coverage *coverage, const struct delta *delta, uint32_t hit_time)
{
	size_t place = coverage->version % COVERAGE_DELTAS, len;
	struct wire_coverage_delta head = {
		.header = { .tag = WIRE_COVERAGE_DELTA, .target = coverage->target },
		.from_version = coverage->version - 1,
		.to_version = coverage->version,
		.bits_len = (uint32_t)delta->len,
		.hit_time = hit_time,
	};
	unsigned char *bytes;
	struct frame *frame;

	drop(&coverage->deltas[place].frame);
	if (delta_encode(delta, &bytes, &len, &head.encoding) < 0)
		return;
	if (len <= 64 || len <= 8 * coverage_map_words(coverage->pcs_len)) {
		frame = frame_new(FRAME_BINARY, sizeof(head) + len, NULL, 0);
		if (frame != NULL) {
			memcpy(frame_front(frame), &head, sizeof(head));
			memcpy((char *)frame_front(frame) + sizeof(head), bytes, len);
		}
		coverage->deltas[place].frame = frame;
		coverage->deltas[place].to = coverage->version;
	}
	free(bytes);
}

/* The earliest time of @delta's bits that is later than @after; -1: none. */
static int64_t
next_time(const struct delta *delta, const struct live_map *live, int64_t after)
{
	int64_t next = -1, time;

	for (size_t i = 0; i < delta->len; i++) {
		time = atomic_load_explicit(
		    &live->times[delta->indexes[i]], memory_order_relaxed);
		if (time > after && (next < 0 || time < next))
			next = time;
	}
	return next;
}

static void
keep_delta_of(struct coverage *coverage, const struct delta *delta,
    const struct live_map *live, uint32_t time)
{
	struct delta same = { 0 };
	int r = 0;

	for (size_t i = 0; i < delta->len && r == 0; i++)
		if (atomic_load_explicit(
			&live->times[delta->indexes[i]], memory_order_relaxed) == time)
			r = delta_add(&same, delta->indexes[i]);
	coverage->version++;
	if (r == 0)
		keep_delta(coverage, &same, time);
	delta_free(&same);
}

/* A delta has one time, which must be the one that a full frame's times tell later: a
 * version for each. Where they are many, all clients are sent the full frame. */
static void
keep_deltas(
    struct coverage *coverage, const struct delta *delta, const struct live_map *live)
{
	int64_t time = next_time(delta, live, -1);

	for (int i = 0; i < COVERAGE_DELTAS / 2 && time >= 0; i++) {
		keep_delta_of(coverage, delta, live, (uint32_t)time);
		time = next_time(delta, live, time);
	}
	if (time >= 0)
		coverage->version += 2;
}

static int
look_at_bits(
    struct coverage *coverage, const struct live_map *live, uint64_t bits_version)
{
	struct delta delta = { 0 };
	int r = list_new_bits(coverage, live, &delta);

	if (r == 0) {
		coverage->bits_version = bits_version;
		if (delta.len > 0) {
			for (size_t i = 0; i < delta.len; i++)
				coverage->bits[delta.indexes[i] / 64] |= UINT64_C(1)
				    << delta.indexes[i] % 64;
			keep_deltas(coverage, &delta, live);
			drop(&coverage->full);
			drop(&coverage->times);
			r = COVERAGE_BITS;
		}
	}
	delta_free(&delta);
	return r;
}

static int
look_at_entries(struct coverage *coverage, const struct live_map *live)
{
	uint32_t len =
	    atomic_load_explicit(&live->head->entries_len, memory_order_acquire);
	uint32_t *entries, kept = 0, index;

	if (len > LIVE_ENTRIES_MAX)
		len = LIVE_ENTRIES_MAX;
	entries = calloc((size_t)len + 1, sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < len; i++) {
		index = atomic_load_explicit(&live->entries[i], memory_order_relaxed);
		if (index < coverage->pcs_len)
			entries[kept++] = index;
	}
	if (kept == coverage->entries_len &&
	    (kept == 0 || memcmp(entries, coverage->entries, 4 * (size_t)kept) == 0)) {
		free(entries);
		return 0;
	}
	free(coverage->entries);
	coverage->entries = entries;
	coverage->entries_len = kept;
	coverage->entries_version++;
	drop(&coverage->entries_frame);
	drop(&coverage->entry_points);
	return COVERAGE_ENTRIES;
}

int
coverage_look(struct coverage *coverage, const struct live_map *live)
{
	uint64_t bits_version, unique_runs;
	int changes = 0, r;

	if (live->head == NULL || live->pcs_len != coverage->pcs_len ||
	    coverage->bits == NULL)
		return 0;
	/* Pairs with the collector's release: all that this version counts is visible. */
	atomic_load_explicit(&live->head->sequence, memory_order_acquire);
	bits_version =
	    atomic_load_explicit(&live->head->bits_version, memory_order_acquire);
	coverage->base_ms = live->base_ms;
	coverage->n_runs =
	    atomic_load_explicit(&live->head->n_runs, memory_order_relaxed);
	unique_runs =
	    atomic_load_explicit(&live->head->unique_runs, memory_order_relaxed);
	if (bits_version != coverage->bits_version) {
		r = look_at_bits(coverage, live, bits_version);
		if (r < 0)
			return r;
		changes |= r;
	}
	r = look_at_entries(coverage, live);
	if (r < 0)
		return r;
	changes |= r;
	if (unique_runs != coverage->unique_runs) {
		coverage->unique_runs = unique_runs;
		changes |= COVERAGE_UNIQUE_RUNS;
	}
	if ((changes & (COVERAGE_BITS | COVERAGE_UNIQUE_RUNS)) != 0) {
		coverage->update_version++;
		drop(&coverage->update);
	}
	return changes;
}

/* ---- frames ---- */

struct frame *
coverage_full(struct coverage *coverage)
{
	size_t bits = 8 * coverage_map_words(coverage->pcs_len);
	struct wire_coverage_full head = {
		.header = { .tag = WIRE_COVERAGE_FULL, .target = coverage->target },
		.version = coverage->version,
		.pcs_len = coverage->pcs_len,
		.base_ms = coverage->base_ms,
	};

	if (coverage->full == NULL) {
		coverage->full = frame_new(FRAME_BINARY, sizeof(head) + bits, NULL, 0);
		if (coverage->full == NULL)
			return NULL;
		memcpy(frame_front(coverage->full), &head, sizeof(head));
		memcpy((char *)frame_front(coverage->full) + sizeof(head),
		    coverage->bits, bits);
	}
	return coverage->full;
}

static uint32_t
count_bits(const struct coverage *coverage)
{
	uint32_t count = 0;

	for (uint64_t i = 0; i < coverage_map_words(coverage->pcs_len); i++)
		count += (uint32_t)__builtin_popcountll(coverage->bits[i]);
	return count;
}

static void
fill_times(const struct coverage *coverage, const struct live_map *live, char *to)
{
	uint32_t time = 0;

	for (uint64_t i = 0; i < coverage_map_words(coverage->pcs_len); i++)
		for (uint64_t left = coverage->bits[i]; left != 0; left &= left - 1) {
			if (live->head != NULL && live->pcs_len == coverage->pcs_len)
				time = atomic_load_explicit(
				    &live->times[64 * i +
					(uint64_t)__builtin_ctzll(left)],
				    memory_order_relaxed);
			memcpy(to, &time, sizeof(time));
			to += sizeof(time);
		}
}

struct frame *
coverage_times(struct coverage *coverage, const struct live_map *live)
{
	struct wire_hit_times head = {
		.header = { .tag = WIRE_HIT_TIMES, .target = coverage->target },
		.version = coverage->version,
	};

	if (coverage->times == NULL) {
		head.times_len = count_bits(coverage);
		coverage->times = frame_new(
		    FRAME_BINARY, sizeof(head) + 4 * (size_t)head.times_len, NULL, 0);
		if (coverage->times == NULL)
			return NULL;
		memcpy(frame_front(coverage->times), &head, sizeof(head));
		fill_times(coverage, live,
		    (char *)frame_front(coverage->times) + sizeof(head));
	}
	return coverage->times;
}

struct frame *
coverage_entries(struct coverage *coverage)
{
	struct wire_entries head = {
		.header = { .tag = WIRE_ENTRIES, .target = coverage->target },
		.entries_len = coverage->entries_len,
	};
	size_t size = 4 * (size_t)coverage->entries_len;

	if (coverage->entries_frame == NULL) {
		coverage->entries_frame =
		    frame_new(FRAME_BINARY, sizeof(head) + size, NULL, 0);
		if (coverage->entries_frame == NULL)
			return NULL;
		memcpy(frame_front(coverage->entries_frame), &head, sizeof(head));
		if (size > 0)
			memcpy(
			    (char *)frame_front(coverage->entries_frame) + sizeof(head),
			    coverage->entries, size);
	}
	return coverage->entries_frame;
}

struct frame *
coverage_update(struct coverage *coverage)
{
	size_t bits = 8 * coverage_map_words(coverage->pcs_len);
	struct wire_coverage_update head = {
		.flags = WIRE_COVERAGE_UPDATE,
		.n_runs = coverage->n_runs,
		.unique_runs = coverage->unique_runs,
	};

	if (coverage->update == NULL) {
		coverage->update =
		    frame_new(FRAME_BINARY, sizeof(head) + bits, NULL, 0);
		if (coverage->update == NULL)
			return NULL;
		memcpy(frame_front(coverage->update), &head, sizeof(head));
		memcpy((char *)frame_front(coverage->update) + sizeof(head),
		    coverage->bits, bits);
	}
	return coverage->update;
}

/* The reference's client indexes its files by a location's file without a check, so
 * entries of unknown place are kept from it. */
struct frame *
coverage_entry_points(struct coverage *coverage, const struct source_table *table)
{
	uint32_t known = 0, flags;
	unsigned char *at;

	if (coverage->entry_points != NULL)
		return coverage->entry_points;
	coverage->entry_points =
	    frame_new(FRAME_BINARY, 4 + 4 * (size_t)coverage->entries_len, NULL, 0);
	if (coverage->entry_points == NULL)
		return NULL;
	at = frame_front(coverage->entry_points);
	for (uint32_t i = 0; i < coverage->entries_len; i++) {
		if (table->locations[coverage->entries[i]].file == WIRE_FILE_UNKNOWN)
			continue;
		known++;
		memcpy(at + 4 * (size_t)known, &coverage->entries[i], 4);
	}
	flags = WIRE_ENTRY_POINTS | known << 8;
	memcpy(at, &flags, 4);
	frame_shorten(coverage->entry_points, 4 + 4 * (size_t)known);
	return coverage->entry_points;
}

struct frame *
coverage_delta(const struct coverage *coverage, uint64_t from)
{
	size_t place = (from + 1) % COVERAGE_DELTAS;

	return coverage->deltas[place].to == from + 1 ? coverage->deltas[place].frame
						      : NULL;
}
