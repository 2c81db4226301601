/* SPDX-License-Identifier: MIT
 * The runner's loop: requests from the supervisor, programs that end.
 */
#ifndef FUZZSUP_RUNNER_H
#define FUZZSUP_RUNNER_H

#include "channel.h"
#include "heritage.h"

struct runner;

/* Does not take @channel. Programs that no job runs are run as @heritage's user. Returns 0
 * or a negative errno. */
int runner_new(struct channel *channel, const struct heritage *heritage,
    struct runner **ret_runner);
void runner_free(struct runner *runner);

/* Runs until the supervisor closes the channel. Returns 0 or a negative errno. */
int runner_run(struct runner *runner);

#endif
