/* SPDX-License-Identifier: MIT
 * When which coverage file is read; in the collector.
 *
 * Files of our runtime are read when their doorbell rings; foreign ones quickly while
 * they are busy; and all that stand still in turn, at a bounded share of a core. What one
 * target has too many of is read at a share of its own.
 */
#ifndef FUZZSUP_POLL_H
#define FUZZSUP_POLL_H

#include "collect.h"

/* Reads what is due; true if anything changed. */
bool poll_due(struct collector *collector);

/* Milliseconds until poll_due() should be called again. */
int poll_wait_ms(const struct collector *collector);

/* Reads the files of a place whose doorbell rang. Returns 0, or the microseconds after
 * which to call again, since the last time is too short ago. */
int64_t poll_rung(struct collector *collector, struct place *place, bool *ret_changed);

/* Sets now_ms and wall_ms. */
void poll_set_clock(struct collector *collector);

#endif
