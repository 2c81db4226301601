/* SPDX-License-Identifier: MIT
 * Whether what a configuration names is there; for fuzzsupd -n.
 */
#ifndef FUZZSUP_CONF_FILES_H
#define FUZZSUP_CONF_FILES_H

#include "conf.h"

/* Reports all that a start would find, one sentence each: as warnings what the service
 * waits for or goes on without, as errors what it, or a job, cannot run with. Returns
 * how many errors. */
size_t conf_files_check(
    const struct conf *conf, conf_error_cb report_cb, void *context);

#endif
