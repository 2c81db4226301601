/* SPDX-License-Identifier: MIT
 * A function table: a sealed memfd that the symbolizer makes of one source-location table
 * and its executable's symbols, and that the supervisor hands to the front-end, which
 * serves it as it is (its layout: struct wire_functions in wire.h).
 *
 * Immutable, position-independent. A reader checks it with function_table_map(), which
 * trusts nothing but the seals; function_table_matches() tells whether it belongs to a
 * source-location table.
 */
#ifndef FUZZSUP_FUNCTION_TABLE_H
#define FUZZSUP_FUNCTION_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "source_table.h"
#include "wire.h"

#define FUNCTION_TABLE_MAGIC UINT32_C(0x4e465a46) /* "FZFN" */
#define FUNCTION_TABLE_VERSION 1

/* A table as mapped for reading; the pointers lie inside of the map. */
struct function_table {
	const struct wire_functions *header; /* start of the map */
	const struct wire_function *functions;
	const uint32_t *owners;
	const char *strings;
};

/* Maps the table behind @fd read-only and checks all of it: seals, sizes, every index and
 * offset, that functions ascend, and that owners tell the same PCs as they do. Does not
 * keep @fd. Free with function_table_unmap(). Returns 0, -EPROTO if it is not a
 * well-formed sealed table, or another negative errno. */
int function_table_map(int fd, struct function_table *ret_table);
void function_table_unmap(struct function_table *table);

/* True if @table's PCs are those of @sources: as many, and in order of address each
 * function holds those that are its own. */
bool function_table_matches(
    const struct function_table *table, const struct source_table *sources);

#endif
