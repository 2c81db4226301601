/* SPDX-License-Identifier: MIT
 * Where functions' own lines lie.
 */
#include "line_places.h"

void
line_places_find(const struct line_blocks_view *view, struct line_places *places)
{
	const struct wire_blocks *h = view->header;
	const uint32_t is_first = UINT32_C(1) << 31;
	uint32_t line, limit = h->lines_len;

	for (uint32_t i = 0; i < h->lines_len; i++)
		places->places[view->order[i]] = i;
	for (uint32_t i = 0; i < h->functions_len; i++)
		if (view->functions[i].line != WIRE_LINE_NONE)
			places->places[view->functions[i].line] |= is_first;
	for (uint32_t i = h->lines_len; i-- > 0;) {
		line = view->order[i];
		if (i + 1 < h->lines_len &&
		    view->lines[line].file != view->lines[view->order[i + 1]].file)
			limit = i + 1;
		places->limits[line] = limit;
		if ((places->places[line] & is_first) != 0)
			limit = i;
		places->places[line] &= ~is_first;
	}
}

void
line_files_find(const struct line_blocks_view *view, uint8_t *kinds)
{
	const uint8_t other = LINE_FILE_COUNTED + 1; /* some are counted, not all */
	uint8_t *kind;

	for (uint32_t i = 0; i < view->header->functions_len; i++) {
		const struct wire_blocks_function *function = &view->functions[i];

		if (function->line == WIRE_LINE_NONE)
			continue;
		kind = &kinds[view->lines[function->line].file];
		/* Of one whose copies came before the counters, the function's own lines are
		 * doubted alone (line_states_doubt()). */
		if (function->flags == WIRE_FUNCTION_COUNTED)
			*kind = *kind == LINE_FILE_PLAIN ? LINE_FILE_COUNTED : *kind;
		else if ((function->flags & WIRE_FUNCTION_INLINED) != 0 &&
		    (function->flags & WIRE_FUNCTION_COUNTED) == 0)
			*kind = LINE_FILE_INLINED;
		else if (*kind != LINE_FILE_INLINED)
			*kind = other;
	}
	for (uint32_t i = 0; i < view->header->files_len; i++)
		kinds[i] = kinds[i] == other ? LINE_FILE_PLAIN : kinds[i];
}

/* An idle function's own lines. */
struct doubt {
	const struct line_places *places;
	uint32_t from, limit; /* of the places of its lines */
	uint8_t *states;
	bool ran, changed;
};

static bool
is_own(const struct doubt *doubt, uint32_t line)
{
	const uint32_t place = doubt->places->places[line];

	return place >= doubt->from && place < doubt->limit;
}

static void
look_at_line(void *context, uint32_t line)
{
	struct doubt *doubt = context;

	doubt->ran =
	    doubt->ran || (is_own(doubt, line) && doubt->states[line] >= LINE_PARTLY);
}

static void
doubt_line(void *context, uint32_t line)
{
	struct doubt *doubt = context;

	if (!is_own(doubt, line) || doubt->states[line] != LINE_IDLE)
		return;
	doubt->states[line] = LINE_UNKNOWN;
	doubt->changed = true;
}

bool
line_states_doubt(const struct line_blocks_view *view, uint32_t index,
    const struct line_places *places, struct line_scratch *scratch, uint8_t *states)
{
	const struct wire_blocks_function *function = &view->functions[index];
	struct doubt doubt = { .places = places, .states = states };

	if (function->line == WIRE_LINE_NONE ||
	    (function->flags & (WIRE_FUNCTION_COUNTED | WIRE_FUNCTION_INLINED)) ==
		WIRE_FUNCTION_COUNTED)
		return false;
	doubt.from = places->places[function->line];
	doubt.limit = places->limits[function->line];
	doubt.ran = (function->flags & WIRE_FUNCTION_FOLDS) != 0;
	if (!doubt.ran)
		line_blocks_lines(view, index, scratch, look_at_line, &doubt);
	if (doubt.ran)
		line_blocks_lines(view, index, scratch, doubt_line, &doubt);
	return doubt.changed;
}
