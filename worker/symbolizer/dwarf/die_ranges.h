/* SPDX-License-Identifier: MIT
 * Where the code of a DIE lies; in the symbolizer.
 */
#ifndef FUZZSUP_DIE_RANGES_H
#define FUZZSUP_DIE_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "die_walk.h"

/* What ranges refer to: sections, and what the unit's first DIE says of its part of them. */
struct die_ranges_sources {
	struct byte_reader addr;     /* .debug_addr */
	struct byte_reader ranges;   /* .debug_ranges, before DWARF 5 */
	struct byte_reader rnglists; /* .debug_rnglists, from DWARF 5 on */
	uint64_t addr_base, ranges_base, rnglists_base;
	uint64_t low; /* of the unit: what ranges count from */
};

struct die_ranges {
	const struct die_ranges_sources *sources;
	struct die_format format;
	struct byte_reader list; /* what is left of it */
	uint64_t base;
	uint64_t start, end; /* of a DIE with one range alone */
	bool is_list, is_over;
};

/* Prepares to read the ranges of a DIE of a unit of @format that has @code. */
void die_ranges_start(struct die_ranges *ranges,
    const struct die_ranges_sources *sources, const struct die_format *format,
    const struct die_code *code);

/* Outputs the next range, which may be empty; false behind the last one, or where the list
 * is malformed. Each call reads at least one byte of the list. */
bool die_ranges_next(struct die_ranges *ranges, uint64_t *ret_start, uint64_t *ret_end);

#endif
