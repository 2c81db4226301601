/* SPDX-License-Identifier: MIT
 * Where copies of functions begin that the compiler put into others, and which line called for
 * them, by .debug_info; in the symbolizer.
 *
 * A line table does not tell: of a copy whose instructions were all folded into those around it
 * no row may be left, though it was called; nor of a line that does nothing but call.
 */
#ifndef FUZZSUP_INLINED_COPIES_H
#define FUZZSUP_INLINED_COPIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf_image.h"

struct inlined_copy {
	uint64_t start; /* of one of its ranges */
	uint64_t
	    function; /* where the same function's own code begins; 0: nobody asked */
	/* where it is called: register of the line table of its unit, and line; 0: not known */
	uint32_t file, line;
	/* where that table is in .debug_line. Linkers that keep one of the units' copies of a function make what the
	 * others say of theirs point to that one: registers are of another table there. */
	uint64_t table;
};

#define INLINED_TABLE_NONE UINT64_MAX

/* Code of a copy, or a function's own. */
struct inlined_range {
	uint64_t start, end;
	uint32_t copy; /* the same of all its ranges; INLINED_OWN */
	uint32_t
	    family; /* of a function's copies and its own code; INLINED_FAMILY_NONE: there is no other */
};

/* All of a copy's ranges. */
struct inlined_extent {
	uint64_t
	    first; /* where the first of them, as they are told, begins: where it is entered */
	uint64_t low, high;
};

#define INLINED_OWN UINT32_MAX
#define INLINED_FAMILY_NONE UINT32_MAX

/* Zeroed is empty. */
struct inlined_copies {
	struct inlined_copy *list; /* ascending by start, each once */
	size_t len;
	uint64_t
	    *functions; /* ascending: of each copy that has one; no more than 2^32 */
	size_t functions_len;
	/* Ascending by start, those that others are in before these. Units that have the same function
	 * each tell of its copies, which are there once. */
	struct inlined_range *ranges;
	size_t ranges_len;
	struct inlined_extent *extents; /* by copy */
	uint32_t copies_len, families_len;
};

/* True if it is of use that a function's own code begins at @address. */
typedef bool inlined_copies_wanted(void *context, uint64_t address);

/* Reads those of @image; which function they are is told where its own code is @wanted. Units that are malformed are
 * passed over. Returns 0 or -ENOMEM; to be freed in any case. */
int inlined_copies_read(struct elf_image *image, inlined_copies_wanted *wanted,
    void *context, struct inlined_copies *ret_copies);
void inlined_copies_free(struct inlined_copies *copies);

/* Whether one is a copy of the function whose own code begins at @address. */
bool inlined_copies_are_of(const struct inlined_copies *copies, uint64_t address);

/* Index of the first that begins at or above @address; the same of ranges. */
size_t inlined_copies_from(const struct inlined_copies *copies, uint64_t address);
size_t inlined_ranges_from(const struct inlined_copies *copies, uint64_t address);

#endif
