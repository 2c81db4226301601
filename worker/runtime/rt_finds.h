/* SPDX-License-Identifier: MIT
 * Notes which input reached a PC first (find_file.h); in the fuzzed process.
 */
#ifndef FUZZSUP_RT_FINDS_H
#define FUZZSUP_RT_FINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct coverage_map_header;
struct rt_module;

/* Begins if FUZZSUP_FINDS says where; @pcs: so many PCs there are. On any trouble nothing is noted. */
void fuzzsup_rt_finds_begin(size_t pcs);

/* Bits in @map are of @module. */
void fuzzsup_rt_finds_add(
    const struct coverage_map_header *map, const struct rt_module *module);

/* What the next look finds new is @data's. Two stores. */
void fuzzsup_rt_finds_input(const void *data, size_t size);

/* It is what standard input has, where that is a file; and so at the start. */
void fuzzsup_rt_finds_from_stdin(void);

/* Notes what scans found since the last time. Safe wherever write(2) is. */
void fuzzsup_rt_finds_note(void);

#endif
