/* SPDX-License-Identifier: MIT
 * A block table: a sealed memfd that the symbolizer makes of one source-location table and its
 * executable's machine code (its layout: struct wire_blocks in wire.h).
 *
 * Immutable, position-independent. A reader checks it with block_table_map(), which trusts
 * nothing but the seals; the code of functions is checked where it is read (line_states.h).
 */
#ifndef FUZZSUP_BLOCK_TABLE_H
#define FUZZSUP_BLOCK_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "line_states.h"
#include "source_table.h"
#include "wire.h"

/* A table as mapped for reading; the pointers lie inside of the map. */
struct block_table {
	const struct wire_blocks *header; /* start of the map */
	const struct wire_blocks_function *functions;
	const struct wire_line *lines;
	const uint32_t *order;
	const struct wire_file *files;
	const uint32_t *directories;
	const char *strings;
	const unsigned char *code;
	const uint32_t *families, *family_lines;
};

/* Maps the table behind @fd read-only and checks all but the code of functions: seals, sizes,
 * every index and offset, that functions ascend and hold only PCs that there are. Does not keep
 * @fd. Free with block_table_unmap(). Returns 0, -EPROTO if it is not a well-formed sealed
 * table, or another negative errno. */
int block_table_map(int fd, struct block_table *ret_table);
void block_table_unmap(struct block_table *table);

/* What line_states.h reads of it; its pointers are the table's. */
struct line_blocks_view block_table_view(const struct block_table *table);

/* True if @table has as many PCs as @sources, and its first files are those. */
bool block_table_matches(
    const struct block_table *table, const struct source_table *sources);

#endif
