/* SPDX-License-Identifier: MIT
 * The runner's loop: requests in, builds, answers out.
 */
#ifndef FUZZSUP_RUNNER_H
#define FUZZSUP_RUNNER_H

#include "channel.h"

/* Until the supervisor closes the channel. 0 or a negative errno. */
int runner_loop(struct channel *channel);

#endif
