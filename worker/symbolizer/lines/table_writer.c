/* SPDX-License-Identifier: MIT
 * Laying out a source-location table; in the symbolizer.
 */
#include "config.h"

#include "table_writer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared_memory.h"
#include "source_table.h"
#include "banned.h"

#define PARTS_LEN 8

struct part {
	const void *data;
	uint64_t len;
};

static void
count_unknown(const struct table_content *content, struct source_table_header *header)
{
	uint32_t unknown = 0, dropped = 0;

	for (uint32_t i = 0; i < content->pcs_len; i++)
		unknown += content->locations[i].file == WIRE_FILE_UNKNOWN;
	for (uint32_t i = 0; i < content->pcs_len && unknown > 0; i++)
		dropped += (uint32_t)wire_location_is_dropped(&content->locations[i]);
	header->unknown_len = unknown;
	header->dropped_len = dropped;
}

/* Fills the header's counts, and @parts with what follows it, in the order of the
 * header's offsets. */
static void
describe(const struct table_content *content, struct source_table_header *header,
    struct part parts[PARTS_LEN])
{
	const struct wire_file *files =
	    path_table_files(content->paths, &header->files_len);
	const uint32_t *directories =
	    path_table_directories(content->paths, &header->directories_len);
	const char *strings =
	    path_table_strings(content->paths, &header->string_bytes_len);
	uint64_t pcs_len = content->pcs_len;

	header->pcs_len = content->pcs_len;
	count_unknown(content, header);
	header->entries_len = content->entries_len;
	header->build_id_len = (uint32_t)byte_reader_left(&content->build_id);
	assert(header->build_id_len <= sizeof(header->build_id));
	if (header->build_id_len > 0)
		memcpy(header->build_id, content->build_id.at, header->build_id_len);
	parts[0] = (struct part){ header, sizeof(*header) };
	parts[1] = (struct part){ content->pcs, pcs_len * sizeof(*content->pcs) };
	parts[2] = (struct part){ content->order, pcs_len * sizeof(*content->order) };
	parts[3] = (struct part){ directories,
		(uint64_t)header->directories_len * sizeof(*directories) };
	parts[4] = (struct part){ files, (uint64_t)header->files_len * sizeof(*files) };
	parts[5] =
	    (struct part){ content->locations, pcs_len * sizeof(*content->locations) };
	parts[6] = (struct part){ strings, header->string_bytes_len };
	parts[7] = (struct part){ content->entries,
		(uint64_t)content->entries_len * sizeof(*content->entries) };
}

static int
write_parts(int fd, const struct part parts[PARTS_LEN])
{
	int r = 0;

	for (size_t i = 0; i < PARTS_LEN && r == 0; i++)
		r = shared_memory_append_aligned(fd, parts[i].data, parts[i].len);
	return r;
}

int
table_write(const struct table_content *content, int *ret_fd)
{
	struct source_table_header header = {
		.magic = SOURCE_TABLE_MAGIC,
		.version = SOURCE_TABLE_VERSION,
	};
	uint64_t *const offsets[PARTS_LEN] = { NULL, &header.pcs, &header.order,
		&header.directories, &header.files, &header.locations, &header.strings,
		&header.entries };
	struct part parts[PARTS_LEN];
	uint64_t offset = 0;
	int fd, r;

	describe(content, &header, parts);
	for (size_t i = 0; i < PARTS_LEN; i++) {
		if (offsets[i] != NULL)
			*offsets[i] = offset;
		offset += shared_memory_aligned(parts[i].len);
	}
	header.size = offset;
	fd = shared_memory_create("source-table");
	if (fd < 0)
		return fd;
	r = write_parts(fd, parts);
	if (r == 0)
		r = shared_memory_seal(fd);
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}
