/* SPDX-License-Identifier: MIT
 * What a unit has in a file of its own (-gsplit-dwarf: .dwo), or in a package of these (.dwp);
 * in the symbolizer. In the executable stands a skeleton: lines, and where code is.
 */
#ifndef FUZZSUP_SPLIT_UNITS_H
#define FUZZSUP_SPLIT_UNITS_H

#include <stddef.h>
#include <elfutils/libdw.h>

#include "byte_reader.h"
#include "die_strings.h"
#include "frames.h"

struct split_units;
struct split_file;

struct split_unit {
	Dwarf_Die first;
	struct byte_reader abbrev;   /* all of .debug_abbrev */
	struct byte_reader rnglists; /* the unit's part of .debug_rnglists */
	struct die_strings strings;
	struct split_file *own; /* NULL: it lies in the package */
	size_t size;            /* bytes of it that tell of functions */
	size_t held;            /* bytes that are held for it alone */
};

/* @open_cb is asked for files when units are. Returns NULL when out of memory. */
struct split_units *split_units_new(frames_open_cb open_cb, void *context);
void split_units_free(struct split_units *splits);

/* Finds what belongs to the unit whose first DIE is @skeleton, which @strings are of. Returns
 * 0, with NULL for a unit that is no skeleton, or whose file is not there or is none of this
 * build, which is a remark; or -ENOMEM. */
int split_units_find(struct split_units *splits, Dwarf_Die *skeleton,
    const struct die_strings *strings, struct split_unit **ret_unit);
void split_unit_free(struct split_unit *unit);

/* What was missed first, once; else NULL. */
const char *split_units_remark(struct split_units *splits);

#endif
