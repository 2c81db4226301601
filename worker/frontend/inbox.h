/* SPDX-License-Identifier: MIT
 * What the supervisor says to the front-end, and what follows from it.
 */
#ifndef FUZZSUP_INBOX_H
#define FUZZSUP_INBOX_H

#include "channel.h"
#include "news.h"
#include "server.h"
#include "snapshot.h"

struct inbox;

/* All of it stays the caller's. NULL without memory. */
struct inbox *inbox_new(struct channel *channel, struct snapshot *snapshot,
    struct server *server, struct news *news);
void inbox_free(struct inbox *inbox);

/* Takes over what the directory says now. */
void inbox_refresh(struct inbox *inbox);

#endif
