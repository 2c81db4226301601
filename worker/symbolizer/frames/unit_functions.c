/* SPDX-License-Identifier: MIT
 * Functions and inlined calls; in the symbolizer. Nothing here recurses: megabytes of DIEs
 * that are nested in each other would use up the stack.
 */
#include "config.h"

#include "unit_functions.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "die_ranges.h"
#include "die_walk.h"
#include "function_scopes.h"
#include "grow.h"
#include "banned.h"

/* From an inlined call to the function, to its declaration. */
#define ORIGINS_MAX 16

/* One DIE, whose code may lie in several places. */
struct body {
	const unsigned char *at;
	struct function_scopes *scopes; /* NULL: nobody has asked yet, or is_odd */
	bool is_odd;                    /* its scopes are out of all proportion */
};

struct function {
	uint64_t start, end;
	size_t body; /* the last of those that begin at one place wins */
};

struct unit_functions {
	struct die_unit unit;
	struct die_ranges_sources sources;
	size_t *budget;
	struct function *list; /* by start */
	size_t len, size;
	struct body *bodies; /* as they stand in the unit */
	size_t bodies_len, bodies_size;
	size_t scopes_len;
};

/* ---- reading ---- */

/* @die is the newest body. */
static int
add_ranges(struct unit_functions *functions, const struct die *die)
{
	struct die_ranges ranges;
	uint64_t start, end;

	die_ranges_start(
	    &ranges, &functions->sources, &functions->unit.format, &die->code);
	while (*functions->budget > 0 && die_ranges_next(&ranges, &start, &end)) {
		--*functions->budget;
		if (start >= end)
			continue;
		if (!grow((void **)&functions->list, functions->len, &functions->size,
			sizeof(*functions->list)))
			return -ENOMEM;
		functions->list[functions->len++] =
		    (struct function){ start, end, functions->bodies_len - 1 };
	}
	return 0;
}

static int
read_functions(struct unit_functions *functions)
{
	struct die_walk walk;
	struct die die;
	int r = 0;

	die_walk_start(&walk, &functions->unit, functions->unit.first.addr);
	while (r == 0 && die_walk_next(&walk, &die)) {
		if (die.tag != DW_TAG_subprogram || !die.has_code)
			continue;
		if (!grow((void **)&functions->bodies, functions->bodies_len,
			&functions->bodies_size, sizeof(*functions->bodies)))
			return -ENOMEM;
		functions->bodies[functions->bodies_len++] =
		    (struct body){ .at = die.at };
		r = add_ranges(functions, &die);
	}
	return r;
}

static int
compare_functions(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->body < y->body ? -1 : x->body > y->body;
}

static uint64_t
number(Dwarf_Die *die, unsigned name, unsigned other_name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value) == 0 ||
	    dwarf_formudata(dwarf_attr(die, other_name, &attribute), &value) == 0)
		return value;
	return 0;
}

/* Behind the header of the lists of a split unit, who has no need to say so. */
static uint64_t
split_rnglists_base(struct byte_reader rnglists)
{
	const unsigned char *start = rnglists.at;
	bool dwarf64;

	byte_reader_unit_length(&rnglists, &dwarf64);
	byte_reader_u32(&rnglists); /* version, sizes of addresses and selectors */
	byte_reader_u32(&rnglists); /* how many offsets there are */
	return rnglists.bad ? 0 : (uint64_t)(rnglists.at - start);
}

/* What the unit says of its part of the sections, or its skeleton where there is one. */
static struct die_ranges_sources
ranges_sources(Dwarf_Die *first, const struct unit_functions_sources *sources)
{
	struct die_ranges_sources found = { .addr = sources->addr,
		.ranges = sources->ranges,
		.rnglists = sources->rnglists };
	Dwarf_Attribute attribute;

	if (sources->skeleton != NULL) {
		found.ranges_base = number(sources->skeleton, DW_AT_GNU_ranges_base, 0);
		found.rnglists_base = split_rnglists_base(sources->rnglists);
		first = sources->skeleton;
	} else {
		found.rnglists_base = number(first, DW_AT_rnglists_base, 0);
	}
	found.addr_base = number(first, DW_AT_addr_base, DW_AT_GNU_addr_base);
	/* GCC names an entry where code lies in several places. */
	if (dwarf_lowpc(first, &found.low) != 0 &&
	    dwarf_formaddr(dwarf_attr(first, DW_AT_entry_pc, &attribute), &found.low) !=
		0)
		found.low = 0;
	return found;
}

int
unit_functions_read(Dwarf_Die *first, const struct unit_functions_sources *sources,
    struct unit_functions **ret_functions)
{
	struct unit_functions *functions = calloc(1, sizeof(*functions));
	int r;

	if (functions == NULL)
		return -ENOMEM;
	functions->budget = sources->budget;
	functions->sources = ranges_sources(first, sources);
	r = die_unit_read(first, sources->abbrev, &functions->unit);
	if (r == 0)
		r = read_functions(functions);
	if (r == -ENOMEM) {
		unit_functions_free(functions);
		return r;
	}
	if (functions->len > 0)
		qsort(functions->list, functions->len, sizeof(*functions->list),
		    compare_functions);
	*ret_functions = functions;
	return 0;
}

void
unit_functions_free(struct unit_functions *functions)
{
	if (functions == NULL)
		return;
	for (size_t i = 0; i < functions->bodies_len; i++)
		function_scopes_free(functions->bodies[i].scopes);
	die_unit_free(&functions->unit);
	free(functions->bodies);
	free(functions->list);
	free(functions);
}

size_t
unit_functions_len(const struct unit_functions *functions)
{
	return functions->unit.declarations_len + functions->len +
	    functions->bodies_len + functions->scopes_len;
}

/* ---- questions ---- */

static const struct function *
find(const struct unit_functions *functions, uint64_t address)
{
	size_t low = 0, high = functions->len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (functions->list[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address >= functions->list[low - 1].end)
		return NULL;
	return &functions->list[low - 1];
}

static int
read_scopes(struct unit_functions *functions, struct body *body)
{
	int r;

	if (body->scopes != NULL || body->is_odd)
		return 0;
	r = function_scopes_read(&functions->unit, body->at, &functions->sources,
	    functions->budget, &body->scopes);
	if (r == 0)
		functions->scopes_len += function_scopes_len(body->scopes);
	body->is_odd = r == -E2BIG;
	return r == -ENOMEM ? r : 0;
}

int
unit_functions_chain(struct unit_functions *functions, uint64_t address,
    Dwarf_Die chain[FUNCTIONS_CHAIN_MAX], size_t *ret_len)
{
	const unsigned char *calls[FUNCTIONS_CHAIN_MAX - 1];
	const struct function *function = find(functions, address);
	struct body *body;
	bool cut = false;
	size_t len = 0;
	int r;

	*ret_len = 0;
	if (function == NULL)
		return 0;
	body = &functions->bodies[function->body];
	r = read_scopes(functions, body);
	if (r < 0)
		return r;
	if (body->scopes != NULL)
		len = function_scopes_find(
		    body->scopes, address, calls, FUNCTIONS_CHAIN_MAX - 1, &cut);
	chain[0] = die_unit_die(&functions->unit, body->at);
	for (size_t i = 0; i < len; i++)
		chain[i + 1] = die_unit_die(&functions->unit, calls[i]);
	*ret_len = len + 1;
	return cut || body->is_odd ? -EOVERFLOW : 0;
}

/* ---- names ---- */

/* The DIE that @die was made from. By hand where DWARF 5's form says that it lies in the
 * supplementary file: libdw 0.188 looks for it in the same one. */
static bool
find_origin(Dwarf_Die *die, Dwarf_Die *ret_origin)
{
	Dwarf_Attribute attribute;
	Dwarf *supplement;
	uint32_t short_offset;
	uint64_t offset;
	unsigned form;

	if (dwarf_attr(die, DW_AT_abstract_origin, &attribute) == NULL &&
	    dwarf_attr(die, DW_AT_specification, &attribute) == NULL)
		return false;
	form = dwarf_whatform(&attribute);
	if (form != DW_FORM_ref_sup4 && form != DW_FORM_ref_sup8)
		return dwarf_formref_die(&attribute, ret_origin) != NULL;
	/* In bounds: debug_elf.c has other bytes behind .debug_info. */
	memcpy(&short_offset, attribute.valp, sizeof(short_offset));
	memcpy(&offset, attribute.valp, sizeof(offset));
	if (form == DW_FORM_ref_sup4)
		offset = short_offset;
	supplement = dwarf_getalt(dwarf_cu_getdwarf(attribute.cu));
	return supplement != NULL &&
	    dwarf_offdie(supplement, offset, ret_origin) != NULL;
}

/* A string that @die has, or one of those that it was made from. */
static const char *
find_string(const Dwarf_Die *die, const struct die_strings *strings, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Die at = *die;

	for (unsigned i = 0; i < ORIGINS_MAX; i++) {
		if (dwarf_attr(&at, name, &attribute) != NULL)
			return die_strings_find(strings, &attribute);
		if (!find_origin(&at, &at))
			return NULL;
	}
	return NULL;
}

const char *
unit_functions_name(const Dwarf_Die *die, const struct die_strings *strings)
{
	static const unsigned names[] = { DW_AT_MIPS_linkage_name, DW_AT_linkage_name,
		DW_AT_name };
	const char *name = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && name == NULL; i++)
		name = find_string(die, strings, names[i]);
	return name;
}
