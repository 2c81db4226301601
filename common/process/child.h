/* SPDX-License-Identifier: MIT
 * What a child of fork() puts down of its parent's.
 */
#ifndef FUZZSUP_CHILD_H
#define FUZZSUP_CHILD_H

#include <stddef.h>

/* All signals do what they do by default, and none is blocked. */
void child_reset_signals(void);

/* Closes all descriptors from 3 on but the @len ones of @keep, which it sorts; -1 among
 * them is none. */
void child_close_all_but(int *keep, size_t len);

#endif
