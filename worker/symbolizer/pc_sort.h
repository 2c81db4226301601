/* SPDX-License-Identifier: MIT
 * Sorting PCs, by radix; in the symbolizer.
 */
#ifndef FUZZSUP_PC_SORT_H
#define FUZZSUP_PC_SORT_H

#include <stdint.h>

/* Sorts @len PCs (at most COVERAGE_MAP_PCS_MAX): @ret_sorted[i] is the i-th smallest and
 * @ret_order[i] its index in @pcs; equal PCs in order of their index. Returns 0 or
 * -ENOMEM. */
int pc_sort(
    const uint64_t *pcs, uint32_t len, uint64_t *ret_sorted, uint32_t *ret_order);

#endif
