/* SPDX-License-Identifier: MIT
 * Clients without a subprotocol: the messages of the reference's fuzz web server.
 */
#ifndef FUZZSUP_REFERENCE_STREAM_H
#define FUZZSUP_REFERENCE_STREAM_H

#include "targets.h"
#include "websocket.h"

struct reference_stream;

struct reference_stream *reference_stream_new(
    struct event_base *base, struct targets *targets);
void reference_stream_free(struct reference_stream *stream);

/* Takes a connection for @target; NULL: for what the root base URL shows. */
void reference_stream_accept(
    struct reference_stream *stream, struct websocket *socket, struct target *target);

/* Bits, entries or counters of @target changed: its clients are sent them soon. */
void reference_stream_target_changed(
    struct reference_stream *stream, struct target *target);

/* Tables or targets are new. */
void reference_stream_refresh(struct reference_stream *stream);

/* Moves clients of the root to the first target that has coverage, if theirs has none;
 * costs nothing while all have. */
void reference_stream_settle(struct reference_stream *stream);

/* @target is about to be freed. */
void reference_stream_target_gone(
    struct reference_stream *stream, struct target *target);

#endif
