/* SPDX-License-Identifier: MIT
 * Counts lines of all targets in the background, for who shows many of them, and looks whether their
 * sources are still those that were read; in the front-end.
 */
#ifndef FUZZSUP_LINE_COUNTER_H
#define FUZZSUP_LINE_COUNTER_H

struct channel;
struct event_base;
struct line_counter;
struct targets;

/* One target after the other, those first that were counted longest ago; none within some seconds,
 * and none whose bits are the same; sources are looked at once a minute. Takes a tenth of a processor at most. @changed: numbers of
 * some targets are others; over @channel the supervisor is told, too. NULL: out of memory. */
struct line_counter *line_counter_new(struct event_base *base, struct targets *targets,
    struct channel *channel, void (*changed)(void *context), void *context);
void line_counter_free(struct line_counter *counter);

#endif
