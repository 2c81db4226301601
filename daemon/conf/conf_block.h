/* SPDX-License-Identifier: MIT
 * From a job's block of a configuration, as libconfuse has it, to the job's spec.
 */
#ifndef FUZZSUP_CONF_BLOCK_H
#define FUZZSUP_CONF_BLOCK_H

#include <confuse.h>
#include <stddef.h>

#include "job_spec.h"

/* Writes the spec of the job @name of @target, as its @block has it, and checks it as a
 * whole. Returns 0, or -EINVAL with one sentence in @ret_why. */
int conf_block_spec(cfg_t *target, const char *name, cfg_t *block,
    char ret_text[JOB_SPEC_MAX], size_t *ret_len, char *ret_why, size_t why_size);

#endif
