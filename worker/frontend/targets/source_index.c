/* SPDX-License-Identifier: MIT
 * Building source indexes; in the front-end.
 */
#include "config.h"

#include "source_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"
#include "banned.h"

/* Strings as they are collected. */
struct strings {
	char *bytes;
	size_t len, capacity;
};

static int
strings_add(struct strings *strings, const char *text, uint32_t *ret_offset)
{
	size_t len = strlen(text) + 1, capacity = strings->capacity;
	char *grown;

	if (strings->len + len > UINT32_MAX)
		return -EOVERFLOW;
	while (capacity < strings->len + len)
		capacity = capacity != 0 ? 2 * capacity : 4096;
	if (capacity != strings->capacity) {
		grown = realloc(strings->bytes, capacity);
		if (grown == NULL)
			return -ENOMEM;
		strings->bytes = grown;
		strings->capacity = capacity;
	}
	memcpy(strings->bytes + strings->len, text, len);
	*ret_offset = (uint32_t)strings->len;
	strings->len += len;
	return 0;
}

static int
collect_directories(const struct source_paths *paths, const struct source_roots *roots,
    struct strings *strings, uint32_t *directories)
{
	int r = 0;

	for (size_t i = 0; i < paths->directories_len && r == 0; i++) {
		const char *own = paths->strings + paths->directories[i];
		char *name = NULL;
		size_t root;

		r = source_directory_name(roots, own, &name, &root);
		if (r == 0 || r == -ENOENT)
			r = strings_add(strings, r == 0 ? name : own, &directories[i]);
		free(name);
	}
	return r;
}

/* Base names that share a string in the table share one here. */
static int
collect_files(
    const struct source_paths *paths, struct strings *strings, struct wire_file *files)
{
	uint32_t *moved = malloc(((size_t)paths->string_bytes_len + 1) * 4);
	int r = 0;

	if (moved == NULL)
		return -ENOMEM;
	memset(moved, 0xff, ((size_t)paths->string_bytes_len + 1) * 4);
	for (size_t i = 0; i < paths->files_len && r == 0; i++) {
		uint32_t basename = paths->files[i].basename;

		if (moved[basename] == UINT32_MAX)
			r = strings_add(
			    strings, paths->strings + basename, &moved[basename]);
		files[i] =
		    (struct wire_file){ paths->files[i].directory, moved[basename] };
	}
	free(moved);
	return r;
}

static struct frame *
assemble(const struct source_paths *paths, uint32_t pcs_len,
    const uint32_t *directories, const struct wire_file *files,
    const struct strings *strings, int64_t start, const struct frame_shared *shared)
{
	struct wire_source_index head = {
		.flags = WIRE_SOURCE_INDEX,
		.directories_len = paths->directories_len,
		.files_len = paths->files_len,
		.locations_len = pcs_len,
		.string_bytes_len = (uint32_t)strings->len,
		.start_timestamp = start,
	};
	size_t directories_size =
	    (size_t)paths->directories_len * sizeof(directories[0]);
	size_t files_size = (size_t)paths->files_len * sizeof(files[0]);
	struct frame *frame = frame_new(FRAME_BINARY,
	    sizeof(head) + directories_size + files_size, shared, strings->len);
	char *front;

	if (frame == NULL)
		return NULL;
	front = frame_front(frame);
	memcpy(front, &head, sizeof(head));
	memcpy(front + sizeof(head), directories, directories_size);
	memcpy(front + sizeof(head) + directories_size, files, files_size);
	if (strings->len > 0)
		memcpy(frame_tail(frame), strings->bytes, strings->len);
	return frame;
}

int
source_index_new(const struct source_table *table, const struct source_paths *paths,
    const struct source_roots *roots, int64_t start, struct frame_shared shared,
    struct frame **ret_frame)
{
	struct strings strings = { 0 };
	uint32_t *directories = calloc((size_t)paths->directories_len + 1, 4);
	struct wire_file *files = calloc((size_t)paths->files_len + 1, sizeof(*files));
	struct frame *frame = NULL;
	int r = -ENOMEM;

	if (directories == NULL || files == NULL)
		goto out;
	r = collect_directories(paths, roots, &strings, directories);
	if (r == 0)
		r = collect_files(paths, &strings, files);
	if (r < 0)
		goto out;
	shared.data = table->locations;
	shared.len = (size_t)table->header->pcs_len * sizeof(struct wire_location);
	frame = assemble(paths, table->header->pcs_len, directories, files, &strings,
	    start, &shared);
	r = frame != NULL ? 0 : -ENOMEM;
	if (r == 0)
		*ret_frame = frame;
out:
	free(directories);
	free(files);
	free(strings.bytes);
	return r;
}

void
source_index_file_name(struct frame *index, uint32_t file, const char **ret_directory,
    const char **ret_name)
{
	const struct wire_source_index *head = frame_front(index);
	const uint32_t *directories = (const uint32_t *)(head + 1);
	const struct wire_file *files =
	    (const struct wire_file *)(directories + head->directories_len);
	const char *strings = frame_tail(index);

	*ret_directory = strings + directories[files[file].directory];
	*ret_name = strings + files[file].basename;
}
