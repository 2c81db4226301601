/* SPDX-License-Identifier: MIT
 * The collector's loop: messages from the supervisor, inotify, doorbells, the clock.
 */
#ifndef FUZZSUP_COLLECTOR_H
#define FUZZSUP_COLLECTOR_H

#include "channel.h"

struct collector_loop;

/* A loop that talks to the supervisor over @channel, to the archive over @archive, and rings the eventfd @news for the
 * front-end; takes none. Returns 0 or a negative errno. */
int collector_loop_new(struct channel *channel, struct channel *archive, int news,
    struct collector_loop **ret_loop);
void collector_loop_free(struct collector_loop *loop);

/* Runs until the supervisor closes the channel. Returns 0 or a negative errno. */
int collector_loop_run(struct collector_loop *loop);

#endif
