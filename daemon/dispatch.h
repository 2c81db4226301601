/* SPDX-License-Identifier: MIT
 * Which worker may send which message, and who handles it.
 */
#ifndef FUZZSUP_DISPATCH_H
#define FUZZSUP_DISPATCH_H

#include "supervisor.h"

/* True if a worker of @kind may send @type with @fds_len descriptors. */
bool dispatch_allowed(enum worker_kind kind, unsigned type, size_t fds_len);

/* Handles a message, or logs it and kills @worker. Takes @fds. */
void dispatch(struct supervisor *supervisor, struct worker *worker,
    const struct message *message, int *fds, size_t fds_len);

#endif
