/* SPDX-License-Identifier: MIT
 * Writes a target's line coverage to standard output; in fuzzsupctl.
 */
#ifndef FUZZSUP_CTL_EXPORT_H
#define FUZZSUP_CTL_EXPORT_H

#include <stdbool.h>

/* Asks the web interface at one of @addresses (lines, as "listen" has them) for the lines of
 * @target in @format (lcov, json, cobertura). Returns 0, or -1 after a message: nothing, or not all
 * of it, was written. */
int ctl_export(const char *addresses, const char *target, const char *format);

/* True if there is such a format. */
bool ctl_export_knows(const char *format);

#endif
