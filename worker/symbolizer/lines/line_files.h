/* SPDX-License-Identifier: MIT
 * From the file numbers of one line table after the other to those of a path table; in the
 * symbolizer.
 */
#ifndef FUZZSUP_LINE_FILES_H
#define FUZZSUP_LINE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf_image.h"
#include "line_names.h"
#include "path_table.h"
#include "string_section.h"
#include "units.h"

/* Zeroed is empty. */
struct line_files {
	struct elf_image *image;
	struct path_table *paths;
	struct line_strings strings;
	struct string_section str; /* .debug_str, when it is wanted */
	struct units *units;       /* NULL until a table before DWARF 5 is asked */
	const struct line_table *table;
	struct line_names names;
	bool are_read, are_bad;
	uint32_t *numbers; /* of the table at hand, by file register */
	size_t len, size;
};

/* For the line tables of @image, whose build directories may lie in @alternate (NULL: there is
 * none); files go into @paths. All must live as long. */
void line_files_open(struct line_files *files, struct elf_image *image,
    struct elf_image *alternate, struct path_table *paths);
void line_files_free(struct line_files *files);

/* From now on it is @table that is asked; its names are read at the first question. */
void line_files_turn(struct line_files *files, const struct line_table *table);

/* Outputs the number in the path table of @file, a register of the table at hand;
 * WIRE_FILE_UNKNOWN: it names none, or the names are malformed (are_bad). Returns 0, or a
 * negative errno if all is lost. */
static inline int line_files_find(
    struct line_files *files, uint32_t file, uint32_t *ret_file);

/* The same for one that is asked for the first time. */
int line_files_learn(struct line_files *files, uint32_t file, uint32_t *ret_file);

/* How many units name a directory that lies in an alternate file, which was not there. */
uint32_t line_files_elsewhere(const struct line_files *files);

#define LINE_FILE_NOT_ASKED UINT32_C(0xfffffffe)

static inline int
line_files_find(struct line_files *files, uint32_t file, uint32_t *ret_file)
{
	if (file >= files->len || files->numbers[file] == LINE_FILE_NOT_ASKED)
		return line_files_learn(files, file, ret_file);
	*ret_file = files->numbers[file];
	return 0;
}

#endif
