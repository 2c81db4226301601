/* SPDX-License-Identifier: MIT
 * Shows the logs of a job; in fuzzsupctl.
 */
#ifndef FUZZSUP_CTL_LOGS_H
#define FUZZSUP_CTL_LOGS_H

#include <stdbool.h>

/* Prints the last lines of the logs that @lines name (job, instances, folder), and with
 * @follow whatever comes, until it is ended. Returns an exit code. */
int ctl_logs(char *lines, bool follow);

#endif
