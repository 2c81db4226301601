/* SPDX-License-Identifier: MIT
 * The functions of one compilation unit, and what is inlined into them; in the symbolizer.
 */
#ifndef FUZZSUP_UNIT_FUNCTIONS_H
#define FUZZSUP_UNIT_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <elfutils/libdw.h>

#include "byte_reader.h"
#include "die_strings.h"

/* Functions that stand at one address, inlined into each other. Compilers reach some
 * dozens; deeper ones are damage. */
#define FUNCTIONS_CHAIN_MAX 256

struct unit_functions;

/* What of a file tells where functions are; all must live as long as they. */
struct unit_functions_sources {
	struct byte_reader abbrev;   /* .debug_abbrev */
	struct byte_reader addr;     /* .debug_addr */
	struct byte_reader ranges;   /* .debug_ranges */
	struct byte_reader rnglists; /* .debug_rnglists */
	/* Ranges that may still be read of all functions of a file: units may share one long
	 * list, and each would read all of it. */
	size_t *budget;
	/* Of a split unit: what stands in the executable for it, which says what it counts
	 * from; else NULL. */
	Dwarf_Die *skeleton;
};

/* Reads the functions below @first, a unit's first DIE. Returns 0 or -ENOMEM; what lies
 * behind damage is left out. */
int unit_functions_read(Dwarf_Die *first, const struct unit_functions_sources *sources,
    struct unit_functions **ret_functions);
void unit_functions_free(struct unit_functions *functions);

/* Elements that are held; more when somebody has asked. */
size_t unit_functions_len(const struct unit_functions *functions);

/* Writes those that stand at @address to @chain, outermost first: a function, then calls
 * inlined into it. Outputs how many (0: none). Returns 0; -EOVERFLOW where they are nested
 * more than FUNCTIONS_CHAIN_MAX deep, or what tells of them is out of all proportion (then
 * only the outermost is given); or -ENOMEM. */
int unit_functions_chain(struct unit_functions *functions, uint64_t address,
    Dwarf_Die chain[FUNCTIONS_CHAIN_MAX], size_t *ret_len);

/* Name of the function @die, or of what it is a copy of: as the linker knows it where
 * that is told, else as it is written; NULL if there is none. Lives until the next call.
 * @strings: those of its unit. */
const char *unit_functions_name(
    const Dwarf_Die *die, const struct die_strings *strings);

#endif
