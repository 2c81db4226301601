/* SPDX-License-Identifier: MIT
 * Which compilation unit describes an address; in the symbolizer. Built once from the
 * ranges that the units themselves name: Clang writes no .debug_aranges.
 */
#ifndef FUZZSUP_UNIT_RANGES_H
#define FUZZSUP_UNIT_RANGES_H

#include <stdint.h>
#include <elfutils/libdw.h>

#include "elf_image.h"

struct unit_ranges;

/* Ranges that begin where @image has no code are left out; of several units that claim an
 * address one is taken. Returns 0 or -ENOMEM; units behind damage are left out. */
int unit_ranges_read(
    Dwarf *dwarf, const struct elf_image *image, struct unit_ranges **ret_ranges);
void unit_ranges_free(struct unit_ranges *ranges);

/* Units that have ranges, numbered from 0. */
size_t unit_ranges_units(const struct unit_ranges *ranges);

/* Offset in .debug_info of unit @unit's first DIE. */
Dwarf_Off unit_ranges_die(const struct unit_ranges *ranges, size_t unit);

/* Number of the unit that @address belongs to. Returns 0 or -ENOENT. */
int unit_ranges_find(
    const struct unit_ranges *ranges, uint64_t address, size_t *ret_unit);

#endif
