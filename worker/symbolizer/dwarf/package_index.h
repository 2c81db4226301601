/* SPDX-License-Identifier: MIT
 * Which parts of a package's sections (.dwp) belong to a unit; in the symbolizer.
 */
#ifndef FUZZSUP_PACKAGE_INDEX_H
#define FUZZSUP_PACKAGE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "byte_reader.h"

struct package_part {
	uint32_t offset, size;
};

struct package_unit {
	uint64_t id;
	struct package_part info, abbrev, str_offsets, rnglists;
};

/* Zeroed is empty. */
struct package_index {
	struct package_unit *units; /* by ID */
	size_t len;
};

/* Reads .debug_cu_index, GNU's for DWARF 4 or DWARF 5's. Returns 0; -EBADMSG if it is
 * malformed or of another version; or -ENOMEM. */
int package_index_read(struct byte_reader section, struct package_index *ret_index);
void package_index_free(struct package_index *index);

/* NULL if there is no such unit. */
const struct package_unit *package_index_find(
    const struct package_index *index, uint64_t id);

#endif
