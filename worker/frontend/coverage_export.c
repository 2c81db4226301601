/* SPDX-License-Identifier: MIT
 * BASE/coverage.*; in the front-end.
 *
 * Made in steps, so that a target of a million PCs costs the loop a short time each: states of
 * lines, function by function; sources; files, which are corrected and counted; then files again,
 * line by line, as the format has them (export_format.h).
 */
#include "config.h"

#include "coverage_export.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/http.h>

#include "block_table.h"
#include "clock.h"
#include "coverage_map.h"
#include "export_format.h"
#include "line_shapes.h"
#include "line_states.h"
#include "reply.h"
#include "source_shapes.h"
#include "streamed_reply.h"
#include "target.h"
#include "banned.h"

#define CHUNK_SIZE (64 << 10) /* bytes a step */
#define STEP_CODE (256 << 10) /* bytes of blocks' code a step: some milliseconds */
#define STEP_LINES 50000
#define NONE UINT32_MAX

struct job {
	struct streamed_reply reply;
	struct target_table
	    *table; /* references of our own: the target may go meanwhile */
	struct target_blocks *blocks;
	struct source_shapes *shapes;
	struct target_functions *functions; /* NULL: no names are known */
	uint64_t *bits;
	uint8_t *states; /* by line */
	struct line_scratch *scratch;
	struct line_places places;
	bool *idle;        /* by function */
	uint32_t *first;   /* by file: its first function; NONE: it has none */
	uint32_t *next;    /* by function: the next one of the same file */
	uint32_t *names;   /* by function: the one in functions, or NONE */
	uint32_t function; /* whose states come next */
	uint32_t doubted;  /* the function that comes next, when all states are there */
	bool has_sources, has_begun, has_ended;
	uint32_t corrected; /* place of the line whose file is corrected next */
	uint32_t line;      /* that comes next, by its place in the order */
	uint32_t file;      /* that is being told; NONE: none */
	struct export_count *counts; /* by file: lines of a known state */
	const struct export_format *format;
	struct export_view view;
	char name[DIRECTORY_NAME_MAX];
	uint32_t last_line;
	bool has_file; /* one was told */
	struct evbuffer *chunk;
	size_t counted; /* bytes among the memory of answers */
};

static void
job_free(struct job *job)
{
	if (job->chunk != NULL)
		evbuffer_free(job->chunk);
	source_shapes_unref(job->shapes);
	target_functions_unref(job->functions);
	target_blocks_unref(job->blocks);
	target_table_unref(job->table);
	free(job->bits);
	free(job->states);
	free(job->scratch);
	free(job->places.places);
	free(job->places.limits);
	free(job->idle);
	free(job->first);
	free(job->next);
	free(job->names);
	free(job->counts);
	reply_memory_give(job->counted);
	free(job);
}

/* ---- the functions of each file ---- */

/* Both lists are by the place of the first PC. */
static void
name_functions(struct job *job)
{
	const struct wire_blocks *h = job->blocks->table.header;
	const struct function_table *named =
	    job->functions != NULL ? &job->functions->table : NULL;
	uint32_t at = 0;

	for (uint32_t i = 0; i < h->functions_len; i++) {
		const uint32_t first = job->blocks->table.functions[i].first;

		job->names[i] = NONE;
		while (named != NULL && at < named->header->functions_len &&
		    named->functions[at].first < first)
			at++;
		if (named != NULL && at < named->header->functions_len &&
		    named->functions[at].first == first)
			job->names[i] = at;
	}
}

static void
list_functions(struct job *job)
{
	const struct block_table *blocks = &job->blocks->table;

	memset(
	    job->first, 0xff, (size_t)blocks->header->files_len * sizeof(*job->first));
	for (uint32_t i = blocks->header->functions_len; i-- > 0;) {
		const uint32_t line = blocks->functions[i].line;
		uint32_t *first;

		if (line == WIRE_LINE_NONE || job->names[i] == NONE)
			continue;
		first = &job->first[blocks->lines[line].file];
		job->next[i] = *first;
		*first = i;
	}
}

static bool
was_entered(const struct job *job, const struct wire_blocks_function *function)
{
	const uint32_t *pcs = job->table->table.order + function->first;

	for (uint32_t i = 0; i < function->pcs_len; i++)
		if ((job->bits[pcs[i] / 64] >> pcs[i] % 64 & 1) != 0)
			return true;
	return false;
}

static void
tell_functions(const struct job *job, uint32_t file)
{
	const struct block_table *blocks = &job->blocks->table;
	const struct function_table *named;
	struct export_count count = { 0 };

	for (uint32_t i = job->first[file]; job->format->function != NULL && i != NONE;
	    i = job->next[i]) {
		named = &job->functions->table;
		const struct export_function function = {
			.name = named->strings + named->functions[job->names[i]].raw,
			.line = blocks->lines[blocks->functions[i].line].line,
			/* Perhaps where it was inlined alone. */
			.entered = was_entered(job, &blocks->functions[i]) ||
			    job->states[blocks->functions[i].line] >= LINE_PARTLY,
		};

		job->format->function(&job->view, &function);
		count.found++;
		count.hit += function.entered;
	}
	if (job->format->end_functions != NULL)
		job->format->end_functions(&job->view, count);
}

/* ---- lines ---- */

static bool
is_known(uint8_t state)
{
	return state != LINE_NONE && state != LINE_UNKNOWN;
}

/* By its source, the file whose first line comes next; counts its lines. */
static void
correct_file(struct job *job)
{
	const struct block_table *blocks = &job->blocks->table;
	const uint32_t *order = blocks->order + job->corrected;
	const uint32_t file = blocks->lines[order[0]].file;
	struct export_count *count = &job->counts[file];
	uint32_t len = 0;
	size_t shapes_len;
	const unsigned char *shapes = source_shapes_of(job->shapes, file, &shapes_len);

	while (job->corrected + len < blocks->header->lines_len &&
	    blocks->lines[order[len]].file == file)
		len++;
	if (shapes != NULL)
		line_shapes_apply(
		    shapes, shapes_len, blocks->lines, order, len, job->states);
	for (uint32_t i = 0; i < len; i++) {
		count->found += is_known(job->states[order[i]]);
		count->hit += job->states[order[i]] >= LINE_PARTLY;
	}
	job->view.lines.found += count->found;
	job->view.lines.hit += count->hit;
	job->corrected += len;
}

static void
correct(struct job *job)
{
	const uint32_t from = job->corrected;

	while (job->corrected < job->blocks->table.header->lines_len &&
	    job->corrected - from < STEP_LINES)
		correct_file(job);
}

static void
begin_file(struct job *job, uint32_t file)
{
	job->format->begin_file(&job->view, file, job->counts[file], !job->has_file);
	job->has_file = true;
	tell_functions(job, file);
	job->file = file;
}

static void
end_file(struct job *job)
{
	job->format->end_file(&job->view, job->counts[job->file]);
	job->file = NONE;
}

static void
tell_line(struct job *job)
{
	const struct block_table *blocks = &job->blocks->table;
	const uint32_t index = blocks->order[job->line++];
	const struct wire_line *line = &blocks->lines[index];
	const uint8_t state = job->states[index];

	if (job->file != line->file) {
		if (job->file != NONE)
			end_file(job);
		begin_file(job, line->file);
	}
	if (is_known(state))
		job->format->line(&job->view, line->line, state >= LINE_PARTLY);
}

void
export_path(const struct export_view *view, uint32_t file, const char **ret_directory,
    const char **ret_name)
{
	const struct wire_file *named = &view->blocks->files[file];

	*ret_directory =
	    view->blocks->strings + view->blocks->directories[named->directory];
	*ret_name = view->blocks->strings + named->basename;
}

static void
conclude(struct job *job)
{
	const struct block_table *blocks = &job->blocks->table;
	const struct line_blocks_view view = block_table_view(blocks);
	enum line_function function;
	uint64_t code = 0;

	while (job->function < blocks->header->functions_len && code < STEP_CODE) {
		code += blocks->functions[job->function].code_len + 1;
		function = line_states_function(
		    &view, job->function, job->bits, job->scratch, job->states);
		job->reply.failed = job->reply.failed || function == LINE_FUNCTION_BAD;
		job->idle[job->function++] = function == LINE_FUNCTION_IDLE;
	}
}

static void
doubt(struct job *job)
{
	const struct block_table *blocks = &job->blocks->table;
	const struct line_blocks_view view = block_table_view(blocks);
	uint64_t code = 0;

	if (job->doubted == 0)
		line_places_find(&view, &job->places);
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

/* Does a part of what comes before the first line. False: all is done. */
static bool
prepare(struct job *job)
{
	const struct wire_blocks *h = job->blocks->table.header;

	if (job->function < h->functions_len)
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

static void
make_cb(void *arg)
{
	struct job *job = arg;
	const struct wire_blocks *h = job->blocks->table.header;

	if (prepare(job)) {
		/* A chunk of nothing would end it, and white space says nothing. */
		evbuffer_add(
		    job->chunk, job->format->blank, strlen(job->format->blank));
		return;
	}
	if (!job->has_begun && job->format->begin != NULL)
		job->format->begin(&job->view);
	job->has_begun = true;
	while (job->line < h->lines_len && evbuffer_get_length(job->chunk) < CHUNK_SIZE)
		tell_line(job);
	if (job->line < h->lines_len || job->has_ended)
		return;
	if (job->file != NONE)
		end_file(job);
	if (job->format->end != NULL)
		job->format->end(&job->view);
	job->has_ended = true;
}

/* ---- beginning ---- */

static int
take_memory(struct job *job, const struct target *target)
{
	const struct wire_blocks *h = job->blocks->table.header;
	const size_t scratch = line_scratch_size(h);
	const size_t functions = (size_t)h->functions_len + 1,
		     files = (size_t)h->files_len + 1;
	const size_t size = scratch + 9 * (size_t)h->lines_len +
	    4 * (2 * functions + files) + functions +
	    sizeof(struct export_count) * files +
	    8 * (size_t)coverage_map_words(h->pcs_len) + CHUNK_SIZE;

	if (scratch == 0 || !reply_memory_take(size))
		return -1;
	job->counted = size;
	job->bits = target_copy_bits(target);
	job->states = calloc((size_t)h->lines_len + 1, 1);
	job->scratch = malloc(scratch);
	job->places.places = calloc((size_t)h->lines_len + 1, sizeof(uint32_t));
	job->places.limits = calloc((size_t)h->lines_len + 1, sizeof(uint32_t));
	job->idle = calloc(functions, sizeof(*job->idle));
	job->first = calloc(files, sizeof(*job->first));
	job->next = calloc(functions, sizeof(*job->next));
	job->names = calloc(functions, sizeof(*job->names));
	job->counts = calloc(files, sizeof(*job->counts));
	job->chunk = evbuffer_new();
	if (job->counts == NULL || job->bits == NULL || job->states == NULL ||
	    job->scratch == NULL || job->places.places == NULL ||
	    job->places.limits == NULL || job->idle == NULL || job->first == NULL ||
	    job->next == NULL || job->names == NULL || job->chunk == NULL)
		return -1;
	line_scratch_lay(job->scratch, h);
	return 0;
}

static struct job *
job_new(struct target *target, const struct export_format *format)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->table = target_table_ref(target->table);
	job->blocks = target_blocks_ref(target->blocks);
	job->shapes = source_shapes_ref(target->shapes);
	if (target->functions != NULL)
		job->functions = target_functions_ref(target->functions);
	if (take_memory(job, target) < 0) {
		job_free(job);
		return NULL;
	}
	job->file = NONE;
	job->format = format;
	job->view = (struct export_view){ .out = job->chunk,
		.blocks = &job->blocks->table,
		.target = job->name,
		.last_line = &job->last_line,
		.now_ms = clock_ms(CLOCK_REALTIME) };
	snprintf(job->name, sizeof(job->name), "%s", target->entry.name);
	name_functions(job);
	list_functions(job);
	return job;
}

static void
done_cb(void *arg)
{
	job_free(arg);
}

void
coverage_export_serve(struct evhttp_request *request, struct target *target,
    const struct export_format *format)
{
	struct job *job;

	if (target == NULL || target->table == NULL || target->blocks == NULL ||
	    target_shapes(target) == NULL) {
		target_refuse_lines(request, target);
		return;
	}
	job = job_new(target, format);
	if (job == NULL) {
		reply_text(request, 503, REPLY_NO_MEMORY);
		return;
	}
	reply_headers(request, format->content_type);
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		evhttp_send_reply(request, 200, "OK", NULL);
		job_free(job);
		return;
	}
	job->reply = (struct streamed_reply){ .request = request,
		.chunk = job->chunk,
		.make_cb = make_cb,
		.done_cb = done_cb,
		.arg = job };
	streamed_reply_start(&job->reply);
}
