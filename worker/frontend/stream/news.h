/* SPDX-License-Identifier: MIT
 * Notices what changed in live segments, when the collector rings, and tells the streams.
 */
#ifndef FUZZSUP_NEWS_H
#define FUZZSUP_NEWS_H

#include "reference_stream.h"
#include "stream.h"

struct news;

/* @fd: the eventfd that is rung; stays the caller's. */
struct news *news_new(struct event_base *base, int fd, struct targets *targets,
    struct stream *stream, struct reference_stream *references);
void news_free(struct news *news);

/* Looks at all segments now. */
void news_look(struct news *news);

#endif
