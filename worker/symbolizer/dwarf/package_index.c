/* SPDX-License-Identifier: MIT
 * Indexes of packages; in the symbolizer.
 */
#include "config.h"

#include "package_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

#define COLUMNS_MAX 16

/* Numbers of sections in a header, which DWARF 5 gave other meanings from 5 on. */
enum column {
	COLUMN_INFO = 1,
	COLUMN_ABBREV = 3,
	COLUMN_STR_OFFSETS = 6,
	COLUMN_RNGLISTS = 8, /* GNU's: macros */
};

struct header {
	uint16_t version;
	uint32_t columns, units, slots;
};

static void
read_header(struct byte_reader *section, struct header *ret_header)
{
	const uint16_t first = byte_reader_u16(section);
	const uint16_t second = byte_reader_u16(section);

	/* GNU's version takes four bytes, DWARF 5's two. */
	ret_header->version = first != 0 ? first : second;
	ret_header->columns = byte_reader_u32(section);
	ret_header->units = byte_reader_u32(section);
	ret_header->slots = byte_reader_u32(section);
}

static struct package_part *
part_of(struct package_unit *unit, uint16_t version, uint32_t column)
{
	switch (column) {
	case COLUMN_INFO:
		return &unit->info;
	case COLUMN_ABBREV:
		return &unit->abbrev;
	case COLUMN_STR_OFFSETS:
		return &unit->str_offsets;
	case COLUMN_RNGLISTS:
		return version >= 5 ? &unit->rnglists : NULL;
	default:
		return NULL;
	}
}

/* Fills in row @row (from 0) of both tables, which begin at @offsets. */
static void
read_row(const struct header *header, const uint32_t *ids, struct byte_reader offsets,
    uint32_t row, struct package_unit *unit)
{
	const uint64_t row_size = (uint64_t)header->columns * sizeof(uint32_t);
	struct byte_reader sizes;
	struct package_part *part, unwanted;

	byte_reader_skip(&offsets, row * row_size);
	sizes = offsets;
	byte_reader_skip(&sizes, header->units * row_size);
	for (uint32_t i = 0; i < header->columns; i++) {
		part = part_of(unit, header->version, ids[i]);
		if (part == NULL)
			part = &unwanted;
		part->offset = byte_reader_u32(&offsets);
		part->size = byte_reader_u32(&sizes);
	}
}

static int
compare(const void *a, const void *b)
{
	const struct package_unit *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* @section is behind the header. */
static int
read_units(const struct header *header, struct byte_reader section,
    struct package_index *index)
{
	struct byte_reader ids, rows;
	uint32_t columns[COLUMNS_MAX], row;
	uint64_t id;

	ids = byte_reader_cut(&section, (uint64_t)header->slots * sizeof(id));
	rows = byte_reader_cut(&section, (uint64_t)header->slots * sizeof(row));
	for (uint32_t i = 0; i < header->columns; i++)
		columns[i] = byte_reader_u32(&section);
	/* What is claimed is there: so it can be allocated, too. */
	if (section.bad ||
	    byte_reader_left(&section) <
		(uint64_t)header->units * header->columns * 2 * sizeof(uint32_t))
		return -EBADMSG;
	index->units = calloc((size_t)header->slots + 1, sizeof(*index->units));
	if (index->units == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < header->slots; i++) {
		id = byte_reader_u64(&ids);
		row = byte_reader_u32(&rows);
		if (row == 0 || row > header->units) /* 0: a free slot */
			continue;
		index->units[index->len].id = id;
		read_row(
		    header, columns, section, row - 1, &index->units[index->len++]);
	}
	qsort(index->units, index->len, sizeof(*index->units), compare);
	return 0;
}

int
package_index_read(struct byte_reader section, struct package_index *ret_index)
{
	struct package_index index = { 0 };
	struct header header;
	int r = -EBADMSG;

	read_header(&section, &header);
	if (!section.bad && (header.version == 2 || header.version == 5) &&
	    header.columns <= COLUMNS_MAX)
		r = read_units(&header, section, &index);
	if (r == 0)
		*ret_index = index;
	return r;
}

void
package_index_free(struct package_index *index)
{
	free(index->units);
	*index = (struct package_index){ 0 };
}

const struct package_unit *
package_index_find(const struct package_index *index, uint64_t id)
{
	const struct package_unit wanted = { .id = id };

	if (index->len == 0)
		return NULL;
	return bsearch(
	    &wanted, index->units, index->len, sizeof(*index->units), compare);
}
