/* SPDX-License-Identifier: MIT
 * BASE/coverage.*; in the front-end.
 *
 * Made in steps, so that a target of a million PCs costs the loop a short time each: first states
 * of lines (line_job.h), then files, line by line, as the format has them (export_format.h).
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
#include "export_format.h"
#include "line_branches.h"
#include "line_functions.h"
#include "line_job.h"
#include "reply.h"
#include "source_shapes.h"
#include "streamed_reply.h"
#include "target.h"
#include "banned.h"

#define CHUNK_SIZE (64 << 10) /* bytes a step */
#define NONE UINT32_MAX
#define LOOK_MS 20 /* at sources, before the first byte */

struct job {
	struct streamed_reply reply;
	struct line_job lines;
	struct line_branches branches;
	struct line_functions owned;
	struct target_functions *functions; /* NULL: no names are known */
	uint32_t *first; /* by file: its first function; NONE: it has none */
	uint32_t *next;  /* by function: the next one of the same file */
	uint32_t *names; /* by function: the one in functions, or NONE */
	bool has_begun, has_ended;
	uint32_t line; /* that comes next, by its place in the order */
	uint32_t file; /* that is being told; NONE: none */
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
	target_functions_unref(job->functions);
	line_functions_end(&job->owned);
	line_branches_end(&job->branches);
	line_job_end(&job->lines);
	free(job->first);
	free(job->next);
	free(job->names);
	reply_memory_give(job->counted);
	free(job);
}

/* ---- the functions of each file ---- */

/* Both lists are by the place of the first PC. */
static void
name_functions(struct job *job)
{
	const struct wire_blocks *h = job->lines.blocks->table.header;
	const struct function_table *named =
	    job->functions != NULL ? &job->functions->table : NULL;
	uint32_t at = 0;

	for (uint32_t i = 0; i < h->functions_len; i++) {
		const uint32_t first = job->lines.blocks->table.functions[i].first;

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
	const struct block_table *blocks = &job->lines.blocks->table;

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

static void
tell_functions(struct job *job, uint32_t file)
{
	const struct block_table *blocks = &job->lines.blocks->table;
	const struct function_table *named;
	struct line_count count = { 0 };

	for (uint32_t i = job->first[file]; i != NONE; i = job->next[i]) {
		const struct line_sums *sums = line_owners_sums(&job->owned.owners, i);

		/* lcov wants a function to begin at a line that is told. */
		if (sums == NULL || sums->first == LINE_OWNER_NONE)
			continue;
		named = &job->functions->table;
		const struct export_function function = {
			.name = named->strings + named->functions[job->names[i]].raw,
			.line = blocks->lines[blocks->order[sums->first]].line,
			.entered = line_functions_entered(&job->owned, i),
		};

		if (job->format->function != NULL)
			job->format->function(&job->view, &function);
		count.found++;
		count.hit += function.entered;
	}
	job->view.file_functions = count;
	job->view.functions.found += count.found;
	job->view.functions.hit += count.hit;
	if (job->format->end_functions != NULL)
		job->format->end_functions(&job->view, count);
}

/* ---- lines ---- */

static void
begin_file(struct job *job, uint32_t file)
{
	job->view.file_branches = job->branches.counts[file];
	job->format->begin_file(
	    &job->view, file, job->lines.counts[file], !job->has_file);
	job->has_file = true;
	tell_functions(job, file);
	job->file = file;
}

static void
end_file(struct job *job)
{
	job->format->end_file(&job->view, job->lines.counts[job->file]);
	job->file = NONE;
}

static void
tell_line(struct job *job)
{
	const struct block_table *blocks = &job->lines.blocks->table;
	const uint32_t index = blocks->order[job->line++];
	const struct wire_line *line = &blocks->lines[index];
	const uint8_t state = job->lines.states[index];
	bool taken[LINE_BRANCHES_MAX];

	if (source_shapes_excludes(job->lines.shapes, line->file))
		return;
	if (job->file != line->file) {
		if (job->file != NONE)
			end_file(job);
		begin_file(job, line->file);
	}
	if (line_state_counts(state))
		job->format->line(&job->view,
		    &(struct export_line){ .line = line->line,
			.reached = state >= LINE_PARTLY,
			.taken = taken,
			.taken_len = line_branches_of(&job->branches, index, taken) });
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

/* What is known before the first word. */
static bool
prepare(struct job *job)
{
	if (line_job_step(&job->lines)) {
		job->reply.failed = job->lines.failed;
		return true;
	}
	if (job->branches.job == NULL) {
		job->reply.failed =
		    line_branches_begin(&job->branches, &job->lines) < 0;
		return true;
	}
	if (line_branches_step(&job->branches)) {
		job->reply.failed = job->branches.failed;
		return true;
	}
	return line_functions_step(&job->owned, &job->lines, &job->reply.failed);
}

static void
make_cb(void *arg)
{
	struct job *job = arg;
	const uint32_t len = job->lines.blocks->table.header->lines_len;

	if (prepare(job)) {
		/* A chunk of nothing would end it, and white space says nothing. */
		evbuffer_add(
		    job->chunk, job->format->blank, strlen(job->format->blank));
		return;
	}
	job->view.lines = job->lines.all;
	job->view.branches = job->branches.all;
	if (!job->has_begun && job->format->begin != NULL)
		job->format->begin(&job->view);
	job->has_begun = true;
	while (job->line < len && evbuffer_get_length(job->chunk) < CHUNK_SIZE)
		tell_line(job);
	if (job->line < len || job->has_ended)
		return;
	if (job->file != NONE)
		end_file(job);
	if (job->format->end != NULL)
		job->format->end(&job->view);
	job->has_ended = true;
}

/* ---- beginning ---- */

static int
take_memory(struct job *job)
{
	const struct wire_blocks *h = job->lines.blocks->table.header;
	const size_t functions = (size_t)h->functions_len + 1,
		     files = (size_t)h->files_len + 1;
	const size_t size = 4 * (2 * functions + files) + CHUNK_SIZE;

	if (!reply_memory_take(size))
		return -1;
	job->counted = size;
	job->first = calloc(files, sizeof(*job->first));
	job->next = calloc(functions, sizeof(*job->next));
	job->names = calloc(functions, sizeof(*job->names));
	job->chunk = evbuffer_new();
	return job->first != NULL && job->next != NULL && job->names != NULL &&
		job->chunk != NULL
	    ? 0
	    : -1;
}

static struct job *
job_new(struct target *target, const struct export_format *format)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	if (target->functions != NULL)
		job->functions = target_functions_ref(target->functions);
	if (line_job_begin(&job->lines, target) < 0 || take_memory(job) < 0) {
		job_free(job);
		return NULL;
	}
	job->file = NONE;
	job->format = format;
	job->view = (struct export_view){ .out = job->chunk,
		.blocks = &job->lines.blocks->table,
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

/* A head is all that a client reads before it writes lines away: some milliseconds of looks for it. */
static void
tell_changes(struct evhttp_request *request, struct source_shapes *shapes)
{
	const int64_t until = clock_ms(CLOCK_MONOTONIC) + LOOK_MS;
	struct source_changes changes;

	while ((!source_shapes_step(shapes) || !source_shapes_look(shapes)) &&
	    clock_ms(CLOCK_MONOTONIC) < until)
		continue;
	changes = source_shapes_changes(shapes);
	if (changes.changed > 0)
		reply_count(request, "x-fuzzsup-changed", changes.changed);
	if (changes.missing > 0)
		reply_count(request, "x-fuzzsup-missing", changes.missing);
}

void
coverage_export_serve(struct evhttp_request *request, struct target *target,
    const struct export_format *format)
{
	struct job *job;

	if (target == NULL || target->table == NULL || target->blocks == NULL) {
		target_refuse_lines(request, target);
		return;
	}
	job = job_new(target, format);
	if (job == NULL) {
		reply_text(request, 503, REPLY_NO_MEMORY);
		return;
	}
	reply_headers(request, format->content_type);
	tell_changes(request, job->lines.shapes);
	target->looked_ms = 0; /* the API is to say the same */
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
