/* SPDX-License-Identifier: MIT
 * Where an executable's functions lie, by its symbols; in the symbolizer.
 */
#ifndef FUZZSUP_FUNCTION_RANGES_H
#define FUZZSUP_FUNCTION_RANGES_H

#include <stddef.h>
#include <stdint.h>

#include "elf_image.h"
#include "failure.h"
#include "symbols.h"

/* What a symbol covers, without what the next one does. */
struct function_range {
	uint64_t start, end;
	const struct symbol *symbol;
};

struct function_ranges {
	struct elf_image *image;
	struct elf_image *split; /* separate debug file; NULL: there is none */
	struct symbols *symbols;
	struct function_range *list; /* ascending, apart from each other */
	size_t len;
};

/* Reads those of @executable; of @debug, its separate debug file (-1: none), where that has
 * them. Returns 0 or a negative errno with @failure said; to be freed in any case. */
int function_ranges_read(int executable, int debug, struct function_ranges *ret_ranges,
    struct failure *failure);
void function_ranges_free(struct function_ranges *ranges);

/* Index of the first that begins at or above @address. */
size_t function_ranges_from(const struct function_ranges *ranges, uint64_t address);

#endif
