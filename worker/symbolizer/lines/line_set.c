/* SPDX-License-Identifier: MIT
 * Source lines, each once, numbered as they come; in the symbolizer.
 */
#include "config.h"

#include "line_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

static uint32_t
slot_of(const struct line_set *set, struct wire_line line)
{
	uint64_t key = (uint64_t)line.file << 32 | line.line;

	key *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(key >> 32) & set->mask;
}

void
line_set_free(struct line_set *set)
{
	free(set->lines);
	free(set->marks);
	free(set->slots);
}

/* Twice the room. */
static int
grow(struct line_set *set)
{
	const uint32_t size = set->size > 0 ? set->size * 2 : 4096;
	struct wire_line *lines;
	struct line_marks *marks;
	uint32_t *slots, slot;

	if (size > UINT32_MAX / 8)
		return -ENOMEM;
	lines = realloc(set->lines, size * sizeof(*lines));
	if (lines != NULL)
		set->lines = lines;
	marks = realloc(set->marks, size * sizeof(*marks));
	if (marks != NULL)
		set->marks = marks;
	slots = calloc((size_t)size * 2, sizeof(*slots));
	if (lines == NULL || marks == NULL || slots == NULL) {
		free(slots);
		return -ENOMEM;
	}
	memset(marks + set->size, 0, (size - set->size) * sizeof(*marks));
	free(set->slots);
	set->slots = slots;
	set->size = size;
	set->mask = size * 2 - 1;
	for (uint32_t i = 0; i < set->len; i++) {
		for (slot = slot_of(set, set->lines[i]); slots[slot] != 0;
		    slot = (slot + 1) & set->mask)
			;
		slots[slot] = i + 1;
	}
	return 0;
}

int
line_set_add(struct line_set *set, struct wire_line line, uint32_t *ret_number)
{
	uint32_t slot, number;

	if (set->len == set->size && grow(set) < 0)
		return -ENOMEM;
	for (slot = slot_of(set, line); (number = set->slots[slot]) != 0;
	    slot = (slot + 1) & set->mask) {
		const struct wire_line *at = &set->lines[number - 1];

		if (at->file == line.file && at->line == line.line) {
			*ret_number = number - 1;
			return 0;
		}
	}
	set->lines[set->len] = line;
	set->slots[slot] = ++set->len;
	*ret_number = set->len - 1;
	return 0;
}
