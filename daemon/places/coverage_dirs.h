/* SPDX-License-Identifier: MIT
 * The directories that coverage comes from by default: making them, again when they were
 * deleted, and setting right those that the service made itself.
 */
#ifndef FUZZSUP_DAEMON_COVERAGE_DIRS_H
#define FUZZSUP_DAEMON_COVERAGE_DIRS_H

#include <stdbool.h>

#include "conf.h"
#include "string_list.h"

/* Makes those that are missing, and adds to @list those that are there: of the
 * configuration, else FUZZSUP_DIR, the system's and the user's. Those that an earlier start
 * made have owner and mode again that they were made with. 0 or a negative errno. */
int coverage_dirs_make(const struct conf *conf, struct string_list *list);

/* Makes @path, one of that list, again. 0 or a negative errno. */
int coverage_dirs_make_again(const struct conf *conf, const char *path);

/* True of a directory of ours in /tmp, everybody's, behind whose name is somebody else's
 * now. */
bool coverage_dirs_is_trap(const char *path);

#endif
