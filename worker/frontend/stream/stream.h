/* SPDX-License-Identifier: MIT
 * The clients of fuzzsup.v1: lists of targets, numbers, subscriptions with deltas.
 *
 * A client that does not keep up is owed the newest state and is sent it when what it had
 * before is gone; nothing is queued for it.
 */
#ifndef FUZZSUP_STREAM_H
#define FUZZSUP_STREAM_H

#include "targets.h"
#include "websocket.h"

struct stream;

struct stream *stream_new(struct event_base *base, struct targets *targets);
void stream_free(struct stream *stream);

/* The random id of this life of the service, for hello. */
void stream_set_instance(struct stream *stream, uint64_t instance);

/* Takes a connection that speaks fuzzsup.v1. */
void stream_accept(struct stream *stream, struct websocket *socket);

/* Bits or entries of @target changed: sends its subscribers what they lack. */
void stream_target_changed(struct stream *stream, struct target *target);

/* The directory, a table or roots changed: tells everybody what is different. */
void stream_targets_changed(struct stream *stream);

/* @target is about to be freed. */
void stream_target_gone(struct stream *stream, struct target *target);

#endif
