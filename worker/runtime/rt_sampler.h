/* SPDX-License-Identifier: MIT
 * Looks at a program that no fuzzer drives ten times a second; in that process.
 */
#ifndef FUZZSUP_RT_SAMPLER_H
#define FUZZSUP_RT_SAMPLER_H

#include <stdbool.h>

/* Starts the thread, here and in every child that is forked. */
void fuzzsup_rt_sampler_start(void);

/* Carries over what was reached, and counts that as a run: for a program without fuzzer the
 * number of runs tells that it lives. @orderly: not in a signal handler. */
void fuzzsup_rt_sampler_look(bool orderly);

#endif
