/* SPDX-License-Identifier: MIT
 * Addresses of entry points: what the user names, by .symtab and .dynsym; in the
 * symbolizer.
 */
#ifndef FUZZSUP_ENTRY_POINTS_H
#define FUZZSUP_ENTRY_POINTS_H

#include <stddef.h>
#include <stdint.h>

#include "elf_image.h"

#define ENTRY_POINTS_MAX 4096

struct entry_points {
	uint64_t *addresses; /* link-time, no two the same */
	uint32_t len;
};

/* Finds what @wanted (@len bytes, one a line: a symbol, or 0x and an address) names, and
 * libFuzzer's entry point, which is always tried. What is not found is said in @remarks.
 * Returns 0 or -ENOMEM; free with entry_points_free(). */
int entry_points_find(struct elf_image *image, const char *wanted, size_t len,
    struct entry_points *ret_points, struct failure *remarks);
void entry_points_free(struct entry_points *points);

#endif
