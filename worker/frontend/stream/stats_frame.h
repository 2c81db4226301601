/* SPDX-License-Identifier: MIT
 * The numbers of many targets in one frame, as WIRE_STATS carries them.
 */
#ifndef FUZZSUP_STATS_FRAME_H
#define FUZZSUP_STATS_FRAME_H

#include "targets.h"

/* With @all the numbers of all targets that have any, else of those that changed since
 * the last such call. NULL if there is nothing to say, or no memory. */
struct frame *stats_frame(struct targets *targets, bool all);

#endif
