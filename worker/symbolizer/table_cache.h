/* SPDX-License-Identifier: MIT
 * Finished tables on disk, so that a restart shows the page at once; in the symbolizer.
 *
 * A file holds one table: a header and the table's bytes under one checksum. The
 * supervisor opens it; what is in it is believed only as far as the checksum goes, and
 * readers of the table check every index as ever.
 */
#ifndef FUZZSUP_TABLE_CACHE_H
#define FUZZSUP_TABLE_CACHE_H

#include <stdint.h>

#include "byte_reader.h"

/* What a table was made of. */
struct table_key {
	struct byte_reader build_id; /* empty: such a table is never kept */
	/* Of the executable: strip(1) keeps the build ID, and a linker may not have
	 * finished yet. */
	uint64_t file_size;
	int64_t mtime_ns;
	uint64_t pcs_hash;    /* of the PC list; 0: the executable's own */
	uint64_t wanted_hash; /* of the entry points asked for */
};

/* Outputs the sealed memfd of the table that @file holds for @key, the caller's. Returns
 * 0, or -ENOENT if it holds none, another's or a damaged one, or another negative errno. */
int table_cache_load(int file, const struct table_key *key, int *ret_table);

/* Replaces what @file holds by @table, a sealed memfd. Whoever is killed meanwhile leaves
 * a file without a right checksum. Returns 0 or -errno, after which the file is empty. */
int table_cache_store(int file, const struct table_key *key, int table);

#endif
