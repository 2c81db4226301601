/* SPDX-License-Identifier: MIT
 * The input that a fuzz test of Zig 0.16 or later crashed with: its fuzzer leaves it in a
 * file that the next run overwrites. In the minder of an instance.
 */
#ifndef FUZZSUP_ZIG_CRASH_H
#define FUZZSUP_ZIG_CRASH_H

#include <stdbool.h>
#include <stddef.h>

#include "launch.h"

#define ZIG_CRASH_NAME 40

/* After the instance ended: if it @crashed, keeps its input in the job's folder artifacts
 * and tells the name. Done by a process that is the job's user. Returns 0, -ENOENT if
 * there is no such input, or another negative errno. */
int zig_crash_save(
    const struct launch *launch, bool crashed, char ret_name[ZIG_CRASH_NAME]);

#endif
