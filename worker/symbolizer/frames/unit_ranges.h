/* SPDX-License-Identifier: MIT
 * Which compilation unit describes an address; in the symbolizer.
 */
#ifndef FUZZSUP_UNIT_RANGES_H
#define FUZZSUP_UNIT_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <elfutils/libdw.h>

#include "byte_reader.h"
#include "elf_image.h"

struct unit_ranges;

/* All must live as long as the ranges. */
struct unit_ranges_sources {
	Dwarf *dwarf;
	const struct elf_image *image; /* where code is */
	struct byte_reader aranges;    /* .debug_aranges */
	struct byte_reader lines;      /* .debug_line */
};

/* Reads the ranges that units name themselves; those that begin where there is no code are
 * left out, and of several units that claim an address one is taken. Returns 0 or -ENOMEM;
 * units behind damage are left out. */
int unit_ranges_read(
    const struct unit_ranges_sources *sources, struct unit_ranges **ret_ranges);
void unit_ranges_free(struct unit_ranges *ranges);

/* Units, numbered from 0. */
size_t unit_ranges_units(const struct unit_ranges *ranges);

/* Offset in .debug_info of unit @unit's first DIE. */
Dwarf_Off unit_ranges_die(const struct unit_ranges *ranges, size_t unit);

/* Number of the unit that claims @address. Returns 0 or -ENOENT. */
int unit_ranges_find(
    const struct unit_ranges *ranges, uint64_t address, size_t *ret_unit);

/* The same for addresses that no unit claims: of the unit that .debug_aranges names, or whose
 * line table has rows there. Assemblers, and
 * compilers that keep to DWARF 2 strictly, name no other ranges where there are several
 * sections. What that takes is read at the first call. Returns 0, -ENOENT or -ENOMEM. */
int unit_ranges_find_elsewhere(
    struct unit_ranges *ranges, uint64_t address, size_t *ret_unit);

/* True if no unit has code, as far as both know. */
bool unit_ranges_are_empty(struct unit_ranges *ranges);

#endif
