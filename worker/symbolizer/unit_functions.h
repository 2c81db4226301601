/* SPDX-License-Identifier: MIT
 * The functions of one compilation unit, and what is inlined into them; in the symbolizer.
 */
#ifndef FUZZSUP_UNIT_FUNCTIONS_H
#define FUZZSUP_UNIT_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <elfutils/libdw.h>

/* Functions that stand at one address, inlined into each other. Compilers reach some
 * dozens; deeper ones are damage. */
#define FUNCTIONS_CHAIN_MAX 256

struct unit_functions;

/* Reads the functions below @unit, a unit's first DIE. Returns 0 or -ENOMEM. */
int unit_functions_read(Dwarf_Die *unit, struct unit_functions **ret_functions);
void unit_functions_free(struct unit_functions *functions);

/* Functions that are held. */
size_t unit_functions_len(const struct unit_functions *functions);

/* Writes those that stand at @address to @chain, outermost first: a function, then calls
 * inlined into it. Returns how many (0: none). Where they are nested more than
 * FUNCTIONS_CHAIN_MAX deep only the outermost is given, and *@ret_cut is set. */
size_t unit_functions_chain(const struct unit_functions *functions, uint64_t address,
    Dwarf_Die chain[FUNCTIONS_CHAIN_MAX], bool *ret_cut);

/* Name of the function @die, or of what it is a copy of: as the linker knows it where
 * that is told, else as it is written; NULL if there is none. Lives as long as the
 * Dwarf. */
const char *unit_functions_name(const Dwarf_Die *die);

#endif
