/* SPDX-License-Identifier: MIT
 * Layout of a source-location table: a sealed memfd that the symbolizer makes once per
 * build ID and PC list, and that the supervisor hands to collector and front-end.
 *
 * Immutable, position-independent. A reader checks it with source_table_map(), which
 * trusts nothing but the seals; after that every offset and index in it is in range.
 */
#ifndef FUZZSUP_SOURCE_TABLE_H
#define FUZZSUP_SOURCE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

#define SOURCE_TABLE_MAGIC UINT32_C(0x54535a46) /* "FZST" */
#define SOURCE_TABLE_VERSION 2

struct source_table_header {
	uint32_t magic;
	uint32_t version;
	uint64_t size; /* of the whole memfd */
	uint32_t pcs_len;
	uint32_t unknown_len; /* PCs that no line table row covers, and: */
	uint32_t directories_len;
	uint32_t files_len;
	uint32_t string_bytes_len;
	uint32_t entries_len;
	uint32_t build_id_len; /* bytes; 0: the executable has none */
	uint8_t build_id[64];
	uint32_t dropped_len; /* of these: whose code the linker dropped */
	/* offsets from the start, multiples of 8 */
	uint64_t pcs;   /* u64 × pcs_len: link-time PCs, PC-table order */
	uint64_t order; /* u32 × pcs_len: indexes of the PCs, sorted by PC */
	uint64_t
	    directories; /* u32 × directories_len: offset into strings, absolute path
	                         or relative to the (unknown) build directory */
	uint64_t files;  /* struct wire_file × files_len, no two the same path */
	uint64_t locations; /* struct wire_location × pcs_len, PC-table order */
	uint64_t strings;   /* NUL-terminated, normalised: no "//", "/./", "/../" */
	uint64_t entries;   /* u64 × entries_len: link-time addresses of entry points */
};
_Static_assert(sizeof(struct source_table_header) == 168, "source table header");
_Static_assert(
    offsetof(struct source_table_header, pcs) == 112, "source table offsets");

/* A table as mapped for reading; the pointers lie inside of the map. */
struct source_table {
	const struct source_table_header *header; /* start of the map */
	const uint64_t *pcs;
	const uint32_t *order;
	const uint32_t *directories;
	const struct wire_file *files;
	const struct wire_location *locations;
	const char *strings;
	const uint64_t *entries;
};

/* Maps the table behind @fd read-only and checks all of it (seals, sizes, every index
 * and string offset, that order is a sorted permutation). Does not keep @fd. Free with
 * source_table_unmap(). Returns 0 or -EPROTO if it is not a well-formed sealed table,
 * or another negative errno. */
int source_table_map(int fd, struct source_table *ret_table);
void source_table_unmap(struct source_table *table);

/* Index of the PC with the greatest address that is not above @address, by its place in
 * PC-table order; -ENOENT if there is none. Of equal PCs the first in the PC table. */
int64_t source_table_nearest(const struct source_table *table, uint64_t address);

#endif
