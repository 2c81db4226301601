/* SPDX-License-Identifier: MIT
 * The finished block table; in the symbolizer.
 */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "blocks_parts.h"
#include "line_shapes.h"
#include "pc_sort.h"
#include "shared_memory.h"
#include "banned.h"

int
blocks_out_of_memory(struct failure *text)
{
	return failure_say(text, ENOMEM, "out of memory for its blocks");
}

static int
compare_functions(const void *a, const void *b)
{
	const struct wire_blocks_function *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static uint64_t
lay(uint64_t *offset, uint64_t at, uint64_t size)
{
	*offset = at;
	return at + shared_memory_aligned(size);
}

/* Indexes of the lines by file and line; to be freed. */
static uint32_t *
order_lines(const struct line_set *lines)
{
	const size_t len = (size_t)lines->len + 1;
	uint32_t *order = calloc(len, sizeof(*order));
	uint64_t *keys = calloc(len, sizeof(*keys)),
		 *sorted = calloc(len, sizeof(*sorted)),
		 *spare = calloc(len, sizeof(*spare));

	for (uint32_t i = 0; keys != NULL && i < lines->len; i++)
		keys[i] = (uint64_t)lines->lines[i].file << 32 | lines->lines[i].line;
	if (order != NULL && keys != NULL && sorted != NULL && spare != NULL)
		pc_sort(keys, lines->len, sorted, order, spare);
	if (keys == NULL || sorted == NULL || spare == NULL) {
		free(order);
		order = NULL;
	}
	free(keys);
	free(sorted);
	free(spare);
	return order;
}

/* Where each family's lines begin, and these; to be freed. */
static int
list_families(const struct blocks_job *job, uint32_t **ret_starts, uint32_t **ret_lines)
{
	const struct number_list *from = &job->copy_lines.families;
	const uint32_t len = job->copies.families_len;
	uint32_t *starts = malloc(((size_t)len + 1) * sizeof(*starts)),
		 *lines = malloc((from->len + 1) * sizeof(*lines)), at = 0;

	*ret_starts = starts;
	*ret_lines = lines;
	if (starts == NULL || lines == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < len; i++) {
		starts[i] = at;
		for (; at < from->len && from->list[at] >> 32 == i; at++)
			lines[at] = (uint32_t)from->list[at];
	}
	starts[len] = at;
	return 0;
}

static int
write_all(const struct blocks_job *job, const uint32_t *order, int fd)
{
	struct wire_blocks h = {
		.magic = WIRE_BLOCKS_MAGIC,
		.version = WIRE_BLOCKS_VERSION,
		.pcs_len = job->sources.header->pcs_len,
		.functions_len = job->functions_len,
		.lines_len = job->lines.len,
		.code_len = job->code_len,
		.blocks_max = job->blocks_max,
		.edges_max = job->edges_max,
		.families_len = job->copies.families_len,
		.family_lines_len = (uint32_t)job->copy_lines.families.len,
	};
	const struct wire_file *files = path_table_files(job->paths, &h.files_len);
	const uint32_t *directories =
	    path_table_directories(job->paths, &h.directories_len);
	const char *strings = path_table_strings(job->paths, &h.string_bytes_len);
	uint32_t *families = NULL, *family_lines = NULL;
	const int made = list_families(job, &families, &family_lines);
	const struct {
		const void *data;
		uint64_t *offset, size;
	} parts[] = {
		{ job->functions, &h.functions,
		    (uint64_t)h.functions_len * sizeof(*job->functions) },
		{ job->lines.lines, &h.lines,
		    (uint64_t)h.lines_len * sizeof(*job->lines.lines) },
		{ order, &h.order, (uint64_t)h.lines_len * sizeof(*order) },
		{ files, &h.files, (uint64_t)h.files_len * sizeof(*files) },
		{ directories, &h.directories,
		    (uint64_t)h.directories_len * sizeof(*directories) },
		{ strings, &h.strings, h.string_bytes_len },
		{ job->code, &h.code, job->code_len },
		{ families, &h.families, ((uint64_t)h.families_len + 1) * 4 },
		{ family_lines, &h.family_lines, (uint64_t)h.family_lines_len * 4 },
	};
	int r = made;

	h.unknown_len = h.pcs_len - job->known_len;
	h.size = sizeof(h);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		h.size = lay(parts[i].offset, h.size, parts[i].size);
	if (r == 0)
		r = shared_memory_append(fd, &h, sizeof(h));
	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		r = shared_memory_append_aligned(fd, parts[i].data, parts[i].size);
	free(families);
	free(family_lines);
	return r < 0 ? r : shared_memory_seal(fd);
}

/* Copies that all count as the function does leave nothing open of it. */
static void
settle_counted(struct blocks_job *job)
{
	struct number_list *uncounted = &job->uncounted;

	number_list_sort(uncounted);
	for (uint32_t i = 0; i < job->functions_len; i++) {
		struct wire_blocks_function *function = &job->functions[i];

		if ((function->flags & WIRE_FUNCTION_COUNTED) != 0 &&
		    !number_list_has(uncounted, function->first))
			function->flags &= ~WIRE_FUNCTION_INLINED;
	}
}

/* Of copies of what is one piece of code nothing may be left. Rust's are doubted by their sources,
 * which tell more of them (line_shapes.h). */
static void
mark_folding(const struct blocks_job *job)
{
	uint32_t files_len, strings_len;
	const struct wire_file *files = path_table_files(job->paths, &files_len);
	const char *strings = path_table_strings(job->paths, &strings_len);

	for (uint32_t i = 0; i < job->functions_len; i++) {
		struct wire_blocks_function *function = &job->functions[i];

		if ((function->flags & WIRE_FUNCTION_INLINED) == 0 ||
		    function->blocks_len != 1 || function->line == WIRE_LINE_NONE)
			continue;
		const uint32_t file = job->lines.lines[function->line].file;

		if (source_language_of(strings + files[file].basename) == SOURCE_C)
			function->flags |= WIRE_FUNCTION_FOLDS;
	}
}

int
block_write_table(struct blocks_job *job, int *ret_blocks, struct failure *text)
{
	uint32_t *order = order_lines(&job->lines);
	int fd, r;

	if (order == NULL)
		return blocks_out_of_memory(text);
	if (job->functions_len > 0)
		qsort(job->functions, job->functions_len, sizeof(*job->functions),
		    compare_functions);
	settle_counted(job);
	mark_folding(job);
	if (block_copies_finish(&job->copy_lines) < 0) {
		free(order);
		return blocks_out_of_memory(text);
	}
	fd = shared_memory_create("block-table");
	r = fd < 0 ? fd : write_all(job, order, fd);
	free(order);
	if (r == 0)
		*ret_blocks = fd;
	else if (fd >= 0)
		close(fd);
	return r == 0 ? 0
		      : failure_say(text, -r, "the block table cannot be written: %s",
			    strerror(-r));
}
