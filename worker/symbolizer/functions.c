/* SPDX-License-Identifier: MIT
 * The second job: which function each PC lies in; in the symbolizer.
 *
 * Symbols and PCs are both sorted by address, so one walk over both finds all functions.
 */
#include "config.h"

#include "functions.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demangle.h"
#include "function_ranges.h"
#include "function_table.h"
#include "shared_memory.h"
#include "source_table.h"
#include "banned.h"

/* Longer ones are cut. Many symbols can have one long name in common, and a short one
 * unfold to a long one: all names together have a limit, too, behind which they are "". */
#define NAME_MAX_LEN 8192
#define NAMES_MAX (UINT32_C(128) << 20)

struct job {
	struct function_ranges ranges;
	struct source_table sources;
	struct wire_function *functions; /* room for one a PC */
	uint32_t functions_len, unknown_len;
	uint32_t *owners;
	char *names;
	size_t names_len, names_capacity;
};

static int
out_of_memory(struct failure *text)
{
	return failure_say(text, ENOMEM, "out of memory for its functions");
}

/* Its lowest PC with a line, else its lowest: many begin with code of no line. */
static uint32_t
best_located(const struct source_table *sources, uint32_t first, uint32_t len)
{
	for (uint32_t i = first; i < first + len; i++) {
		const struct wire_location *location =
		    &sources->locations[sources->order[i]];

		if (location->file != WIRE_FILE_UNKNOWN && location->line > 0)
			return sources->order[i];
	}
	return sources->order[first];
}

static int
add_name(struct job *job, const char *name, size_t len, uint32_t *ret_offset)
{
	size_t capacity = job->names_capacity;
	char *grown;

	if (len > NAME_MAX_LEN)
		for (len = NAME_MAX_LEN; len > 0 && (name[len] & 0xc0) == 0x80;)
			len--; /* not within a character */
	if (job->names_len + len + 1 > NAMES_MAX) {
		*ret_offset = 0;
		return 0;
	}
	while (capacity < job->names_len + len + 1)
		capacity = capacity != 0 ? 2 * capacity : 65536;
	if (capacity != job->names_capacity) {
		grown = realloc(job->names, capacity);
		if (grown == NULL)
			return -ENOMEM;
		job->names = grown;
		job->names_capacity = capacity;
	}
	memcpy(job->names + job->names_len, name, len);
	job->names[job->names_len + len] = '\0';
	*ret_offset = (uint32_t)job->names_len;
	job->names_len += len + 1;
	return 0;
}

static int
name_function(
    struct job *job, const struct symbol *symbol, struct wire_function *function)
{
	const bool is_full = job->names_len + symbol->name.len + 1 > NAMES_MAX;
	char *raw = is_full ? NULL : strndup(symbol->name.text, symbol->name.len);
	char *name = is_full ? NULL : demangle(symbol->name.text, symbol->name.len);
	int r = is_full ? 0 : -ENOMEM;

	if (raw != NULL && name != NULL) {
		demangle_make_printable(raw);
		r = add_name(job, raw, strlen(raw), &function->raw);
		function->name = function->raw;
		if (r == 0 && strcmp(raw, name) != 0)
			r = add_name(job, name, strlen(name), &function->name);
	}
	free(raw);
	free(name);
	return r;
}

static int
add_function(
    struct job *job, const struct function_range *range, uint32_t first, uint32_t len)
{
	const uint32_t index = job->functions_len;
	struct wire_function *function = &job->functions[index];

	if (range->symbol->name.text == NULL || range->symbol->name.len == 0 ||
	    !elf_image_is_code(job->ranges.image, range->start))
		return 0;
	*function = (struct wire_function){
		.start = range->start,
		.end = range->end,
		.first = first,
		.pcs_len = len,
		.pc = best_located(&job->sources, first, len),
	};
	for (uint32_t i = first; i < first + len; i++)
		job->owners[job->sources.order[i]] = index;
	job->unknown_len -= len;
	job->functions_len++;
	return name_function(job, range->symbol, function);
}

static int
find_functions(struct job *job, struct failure *text)
{
	const struct source_table *sources = &job->sources;
	const uint32_t len = sources->header->pcs_len;
	uint32_t at = 0, first, nowhere;
	int r;

	job->functions = calloc((size_t)len + 1, sizeof(*job->functions));
	job->owners = malloc(((size_t)len + 1) * sizeof(*job->owners));
	if (job->functions == NULL || job->owners == NULL)
		return out_of_memory(text);
	memset(job->owners, 0xff, (size_t)len * sizeof(*job->owners));
	job->unknown_len = len;
	r = add_name(job, "", 0, &nowhere);
	for (size_t i = 0; i < job->ranges.len && r == 0; i++) {
		const struct function_range *range = &job->ranges.list[i];

		while (at < len && sources->pcs[sources->order[at]] < range->start)
			at++;
		first = at;
		while (at < len && sources->pcs[sources->order[at]] < range->end &&
		    !wire_location_is_dropped(&sources->locations[sources->order[at]]))
			at++;
		if (at > first)
			r = add_function(job, range, first, at - first);
	}
	return r == 0 ? 0 : out_of_memory(text);
}

static int
write_all(const struct job *job, int fd)
{
	const uint32_t pcs_len = job->sources.header->pcs_len;
	const uint64_t functions =
	    sizeof(*job->functions) * (uint64_t)job->functions_len;
	const uint64_t owners = sizeof(*job->owners) * (uint64_t)pcs_len;
	struct wire_functions header = {
		.magic = FUNCTION_TABLE_MAGIC,
		.version = FUNCTION_TABLE_VERSION,
		.pcs_len = pcs_len,
		.functions_len = job->functions_len,
		.string_bytes_len = (uint32_t)job->names_len,
		.unknown_len = job->unknown_len,
		.functions = sizeof(header),
		.owners = sizeof(header) + functions,
	};
	int r;

	header.strings = header.owners + shared_memory_aligned(owners);
	header.size = header.strings + shared_memory_aligned(job->names_len);
	r = shared_memory_append(fd, &header, sizeof(header));
	if (r == 0)
		r = shared_memory_append_aligned(fd, job->functions, functions);
	if (r == 0)
		r = shared_memory_append_aligned(fd, job->owners, owners);
	if (r == 0)
		r = shared_memory_append_aligned(fd, job->names, job->names_len);
	return r < 0 ? r : shared_memory_seal(fd);
}

static int
write_table(const struct job *job, int *ret_functions, struct failure *text)
{
	int fd = shared_memory_create("function-table");
	int r = fd < 0 ? fd : write_all(job, fd);

	if (r == 0)
		*ret_functions = fd;
	else if (fd >= 0)
		close(fd);
	return r == 0 ? 0
		      : failure_say(text, -r,
			    "the function table cannot be written: %s", strerror(-r));
}

static int
run(struct job *job, const struct functions_request *request, int *ret_functions,
    struct failure *text)
{
	int r = source_table_map(request->table, &job->sources);

	if (r < 0)
		return failure_say(
		    text, -r, "its table cannot be mapped: %s", strerror(-r));
	r = function_ranges_read(
	    request->executable, request->debug, &job->ranges, text);
	if (r == 0)
		r = find_functions(job, text);
	if (r == 0 && job->functions_len == 0)
		r = failure_say(text, ENODATA,
		    "its symbol table names no functions; do not strip it (or only "
		    "with "
		    "strip -g), or keep .symtab in its separate debug file");
	return r < 0 ? r : write_table(job, ret_functions, text);
}

enum table_status
functions_make(
    const struct functions_request *request, int *ret_functions, struct failure *text)
{
	struct job job = { 0 };
	int r;

	text->text[0] = '\0';
	r = run(&job, request, ret_functions, text);
	free(job.functions);
	free(job.owners);
	free(job.names);
	function_ranges_free(&job.ranges);
	source_table_unmap(&job.sources);
	return r == 0 ? TABLE_OK : TABLE_FAILED;
}
