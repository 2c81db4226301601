/* SPDX-License-Identifier: MIT
 * Resolves executables through the symbolizer's library and prints what came out; for
 * tests and benches.
 *
 *   dump_table FILE     index pc path:line:column for each PC, "?" where unknown; then
 *                       "entry ADDRESS" lines. Exit status 1, reason on stderr: no table.
 *   dump_table -q FILE… nothing but whether it worked: for timing
 *   dump_table -m FILE  how large its resident set was at most
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "source_table.h"
#include "symbolizer/symbolize.h"

static void
print(const struct source_table *table)
{
	for (uint32_t i = 0; i < table->header->pcs_len; i++) {
		const struct wire_location *location = &table->locations[i];
		const struct wire_file *file = &table->files[location->file];

		printf("%" PRIu32 " 0x%" PRIx64 " ", i, table->pcs[i]);
		if (location->file == WIRE_FILE_UNKNOWN)
			puts("?");
		else
			printf("%s/%s:%" PRIu32 ":%" PRIu32 "\n",
			    table->strings + table->directories[file->directory],
			    table->strings + file->basename, location->line,
			    location->column);
	}
	for (uint32_t i = 0; i < table->header->entries_len; i++)
		printf("entry 0x%" PRIx64 "\n", table->entries[i]);
}

static int
dump(const char *path, bool quiet)
{
	struct symbolize_request request = { .pcs = -1,
		.wanted = "",
		.debug = -1,
		.alternate = -1,
		.no_alternate = true,
		.cache = -1 };
	struct source_table table;
	struct failure text;
	int fd;

	request.executable = open(path, O_RDONLY | O_CLOEXEC);
	if (request.executable < 0) {
		perror(path);
		return 1;
	}
	if (symbolize(&request, &fd, &text) != TABLE_OK) {
		fprintf(stderr, "%s: %s\n", path, text.text);
		close(request.executable);
		return 1;
	}
	close(request.executable);
	if (text.text[0] != '\0')
		fprintf(stderr, "%s: note: %s\n", path, text.text);
	if (!quiet) {
		if (source_table_map(fd, &table) < 0) {
			fprintf(stderr, "%s: its table is refused by readers\n", path);
			return 1;
		}
		print(&table);
		source_table_unmap(&table);
	}
	close(fd);
	return 0;
}

/* Peak of the resident set: getrusage() would count what ran before exec, too. */
static int
print_peak(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];

	if (status == NULL)
		return 1;
	while (fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			fputs(line, stdout);
	fclose(status);
	return 0;
}

int
main(int argc, char **argv)
{
	bool peak = argc > 1 && strcmp(argv[1], "-m") == 0;
	bool quiet = peak || (argc > 1 && strcmp(argv[1], "-q") == 0);
	int status = argc > (quiet ? 2 : 1) ? 0 : 2;

	for (int i = quiet ? 2 : 1; i < argc; i++)
		status |= dump(argv[i], quiet);
	if (peak)
		status |= print_peak();
	return status;
}
