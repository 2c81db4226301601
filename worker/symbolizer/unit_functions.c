/* SPDX-License-Identifier: MIT
 * Functions and inlined calls; in the symbolizer. Nothing here recurses: megabytes of DIEs
 * that are nested in each other would use up the stack.
 */
#include "config.h"

#include "unit_functions.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

/* Namespaces and classes around a function. libdw passes over all that is below a DIE to
 * find the one beside it, so each level costs as much as one pass. */
#define SCOPES_MAX 32
/* Of one unit: its functions may share one long list, and each would read all of it. */
#define RANGES_MAX ((size_t)1 << 22)
/* Blocks and inlined calls around an address. */
#define DEPTH_MAX 1024
/* From an inlined call to the function, to its declaration. */
#define ORIGINS_MAX 16

struct function {
	uint64_t start, end;
	Dwarf_Die die;
	size_t place; /* the last of equal ones wins */
};

struct unit_functions {
	struct function *list; /* by start */
	size_t len, size;
	size_t read; /* ranges */
};

static int
add(struct unit_functions *functions, Dwarf_Die *die, uint64_t start, uint64_t end)
{
	size_t size;
	void *larger;

	if (functions->len == functions->size) {
		size = functions->size * 2 + 64;
		larger = realloc(functions->list, size * sizeof(*functions->list));
		if (larger == NULL)
			return -ENOMEM;
		functions->list = larger;
		functions->size = size;
	}
	functions->list[functions->len] =
	    (struct function){ start, end, *die, functions->len };
	functions->len++;
	return 0;
}

static int
add_all(struct unit_functions *functions, Dwarf_Die *die)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;
	int r = 0;

	while (r == 0 && functions->read < RANGES_MAX &&
	    (at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		functions->read++;
		if (start < end)
			r = add(functions, die, start, end);
	}
	return r;
}

static bool
holds_functions(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_subprogram: /* GNU C has functions in functions */
	case DW_TAG_lexical_block:
		return true;
	default:
		return false;
	}
}

static int
walk(struct unit_functions *functions, Dwarf_Die *unit)
{
	Dwarf_Die path[SCOPES_MAX];
	size_t depth = 0;
	int r = 0;

	if (dwarf_child(unit, &path[0]) != 0)
		return 0;
	while (r == 0) {
		Dwarf_Die *die = &path[depth];

		if (dwarf_tag(die) == DW_TAG_subprogram)
			r = add_all(functions, die);
		if (holds_functions(die) && depth + 1 < SCOPES_MAX &&
		    dwarf_child(die, &path[depth + 1]) == 0) {
			depth++;
			continue;
		}
		while (dwarf_siblingof(&path[depth], &path[depth]) != 0)
			if (depth-- == 0)
				return r;
	}
	return r;
}

static int
compare_functions(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

int
unit_functions_read(Dwarf_Die *unit, struct unit_functions **ret_functions)
{
	struct unit_functions *functions = calloc(1, sizeof(*functions));
	int r;

	if (functions == NULL)
		return -ENOMEM;
	r = walk(functions, unit);
	if (r < 0) {
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
	free(functions->list);
	free(functions);
}

size_t
unit_functions_len(const struct unit_functions *functions)
{
	return functions->len;
}

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

/* The first of @die's children that holds @address and may lead to an inlined call. */
static bool
descend(Dwarf_Die *die, uint64_t address, Dwarf_Die *ret_child)
{
	Dwarf_Die child;
	int tag, r;

	for (r = dwarf_child(die, &child); r == 0;
	    r = dwarf_siblingof(&child, &child)) {
		tag = dwarf_tag(&child);
		if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
			tag == DW_TAG_try_block || tag == DW_TAG_catch_block) &&
		    dwarf_haspc(&child, address) == 1) {
			*ret_child = child;
			return true;
		}
	}
	return false;
}

size_t
unit_functions_chain(const struct unit_functions *functions, uint64_t address,
    Dwarf_Die chain[FUNCTIONS_CHAIN_MAX], bool *ret_cut)
{
	const struct function *function = find(functions, address);
	Dwarf_Die die;
	size_t len = 0;

	*ret_cut = false;
	if (function == NULL)
		return 0;
	die = function->die;
	chain[len++] = die;
	for (size_t depth = 0; descend(&die, address, &die); depth++) {
		if (depth == DEPTH_MAX || len == FUNCTIONS_CHAIN_MAX) {
			*ret_cut = true;
			return 1;
		}
		if (dwarf_tag(&die) == DW_TAG_inlined_subroutine)
			chain[len++] = die;
	}
	return len;
}

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
find_string(const Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Die at = *die;

	for (unsigned i = 0; i < ORIGINS_MAX; i++) {
		if (dwarf_attr(&at, name, &attribute) != NULL)
			return dwarf_formstring(&attribute);
		if (!find_origin(&at, &at))
			return NULL;
	}
	return NULL;
}

const char *
unit_functions_name(const Dwarf_Die *die)
{
	static const unsigned names[] = { DW_AT_MIPS_linkage_name, DW_AT_linkage_name,
		DW_AT_name };
	const char *name = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && name == NULL; i++)
		name = find_string(die, names[i]);
	return name;
}
