/* SPDX-License-Identifier: MIT
 * What became of each line of an executable, as the page would say it:
 *
 *     tell_lines EXECUTABLE COVERAGE_FILE
 *
 * prints FILE:LINE STATE for each line that a block names, and what the table weighs to stderr.
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
#include "line_states.h"
#include "source_table.h"
#include "symbolizer/blocks.h"
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
		"reached" };

	for (uint32_t i = 0; i < blocks->header->lines_len; i++) {
		const struct wire_file *file = &blocks->files[blocks->lines[i].file];

		printf("%s/%s:%" PRIu32 " %s\n",
		    blocks->strings + blocks->directories[file->directory],
		    blocks->strings + file->basename, blocks->lines[i].line,
		    names[states[i]]);
	}
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
	for (uint32_t i = 0; i < blocks.header->functions_len; i++) {
		const struct line_blocks_view view = { blocks.header, blocks.functions,
			blocks.code };

		if (!line_states_function(&view, i, bits, scratch, states))
			give_up("the block table contradicts itself");
	}
	fprintf(stderr, "states: %.1f ms\n", now() - begin);
	tell(&blocks, states);
	free(states);
	free(scratch);
	return 0;
}
