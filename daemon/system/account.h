/* SPDX-License-Identifier: MIT
 * What the system knows of a job's user.
 */
#ifndef FUZZSUP_ACCOUNT_H
#define FUZZSUP_ACCOUNT_H

#include <sys/types.h>

#include "job_spec.h"

/* Adds login, home and shell of @uid to a spec of *@len bytes, as far as the system has
 * them. Returns 0 or -E2BIG. */
int account_add(uid_t uid, char text[JOB_SPEC_MAX], size_t *len);

#endif
