/* SPDX-License-Identifier: MIT
 * All DIEs of a unit, or those below one of them, in the order in which they stand; in the
 * symbolizer. By hand: libdw passes over all that is below a DIE to find the one beside it,
 * so that a walk over DIEs that are nested takes the square of them.
 */
#ifndef FUZZSUP_DIE_WALK_H
#define FUZZSUP_DIE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <elfutils/libdw.h>

#include "byte_reader.h"
#include "die_forms.h"

struct die_declaration;
struct die_skip;

/* One unit, as the walk sees it. Zeroed is empty. */
struct die_unit {
	Dwarf_Die first; /* for libdw */
	const unsigned char *end;
	struct die_format format;
	struct die_declaration *declarations; /* by code */
	size_t declarations_len, declarations_size;
	struct die_skip *skips; /* of all declarations */
	size_t skips_len, skips_size;
};

/* Values of a DIE that say where its code lies, as they stand there. */
struct die_code {
	unsigned low_form, high_form, ranges_form; /* 0: there is none */
	uint64_t low, high, ranges;
};

struct die {
	const unsigned char *at;
	unsigned tag;
	size_t depth; /* that of the first one is 0 */
	bool has_code;
	bool
	    is_abstract; /* a function that may have been inlined; it has DW_AT_inline */
	bool has_origin; /* a copy of one, or its own code: DW_AT_abstract_origin */
	struct die_code code;
};

struct die_walk {
	const struct die_unit *unit;
	struct byte_reader info;
	size_t depth;
	bool is_over;
};

/* A value as it stands there; one of a form that has no number is 0. */
struct die_value {
	unsigned form; /* 0: the DIE has no such attribute */
	uint64_t number;
};

/* Reads what the unit whose first DIE is @first declares in @abbrev, all of .debug_abbrev.
 * Returns 0, -EBADMSG for a unit that cannot be walked over, or -ENOMEM. */
int die_unit_read(
    const Dwarf_Die *first, struct byte_reader abbrev, struct die_unit *ret_unit);
/* The same without libdw, for which there is no DIE then: of the unit whose header stands at
 * @info, which is moved behind all of it. -EBADMSG, too, for a unit that a linker left out;
 * -ENODATA if that header is broken, and nothing can follow. */
int die_unit_open(
    struct byte_reader *info, struct byte_reader abbrev, struct die_unit *ret_unit);
void die_unit_free(struct die_unit *unit);

/* Where its first DIE stands. */
const unsigned char *die_unit_first(const struct die_unit *unit);

/* Outputs the values of @len attributes @names of the DIE at @at, which may be anything. */
void die_unit_values(const struct die_unit *unit, const unsigned char *at,
    const unsigned *names, size_t len, struct die_value *ret_values);

/* The DIE that stands at @at, for libdw. */
Dwarf_Die die_unit_die(const struct die_unit *unit, const unsigned char *at);

/* Starts at the DIE @at of @unit, which the walk is to give first. */
void die_walk_start(
    struct die_walk *walk, const struct die_unit *unit, const unsigned char *at);

/* Outputs the next DIE; false behind the last one, or where the unit is malformed. */
bool die_walk_next(struct die_walk *walk, struct die *ret_die);

#endif
