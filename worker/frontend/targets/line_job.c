/* SPDX-License-Identifier: MIT
 * States of all lines, in steps: functions, one by one; doubts; sources; files, which are corrected
 * and counted. In the front-end.
 */
#include "config.h"

#include "line_job.h"

#include <errno.h>
#include <stdlib.h>

#include "block_table.h"
#include "coverage_map.h"
#include "line_shapes.h"
#include "reply.h"
#include "source_shapes.h"
#include "target.h"
#include "banned.h"

#define STEP_CODE (256 << 10) /* bytes of blocks' code a step: some milliseconds */
#define STEP_LINES 50000

/* By its source, the file whose first line comes next; counts its lines. */
static void
correct_file(struct line_job *job)
{
	const struct block_table *blocks = &job->blocks->table;
	const uint32_t *order = blocks->order + job->corrected;
	const uint32_t file = blocks->lines[order[0]].file;
	struct line_count *count = &job->counts[file];
	uint32_t len = 0;
	size_t shapes_len;
	const unsigned char *shapes = source_shapes_of(job->shapes, file, &shapes_len);

	while (job->corrected + len < blocks->header->lines_len &&
	    blocks->lines[order[len]].file == file)
		len++;
	line_shapes_lose(shapes, shapes != NULL ? shapes_len : 0, blocks->lines, order,
	    len, line_scratch_lost(job->scratch), job->states);
	if (shapes != NULL)
		line_shapes_apply(shapes, shapes_len, blocks->lines, order, len,
		    line_scratch_led(job->scratch), job->kinds[file], job->states);
	for (uint32_t i = 0; i < len; i++) {
		count->found += line_state_counts(job->states[order[i]]);
		count->hit += job->states[order[i]] >= LINE_PARTLY;
	}
	if (!source_shapes_excludes(job->shapes, file)) {
		job->all.found += count->found;
		job->all.hit += count->hit;
	}
	job->corrected += len;
}

static void
correct(struct line_job *job)
{
	const uint32_t from = job->corrected,
		       len = job->blocks->table.header->lines_len;

	while (job->corrected < len && job->corrected - from < STEP_LINES)
		correct_file(job);
}

static void
conclude(struct line_job *job)
{
	const struct block_table *blocks = &job->blocks->table;
	const struct line_blocks_view view = block_table_view(blocks);
	enum line_function function;
	uint64_t code = 0;

	while (job->concluded < blocks->header->functions_len && code < STEP_CODE) {
		code += blocks->functions[job->concluded].code_len + 1;
		function = line_states_function(
		    &view, job->concluded, job->bits, job->scratch, job->states);
		job->failed = job->failed || function == LINE_FUNCTION_BAD;
		job->idle[job->concluded++] = function == LINE_FUNCTION_IDLE;
	}
}

static void
doubt(struct line_job *job)
{
	const struct block_table *blocks = &job->blocks->table;
	const struct line_blocks_view view = block_table_view(blocks);
	uint64_t code = 0;

	if (job->doubted == 0) {
		line_places_find(&view, &job->places);
		line_files_find(&view, job->kinds);
	}
	while (job->doubted < blocks->header->functions_len && code < STEP_CODE) {
		code += 1;
		if (job->idle[job->doubted]) {
			code += blocks->functions[job->doubted].code_len;
			line_states_doubt(&view, job->doubted, &job->places,
			    job->scratch, job->states);
		}
		job->doubted++;
	}
}

bool
line_job_step(struct line_job *job)
{
	const struct wire_blocks *h = job->blocks->table.header;

	if (job->concluded < h->functions_len)
		conclude(job);
	else if (job->doubted < h->functions_len)
		doubt(job);
	else if (!job->has_sources)
		job->has_sources = source_shapes_step(job->shapes);
	else if (job->corrected < h->lines_len)
		correct(job);
	else
		return false;
	return true;
}

/* ---- beginning and end ---- */

static int
take_memory(struct line_job *job, const struct target *target)
{
	const struct wire_blocks *h = job->blocks->table.header;
	const size_t scratch = line_scratch_size(h), lines = (size_t)h->lines_len + 1,
		     functions = (size_t)h->functions_len + 1,
		     files = (size_t)h->files_len + 1;
	const size_t size = scratch + 9 * lines + functions +
	    (sizeof(struct line_count) + sizeof(bool)) * files +
	    8 * (size_t)coverage_map_words(h->pcs_len);

	if (scratch == 0 || !reply_memory_take(size))
		return -ENOMEM;
	job->counted = size;
	job->bits = target_copy_bits(target);
	job->states = calloc(lines, 1);
	job->scratch = malloc(scratch);
	job->places.places = calloc(lines, sizeof(uint32_t));
	job->places.limits = calloc(lines, sizeof(uint32_t));
	job->idle = calloc(functions, sizeof(*job->idle));
	job->counts = calloc(files, sizeof(*job->counts));
	job->kinds = calloc(files, sizeof(*job->kinds));
	if (job->bits == NULL || job->states == NULL || job->scratch == NULL ||
	    job->places.places == NULL || job->places.limits == NULL ||
	    job->idle == NULL || job->counts == NULL || job->kinds == NULL)
		return -ENOMEM;
	line_scratch_lay(job->scratch, h);
	return 0;
}

int
line_job_begin(struct line_job *job, struct target *target)
{
	struct source_shapes *shapes = target_shapes(target);
	int r;

	*job = (struct line_job){ 0 };
	if (shapes == NULL)
		return -ENOMEM;
	job->table = target_table_ref(target->table);
	job->blocks = target_blocks_ref(target->blocks);
	job->shapes = source_shapes_ref(shapes);
	r = take_memory(job, target);
	if (r < 0)
		line_job_end(job);
	return r;
}

void
line_job_end(struct line_job *job)
{
	source_shapes_unref(job->shapes);
	target_blocks_unref(job->blocks);
	target_table_unref(job->table);
	free(job->bits);
	free(job->states);
	free(job->scratch);
	free(job->places.places);
	free(job->places.limits);
	free(job->idle);
	free(job->kinds);
	free(job->counts);
	reply_memory_give(job->counted);
	*job = (struct line_job){ 0 };
}
