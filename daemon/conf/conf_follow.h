/* SPDX-License-Identifier: MIT
 * The folders that replay jobs without a corpus follow.
 */
#ifndef FUZZSUP_CONF_FOLLOW_H
#define FUZZSUP_CONF_FOLLOW_H

#include "conf.h"

/* Gives each replay job that names no corpus those of its target's other jobs, with their
 * seeds, and their user if it has none and they have one. So a reload that changes them
 * changes it, too. Returns 0, -EINVAL after a
 * report, or -ENOMEM. */
int conf_follow(struct conf *conf, conf_error_cb error_cb, void *context);

#endif
