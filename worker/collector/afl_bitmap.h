/* SPDX-License-Identifier: MIT
 * AFL++'s own bitmap as coverage: of a target that was built for AFL++ with a PC table,
 * but without our runtime; in the collector.
 *
 * With LLVM's own instrumentation AFL++ numbers guards as they stand in the executable,
 * beside their PCs, after a few that it keeps for itself: how many is the difference
 * between the size of its map and that of the PC table. Any other difference is another
 * instrumentation, or another executable.
 */
#ifndef FUZZSUP_AFL_BITMAP_H
#define FUZZSUP_AFL_BITMAP_H

#include "collect.h"
#include "job_watch.h"

/* Takes it for the target that @bitmap names, unless that has coverage files. Returns 0,
 * or -EAGAIN if that is to be tried again: the target has no PC table yet, or the file is
 * being written. */
int afl_bitmap_take(struct collector *collector, const struct job_bitmap *bitmap);

#endif
