/* SPDX-License-Identifier: MIT
 * DIEs in a row; in the symbolizer.
 */
#include "config.h"

#include "die_walk.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

#include "grow.h"
#include "banned.h"

/* How to pass over values, which most DIEs are there for: bytes whose number is known, and a
 * value behind them that tells its own. */
enum skip_kind { SKIP_NOTHING, SKIP_LEB, SKIP_COUNTED, SKIP_FORM };

struct die_skip {
	uint32_t bytes;
	uint16_t kind;
	uint16_t form; /* SKIP_FORM: any other, DW_FORM_indirect, too */
};

struct die_declaration {
	uint64_t code;
	struct byte_reader attributes;
	size_t skips, skips_len; /* of its values */
	unsigned tag;
	bool has_children;
	bool has_code; /* some value says where */
	bool is_abstract, has_origin;
};

/* ---- declarations ---- */

static int
add(struct die_unit *unit, const struct die_declaration *declaration)
{
	if (!grow((void **)&unit->declarations, unit->declarations_len,
		&unit->declarations_size, sizeof(*unit->declarations)))
		return -ENOMEM;
	unit->declarations[unit->declarations_len++] = *declaration;
	return 0;
}

static int
add_skip(struct die_unit *unit, struct die_skip skip)
{
	if (!grow((void **)&unit->skips, unit->skips_len, &unit->skips_size,
		sizeof(*unit->skips)))
		return -ENOMEM;
	unit->skips[unit->skips_len++] = skip;
	return 0;
}

static enum skip_kind
skip_kind(uint64_t form)
{
	if (die_form_is_leb(form))
		return SKIP_LEB;
	return form == DW_FORM_block || form == DW_FORM_exprloc ? SKIP_COUNTED
								: SKIP_FORM;
}

/* Moves behind the attributes of one declaration, which knows them then. */
static int
read_attributes(struct die_unit *unit, struct byte_reader *abbrev,
    struct die_declaration *declaration)
{
	struct die_skip skip = { 0 };
	uint64_t name, form;
	int size, r = 0;

	declaration->attributes = *abbrev;
	declaration->skips = unit->skips_len;
	while (r == 0) {
		name = byte_reader_uleb(abbrev);
		form = byte_reader_uleb(abbrev);
		if (abbrev->bad || (name == 0 && form == 0))
			break;
		if (form == DW_FORM_implicit_const)
			byte_reader_sleb(abbrev);
		if (name == DW_AT_low_pc || name == DW_AT_ranges)
			declaration->has_code = true;
		else if (name == DW_AT_inline)
			declaration->is_abstract = true;
		else if (name == DW_AT_abstract_origin)
			declaration->has_origin = true;
		size = die_form_size(&unit->format, form);
		if (size >= 0) {
			skip.bytes += (uint32_t)size;
			continue;
		}
		skip.kind = (uint16_t)skip_kind(form);
		skip.form = form <= UINT16_MAX ? (uint16_t)form : 0;
		r = add_skip(unit, skip);
		skip = (struct die_skip){ 0 };
	}
	if (r == 0 && skip.bytes > 0)
		r = add_skip(unit, skip);
	declaration->skips_len = unit->skips_len - declaration->skips;
	return r;
}

static int
compare(const void *a, const void *b)
{
	const struct die_declaration *x = a, *y = b;

	if (x->code != y->code)
		return x->code < y->code ? -1 : 1;
	return x->attributes.at < y->attributes.at
	    ? -1
	    : x->attributes.at > y->attributes.at;
}

static int
read_declarations(struct die_unit *unit, struct byte_reader abbrev)
{
	bool sorted = true;
	int r = 0;

	while (r == 0) {
		struct die_declaration declaration = { .code =
							   byte_reader_uleb(&abbrev) };

		if (declaration.code == 0) /* the end, or behind it */
			break;
		declaration.tag = (unsigned)byte_reader_uleb(&abbrev);
		declaration.has_children = byte_reader_u8(&abbrev) != 0;
		r = read_attributes(unit, &abbrev, &declaration);
		if (r < 0 || abbrev.bad)
			break;
		sorted = sorted && declaration.code == unit->declarations_len + 1;
		r = add(unit, &declaration);
	}
	if (r == 0 && !sorted)
		qsort(unit->declarations, unit->declarations_len,
		    sizeof(*unit->declarations), compare);
	return r;
}

/* Most compilers number them from 1 on. */
static const struct die_declaration *
find_declaration(const struct die_unit *unit, uint64_t code)
{
	const struct die_declaration *list = unit->declarations;
	size_t low = 0, high = unit->declarations_len, middle;

	if (code - 1 < high && list[code - 1].code == code)
		return &list[code - 1];
	while (low < high) {
		middle = low + (high - low) / 2;
		if (list[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return low < unit->declarations_len && list[low].code == code ? &list[low]
								      : NULL;
}

/* ---- units ---- */

int
die_unit_read(
    const Dwarf_Die *first, struct byte_reader abbrev, struct die_unit *ret_unit)
{
	struct die_unit unit = { .first = *first };
	Dwarf_Off place = dwarf_dieoffset(&unit.first), next;
	Dwarf_Off at = place - dwarf_cuoffset(&unit.first);
	uint8_t address_size, offset_size;
	Dwarf_Half version;
	Dwarf_Off declarations;
	size_t header;
	int r;

	if (dwarf_next_unit(dwarf_cu_getdwarf(unit.first.cu), at, &next, &header,
		&version, &declarations, &address_size, &offset_size, NULL,
		NULL) != 0 ||
	    next < place)
		return -EBADMSG;
	/* libdw has seen to it that all of the unit lies in the section. */
	unit.end = (const unsigned char *)unit.first.addr + (next - place);
	unit.format = (struct die_format){ version, address_size, offset_size == 8 };
	byte_reader_skip(&abbrev, declarations);
	r = read_declarations(&unit, abbrev);
	if (r < 0) {
		die_unit_free(&unit);
		return r;
	}
	*ret_unit = unit;
	return 0;
}

/* Behind what every header has. */
static void
skip_unit_type(struct byte_reader *info, const struct die_format *format, unsigned type)
{
	switch (type) {
	case DW_UT_skeleton:
	case DW_UT_split_compile:
		byte_reader_skip(info, 8); /* its ID */
		break;
	case DW_UT_type:
	case DW_UT_split_type:
		byte_reader_skip(info, 8); /* signature */
		byte_reader_offset(info, format->dwarf64);
		break;
	default:
		break;
	}
}

int
die_unit_open(
    struct byte_reader *info, struct byte_reader abbrev, struct die_unit *ret_unit)
{
	struct die_unit unit = { 0 };
	uint64_t length = byte_reader_unit_length(info, &unit.format.dwarf64);
	struct byte_reader bytes = byte_reader_cut(info, length);
	uint64_t declarations = 0;
	unsigned type = DW_UT_compile;
	int r;

	if (info->bad)
		return -ENODATA;
	unit.format.version = byte_reader_u16(&bytes);
	if (unit.format.version >= 5) {
		type = byte_reader_u8(&bytes);
		unit.format.address_size = byte_reader_u8(&bytes);
	}
	declarations = byte_reader_offset(&bytes, unit.format.dwarf64);
	if (unit.format.version < 5)
		unit.format.address_size = byte_reader_u8(&bytes);
	skip_unit_type(&bytes, &unit.format, type);
	if (bytes.bad || unit.format.version < 2 || unit.format.version > 5)
		return -EBADMSG;
	unit.first.addr = (void *)bytes.at;
	unit.end = bytes.end;
	byte_reader_skip(&abbrev, declarations);
	r = read_declarations(&unit, abbrev);
	if (r < 0)
		die_unit_free(&unit);
	else
		*ret_unit = unit;
	return r;
}

const unsigned char *
die_unit_first(const struct die_unit *unit)
{
	return unit->first.addr;
}

void
die_unit_free(struct die_unit *unit)
{
	free(unit->declarations);
	free(unit->skips);
	*unit = (struct die_unit){ 0 };
}

Dwarf_Die
die_unit_die(const struct die_unit *unit, const unsigned char *at)
{
	/* As dwarf_offdie() fills it, but for the search for the unit. */
	return (Dwarf_Die){ .addr = (void *)at, .cu = unit->first.cu };
}

/* ---- values ---- */

void
die_unit_values(const struct die_unit *unit, const unsigned char *at,
    const unsigned *names, size_t len, struct die_value *ret_values)
{
	struct byte_reader info = { .at = at, .end = unit->end }, attributes;
	const struct die_declaration *declaration =
	    find_declaration(unit, byte_reader_uleb(&info));
	uint64_t name, form, constant;
	size_t i, found = 0;

	for (i = 0; i < len; i++)
		ret_values[i] = (struct die_value){ 0 };
	if (declaration == NULL)
		return;
	attributes = declaration->attributes;
	while (found < len) {
		name = byte_reader_uleb(&attributes);
		form = byte_reader_uleb(&attributes);
		constant = 0;
		if (attributes.bad || info.bad || (name == 0 && form == 0))
			return;
		if (form == DW_FORM_implicit_const)
			constant = (uint64_t)byte_reader_sleb(&attributes);
		if (form == DW_FORM_indirect)
			form = byte_reader_uleb(&info);
		for (i = 0; i < len && names[i] != name; i++)
			;
		if (i == len || form == DW_FORM_implicit_const ||
		    die_form_size(&unit->format, form) == 0) {
			die_form_skip(&unit->format, form, &info);
		} else if (!die_form_number(
			       &unit->format, form, &info, &ret_values[i].number) &&
		    !die_form_skip(&unit->format, form, &info)) {
			return;
		}
		if (i == len)
			continue;
		found += ret_values[i].form == 0;
		ret_values[i].form = (unsigned)form;
		if (form == DW_FORM_implicit_const)
			ret_values[i].number = constant;
	}
}

/* ---- the walk ---- */

void
die_walk_start(
    struct die_walk *walk, const struct die_unit *unit, const unsigned char *at)
{
	*walk = (struct die_walk){
		.unit = unit,
		.info = { .at = at, .end = unit->end },
	};
}

/* Reads one value, which says where code lies or else is passed over. @constant: that which
 * its declaration holds (DW_FORM_implicit_const). */
static void
read_value(const struct die_format *format, struct byte_reader *info, uint64_t name,
    uint64_t form, uint64_t constant, struct die_code *code)
{
	uint64_t *value = NULL;
	unsigned *known = NULL;

	switch (name) {
	case DW_AT_low_pc:
		value = &code->low;
		known = &code->low_form;
		break;
	case DW_AT_high_pc:
		value = &code->high;
		known = &code->high_form;
		break;
	case DW_AT_ranges:
		value = &code->ranges;
		known = &code->ranges_form;
		break;
	default:
		break;
	}
	if (value == NULL) {
		die_form_skip(format, form, info);
		return;
	}
	*value = constant;
	if (form == DW_FORM_implicit_const ||
	    die_form_number(format, form, info, value))
		*known = (unsigned)form;
	else
		byte_reader_spoil(info);
}

static void
read_values(struct die_walk *walk, const struct die_declaration *declaration,
    struct die_code *code)
{
	struct byte_reader attributes = declaration->attributes;
	struct byte_reader *info = &walk->info;
	uint64_t name, form, constant = 0;

	for (;;) {
		name = byte_reader_uleb(&attributes);
		form = byte_reader_uleb(&attributes);
		if (attributes.bad || info->bad || (name == 0 && form == 0))
			return;
		if (form == DW_FORM_implicit_const)
			constant = (uint64_t)byte_reader_sleb(&attributes);
		if (form == DW_FORM_indirect)
			form = byte_reader_uleb(info);
		read_value(&walk->unit->format, info, name, form, constant, code);
	}
}

static void
skip_values(struct die_walk *walk, const struct die_declaration *declaration)
{
	const struct die_skip *skip = walk->unit->skips + declaration->skips;
	const struct die_skip *end = skip + declaration->skips_len;
	struct byte_reader *info = &walk->info;
	uint64_t form;

	for (; skip < end && !info->bad; skip++) {
		byte_reader_skip(info, skip->bytes);
		switch (skip->kind) {
		case SKIP_LEB:
			byte_reader_uleb(info);
			break;
		case SKIP_COUNTED:
			byte_reader_skip(info, byte_reader_uleb(info));
			break;
		case SKIP_FORM:
			form = skip->form == DW_FORM_indirect ? byte_reader_uleb(info)
							      : skip->form;
			die_form_skip(&walk->unit->format, form, info);
			break;
		default:
			break;
		}
	}
}

/* Zeros end the children of a DIE. Outputs the declaration of the next one. */
static const struct die_declaration *
next_declaration(struct die_walk *walk, const unsigned char **ret_at)
{
	const struct die_declaration *declaration;
	uint64_t code;

	do {
		*ret_at = walk->info.at;
		code = byte_reader_uleb(&walk->info);
		if (code == 0 && !walk->info.bad && walk->depth > 0)
			walk->depth--;
		if (walk->info.bad || (code == 0 && walk->depth == 0))
			return NULL;
	} while (code == 0);
	declaration = find_declaration(walk->unit, code);
	return declaration;
}

bool
die_walk_next(struct die_walk *walk, struct die *ret_die)
{
	const struct die_declaration *declaration;
	const unsigned char *at;

	if (walk->is_over)
		return false;
	declaration = next_declaration(walk, &at);
	if (declaration == NULL) {
		walk->is_over = true;
		return false;
	}
	ret_die->at = at;
	ret_die->tag = declaration->tag;
	ret_die->depth = walk->depth;
	ret_die->has_code = declaration->has_code;
	ret_die->is_abstract = declaration->is_abstract;
	ret_die->has_origin = declaration->has_origin;
	if (declaration->has_code) {
		ret_die->code = (struct die_code){ 0 };
		read_values(walk, declaration, &ret_die->code);
	} else {
		skip_values(walk, declaration);
	}
	if (declaration->has_children)
		walk->depth++;
	/* What is cut may have lost its values; nothing follows. */
	walk->is_over =
	    walk->info.bad || walk->depth == 0 || byte_reader_left(&walk->info) == 0;
	return !walk->info.bad;
}
