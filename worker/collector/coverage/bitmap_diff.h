/* SPDX-License-Identifier: MIT
 * Which bits of a coverage file are new; in the collector.
 */
#ifndef FUZZSUP_BITMAP_DIFF_H
#define FUZZSUP_BITMAP_DIFF_H

#include <stddef.h>
#include <stdint.h>

/* First index from @from on at which a word of @read has a bit that @known lacks; @len if
 * there is none. Both have @len words. */
size_t bitmap_diff_next(
    const uint64_t *read, const uint64_t *known, size_t from, size_t len);

#endif
