/* SPDX-License-Identifier: MIT
 * Sorting PCs, by radix; in the symbolizer.
 */
#ifndef FUZZSUP_PC_SORT_H
#define FUZZSUP_PC_SORT_H

#include <stdint.h>

/* Sorts @len PCs (at most COVERAGE_MAP_PCS_MAX): @ret_sorted[i] is the i-th smallest and
 * @ret_order[i] its index in @pcs; equal PCs in order of their index. @spare has room for
 * @len numbers, too, and is overwritten. */
void pc_sort(const uint64_t *pcs, uint32_t len, uint64_t *ret_sorted,
    uint32_t *ret_order, uint64_t *spare);

#endif
