/* SPDX-License-Identifier: MIT
 * What happened, in order; in the archive.
 */
#ifndef FUZZSUP_ARCHIVE_EVENTS_H
#define FUZZSUP_ARCHIVE_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "store.h"

struct events;

int events_new(struct store *store, struct events **ret_events);
void events_free(struct events *events);

/* How many are kept at most. */
void events_set_keep(struct events *events, uint64_t count);

/* Event @number of the sender, whose numbers only grow: a line each: kind, target, job (these may be
 * empty), and what is said. Returns 0, -EPROTO for what is no event, or -ENOMEM. */
int events_add(struct events *events, uint64_t number, int64_t ms, const char *text);

/* In a transaction: writes those that came. */
void events_write(struct events *events);

/* They were kept. Returns the highest number, 0 where there were none. */
uint64_t events_written(struct events *events);

/* The newest @limit of those with ids beyond @after and below @before, oldest first; of one target where @target is not "".
 * NULL: out of memory. */
json_t *events_read(struct events *events, const char *target, int64_t after,
    int64_t before, int64_t limit);

/* Id of the newest one; 0: there is none. Less than it was: the file was begun anew. */
int64_t events_newest(struct events *events);

#endif
