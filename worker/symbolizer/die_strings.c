/* SPDX-License-Identifier: MIT
 * Strings of DIEs; in the symbolizer.
 */
#include "config.h"

#include "die_strings.h"

#include <dwarf.h>
#include <string.h>

#include "die_forms.h"
#include "banned.h"

/* The @index-th of the unit. */
static const char *
numbered(const struct die_strings *strings, uint64_t index)
{
	struct byte_reader offsets = strings->offsets;
	uint64_t offset;

	if (index > UINT64_MAX / 8)
		return NULL;
	byte_reader_skip(&offsets, index * (strings->dwarf64 ? 8 : 4));
	offset = byte_reader_offset(&offsets, strings->dwarf64);
	return offsets.bad ? NULL : string_section_at(strings->str, offset);
}

static const char *
by_hand(const struct die_strings *strings, const Dwarf_Attribute *attribute)
{
	const struct die_format format = { .version = 5, .dwarf64 = strings->dwarf64 };
	struct byte_reader value = { .at = attribute->valp, .end = strings->end };
	uint64_t number;

	if (!die_form_number(&format, attribute->form, &value, &number))
		return NULL;
	return attribute->form == DW_FORM_strp ? string_section_at(strings->str, number)
					       : numbered(strings, number);
}

const char *
die_strings_find(const struct die_strings *strings, Dwarf_Attribute *attribute)
{
	/* A number of another unit stands for another string. */
	if (attribute == NULL || strings->str == NULL ||
	    attribute->cu != strings->first->cu)
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
