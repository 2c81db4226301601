/* SPDX-License-Identifier: MIT
 * Where an executable's functions lie, by its symbols; in the symbolizer.
 */
#include "config.h"

#include "function_ranges.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "debug_link.h"
#include "banned.h"

/* strip(1) takes .symtab away; a separate debug file has it. */
static int
read_symbols(
    struct function_ranges *ranges, int executable, int debug, struct failure *failure)
{
	uint64_t size;
	int r = elf_image_open(executable, &ranges->image, failure);

	if (r < 0 || debug < 0 || elf_image_has(ranges->image, ".symtab", &size))
		return r < 0 ? r
			     : symbols_read(ranges->image, &ranges->symbols, failure);
	r = elf_image_open(debug, &ranges->split, failure);
	if (r == 0)
		r = debug_link_check(ranges->image, ranges->split, debug, failure);
	return r < 0 ? r : symbols_read(ranges->split, &ranges->symbols, failure);
}

/* A label inside of a function is none itself. */
static bool
is_label(const struct symbol *symbol, const struct function_range *before)
{
	return symbol->size == 0 && before->symbol->size > 0 &&
	    symbol->address - before->start < before->symbol->size;
}

static int
lay(struct function_ranges *ranges, struct failure *failure)
{
	const struct symbol *list;
	size_t len;

	list = symbols_list(ranges->symbols, &len);
	ranges->list = calloc(len + 1, sizeof(*ranges->list));
	if (ranges->list == NULL)
		return failure_say(failure, ENOMEM, "out of memory for its functions");
	for (size_t i = 0; i < len; i++) {
		struct function_range *range = &ranges->list[ranges->len];
		const struct symbol *symbol = &list[i];

		if (ranges->len > 0 && is_label(symbol, range - 1))
			continue;
		if (ranges->len > 0 && range[-1].end > symbol->address)
			range[-1].end = symbol->address;
		*range = (struct function_range){ symbol->address, UINT64_MAX, symbol };
		if (symbol->size > 0 && symbol->size < UINT64_MAX - symbol->address)
			range->end = symbol->address + symbol->size;
		ranges->len++;
	}
	return 0;
}

int
function_ranges_read(int executable, int debug, struct function_ranges *ret_ranges,
    struct failure *failure)
{
	int r;

	*ret_ranges = (struct function_ranges){ 0 };
	r = read_symbols(ret_ranges, executable, debug, failure);
	return r < 0 ? r : lay(ret_ranges, failure);
}

void
function_ranges_free(struct function_ranges *ranges)
{
	free(ranges->list);
	symbols_free(ranges->symbols);
	elf_image_free(ranges->split);
	elf_image_free(ranges->image);
	*ranges = (struct function_ranges){ 0 };
}

size_t
function_ranges_from(const struct function_ranges *ranges, uint64_t address)
{
	size_t low = 0, high = ranges->len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (ranges->list[middle].start < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
