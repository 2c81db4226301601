/* SPDX-License-Identifier: MIT
 * What became of the lines of each function; in the front-end.
 */
#include "config.h"

#include "line_functions.h"

#include <errno.h>
#include <stdlib.h>

#include "block_table.h"
#include "reply.h"
#include "target.h"
#include "banned.h"

#define STEP_CODE (1 << 20) /* bytes of blocks' code a step: some milliseconds */
#define STEP_LINES 200000

static int
begin(struct line_functions *functions, const struct line_job *job)
{
	const struct block_table *blocks = &job->blocks->table;
	const struct wire_blocks *h = blocks->header;
	const struct line_blocks_view view = block_table_view(blocks);
	const size_t lines = (size_t)h->lines_len + 1,
		     all = (size_t)h->functions_len + 1;
	const size_t size = 4 * (lines + 2 * all) + sizeof(struct line_sums) * all;

	*functions = (struct line_functions){ .job = job };
	if (!reply_memory_take(size))
		return -ENOMEM;
	functions->counted = size;
	functions->memory = malloc(size);
	if (functions->memory == NULL)
		return -ENOMEM;
	functions->owners.owner = functions->memory;
	functions->owners.groups = functions->owners.owner + lines;
	functions->owners.heads = functions->owners.groups + all;
	functions->owners.sums = (struct line_sums *)(functions->owners.heads + all);
	line_owners_begin(&view, &job->places, &functions->owners);
	return 0;
}

/* The files of some lines, each as a whole. */
static void
count(struct line_functions *functions)
{
	const struct block_table *blocks = &functions->job->blocks->table;
	const struct line_blocks_view view = block_table_view(blocks);
	const uint32_t len = blocks->header->lines_len;
	uint32_t to, done = 0;

	for (; functions->place < len && done < STEP_LINES; functions->place = to) {
		const uint32_t file =
		    blocks->lines[blocks->order[functions->place]].file;

		for (to = functions->place;
		    to < len && blocks->lines[blocks->order[to]].file == file; to++)
			done++;
		line_owners_count(&view, functions->place, to, functions->job->states,
		    &functions->owners);
	}
}

static bool
own(struct line_functions *functions)
{
	const struct block_table *blocks = &functions->job->blocks->table;
	const struct line_blocks_view view = block_table_view(blocks);
	const uint32_t len = blocks->header->functions_len;
	uint64_t code = 0;

	if (functions->function == len) {
		if (functions->place == blocks->header->lines_len)
			return false;
		count(functions);
		return true;
	}
	while (functions->function < len && code < STEP_CODE) {
		code += blocks->functions[functions->function].code_len + 16;
		line_owners_add(&view, functions->function++, functions->job->scratch,
		    &functions->owners);
	}
	return true;
}

bool
line_functions_step(
    struct line_functions *functions, const struct line_job *job, bool *ret_failed)
{
	if (functions->job != NULL)
		return own(functions);
	*ret_failed = begin(functions, job) < 0;
	return true;
}

void
line_functions_end(struct line_functions *functions)
{
	free(functions->memory);
	reply_memory_give(functions->counted);
	*functions = (struct line_functions){ 0 };
}

bool
line_functions_entered(const struct line_functions *functions, uint32_t index)
{
	const struct line_job *job = functions->job;
	const struct wire_blocks_function *function =
	    &job->blocks->table.functions[index];
	const struct line_sums *sums = line_owners_sums(&functions->owners, index);
	const uint32_t *pcs = job->table->table.order + function->first;

	if (sums != NULL && sums->entered != 0)
		return true;
	for (uint32_t i = 0; i < function->pcs_len; i++)
		if ((job->bits[pcs[i] / 64] >> pcs[i] % 64 & 1) != 0)
			return true;
	return false;
}
