/* SPDX-License-Identifier: MIT
 * Whether the user of a job can use the folders and programs that its block names: tried
 * before it is started, for fuzzsupd -n and a reload.
 */
#ifndef FUZZSUP_CONF_PROBE_H
#define FUZZSUP_CONF_PROBE_H

#include "conf.h"
#include "job_spec.h"
#include "probe.h"

/* Reports what it finds of the job that @spec describes, as a warning what it would run
 * without, as an error what keeps it from running; at the latest at @deadline_ms
 * (monotonic). @place: where its block stands. @coverage: where its coverage goes, or NULL.
 * Returns how many errors. */
size_t conf_probe_job(const struct job_spec *spec, const char *place,
    const struct probe_user *user, const char *coverage, int64_t deadline_ms,
    conf_error_cb report_cb, void *context);

/* Whether we ourselves could make @path, or write into it: tried in the last of its
 * folders that is there. Returns 0, or a negative errno with one sentence. */
int conf_probe_own(
    const char *path, int64_t deadline_ms, char *ret_why, size_t why_size);

#endif
