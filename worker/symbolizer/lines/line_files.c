/* SPDX-License-Identifier: MIT
 * From the file numbers of one line table after the other to those of a path table; in the
 * symbolizer.
 */
#include "config.h"

#include "line_files.h"

#include <errno.h>
#include <stdlib.h>

#include "banned.h"

static void
load_str(struct line_files *files)
{
	struct failure ignored;

	string_section_open(&files->str, files->image, ".debug_str", &ignored);
	files->strings.str = string_section_bytes(&files->str);
	files->strings.str_is_there = true;
}

static int
read_units(struct line_files *files)
{
	struct units_sections sections = {
		.info = elf_image_bytes(files->image, ".debug_info"),
		.abbrev = elf_image_bytes(files->image, ".debug_abbrev"),
	};

	if (!files->strings.str_is_there)
		load_str(files);
	sections.str = files->strings.str;
	if (files->str.section.size > 0 && files->str.section.data == NULL)
		sections.far_str = &files->str;
	sections.alternate_str = files->strings.alternate_str;
	return units_read(&sections, &files->units);
}

/* Reads directories and files of the current table at its first hit. Returns 0, or a
 * negative errno if all is lost; malformed names only lose the table. */
static int
read_names(struct line_files *files)
{
	int r = line_names_read(&files->names, files->table, &files->strings);
	uint32_t *larger;
	size_t wanted;

	if (r == -EAGAIN) {
		load_str(files);
		r = line_names_read(&files->names, files->table, &files->strings);
	}
	wanted = files->names.files_len + 1;
	files->are_read = true;
	if (r == -ENOMEM)
		return r;
	files->are_bad = r < 0;
	files->len = 0;
	if (r < 0)
		return 0;
	if (wanted > files->size) {
		larger = realloc(files->numbers, wanted * sizeof(*larger));
		if (larger == NULL)
			return -ENOMEM;
		files->numbers = larger;
		files->size = wanted;
	}
	for (size_t i = 0; i < wanted; i++)
		files->numbers[i] = LINE_FILE_NOT_ASKED;
	files->len = wanted;
	if (files->table->version < 5 && files->units == NULL)
		return read_units(files);
	return 0;
}

static int
intern_file(struct line_files *files, uint32_t file, uint32_t *ret_file)
{
	struct byte_text parts[3], directory = { 0 };
	int r;

	*ret_file = WIRE_FILE_UNKNOWN;
	if (files->table->version < 5)
		directory = units_directory(files->units, files->table->offset);
	if (line_names_path(&files->names, file, directory, parts) < 0)
		return 0;
	r = path_table_file(files->paths, parts, 3, ret_file);
	return r == -EINVAL || r == -ENAMETOOLONG ? 0 : r;
}

int
line_files_learn(struct line_files *files, uint32_t file, uint32_t *ret_file)
{
	int r = 0;

	if (!files->are_read)
		r = read_names(files);
	if (r == 0 && file < files->len && files->numbers[file] == LINE_FILE_NOT_ASKED)
		r = intern_file(files, file, &files->numbers[file]);
	if (r == 0)
		*ret_file =
		    file < files->len ? files->numbers[file] : WIRE_FILE_UNKNOWN;
	return r;
}

void
line_files_open(struct line_files *files, struct elf_image *image,
    struct elf_image *alternate, struct path_table *paths)
{
	files->image = image;
	files->paths = paths;
	files->strings.line_str = elf_image_bytes(image, ".debug_line_str");
	if (alternate != NULL)
		files->strings.alternate_str = elf_image_bytes(alternate, ".debug_str");
}

void
line_files_free(struct line_files *files)
{
	line_names_free(&files->names);
	units_free(files->units);
	string_section_free(&files->str);
	free(files->numbers);
}

void
line_files_turn(struct line_files *files, const struct line_table *table)
{
	files->table = table;
	files->are_read = files->are_bad = false;
	files->len = 0;
}

uint32_t
line_files_elsewhere(const struct line_files *files)
{
	return files->units != NULL ? units_elsewhere(files->units) : 0;
}
