/* SPDX-License-Identifier: MIT
 * The first DIE of each unit before DWARF 5; in the symbolizer. By hand, and not by libdw,
 * since that loads all debug sections of an executable to answer this, and knows no zstd.
 */
#include "config.h"

#include "units.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "die_forms.h"
#include "path_table.h"
#include "banned.h"

/* Bytes that are looked at outside of .debug_info in all: units may share one long table
 * of abbreviations, each beginning to search at its start, and one string without an end.
 * Real ones find theirs in the first few bytes. */
#define BUDGET (UINT64_C(1) << 28)

struct unit {
	uint64_t line_table;
	size_t place; /* in .debug_info: the first wins */
	struct byte_text directory;
};

/* A text that does not stay in memory by itself. */
struct copy {
	struct copy *next;
	uint64_t offset;
	size_t len;
	char text[];
};

struct units {
	struct copy *copies;
	struct unit *units;
	size_t len, size;
	uint64_t budget;
	uint32_t elsewhere; /* units whose directory lies in an alternate file */
};

struct root {
	struct byte_reader info; /* at the DIE */
	uint64_t abbrev;         /* offset of its table */
	struct die_format format;
};

static void
spend(struct units *units, uint64_t bytes)
{
	units->budget -= bytes < units->budget ? bytes : units->budget;
}

/* Moves behind one declaration's attributes. */
static void
skip_attributes(struct byte_reader *abbrev)
{
	uint64_t name, form;

	do {
		name = byte_reader_uleb(abbrev);
		form = byte_reader_uleb(abbrev);
		if (form == DW_FORM_implicit_const)
			byte_reader_sleb(abbrev);
	} while (!abbrev->bad && (name != 0 || form != 0));
}

/* Finds the declaration with @code; outputs a reader at its attributes. */
static bool
find_declaration(struct units *units, struct byte_reader abbrev, uint64_t code,
    struct byte_reader *ret_attributes)
{
	const unsigned char *start = abbrev.at;
	uint64_t here;
	bool found = false;

	while (!found && (uint64_t)(abbrev.at - start) < units->budget) {
		here = byte_reader_uleb(&abbrev);
		byte_reader_uleb(&abbrev); /* tag */
		byte_reader_u8(&abbrev);   /* has children */
		if (abbrev.bad || here == 0)
			break;
		found = here == code;
		if (found)
			*ret_attributes = abbrev;
		else
			skip_attributes(&abbrev);
	}
	spend(units, (uint64_t)(abbrev.at - start));
	return found;
}

/* No more is looked at than a path may be long. */
static struct byte_text
string_at(struct units *units, struct byte_reader str, uint64_t offset)
{
	struct byte_text text;

	byte_reader_skip(&str, offset);
	if (byte_reader_left(&str) > PATH_TABLE_PATH_MAX)
		str.end = str.at + PATH_TABLE_PATH_MAX;
	text = byte_reader_text(&str);
	spend(units, text.text != NULL ? text.len : PATH_TABLE_PATH_MAX);
	return text;
}

/* Most units have the directory of the one before. */
static struct byte_text
copied_string_at(struct units *units, struct string_section *str, uint64_t offset)
{
	struct copy *copy = units->copies;
	const char *text;
	size_t len;

	if (copy != NULL && copy->offset == offset)
		return (struct byte_text){ copy->text, copy->len };
	text = string_section_at(str, offset);
	len = text != NULL ? strlen(text) : PATH_TABLE_PATH_MAX;
	spend(units, len);
	if (len >= PATH_TABLE_PATH_MAX)
		return (struct byte_text){ 0 };
	copy = malloc(sizeof(*copy) + len + 1);
	if (copy == NULL)
		return (struct byte_text){ 0 };
	copy->next = units->copies;
	copy->offset = offset;
	copy->len = len;
	memcpy(copy->text, text, len + 1);
	units->copies = copy;
	return (struct byte_text){ copy->text, copy->len };
}

static struct byte_text
read_directory(struct units *units, const struct units_sections *sections,
    struct root *root, uint64_t form)
{
	const bool alternate = form == DW_FORM_GNU_strp_alt || form == DW_FORM_strp_sup;

	if (form == DW_FORM_string)
		return byte_reader_text(&root->info);
	if (form == DW_FORM_strp && sections->far_str != NULL)
		return copied_string_at(units, sections->far_str,
		    byte_reader_offset(&root->info, root->format.dwarf64));
	if (form == DW_FORM_strp)
		return string_at(units, sections->str,
		    byte_reader_offset(&root->info, root->format.dwarf64));
	if (alternate && byte_reader_left(&sections->alternate_str) > 0)
		return string_at(units, sections->alternate_str,
		    byte_reader_offset(&root->info, root->format.dwarf64));
	if (die_form_skip(&root->format, form, &root->info) && alternate)
		units->elsewhere++;
	return (struct byte_text){ 0 };
}

static bool
read_line_table(struct root *root, uint64_t form, uint64_t *ret_offset)
{
	if (form == DW_FORM_data4)
		*ret_offset = byte_reader_u32(&root->info);
	else if (form == DW_FORM_data8)
		*ret_offset = byte_reader_u64(&root->info);
	else if (form == DW_FORM_sec_offset)
		*ret_offset = byte_reader_offset(&root->info, root->format.dwarf64);
	else
		return false;
	return !root->info.bad;
}

/* Reads attributes until both that we want are there; false if they are not. */
static bool
read_attributes(struct units *units, const struct units_sections *sections,
    struct byte_reader *attributes, struct root *root, struct unit *ret_unit)
{
	bool has_table = false;
	uint64_t name, form;

	while (!has_table || ret_unit->directory.text == NULL) {
		name = byte_reader_uleb(attributes);
		form = byte_reader_uleb(attributes);
		if (form == DW_FORM_implicit_const)
			byte_reader_sleb(attributes);
		if (form == DW_FORM_indirect)
			form = byte_reader_uleb(&root->info);
		if (attributes->bad || (name == 0 && form == 0) || units->budget == 0)
			return false;
		if (name == DW_AT_comp_dir)
			ret_unit->directory =
			    read_directory(units, sections, root, form);
		else if (name == DW_AT_stmt_list)
			has_table = read_line_table(root, form, &ret_unit->line_table);
		else if (!die_form_skip(&root->format, form, &root->info))
			return false;
	}
	return true;
}

static bool
read_root(struct units *units, const struct units_sections *sections, struct root *root,
    struct unit *ret_unit)
{
	struct byte_reader attributes = sections->abbrev;
	uint64_t code = byte_reader_uleb(&root->info);
	const unsigned char *start;
	bool found;

	ret_unit->directory = (struct byte_text){ 0 };
	byte_reader_skip(&attributes, root->abbrev);
	if (code == 0 || !find_declaration(units, attributes, code, &attributes))
		return false;
	start = attributes.at;
	found = read_attributes(units, sections, &attributes, root, ret_unit);
	spend(units, (uint64_t)(attributes.at - start));
	return found;
}

static int
add(struct units *units, const struct unit *unit)
{
	struct unit *larger;
	size_t size;

	if (units->len == units->size) {
		size = units->size * 2 + 64;
		larger = realloc(units->units, size * sizeof(*larger));
		if (larger == NULL)
			return -ENOMEM;
		units->units = larger;
		units->size = size;
	}
	units->units[units->len++] = *unit;
	return 0;
}

static int
compare_units(const void *a, const void *b)
{
	const struct unit *x = a, *y = b;

	if (x->line_table != y->line_table)
		return x->line_table < y->line_table ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static int
read_units(struct units *units, const struct units_sections *sections)
{
	struct byte_reader info = sections->info;
	struct root root;
	struct unit unit;
	uint64_t length;
	int r = 0;

	while (r == 0 && byte_reader_left(&info) > 0) {
		unit.place =
		    byte_reader_left(&sections->info) - byte_reader_left(&info);
		length = byte_reader_unit_length(&info, &root.format.dwarf64);
		root.info = byte_reader_cut(&info, length);
		root.format.version = byte_reader_u16(&root.info);
		root.abbrev = byte_reader_offset(&root.info, root.format.dwarf64);
		root.format.address_size = byte_reader_u8(&root.info);
		if (root.info.bad || root.format.version < 2 || root.format.version > 4)
			continue;
		if (read_root(units, sections, &root, &unit))
			r = add(units, &unit);
	}
	return r;
}

int
units_read(const struct units_sections *sections, struct units **ret_units)
{
	struct units *units = calloc(1, sizeof(*units));
	int r;

	if (units == NULL)
		return -ENOMEM;
	units->budget = BUDGET;
	r = read_units(units, sections);
	if (r < 0) {
		units_free(units);
		return r;
	}
	if (units->len > 0)
		qsort(units->units, units->len, sizeof(*units->units), compare_units);
	*ret_units = units;
	return 0;
}

void
units_free(struct units *units)
{
	struct copy *copy;

	if (units == NULL)
		return;
	while ((copy = units->copies) != NULL) {
		units->copies = copy->next;
		free(copy);
	}
	free(units->units);
	free(units);
}

struct byte_text
units_directory(const struct units *units, uint64_t offset)
{
	size_t low = 0, high = units->len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (units->units[middle].line_table < offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < units->len && units->units[low].line_table == offset)
		return units->units[low].directory;
	return (struct byte_text){ 0 };
}

uint32_t
units_elsewhere(const struct units *units)
{
	return units->elsewhere;
}
