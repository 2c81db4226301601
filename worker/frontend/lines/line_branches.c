/* SPDX-License-Identifier: MIT
 * Ways out of lines; in the front-end.
 */
#include "config.h"

#include "line_branches.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block_table.h"
#include "line_states.h"
#include "reply.h"
#include "source_shapes.h"
#include "target.h"
#include "banned.h"

#define NONE UINT32_MAX
#define STEP_CODE (256 << 10) /* bytes of blocks' code a step: some milliseconds */
#define STEP_LINES 50000

struct line_branch_entry {
	uint32_t to;   /* place of the line that it leads to */
	uint32_t next; /* of the same line, by to; NONE: it is the last */
	bool taken;
};

int
line_branches_begin(struct line_branches *branches, const struct line_job *job)
{
	const struct wire_blocks *h = job->blocks->table.header;
	const size_t lines = (size_t)h->lines_len + 1, files = (size_t)h->files_len + 1;
	const size_t size =
	    lines * sizeof(*branches->first) + files * sizeof(*branches->counts);

	*branches = (struct line_branches){ .job = job };
	if (!reply_memory_take(size))
		return -ENOMEM;
	branches->counted = size;
	branches->first = malloc(lines * sizeof(*branches->first));
	branches->counts = calloc(files, sizeof(*branches->counts));
	if (branches->first == NULL || branches->counts == NULL)
		return -ENOMEM;
	memset(branches->first, 0xff, lines * sizeof(*branches->first));
	return 0;
}

static bool
make_room(struct line_branches *branches)
{
	const uint32_t size = branches->size * 2 + 4096;
	const size_t more = (size - branches->size) * sizeof(*branches->list);
	struct line_branch_entry *larger;

	if (branches->len < branches->size)
		return true;
	if (size >= NONE / 4 || !reply_memory_take(more))
		return false;
	branches->counted += more;
	larger = realloc(branches->list, size * sizeof(*larger));
	if (larger == NULL)
		return false;
	branches->list = larger;
	branches->size = size;
	return true;
}

static void
take_branch(void *context, uint32_t from, uint32_t to, enum line_branch branch)
{
	struct line_branches *branches = context;
	const uint32_t place = branches->job->places.places[to];
	uint32_t before = NONE, at = branches->first[from], steps = 0;

	/* What is not told needs no place either. */
	while (at != NONE && branches->list[at].to < place) {
		before = at;
		at = branches->list[at].next;
		if (++steps == LINE_BRANCHES_MAX)
			return;
	}
	if (at != NONE && branches->list[at].to == place) {
		branches->list[at].taken |= branch == BRANCH_TAKEN;
		return;
	}
	branches->failed = branches->failed || !make_room(branches);
	if (branches->failed)
		return;
	branches->list[branches->len] = (struct line_branch_entry){
		.to = place, .next = at, .taken = branch == BRANCH_TAKEN
	};
	*(before == NONE ? &branches->first[from] : &branches->list[before].next) =
	    branches->len++;
}

static void
count(struct line_branches *branches)
{
	const struct line_job *job = branches->job;
	const struct block_table *blocks = &job->blocks->table;
	const uint32_t end = branches->place + STEP_LINES;
	bool taken[LINE_BRANCHES_MAX];

	for (; branches->place < blocks->header->lines_len && branches->place < end;
	    branches->place++) {
		const uint32_t line = blocks->order[branches->place];
		const uint32_t len = line_branches_of(branches, line, taken);
		const uint32_t number = blocks->lines[line].file;
		struct line_count *file = &branches->counts[number];
		uint32_t hit = 0;

		for (uint32_t i = 0; i < len; i++)
			hit += taken[i];
		file->found += len;
		file->hit += hit;
		if (source_shapes_excludes(job->shapes, number))
			continue;
		branches->all.found += len;
		branches->all.hit += hit;
	}
}

bool
line_branches_step(struct line_branches *branches)
{
	const struct line_job *job = branches->job;
	const struct block_table *blocks = &job->blocks->table;
	const struct line_blocks_view view = block_table_view(blocks);
	uint64_t code = 0;

	if (branches->failed ||
	    (branches->function == blocks->header->functions_len &&
		branches->place == blocks->header->lines_len))
		return false;
	if (branches->function == blocks->header->functions_len) {
		count(branches);
		return true;
	}
	while (branches->function < blocks->header->functions_len && code < STEP_CODE) {
		code += blocks->functions[branches->function].code_len + 1;
		line_states_branches(&view, branches->function++, job->bits,
		    job->scratch, take_branch, branches);
	}
	return true;
}

uint32_t
line_branches_of(const struct line_branches *branches, uint32_t line,
    bool ret_taken[LINE_BRANCHES_MAX])
{
	const uint8_t state = branches->job->states[line];
	uint32_t len = 0;

	if (!line_state_counts(state))
		return 0;
	for (uint32_t i = branches->first[line]; i != NONE && len < LINE_BRANCHES_MAX;
	    i = branches->list[i].next)
		ret_taken[len++] = branches->list[i].taken && state >= LINE_PARTLY;
	return len > 1 ? len : 0;
}

void
line_branches_end(struct line_branches *branches)
{
	free(branches->first);
	free(branches->list);
	free(branches->counts);
	reply_memory_give(branches->counted);
	*branches = (struct line_branches){ 0 };
}
