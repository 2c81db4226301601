/* SPDX-License-Identifier: MIT
 * Copies of functions inside of others.
 *
 * A copy names the abstract function that it is one of, and so does the function's own code. Units
 * that have the same inline function each have an abstract one of their own, and most of them lost
 * their code to the linker: there the linkage name tells that they are the same. Linkers keep equal
 * strings once, so where it stands in .debug_str is as good as the name.
 */
#include "config.h"

#include "inlined_copies.h"

#include <dwarf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "die_ranges.h"
#include "die_walk.h"
#include "grow.h"
#include "banned.h"

/* What is read of tables that units may share, in all: declarations, and ranges. */
#define DECLARATIONS_MAX ((size_t)1 << 24)
#define RANGES_MAX ((size_t)1 << 24)
/* Bytes of .debug_info, all of which is walked over, at some 12 ms a megabyte: of a program with
 * more, copies are not known. */
#define INFO_MAX (UINT64_C(24) << 20)
/* From a function to its declaration. */
#define ORIGINS_MAX 4

/* Which function something belongs to: a place in .debug_str, or one in .debug_info. */
#define KEY_IS_DIE (UINT64_C(1) << 63)

struct place {
	uint64_t key; /* while units are read, of its abstract function's DIE */
	uint64_t address, end;
	uint32_t copy;
	uint32_t file, line; /* of a copy: see struct inlined_copy */
	uint64_t table;      /* likewise */
};

struct places {
	struct place *list;
	size_t len, size;
};

struct reader {
	struct byte_reader info, abbrev, str_offsets;
	struct die_ranges_sources sources;
	uint64_t str_offsets_base;
	uint64_t table; /* of the unit, in .debug_line */
	size_t declarations, ranges;
	struct inlined_extent *extents;
	uint32_t copies_len; /* of which code was taken */
	size_t extents_size;
	const struct die_unit *unit;
	uint64_t unit_start, unit_end; /* in .debug_info */
	struct places own, copies;
	struct places names; /* of abstract functions; address: the key that they get */
};

static int
add(struct places *places, const struct place *place)
{
	if (!grow((void **)&places->list, places->len, &places->size,
		sizeof(*places->list)))
		return -ENOMEM;
	places->list[places->len++] = *place;
	return 0;
}

/* ---- one unit ---- */

static uint64_t
offset_of(const struct reader *reader, const unsigned char *at)
{
	return (uint64_t)(at - reader->info.at);
}

/* Outputs which DIE @value refers to, as an offset in .debug_info. */
static bool
find_reference(
    const struct reader *reader, const struct die_value *value, uint64_t *ret_offset)
{
	switch (value->form) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata:
		*ret_offset = reader->unit_start + value->number;
		return value->number < reader->unit_end - reader->unit_start;
	case DW_FORM_ref_addr:
		*ret_offset = value->number;
		return true;
	default:
		return false;
	}
}

/* Outputs where in .debug_str @value is. */
static bool
find_string(
    const struct reader *reader, const struct die_value *value, uint64_t *ret_offset)
{
	const struct die_format *format = &reader->unit->format;
	struct byte_reader offsets = reader->str_offsets;

	switch (value->form) {
	case DW_FORM_strp:
		*ret_offset = value->number;
		return true;
	case DW_FORM_strx:
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
	case DW_FORM_GNU_str_index:
		if (value->number > UINT64_MAX / 8 - 1)
			return false;
		byte_reader_skip(&offsets, reader->str_offsets_base);
		byte_reader_skip(&offsets, value->number * (format->dwarf64 ? 8 : 4));
		*ret_offset = byte_reader_offset(&offsets, format->dwarf64);
		return !offsets.bad;
	default:
		return false;
	}
}

/* The key of the abstract function whose DIE is at @offset. */
static uint64_t
find_key(const struct reader *reader, uint64_t offset)
{
	static const unsigned names[] = { DW_AT_linkage_name, DW_AT_MIPS_linkage_name,
		DW_AT_specification };
	const uint64_t itself = offset | KEY_IS_DIE;
	struct die_value values[3];
	uint64_t name;

	for (unsigned i = 0; i < ORIGINS_MAX; i++) {
		if (offset < reader->unit_start || offset >= reader->unit_end)
			return itself;
		die_unit_values(
		    reader->unit, reader->info.at + offset, names, 3, values);
		if (find_string(reader, &values[0], &name) ||
		    find_string(reader, &values[1], &name))
			return name;
		if (!find_reference(reader, &values[2], &offset))
			return itself;
	}
	return itself;
}

/* As a number of 32 bits; 0: it is none. */
static uint32_t
small(const struct die_value *value)
{
	return value->form != 0 && value->number <= UINT32_MAX ? (uint32_t)value->number
							       : 0;
}

/* Of what @die is a copy, and where it is called. */
static bool
find_origin(const struct reader *reader, const struct die *die, struct place *ret_place)
{
	static const unsigned names[] = { DW_AT_abstract_origin, DW_AT_call_file,
		DW_AT_call_line };
	struct die_value values[3];

	die_unit_values(reader->unit, die->at, names, 3, values);
	*ret_place = (struct place){ .file = small(&values[1]),
		.line = small(&values[2]),
		.table = reader->table };
	return find_reference(reader, &values[0], &ret_place->key);
}

/* One copy more, whose first range begins at @first. */
static int
add_extent(struct reader *reader, uint64_t first)
{
	if (!grow((void **)&reader->extents, reader->copies_len, &reader->extents_size,
		sizeof(*reader->extents)))
		return -ENOMEM;
	reader->extents[reader->copies_len++] =
	    (struct inlined_extent){ first, first, first };
	return 0;
}

static void
stretch_extent(struct inlined_extent *extent, uint64_t start, uint64_t end)
{
	extent->low = start < extent->low ? start : extent->low;
	extent->high = end > extent->high ? end : extent->high;
}

/* The first range of a function's own code. */
static int
take_own(struct reader *reader, const struct die *die)
{
	struct place place;
	struct die_ranges ranges;

	if (!find_origin(reader, die, &place))
		return 0;
	place.copy = INLINED_OWN;
	die_ranges_start(&ranges, &reader->sources, &reader->unit->format, &die->code);
	while (reader->ranges++ < RANGES_MAX &&
	    die_ranges_next(&ranges, &place.address, &place.end))
		if (place.address < place.end)
			return add(&reader->own, &place);
	return 0;
}

/* All ranges of a copy. */
static int
take_copy(struct reader *reader, const struct die *die)
{
	struct place place;
	struct die_ranges ranges;
	bool is_first = true;
	int r = 0;

	if (!find_origin(reader, die, &place))
		return 0;
	place.copy = reader->copies_len;
	die_ranges_start(&ranges, &reader->sources, &reader->unit->format, &die->code);
	while (r == 0 && reader->ranges++ < RANGES_MAX &&
	    die_ranges_next(&ranges, &place.address, &place.end)) {
		if (place.address >= place.end)
			continue;
		if (is_first)
			r = add_extent(reader, place.address);
		is_first = false;
		if (r == 0)
			stretch_extent(
			    &reader->extents[place.copy], place.address, place.end);
		if (r == 0)
			r = add(&reader->copies, &place);
	}
	return r;
}

/* An abstract function, one's own code, or a copy. */
static int
take_die(struct reader *reader, const struct die *die)
{
	const uint64_t offset = offset_of(reader, die->at);

	if (die->tag == DW_TAG_subprogram && die->is_abstract)
		return add(&reader->names,
		    &(struct place){
			.key = offset, .address = find_key(reader, offset) });
	if (!die->has_code || !die->has_origin)
		return 0;
	if (die->tag == DW_TAG_subprogram)
		return take_own(reader, die);
	return die->tag == DW_TAG_inlined_subroutine ? take_copy(reader, die) : 0;
}

/* What a unit's first DIE says of sections that its values refer to. */
static void
take_bases(struct reader *reader, const struct die *die)
{
	static const unsigned names[] = { DW_AT_addr_base, DW_AT_GNU_addr_base,
		DW_AT_rnglists_base, DW_AT_str_offsets_base, DW_AT_stmt_list };
	struct die_ranges_sources *sources = &reader->sources;
	struct die_code low = { .low_form = die->code.low_form,
		.low = die->code.low,
		.high_form = DW_FORM_udata,
		.high = 1 };
	struct die_value values[5];
	struct die_ranges ranges;
	uint64_t end;

	die_unit_values(reader->unit, die->at, names, 5, values);
	reader->table = values[4].form != 0 ? values[4].number : INLINED_TABLE_NONE;
	sources->addr_base = values[0].form != 0 ? values[0].number : values[1].number;
	sources->rnglists_base = values[2].number;
	reader->str_offsets_base = values[3].number;
	sources->low = 0;
	if (!die->has_code || low.low_form == 0)
		return;
	die_ranges_start(&ranges, sources, &reader->unit->format, &low);
	if (!die_ranges_next(&ranges, &sources->low, &end))
		sources->low = 0;
}

static int
read_unit(struct reader *reader)
{
	const unsigned char *first = die_unit_first(reader->unit);
	struct die_walk walk;
	struct die die;
	int r = 0;

	die_walk_start(&walk, reader->unit, first);
	while (r == 0 && die_walk_next(&walk, &die)) {
		if (die.at == first)
			take_bases(reader, &die);
		else
			r = take_die(reader, &die);
	}
	return r;
}

static int
read_units(struct reader *reader)
{
	struct byte_reader info = reader->info;
	struct die_unit unit;
	int r = 0;

	while (r == 0 && byte_reader_left(&info) > 0 &&
	    reader->declarations < DECLARATIONS_MAX && reader->ranges < RANGES_MAX) {
		reader->unit_start = offset_of(reader, info.at);
		r = die_unit_open(&info, reader->abbrev, &unit);
		if (r == -ENODATA)
			return 0;
		if (r == 0) {
			reader->unit = &unit;
			reader->unit_end = offset_of(reader, info.at);
			reader->declarations += unit.declarations_len + 1;
			r = read_unit(reader);
			die_unit_free(&unit);
		}
		r = r == -EBADMSG ? 0 : r;
	}
	return r;
}

/* ---- all of them ---- */

static int
compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

static void
sort(struct places *places)
{
	if (places->len > 0)
		qsort(places->list, places->len, sizeof(*places->list), compare);
}

/* The first with @key; NULL: there is none. */
static const struct place *
find(const struct places *places, uint64_t key)
{
	size_t low = 0, high = places->len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (places->list[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < places->len && places->list[low].key == key ? &places->list[low]
								 : NULL;
}

/* From DIEs to keys. Names came in order of their DIEs. */
static void
turn_keys(const struct places *names, struct places *places)
{
	for (size_t i = 0; i < places->len; i++) {
		const struct place *name = find(names, places->list[i].key);

		places->list[i].key =
		    name != NULL ? name->address : places->list[i].key | KEY_IS_DIE;
	}
}

static void
keep_wanted(struct places *own, inlined_copies_wanted *wanted, void *context)
{
	size_t kept = 0;

	for (size_t i = 0; i < own->len; i++)
		if (wanted(context, own->list[i].address))
			own->list[kept++] = own->list[i];
	own->len = kept;
}

static int
compare_copies(const void *a, const void *b)
{
	const struct inlined_copy *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->function != y->function)
		return x->function < y->function ? -1 : 1;
	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

static int
compare_addresses(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int
list_functions(struct inlined_copies *copies)
{
	uint64_t *list = malloc((copies->len + 1) * sizeof(*list));
	size_t len = 0;

	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < copies->len; i++)
		if (copies->list[i].function != 0)
			list[len++] = copies->list[i].function;
	if (len > 0)
		qsort(list, len, sizeof(*list), compare_addresses);
	copies->functions = list;
	copies->functions_len = len;
	return 0;
}

/* Copies with the address of their function's own code. */
static int
give(const struct places *own, const struct places *copies,
    struct inlined_copies *ret_copies)
{
	struct inlined_copy *list = malloc((copies->len + 1) * sizeof(*list));
	size_t len = 0, kept = 0;

	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < copies->len; i++) {
		const struct place *copy = &copies->list[i],
				   *function = find(own, copy->key);

		if (function != NULL || copy->line != 0)
			list[len++] = (struct inlined_copy){ copy->address,
				function != NULL ? function->address : 0, copy->file,
				copy->line, copy->table };
	}
	if (len > 0)
		qsort(list, len, sizeof(*list), compare_copies);
	for (size_t i = 0; i < len; i++)
		if (i == 0 || compare_copies(&list[i], &list[kept - 1]) != 0)
			list[kept++] = list[i];
	*ret_copies = (struct inlined_copies){ .list = list, .len = kept };
	return list_functions(ret_copies);
}

static int
compare_ranges(const void *a, const void *b)
{
	const struct inlined_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	/* Equal ones in the order of their DIEs: what is inside comes later. */
	return x->copy + 1 < y->copy + 1 ? -1 : x->copy + 1 > y->copy + 1;
}

/* Equal ones by family first. */
static int
compare_twins(const void *a, const void *b)
{
	const struct inlined_range *x = a, *y = b;

	if (x->start == y->start && x->end == y->end && x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return compare_ranges(a, b);
}

/* Sorts the list, and leaves out what several units tell of one copy. Returns how many are left. */
static size_t
drop_twins(struct inlined_range *list, size_t len)
{
	size_t kept = 0;

	if (len == 0)
		return 0;
	qsort(list, len, sizeof(*list), compare_twins);
	for (size_t i = 0; i < len; i++)
		if (kept == 0 || list[i].family == INLINED_FAMILY_NONE ||
		    list[i].family != list[kept - 1].family ||
		    list[i].start != list[kept - 1].start ||
		    list[i].end != list[kept - 1].end)
			list[kept++] = list[i];
	qsort(list, kept, sizeof(*list), compare_ranges);
	return kept;
}

/* Numbers what has the same key; @copies are sorted, too. */
static int
give_ranges(const struct places *own, const struct places *copies,
    struct inlined_copies *ret_copies)
{
	struct inlined_range *list =
	    malloc((own->len + copies->len + 1) * sizeof(*list));
	size_t len = 0, at = 0, next;
	uint32_t families = 0, family;

	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < copies->len; i = next) {
		const uint64_t key = copies->list[i].key;
		bool several = false;

		for (next = i; next < copies->len && copies->list[next].key == key;
		    next++)
			several =
			    several || copies->list[next].copy != copies->list[i].copy;
		while (at < own->len && own->list[at].key < key)
			at++;
		several = several || (at < own->len && own->list[at].key == key);
		family = several ? families++ : INLINED_FAMILY_NONE;
		for (; at < own->len && own->list[at].key == key; at++)
			list[len++] = (struct inlined_range){ own->list[at].address,
				own->list[at].end, INLINED_OWN, family };
		for (size_t k = i; k < next; k++)
			list[len++] = (struct inlined_range){ copies->list[k].address,
				copies->list[k].end, copies->list[k].copy, family };
	}
	ret_copies->ranges = list;
	ret_copies->ranges_len = drop_twins(list, len);
	ret_copies->families_len = families;
	return 0;
}

static void
open_sections(struct reader *reader, struct elf_image *image)
{
	reader->info = elf_image_bytes(image, ".debug_info");
	reader->abbrev = elf_image_bytes(image, ".debug_abbrev");
	reader->str_offsets = elf_image_bytes(image, ".debug_str_offsets");
	reader->sources.addr = elf_image_bytes(image, ".debug_addr");
	reader->sources.ranges = elf_image_bytes(image, ".debug_ranges");
	reader->sources.rnglists = elf_image_bytes(image, ".debug_rnglists");
}

int
inlined_copies_read(struct elf_image *image, inlined_copies_wanted *wanted,
    void *context, struct inlined_copies *ret_copies)
{
	struct reader reader = { 0 };
	uint64_t size;
	int r;

	if (elf_image_has(image, ".debug_info", &size) && size > INFO_MAX)
		return 0;
	open_sections(&reader, image);
	r = read_units(&reader);
	if (r == 0) {
		keep_wanted(&reader.own, wanted, context);
		turn_keys(&reader.names, &reader.own);
		turn_keys(&reader.names, &reader.copies);
		sort(&reader.own);
		r = give(&reader.own, &reader.copies, ret_copies);
		sort(&reader.copies);
		ret_copies->copies_len = reader.copies_len;
		ret_copies->extents = reader.extents;
		reader.extents = NULL;
		if (r == 0)
			r = give_ranges(&reader.own, &reader.copies, ret_copies);
	}
	free(reader.extents);
	free(reader.own.list);
	free(reader.copies.list);
	free(reader.names.list);
	return r;
}

void
inlined_copies_free(struct inlined_copies *copies)
{
	free(copies->list);
	free(copies->functions);
	free(copies->ranges);
	free(copies->extents);
	*copies = (struct inlined_copies){ 0 };
}

bool
inlined_copies_are_of(const struct inlined_copies *copies, uint64_t address)
{
	return copies->functions_len > 0 &&
	    bsearch(&address, copies->functions, copies->functions_len, sizeof(address),
		compare_addresses) != NULL;
}

_Static_assert(offsetof(struct inlined_copy, start) == 0 &&
	offsetof(struct inlined_range, start) == 0,
    "they begin with their address");

/* Of @len elements of @each bytes, which begin with their address, the first at or above @address. */
static size_t
first_from(const void *list, size_t len, size_t each, uint64_t address)
{
	size_t low = 0, high = len, middle;
	uint64_t start;

	while (low < high) {
		middle = low + (high - low) / 2;
		memcpy(&start, (const char *)list + middle * each, sizeof(start));
		if (start < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t
inlined_copies_from(const struct inlined_copies *copies, uint64_t address)
{
	return first_from(copies->list, copies->len, sizeof(*copies->list), address);
}

size_t
inlined_ranges_from(const struct inlined_copies *copies, uint64_t address)
{
	return first_from(
	    copies->ranges, copies->ranges_len, sizeof(*copies->ranges), address);
}
