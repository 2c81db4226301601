/* SPDX-License-Identifier: MIT
 * Whether what a configuration names is there; for fuzzsupd -n.
 */
#ifndef FUZZSUP_CONF_FILES_H
#define FUZZSUP_CONF_FILES_H

#include "conf.h"

/* Reports executables, coverage places and source roots that cannot be read, and a user
 * that workers cannot run as, one sentence each. None of it is an error: the
 * service waits for what may come. Returns how many. */
size_t conf_files_check(
    const struct conf *conf, conf_error_cb report_cb, void *context);

#endif
