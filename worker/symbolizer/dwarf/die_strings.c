/* SPDX-License-Identifier: MIT
 * Strings of DIEs; in the symbolizer.
 */
#include "config.h"

#include "die_strings.h"

#include <dwarf.h>
#include <string.h>

#include "die_forms.h"
#include "banned.h"

/* The @index-th of those at @offsets. */
static const char *
numbered(const struct die_strings *strings, struct byte_reader offsets, uint64_t index)
{
	uint64_t offset;

	if (index > UINT64_MAX / 8)
		return NULL;
	byte_reader_skip(&offsets, index * (strings->dwarf64 ? 8 : 4));
	offset = byte_reader_offset(&offsets, strings->dwarf64);
	return offsets.bad ? NULL : string_section_at(strings->str, offset);
}

/* The part of .debug_str_offsets that belongs to @cu. */
static struct byte_reader
offsets_of(const struct die_strings *strings, Dwarf_CU *cu)
{
	struct byte_reader offsets = strings->all_offsets;
	Dwarf_Attribute attribute;
	Dwarf_Word base = 0;
	Dwarf_Die first;

	if (dwarf_cu_info(cu, NULL, NULL, &first, NULL, NULL, NULL, NULL) != 0)
		return (struct byte_reader){ 0 };
	dwarf_formudata(dwarf_attr(&first, DW_AT_str_offsets_base, &attribute), &base);
	byte_reader_skip(&offsets, base);
	return offsets;
}

static const char *
by_hand(const struct die_strings *strings, const Dwarf_Attribute *attribute)
{
	const struct die_format format = { .version = 5, .dwarf64 = strings->dwarf64 };
	struct byte_reader value = { .at = attribute->valp, .end = strings->end };
	uint64_t number;

	if (!die_form_number(&format, attribute->form, &value, &number))
		return NULL;
	if (attribute->form == DW_FORM_strp)
		return string_section_at(strings->str, number);
	/* A number of another unit, as after link-time optimization, is one of its part. */
	return numbered(strings,
	    attribute->cu == strings->first->cu ? strings->offsets
						: offsets_of(strings, attribute->cu),
	    number);
}

const char *
die_strings_find(const struct die_strings *strings, Dwarf_Attribute *attribute)
{
	if (attribute == NULL || strings->str == NULL ||
	    dwarf_cu_getdwarf(attribute->cu) != dwarf_cu_getdwarf(strings->first->cu))
		return dwarf_formstring(attribute);
	switch (attribute->form) {
	case DW_FORM_strp:
	case DW_FORM_strx:
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
	case DW_FORM_GNU_str_index:
		return by_hand(strings, attribute);
	default:
		return dwarf_formstring(attribute);
	}
}

char *
die_strings_of_unit(const struct die_strings *strings, Dwarf_Die *first, unsigned name,
    unsigned other_name)
{
	Dwarf_Attribute attribute;
	const char *text = NULL;

	if (dwarf_attr(first, name, &attribute) != NULL ||
	    (other_name != 0 && dwarf_attr(first, other_name, &attribute) != NULL))
		text = die_strings_find(strings, &attribute);
	return text != NULL ? strdup(text) : NULL;
}
