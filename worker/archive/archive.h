/* SPDX-License-Identifier: MIT
 * The archive's loop: what it is sent, its seconds, what it answers; libevent.
 */
#ifndef FUZZSUP_ARCHIVE_ARCHIVE_H
#define FUZZSUP_ARCHIVE_ARCHIVE_H

#include "channel.h"

struct archive;

/* The channels, of which @collector is an edge as @frontend, stay the caller's. Returns 0 or a negative errno. */
int archive_new(struct channel *supervisor, struct channel *frontend,
    struct channel *collector, struct archive **ret_archive);
void archive_free(struct archive *archive);

/* Until the supervisor is gone. Returns 0 or a negative errno. */
int archive_run(struct archive *archive);

#endif
