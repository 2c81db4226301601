/* SPDX-License-Identifier: MIT
 * The runner's loop: requests from the supervisor, programs that end.
 */
#ifndef FUZZSUP_RUNNER_H
#define FUZZSUP_RUNNER_H

#include "channel.h"

struct runner;

/* Takes neither @channel nor what comes through it. Returns 0 or a negative errno. */
int runner_new(struct channel *channel, struct runner **ret_runner);
void runner_free(struct runner *runner);

/* Runs until the supervisor closes the channel. Returns 0 or a negative errno. */
int runner_run(struct runner *runner);

#endif
