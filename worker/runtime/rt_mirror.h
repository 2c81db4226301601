/* SPDX-License-Identifier: MIT
 * Carries what the target's counters say into the shared files; in the fuzzed process.
 */
#ifndef FUZZSUP_RT_MIRROR_H
#define FUZZSUP_RT_MIRROR_H

#include <stdbool.h>

#include "rt_engine.h"

/* Finds the instrumented modules and maps a file for each. On any trouble one line is
 * said, and nothing is mirrored. */
void fuzzsup_rt_mirror_begin(enum rt_engine engine);

/* False: switched off. */
bool fuzzsup_rt_mirror_is_on(void);

/* AFL++ alone, once its map is what it stays: where in it each module's counters lie. */
void fuzzsup_rt_mirror_find_guards(void);

/* Looks for modules that were loaded since; false if another thread is at that. Cheap
 * while there are none; else it allocates and takes locks. */
bool fuzzsup_rt_mirror_look_again(void);

/* Sets the bits of all counters that are not 0. Safe wherever an atomic store is. */
void fuzzsup_rt_mirror_carry_over(void);

/* Counts a run. As safe. */
void fuzzsup_rt_mirror_count_run(void);

/* How often bits were set, by whoever shares our files. */
uint64_t fuzzsup_rt_mirror_finds(void);

#endif
