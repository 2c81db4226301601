/* SPDX-License-Identifier: MIT
 * How long the values of .debug_info are; in the symbolizer.
 */
#ifndef FUZZSUP_DIE_FORMS_H
#define FUZZSUP_DIE_FORMS_H

#include <stdbool.h>
#include <stdint.h>

#include "byte_reader.h"

/* What a unit's header says of its values. */
struct die_format {
	uint16_t version;
	uint8_t address_size;
	bool dwarf64;
};

/* Bytes of a value of @form (DW_FORM_…); -1 where that is not fixed, or not known. */
int die_form_size(const struct die_format *format, uint64_t form);

/* True for a number or an index in unsigned LEB128, and a signed number in the other. */
bool die_form_is_leb(uint64_t form);

/* Moves behind one value; false, and @info is bad, for a form that is not known. */
bool die_form_skip(
    const struct die_format *format, uint64_t form, struct byte_reader *info);

/* Reads an unsigned number, an offset or an index. False where @form is none of these, which
 * leaves @info as it is, or where @info ends before. */
bool die_form_number(const struct die_format *format, uint64_t form,
    struct byte_reader *info, uint64_t *ret_number);

#endif
