/* SPDX-License-Identifier: MIT
 * Directories and files of one line table; in the symbolizer.
 */
#include "config.h"

#include "line_names.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

#include "path_table.h"
#include "banned.h"

#define FORMATS_MAX 255

struct format {
	uint64_t content; /* DW_LNCT_… */
	uint64_t form;
};

/* ---- arrays ---- */

static int
add_directory(struct line_names *names, struct byte_text name)
{
	struct byte_text *larger;
	size_t size;

	if (names->directories_len == names->directories_size) {
		size = names->directories_size * 2 + 16;
		larger = realloc(names->directories, size * sizeof(*larger));
		if (larger == NULL)
			return -ENOMEM;
		names->directories = larger;
		names->directories_size = size;
	}
	names->directories[names->directories_len++] = name;
	return 0;
}

static int
add_file(struct line_names *names, struct line_file file)
{
	struct line_file *larger;
	size_t size;

	if (names->files_len == names->files_size) {
		size = names->files_size * 2 + 16;
		larger = realloc(names->files, size * sizeof(*larger));
		if (larger == NULL)
			return -ENOMEM;
		names->files = larger;
		names->files_size = size;
	}
	names->files[names->files_len++] = file;
	return 0;
}

/* ---- DWARF 2 to 4 ---- */

static int
read_old(struct line_names *names, struct byte_reader *reader)
{
	struct byte_text name;
	struct line_file file;
	int r = 0;

	while (r == 0 && (name = byte_reader_text(reader)).len > 0)
		r = add_directory(names, name);
	while (r == 0 && (file.name = byte_reader_text(reader)).len > 0) {
		file.directory = byte_reader_uleb(reader);
		byte_reader_uleb(reader); /* time */
		byte_reader_uleb(reader); /* length */
		if (!reader->bad)
			r = add_file(names, file);
	}
	return r == 0 && reader->bad ? -EBADMSG : r;
}

/* ---- DWARF 5 ---- */

/* Many entries may point at one endless string, so no more is looked at than a path may
 * be long. */
static struct byte_text
text_at(const struct byte_reader *section, uint64_t offset)
{
	struct byte_reader reader = *section;

	if (offset >= byte_reader_left(&reader))
		return (struct byte_text){ 0 };
	byte_reader_skip(&reader, offset);
	if (byte_reader_left(&reader) > PATH_TABLE_PATH_MAX)
		reader.end = reader.at + PATH_TABLE_PATH_MAX;
	return byte_reader_text(&reader);
}

/* Reads one field: text or number, whichever @form holds. */
static int
read_form(struct byte_reader *reader, uint64_t form, bool dwarf64,
    const struct line_strings *strings, struct byte_text *ret_text,
    uint64_t *ret_number)
{
	switch (form) {
	case DW_FORM_string:
		*ret_text = byte_reader_text(reader);
		return 0;
	case DW_FORM_line_strp:
		*ret_text =
		    text_at(&strings->line_str, byte_reader_offset(reader, dwarf64));
		return 0;
	case DW_FORM_strp:
		if (!strings->str_is_there)
			return -EAGAIN;
		*ret_text = text_at(&strings->str, byte_reader_offset(reader, dwarf64));
		return 0;
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_strp_alt:
		*ret_text = text_at(
		    &strings->alternate_str, byte_reader_offset(reader, dwarf64));
		return 0;
	case DW_FORM_udata:
		*ret_number = byte_reader_uleb(reader);
		return 0;
	case DW_FORM_data1:
		*ret_number = byte_reader_u8(reader);
		return 0;
	case DW_FORM_data2:
		*ret_number = byte_reader_u16(reader);
		return 0;
	case DW_FORM_data4:
		*ret_number = byte_reader_u32(reader);
		return 0;
	case DW_FORM_data8:
		*ret_number = byte_reader_u64(reader);
		return 0;
	case DW_FORM_data16: /* MD5 of the source */
		byte_reader_skip(reader, 16);
		return 0;
	case DW_FORM_block:
		byte_reader_skip(reader, byte_reader_uleb(reader));
		return 0;
	default: /* strings by index need a base that only .debug_info knows */
		return -ENOTSUP;
	}
}

static int
read_entry(struct byte_reader *reader, const struct format *formats, size_t formats_len,
    bool dwarf64, const struct line_strings *strings, struct line_file *ret_entry)
{
	struct byte_text text;
	uint64_t number;
	int r;

	*ret_entry = (struct line_file){ 0 };
	for (size_t i = 0; i < formats_len; i++) {
		text = (struct byte_text){ 0 };
		number = 0;
		r = read_form(
		    reader, formats[i].form, dwarf64, strings, &text, &number);
		if (r < 0)
			return r;
		if (formats[i].content == DW_LNCT_path)
			ret_entry->name = text;
		else if (formats[i].content == DW_LNCT_directory_index)
			ret_entry->directory = number;
	}
	return reader->bad ? -EBADMSG : 0;
}

/* A list of formats, then that many entries. Each entry takes at least a byte, so their
 * count, whatever it claims, is bounded by the bytes that are there. */
static int
read_entries(struct line_names *names, struct byte_reader *reader, bool dwarf64,
    const struct line_strings *strings, bool directories)
{
	struct format formats[FORMATS_MAX];
	size_t formats_len = byte_reader_u8(reader);
	struct line_file entry;
	uint64_t count;
	int r = 0;

	for (size_t i = 0; i < formats_len; i++) {
		formats[i].content = byte_reader_uleb(reader);
		formats[i].form = byte_reader_uleb(reader);
	}
	count = byte_reader_uleb(reader);
	if (reader->bad || (formats_len == 0 && count > 0))
		return -EBADMSG;
	for (uint64_t i = 0; i < count && r == 0; i++) {
		r = read_entry(reader, formats, formats_len, dwarf64, strings, &entry);
		if (r == 0)
			r = directories ? add_directory(names, entry.name)
					: add_file(names, entry);
	}
	return r;
}

/* ---- both ---- */

int
line_names_read(struct line_names *names, const struct line_table *table,
    const struct line_strings *strings)
{
	struct byte_reader reader = table->names;
	int r;

	names->version = table->version;
	names->directories_len = 0;
	names->files_len = 0;
	if (table->version < 5)
		return read_old(names, &reader);
	r = read_entries(names, &reader, table->dwarf64, strings, true);
	if (r == 0)
		r = read_entries(names, &reader, table->dwarf64, strings, false);
	return r;
}

void
line_names_free(struct line_names *names)
{
	free(names->directories);
	free(names->files);
	*names = (struct line_names){ 0 };
}

int
line_names_path(const struct line_names *names, uint32_t file,
    struct byte_text unit_directory, struct byte_text ret_parts[3])
{
	const size_t base = names->version < 5 ? 1 : 0; /* of files and directories */
	const struct line_file *found;
	struct byte_text directory = { 0 };

	if (file < base || file - base >= names->files_len)
		return -ENOENT;
	found = &names->files[file - base];
	if (found->directory >= base &&
	    found->directory - base < names->directories_len)
		directory = names->directories[found->directory - base];
	/* Directory 0 is the unit's: from DWARF 5 on it stands in the table itself. */
	if (names->version >= 5 && found->directory == 0)
		unit_directory = (struct byte_text){ 0 };
	else if (names->version >= 5 && names->directories_len > 0)
		unit_directory = names->directories[0];
	ret_parts[0] = unit_directory;
	ret_parts[1] = directory;
	ret_parts[2] = found->name;
	return 0;
}
