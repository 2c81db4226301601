/* SPDX-License-Identifier: MIT
 * What is inlined into one function, by address; in the symbolizer. Built once for a
 * function, however many of its addresses are asked for.
 */
#ifndef FUZZSUP_FUNCTION_SCOPES_H
#define FUZZSUP_FUNCTION_SCOPES_H

#include <stdbool.h>
#include <stddef.h>

#include "die_ranges.h"
#include "die_walk.h"

struct function_scopes;

/* Reads the blocks and calls below the function at @at of @unit. Takes the ranges that it
 * reads from @budget, and reads no more than there are. Returns 0; -E2BIG where @budget was
 * used up or scopes lie over each other in a way that no compiler makes; or -ENOMEM. */
int function_scopes_read(const struct die_unit *unit, const unsigned char *at,
    const struct die_ranges_sources *sources, size_t *budget,
    struct function_scopes **ret_scopes);
void function_scopes_free(struct function_scopes *scopes);

/* Elements that are held. */
size_t function_scopes_len(const struct function_scopes *scopes);

/* Writes the calls that are inlined at @address to @calls, outermost first. Returns how
 * many; where they are nested more than @max deep none, and *@ret_cut is set. */
size_t function_scopes_find(const struct function_scopes *scopes, uint64_t address,
    const unsigned char **calls, size_t max, bool *ret_cut);

#endif
