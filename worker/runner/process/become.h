/* SPDX-License-Identifier: MIT
 * From a fork to a job's program: user, limits, CPU, descriptors, exec.
 */
#ifndef FUZZSUP_BECOME_H
#define FUZZSUP_BECOME_H

#include "launch.h"

#define BECOME_EXECUTING "executing it" /* the last stage */

/* Gives up all rights but @user's, for good. Returns 0 or a negative errno. */
int become_user(const struct probe_user *user);

/* Executes @launch with @output as standard error; returns only if that fails: a negative
 * errno, and in @ret_stage what could not be done. @keep stays open until then. */
int become_instance(const struct launch *launch, int output, int stdin_fd,
    int stdout_fd, int keep, const char **ret_stage);

#endif
