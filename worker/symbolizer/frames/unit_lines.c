/* SPDX-License-Identifier: MIT
 * Rows of one unit; in the symbolizer.
 */
#include "config.h"

#include "unit_lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "path_table.h"
#include "grow.h"
#include "banned.h"

/* Of one unit: 400 MB. The largest units known have a tenth. */
#define ROWS_MAX (UINT32_C(1) << 24)

struct sequence {
	uint64_t start, end;
	size_t first, len; /* rows */
};

struct unit_lines {
	struct line_table table;
	struct line_names names;
	struct line_row *rows;
	size_t rows_len, rows_size;
	struct sequence *sequences; /* by end */
	size_t sequences_len, sequences_size;
};

static int
add_row(struct unit_lines *lines, const struct line_row *row)
{
	if (lines->rows_len >= ROWS_MAX)
		return -EBADMSG;
	if (!grow((void **)&lines->rows, lines->rows_len, &lines->rows_size,
		sizeof(*row)))
		return -ENOMEM;
	lines->rows[lines->rows_len++] = *row;
	return 0;
}

/* Ends the sequence that began with row @first. */
static int
add_sequence(struct unit_lines *lines, size_t first, uint64_t end)
{
	if (first >= lines->rows_len)
		return 0;
	if (!grow((void **)&lines->sequences, lines->sequences_len,
		&lines->sequences_size, sizeof(*lines->sequences)))
		return -ENOMEM;
	lines->sequences[lines->sequences_len++] = (struct sequence){
		.start = lines->rows[first].address,
		.end = end,
		.first = first,
		.len = lines->rows_len - first,
	};
	return 0;
}

static int
run(struct unit_lines *lines, const struct elf_image *image)
{
	/* A question that every row passes, and none behind it: all rows are told. */
	const uint64_t lowest = 0;
	const uint32_t free_place = 0;
	struct line_answers answers = {
		.pcs = &lowest, .claimed = &free_place, .pcs_len = 1
	};
	struct line_program program;
	size_t first = 0;
	enum line_event event;
	bool live = false;
	int r = 0;

	line_program_start(&program, &lines->table);
	while (r == 0) {
		event = line_program_next(&program, &answers);
		if (event == LINE_DONE || event == LINE_BAD)
			break;
		if (event == LINE_LAST) {
			if (live)
				r = add_sequence(lines, first, program.row.address);
			live = false;
			continue;
		}
		if (event == LINE_FIRST) {
			/* One without an end covers no more than its rows tell. */
			if (live &&
			    program.before.address >= lines->rows[first].address)
				r = add_sequence(lines, first, program.before.address);
			first = lines->rows_len;
			live = elf_image_is_code(image, program.row.address);
		}
		if (r == 0 && live)
			r = add_row(lines, &program.row);
	}
	return r == -EBADMSG ? 0 : r;
}

static int
compare_sequences(const void *a, const void *b)
{
	const struct sequence *x = a, *y = b;

	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

int
unit_lines_read(const struct elf_image *image, const struct elf_section *section,
    const struct line_strings *strings, uint64_t offset, struct unit_lines **ret_lines)
{
	struct byte_reader reader = byte_reader_over(section->data, section->size);
	struct unit_lines *lines;
	int r;

	byte_reader_skip(&reader, offset);
	lines = calloc(1, sizeof(*lines));
	if (lines == NULL)
		return -ENOMEM;
	r = line_table_next(&reader, section->data, 0, &lines->table);
	if (r == 0)
		r = line_names_read(&lines->names, &lines->table, strings);
	if (r == 0)
		r = run(lines, image);
	if (r < 0) {
		unit_lines_free(lines);
		return r == -ENOMEM || r == -ENOTSUP ? r : -EBADMSG;
	}
	if (lines->sequences_len > 0)
		qsort(lines->sequences, lines->sequences_len, sizeof(*lines->sequences),
		    compare_sequences);
	*ret_lines = lines;
	return 0;
}

void
unit_lines_free(struct unit_lines *lines)
{
	if (lines == NULL)
		return;
	line_names_free(&lines->names);
	free(lines->rows);
	free(lines->sequences);
	free(lines);
}

size_t
unit_lines_len(const struct unit_lines *lines)
{
	return lines->rows_len;
}

static const struct sequence *
find_sequence(const struct unit_lines *lines, uint64_t address)
{
	size_t low = 0, high = lines->sequences_len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (lines->sequences[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == lines->sequences_len || lines->sequences[low].start > address)
		return NULL;
	return &lines->sequences[low];
}

const struct line_row *
unit_lines_find(const struct unit_lines *lines, uint64_t address)
{
	const struct sequence *sequence = find_sequence(lines, address);
	const struct line_row *rows;
	size_t low = 0, high, middle;

	if (sequence == NULL)
		return NULL;
	rows = lines->rows + sequence->first;
	high = sequence->len;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (rows[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? &rows[low - 1] : NULL;
}

char *
unit_lines_path(const struct unit_lines *lines, uint64_t file, const char *directory)
{
	struct byte_text parts[3], unit = { 0 };
	size_t used = 0;
	char *path;

	if (directory != NULL)
		unit = (struct byte_text){ directory, strlen(directory) };
	if (file > UINT32_MAX ||
	    line_names_path(&lines->names, (uint32_t)file, unit, parts) < 0)
		return NULL;
	path = malloc(PATH_TABLE_PATH_MAX);
	if (path == NULL)
		return NULL;
	for (size_t i = 0; i < 3; i++) {
		if (parts[i].len == 0)
			continue;
		if (path_table_is_absolute(parts[i]))
			used = 0;
		else if (used > 0 && path[used - 1] != '/')
			path[used++] = '/';
		if (parts[i].len > PATH_TABLE_PATH_MAX - 2 - used) {
			free(path);
			return NULL;
		}
		memcpy(path + used, parts[i].text, parts[i].len);
		used += parts[i].len;
	}
	path[used] = '\0';
	return path;
}
