/* SPDX-License-Identifier: MIT
 * The seen bits of one watched target: a private copy that only grows, and the frames
 * made of it, each built once for all who are sent it.
 */
#ifndef FUZZSUP_COVERAGE_H
#define FUZZSUP_COVERAGE_H

#include "frame.h"
#include "live_segment.h"
#include "source_table.h"

#define COVERAGE_DELTAS 32 /* so many versions may a client be behind */

enum coverage_change {
	COVERAGE_BITS = 1,
	COVERAGE_ENTRIES = 2,
	COVERAGE_UNIQUE_RUNS = 4,
};

struct coverage {
	uint32_t target; /* id */
	uint32_t pcs_len;
	uint64_t *bits;
	uint64_t version;      /* of the bits; grows for ever, also over resets */
	uint64_t bits_version; /* of the live segment, when it was read */
	uint64_t n_runs, unique_runs;
	int64_t base_ms;
	uint32_t *entries;
	uint32_t entries_len;
	uint64_t entries_version;
	uint64_t update_version; /* of what the reference's clients are sent */
	struct frame *full, *times, *entries_frame; /* fuzzsup.v1 */
	struct frame *update, *entry_points;        /* the reference's */
	struct {
		uint64_t to;
		struct frame *frame;
	} deltas[COVERAGE_DELTAS]; /* by version % COVERAGE_DELTAS */
};

/* Begins anew for @pcs_len PCs; versions go on. Returns 0 or -ENOMEM. */
int coverage_reset(struct coverage *coverage, uint32_t target, uint32_t pcs_len);

/* Frees bits and frames; versions stay, so that a later coverage_reset() goes on. */
void coverage_clear(struct coverage *coverage);

/* Takes over what is new in @live. Returns an OR of enum coverage_change, or -ENOMEM;
 * then the next call finds it again. */
int coverage_look(struct coverage *coverage, const struct live_map *live);

/* Frames of the present version, borrowed; NULL without memory. @live may be unmapped. */
struct frame *coverage_full(struct coverage *coverage);
struct frame *coverage_times(struct coverage *coverage, const struct live_map *live);
struct frame *coverage_entries(struct coverage *coverage);
struct frame *coverage_update(struct coverage *coverage);
struct frame *coverage_entry_points(
    struct coverage *coverage, const struct source_table *table);

/* The frame that leads from version @from to the next one, borrowed; NULL if it is too
 * old, and a full frame has to be sent. */
struct frame *coverage_delta(const struct coverage *coverage, uint64_t from);

#endif
