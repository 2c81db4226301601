/* SPDX-License-Identifier: MIT
 * What workers tell and ask, and who handles it; in the supervisor.
 */
#ifndef FUZZSUP_DISPATCH_H
#define FUZZSUP_DISPATCH_H

#include "mailbox.h"

/* One for each message that workers may send. Their context is the struct worker that sent it,
 * that one's the supervisor. */
extern const struct mail_handler dispatch_handlers[];
extern const size_t dispatch_handlers_len;

#endif
