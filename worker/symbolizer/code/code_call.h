/* SPDX-License-Identifier: MIT
 * Calls, looked at from behind; in the symbolizer.
 */
#ifndef FUZZSUP_CODE_CALL_H
#define FUZZSUP_CODE_CALL_H

#include <stdbool.h>
#include <stddef.h>

#define CODE_CALL_MAX 7 /* bytes of the longest call */

/* Whether calls of @machine (EM_…) are known. */
bool code_call_knows(unsigned machine);

/* Whether the @len bytes at @code may end with a call, as @machine has them; true for one
 * that is not known. */
bool code_call_ends(unsigned machine, const unsigned char *code, size_t len);

#endif
