/* SPDX-License-Identifier: MIT
 * What one instance of a job is told: its own arguments, its variables, its environment.
 */
#ifndef FUZZSUP_INSTANCE_WORDS_H
#define FUZZSUP_INSTANCE_WORDS_H

#include "engine.h"

/* Gives @launch the variables that every job has, and writes to @ret_view the spec as it is
 * for @instance, with these variables in its words. Free with free(ret_view->words) once
 * @launch has all words. Returns 0, -E2BIG or -ENOMEM. */
int instance_words_make(const struct job_spec *spec, const struct engine_paths *paths,
    unsigned instance, struct launch *launch, struct job_spec *ret_view);

#endif
