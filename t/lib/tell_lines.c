/* SPDX-License-Identifier: MIT
 * What became of each line of an executable, as the page would say it:
 *
 *     tell_lines EXECUTABLE COVERAGE_FILE [--blocks]
 *
 * prints FILE:LINE STATE for each line that has one, and what the table weighs to stderr.
 * --blocks: of blocks alone, without the sources' shapes.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "block_table.h"
#include "coverage_map.h"
#include "line_places.h"
#include "line_shapes.h"
#include "source_table.h"
#include "symbolizer/blocks/blocks.h"
#include "symbolizer/symbolize.h"

static void
give_up(const char *what)
{
	fprintf(stderr, "tell_lines: %s\n", what);
	exit(1);
}

static double
now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
	return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

/* Bits of the file at @path, in whose order of PCs the table's are, too. */
static const uint64_t *
read_bits(const char *path, uint32_t pcs_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const char *map;

	if (fd < 0 || fstat(fd, &st) != 0)
		give_up("no coverage file");
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED ||
	    (size_t)st.st_size < 24 + ((size_t)pcs_len + 63) / 64 * 8)
		give_up("the coverage file is of another build");
	close(fd);
	return (const uint64_t *)(const void *)(map + 24);
}

static void
tell(const struct block_table *blocks, const uint8_t *states)
{
	static const char *const names[] = { "none", "idle", "missed", "unknown",
		"partly", "reached" };

	for (uint32_t i = 0; i < blocks->header->lines_len; i++) {
		const struct wire_file *file = &blocks->files[blocks->lines[i].file];

		if (states[i] == LINE_NONE)
			continue;
		printf("%s/%s:%" PRIu32 " %s\n",
		    blocks->strings + blocks->directories[file->directory],
		    blocks->strings + file->basename, blocks->lines[i].line,
		    names[states[i]]);
	}
}

static void
conclude(const struct block_table *blocks, const uint64_t *bits,
    struct line_scratch *scratch, uint8_t *states)
{
	const struct line_blocks_view view = block_table_view(blocks);
	const size_t lines = (size_t)view.header->lines_len + 1;
	struct line_places places = { calloc(lines, sizeof(uint32_t)),
		calloc(lines, sizeof(uint32_t)) };
	bool *idle = calloc((size_t)view.header->functions_len + 1, sizeof(*idle));
	enum line_function function;

	if (places.places == NULL || places.limits == NULL || idle == NULL)
		give_up("out of memory");
	line_places_find(&view, &places);
	for (uint32_t i = 0; i < view.header->functions_len; i++) {
		function = line_states_function(&view, i, bits, scratch, states);
		if (function == LINE_FUNCTION_BAD)
			give_up("the block table contradicts itself");
		idle[i] = function == LINE_FUNCTION_IDLE;
	}
	for (uint32_t i = 0; i < view.header->functions_len; i++)
		if (idle[i])
			line_states_doubt(&view, i, &places, scratch, states);
	free(places.places);
	free(places.limits);
	free(idle);
}

/* As the sources on this machine's disk shape them. */
static void
apply_shapes(const struct block_table *blocks, const struct line_scratch *scratch,
    uint8_t *states)
{
	const uint32_t len = blocks->header->lines_len;
	const struct line_blocks_view view = block_table_view(blocks);
	uint8_t *kinds = calloc((size_t)blocks->header->files_len + 1, sizeof(*kinds));
	double lexed = 0;
	size_t text_bytes = 0, shape_bytes = 0;

	if (kinds == NULL)
		give_up("out of memory");
	line_files_find(&view, kinds);
	for (uint32_t from = 0, to; from < len; from = to) {
		const uint32_t number = blocks->lines[blocks->order[from]].file;
		const struct wire_file *file = &blocks->files[number];
		unsigned char *shapes;
		char path[4096], *text;
		double begin;
		struct stat st;
		int fd;

		for (to = from;
		    to < len && blocks->lines[blocks->order[to]].file == number; to++)
			;
		snprintf(path, sizeof(path), "%s/%s",
		    blocks->strings + blocks->directories[file->directory],
		    blocks->strings + file->basename);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			line_shapes_lose(NULL, 0, blocks->lines, blocks->order + from,
			    to - from, line_scratch_lost(scratch), states);
			continue;
		}
		if (fstat(fd, &st) != 0)
			give_up(path);
		text = malloc((size_t)st.st_size + 1);
		shapes = malloc(line_shapes_max((size_t)st.st_size));
		if (text == NULL || shapes == NULL ||
		    read(fd, text, (size_t)st.st_size) != st.st_size)
			give_up(path);
		close(fd);
		begin = now();
		const size_t shapes_len = line_shapes_read(
		    text, (size_t)st.st_size, source_language_of(path), shapes);
		lexed += now() - begin;
		line_shapes_lose(shapes, shapes_len, blocks->lines,
		    blocks->order + from, to - from, line_scratch_lost(scratch),
		    states);
		line_shapes_apply(shapes, shapes_len, blocks->lines,
		    blocks->order + from, to - from, line_scratch_led(scratch),
		    kinds[number], states);
		text_bytes += (size_t)st.st_size;
		shape_bytes += shapes_len;
		free(text);
		free(shapes);
	}
	free(kinds);
	fprintf(stderr, "sources: %zu bytes, %zu of shapes, %.1f ms\n", text_bytes,
	    shape_bytes, lexed);
}

int
main(int argc, char **argv)
{
	struct symbolize_request job = {
		.pcs = -1, .debug = -1, .alternate = -1, .cache = -1, .wanted = ""
	};
	struct blocks_request request = { .debug = -1, .alternate = -1 };
	struct source_table sources;
	struct block_table blocks;
	struct line_scratch *scratch;
	struct failure text;
	const uint64_t *bits;
	uint8_t *states;
	int table = -1, made = -1;
	double begin, done;

	if (argc < 2 || (job.executable = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0)
		give_up("usage: tell_lines EXECUTABLE [COVERAGE_FILE]");
	if (symbolize(&job, &table, &text) != TABLE_OK ||
	    source_table_map(table, &sources) < 0)
		give_up(text.text);
	request.executable = job.executable;
	request.table = table;
	begin = now();
	if (blocks_make(&request, &made, &text) != TABLE_OK)
		give_up(text.text);
	done = now();
	if (block_table_map(made, &blocks) < 0)
		give_up("the block table is none");
	fprintf(stderr,
	    "%" PRIu32 " PCs, %.1f ms, %.1f bytes a PC, %" PRIu32 " lines, %" PRIu32
	    " functions, %" PRIu32 " PCs in none\n",
	    blocks.header->pcs_len, done - begin,
	    (double)blocks.header->size / blocks.header->pcs_len,
	    blocks.header->lines_len, blocks.header->functions_len,
	    blocks.header->unknown_len);
	if (argc < 3)
		return 0;
	bits = read_bits(argv[2], blocks.header->pcs_len);
	scratch = malloc(line_scratch_size(blocks.header));
	states = calloc((size_t)blocks.header->lines_len + 1, 1);
	if (scratch == NULL || states == NULL)
		give_up("out of memory");
	line_scratch_lay(scratch, blocks.header);
	begin = now();
	conclude(&blocks, bits, scratch, states);
	fprintf(stderr, "states: %.1f ms\n", now() - begin);
	if (argc < 4 || strcmp(argv[3], "--blocks") != 0)
		apply_shapes(&blocks, scratch, states);
	tell(&blocks, states);
	free(states);
	free(scratch);
	return 0;
}
