/* SPDX-License-Identifier: MIT
 * Whose a line is.
 */
#include "line_owners.h"

#define NONE LINE_OWNER_NONE

void
line_owners_begin(const struct line_blocks_view *view, const struct line_places *places,
    struct line_owners *owners)
{
	const struct wire_blocks *h = view->header;

	owners->places = places;
	owners->groups_len = 0;
	for (uint32_t i = 0; i < h->lines_len; i++)
		owners->owner[i] = NONE;
	for (uint32_t i = 0; i < h->functions_len; i++) {
		const uint32_t line = view->functions[i].line;

		owners->groups[i] = NONE;
		if (line == WIRE_LINE_NONE)
			continue;
		if (owners->owner[line] == NONE) {
			owners->heads[owners->groups_len] = line;
			owners->sums[owners->groups_len] =
			    (struct line_sums){ .first = NONE };
			owners->owner[line] = owners->groups_len++;
		}
		owners->groups[i] = owners->owner[line];
		/* A line may be of another's runs, too: who has no copies ran if its own code
		 * did. */
		if ((view->functions[i].flags & WIRE_FUNCTION_INLINED) != 0)
			owners->heads[owners->groups[i]] |= LINE_OWNER_INLINED;
	}
}

uint32_t
line_owners_head(const struct line_owners *owners, uint32_t group)
{
	return owners->heads[group] & ~LINE_OWNER_INLINED;
}

struct adding {
	const struct line_blocks_view *view;
	struct line_owners *owners;
	uint32_t group, file, place;
};

/* Of what begins at these places: whether a line at @place is rather @one's than @other's. */
static bool
is_nearer(uint32_t one, uint32_t other, uint32_t place)
{
	if (one > place)
		return other > place && one < other;
	return other > place || one > other;
}

static void
add_line(void *context, uint32_t line)
{
	const struct adding *adding = context;
	struct line_owners *owners = adding->owners;
	const uint32_t *places = owners->places->places;
	const uint32_t owner = owners->owner[line];

	if (adding->view->lines[line].file == adding->file &&
	    (owner == NONE ||
		is_nearer(adding->place, places[line_owners_head(owners, owner)],
		    places[line])))
		owners->owner[line] = adding->group;
}

void
line_owners_add(const struct line_blocks_view *view, uint32_t index,
    struct line_scratch *scratch, struct line_owners *owners)
{
	const uint32_t group = owners->groups[index];
	struct adding adding = { .view = view, .owners = owners, .group = group };

	if (group == NONE)
		return;
	adding.file = view->lines[line_owners_head(owners, group)].file;
	adding.place = owners->places->places[line_owners_head(owners, group)];
	line_blocks_lines(view, index, scratch, add_line, &adding);
}

/* A line at @place of a function that begins at @head. */
static void
count(
    struct line_sums *sums, uint32_t place, uint32_t head, bool inlined, uint8_t state)
{
	const bool counts = line_state_counts(state), is_behind = place >= head;

	sums->lines += counts;
	sums->reached += state >= LINE_PARTLY;
	sums->partly += state == LINE_PARTLY;
	sums->unknown += state == LINE_UNKNOWN;
	sums->entered |= inlined && is_behind && state >= LINE_PARTLY;
	if (counts && (sums->first == NONE || (is_behind && sums->first < head)))
		sums->first = place;
}

void
line_owners_count(const struct line_blocks_view *view, uint32_t from, uint32_t to,
    const uint8_t *states, struct line_owners *owners)
{
	uint32_t line, group;

	for (uint32_t i = from; i < to; i++) {
		line = view->order[i];
		group = owners->owner[line];
		/* A group's first line is its own. */
		if (group != NONE && line_owners_head(owners, group) == line)
			owners->sums[group] = (struct line_sums){ .first = NONE };
	}
	for (uint32_t i = from; i < to; i++) {
		line = view->order[i];
		group = owners->owner[line];
		if (group != NONE)
			count(&owners->sums[group], i,
			    owners->places->places[line_owners_head(owners, group)],
			    (owners->heads[group] & LINE_OWNER_INLINED) != 0,
			    states[line]);
	}
}

const struct line_sums *
line_owners_sums(const struct line_owners *owners, uint32_t index)
{
	const uint32_t group = owners->groups[index];

	return group != NONE ? &owners->sums[group] : NULL;
}

uint32_t
line_owners_find(const struct line_blocks_view *view, uint32_t first)
{
	uint32_t low = 0, high = view->header->functions_len;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (view->functions[middle].first < first)
			low = middle + 1;
		else
			high = middle;
	}
	return low < view->header->functions_len && view->functions[low].first == first
	    ? low
	    : NONE;
}
