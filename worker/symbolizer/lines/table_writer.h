/* SPDX-License-Identifier: MIT
 * Laying out a source-location table (source_table.h); in the symbolizer.
 */
#ifndef FUZZSUP_TABLE_WRITER_H
#define FUZZSUP_TABLE_WRITER_H

#include <stdint.h>

#include "byte_reader.h"
#include "path_table.h"
#include "wire.h"

struct table_content {
	const uint64_t *pcs; /* pcs_len, PC-table order; as are locations */
	const uint32_t *order;
	const struct wire_location *locations;
	uint32_t pcs_len;
	const struct path_table *paths;
	const uint64_t *entries;
	uint32_t entries_len;
	struct byte_reader build_id;
};

/* Writes @content into a memfd and seals it; the caller owns it. Returns 0 or -errno. */
int table_write(const struct table_content *content, int *ret_fd);

#endif
