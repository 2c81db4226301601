/* SPDX-License-Identifier: MIT
 * Coverage per function as JSON; in the front-end.
 *
 * Each step makes one chunk and waits until the client has taken it, so that a million
 * PCs cost the loop a short time each. The bits are copied at the request: all functions
 * are told of one moment. Where the target has a block table, states of all lines come first
 * (line_job.h).
 */
#include "config.h"

#include "functions_json.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/http.h>

#include "coverage_map.h"
#include "json_text.h"
#include "line_functions.h"
#include "line_job.h"
#include "query.h"
#include "reply.h"
#include "source_index.h"
#include "source_names.h"
#include "source_shapes.h"
#include "streamed_reply.h"
#include "target.h"
#include "banned.h"

#define CHUNK_SIZE (64 << 10) /* bytes a step */
#define STEP_PCS 65536        /* PCs a step, where few functions are told */

enum function_state { STATE_UNCOVERED, STATE_PARTIAL, STATE_COVERED, STATES };

static const char *const state_names[STATES] = { "uncovered", "partial", "covered" };

struct job {
	struct streamed_reply reply;
	struct target_table
	    *table; /* references of our own: the target may go meanwhile */
	struct target_functions *functions;
	struct frame *index;
	uint64_t *bits; /* NULL: those of lines */
	bool by_lines;  /* these are of the block table: */
	struct line_job lines;
	struct line_functions owned;
	uint32_t block; /* function that comes next */
	char *exclude;  /* prefixes, one a line */
	uint32_t file;  /* the last one that was asked for */
	bool excludes;  /* it is excluded */
	struct evbuffer *chunk;
	unsigned states; /* bits of those that are wanted */
	uint64_t limit;
	uint32_t next;
	uint64_t told, counts[STATES], covered_pcs, excluded_len, excluded_pcs;
	size_t counted; /* bytes among the memory of answers */
	bool ended;
};

static void
job_free(struct job *job)
{
	if (job == NULL)
		return;
	if (job->chunk != NULL)
		evbuffer_free(job->chunk);
	line_functions_end(&job->owned);
	if (job->by_lines)
		line_job_end(&job->lines);
	frame_unref(job->index);
	target_functions_unref(job->functions);
	target_table_unref(job->table);
	free(job->bits);
	free(job->exclude);
	reply_memory_give(job->counted);
	free(job);
}

/* ---- the question ---- */

static bool
read_limit(const char *text, uint64_t *limit)
{
	char *end;

	if (text == NULL)
		return true;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*limit = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0;
}

static bool
read_state(const char *text, unsigned *states)
{
	if (text == NULL)
		return true;
	for (unsigned i = 0; i < STATES; i++)
		if (strcmp(text, state_names[i]) == 0) {
			*states = 1u << i;
			return true;
		}
	return false;
}

/* False if the query cannot be meant. */
static bool
read_query(struct evhttp_request *request, struct job *job)
{
	struct evkeyvalq pairs;
	bool sound;

	if (!query_parse(request, &pairs))
		return false;
	sound = read_state(evhttp_find_header(&pairs, "state"), &job->states) &&
	    read_limit(evhttp_find_header(&pairs, "limit"), &job->limit);
	evhttp_clear_headers(&pairs);
	return sound;
}

/* As they are now. */
static int
take_bits(struct job *job, struct target *target)
{
	const uint64_t words = coverage_map_words(job->table->table.header->pcs_len);
	const size_t size =
	    target->blocks != NULL ? 0 : (words + 1) * sizeof(*job->bits);
	int r;

	if (!reply_memory_take(size + CHUNK_SIZE))
		return -ENOMEM;
	job->counted = size + CHUNK_SIZE;
	if (target->blocks == NULL) {
		job->bits = target_copy_bits(target);
		return job->bits != NULL ? 0 : -ENOMEM;
	}
	r = line_job_begin(&job->lines, target);
	job->by_lines = r == 0;
	return r;
}

static struct job *
job_new(struct target *target)
{
	struct frame *index = target_index(target);
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL || index == NULL) {
		free(job);
		return NULL;
	}
	job->states = (1u << STATES) - 1;
	job->limit = UINT64_MAX;
	job->table = target_table_ref(target->table);
	job->functions = target_functions_ref(target->functions);
	job->index = frame_ref(index);
	job->chunk = evbuffer_new();
	job->file = WIRE_FILE_UNKNOWN;
	job->exclude = strdup(target->exclude != NULL ? target->exclude : "");
	if (job->chunk == NULL || job->exclude == NULL || take_bits(job, target) < 0) {
		job_free(job);
		return NULL;
	}
	return job;
}

/* ---- the answer ---- */

static uint32_t
count_covered(const struct job *job, const struct wire_function *function)
{
	const uint64_t *bits = job->by_lines ? job->lines.bits : job->bits;
	const uint32_t *pcs = job->table->table.order + function->first;
	uint32_t covered = 0;

	for (uint32_t i = 0; i < function->pcs_len; i++)
		covered += bits[pcs[i] / 64] >> pcs[i] % 64 & 1;
	return covered;
}

static json_t *
file_name(const struct job *job, const struct wire_location *location)
{
	const char *directory, *name;
	size_t len;

	if (location->file == WIRE_FILE_UNKNOWN)
		return json_null();
	source_index_file_name(job->index, location->file, &directory, &name);
	len = strlen(directory);
	return json_sprintf("%s%s%s", directory,
	    len == 0 || directory[len - 1] == '/' ? "" : "/", name);
}

/* Whether it is counted apart, by its name: of a target without lines no shapes tell it. */
static bool
name_is_excluded(struct job *job, uint32_t file)
{
	const struct wire_location location = { .file = file };
	json_t *name;
	const char *below;

	if (job->exclude[0] == '\0' || file == WIRE_FILE_UNKNOWN)
		return false;
	if (file == job->file)
		return job->excludes;
	name = file_name(job, &location);
	below = name != NULL ? strchr(json_string_value(name), '/') : NULL;
	job->file = file;
	/* What begins with "/" is below no root. */
	job->excludes = below != NULL && below != json_string_value(name) &&
	    source_is_excluded(below + 1, job->exclude);
	json_decref(name);
	return job->excludes;
}

/* What became of the lines of @function; NULL: nobody knows. Functions of both tables ascend. */
static const struct line_sums *
lines_of(struct job *job, const struct wire_function *function)
{
	const struct block_table *blocks;

	if (!job->by_lines)
		return NULL;
	blocks = &job->lines.blocks->table;
	while (job->block < blocks->header->functions_len &&
	    blocks->functions[job->block].first < function->first)
		job->block++;
	if (job->block == blocks->header->functions_len ||
	    blocks->functions[job->block].first != function->first)
		return NULL;
	return line_owners_sums(&job->owned.owners, job->block);
}

/* By its lines, if there are some of a known state; else by its PCs. */
static enum function_state
state_of(const struct wire_function *function, uint32_t covered,
    const struct line_sums *sums)
{
	const bool by_lines = sums != NULL && sums->lines > 0;

	if (covered == 0 && (sums == NULL || sums->entered == 0))
		return STATE_UNCOVERED;
	if (by_lines)
		return sums->reached == sums->lines && sums->partly == 0
		    ? STATE_COVERED
		    : STATE_PARTIAL;
	return covered == function->pcs_len ? STATE_COVERED : STATE_PARTIAL;
}

static void
tell_lines(json_t *object, const struct line_sums *sums)
{
	json_object_set_new(
	    object, "lines", sums != NULL ? json_integer(sums->lines) : json_null());
	json_object_set_new(object, "lines_reached",
	    sums != NULL ? json_integer(sums->reached) : json_null());
	json_object_set_new(object, "lines_partly",
	    sums != NULL ? json_integer(sums->partly) : json_null());
	json_object_set_new(object, "lines_unknown",
	    sums != NULL ? json_integer(sums->unknown) : json_null());
}

static void
tell(struct job *job, const struct wire_function *function, uint32_t covered,
    const struct line_sums *sums, enum function_state state)
{
	const struct function_table *table = &job->functions->table;
	const struct wire_location *location =
	    &job->table->table.locations[function->pc];
	json_t *object = json_object(), *file = file_name(job, location);
	char *dumped;

	json_object_set_new(object, "name", json_text(table->strings + function->name));
	json_object_set_new(
	    object, "symbol", json_text(table->strings + function->raw));
	json_object_set_new(
	    object, "address", json_sprintf("0x%" PRIx64, function->start));
	json_object_set_new(
	    object, "file", file != NULL ? file : json_string("(not UTF-8)"));
	json_object_set_new(object, "line", json_integer(location->line));
	json_object_set_new(object, "state", json_string(state_names[state]));
	tell_lines(object, sums);
	json_object_set_new(object, "pcs", json_integer(function->pcs_len));
	json_object_set_new(object, "covered", json_integer(covered));
	dumped = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (dumped != NULL)
		evbuffer_add_printf(
		    job->chunk, "%s\n%s", job->told++ > 0 ? "," : "", dumped);
	free(dumped);
}

/* Each once, also where it is of several functions; "elsewhere": of none that was not inlined. */
static void
tell_all_lines(struct job *job)
{
	const struct line_owners *owners = &job->owned.owners;
	const struct block_table *blocks;
	struct line_count every = { 0 };
	struct line_sums all = { 0 };

	if (!job->by_lines) {
		evbuffer_add_printf(job->chunk,
		    "\"lines\":null,\"lines_reached\":null,\"lines_partly\":null,"
		    "\"lines_unknown\":null,\"lines_elsewhere\":null,"
		    "\"lines_reached_elsewhere\":null,");
		return;
	}
	blocks = &job->lines.blocks->table;
	for (uint32_t i = 0; i < blocks->header->files_len; i++) {
		if (source_shapes_excludes(job->lines.shapes, i))
			continue;
		every.found += job->lines.counts[i].found;
		every.hit += job->lines.counts[i].hit;
	}
	for (uint32_t i = 0; i < owners->groups_len; i++) {
		if (source_shapes_excludes(job->lines.shapes,
			blocks->lines[line_owners_head(owners, i)].file))
			continue;
		all.lines += owners->sums[i].lines;
		all.reached += owners->sums[i].reached;
		all.partly += owners->sums[i].partly;
		all.unknown += owners->sums[i].unknown;
	}
	evbuffer_add_printf(job->chunk,
	    "\"lines\":%" PRIu32 ",\"lines_reached\":%" PRIu32
	    ",\"lines_partly\":%" PRIu32 ",\"lines_unknown\":%" PRIu32
	    ",\"lines_elsewhere\":%" PRIu32 ",\"lines_reached_elsewhere\":%" PRIu32 ",",
	    all.lines, all.reached, all.partly, all.unknown, every.found - all.lines,
	    every.hit - all.reached);
}

static void
tell_totals(struct job *job)
{
	const struct wire_functions *header = job->functions->table.header;
	const uint32_t dropped = job->table->table.header->dropped_len;

	evbuffer_add_printf(job->chunk,
	    "\n],\"totals\":{\"functions\":%" PRIu32 ",\"uncovered\":%" PRIu64
	    ",\"partial\":%" PRIu64 ",\"covered\":%" PRIu64 ",",
	    header->functions_len - (uint32_t)job->excluded_len,
	    job->counts[STATE_UNCOVERED], job->counts[STATE_PARTIAL],
	    job->counts[STATE_COVERED]);
	tell_all_lines(job);
	evbuffer_add_printf(job->chunk,
	    "\"pcs\":%" PRIu64 ",\"covered_pcs\":%" PRIu64 ",\"pcs_elsewhere\":%" PRIu32
	    ",\"functions_excluded\":%" PRIu64 "}}\n",
	    header->pcs_len - header->unknown_len - job->excluded_pcs, job->covered_pcs,
	    header->unknown_len > dropped ? header->unknown_len - dropped : 0,
	    job->excluded_len);
	job->ended = true;
}

static uint32_t
add_function(struct job *job)
{
	const struct wire_function *function =
	    &job->functions->table.functions[job->next++];
	const uint32_t covered = count_covered(job, function);
	const struct line_sums *sums = lines_of(job, function);
	const enum function_state state = state_of(function, covered, sums);

	if (name_is_excluded(job, job->table->table.locations[function->pc].file)) {
		job->excluded_len++;
		job->excluded_pcs += function->pcs_len;
		return function->pcs_len;
	}
	job->counts[state]++;
	job->covered_pcs += covered;
	if ((job->states & 1u << state) != 0 && job->told < job->limit)
		tell(job, function, covered, sums, state);
	return function->pcs_len;
}

/* What is known before the first function. */
static bool
prepare(struct job *job)
{
	if (!job->by_lines)
		return false;
	if (line_job_step(&job->lines)) {
		job->reply.failed = job->lines.failed;
		return true;
	}
	return line_functions_step(&job->owned, &job->lines, &job->reply.failed);
}

static void
make_cb(void *arg)
{
	struct job *job = arg;
	const uint32_t len = job->functions->table.header->functions_len;
	uint64_t pcs = 0;

	if (job->ended)
		return;
	if (prepare(job)) {
		evbuffer_add(job->chunk, "\n", 1);
		return;
	}
	while (job->next < len && pcs < STEP_PCS &&
	    evbuffer_get_length(job->chunk) < CHUNK_SIZE)
		pcs += add_function(job);
	if (job->next == len)
		tell_totals(job);
	else if (evbuffer_get_length(job->chunk) == 0)
		evbuffer_add(job->chunk, "\n", 1); /* a chunk of nothing would end it */
}

/* ---- sending ---- */

static void
done_cb(void *arg)
{
	job_free(arg);
}

void
functions_json_refuse(struct evhttp_request *request, const struct target *target)
{
	if (target == NULL || target->table == NULL)
		reply_text(request, 404, "no functions: there is no table yet\n");
	else if (target->functions_reason != NULL)
		reply_text(request, 404, "%s\n", target->functions_reason);
	else
		reply_text(
		    request, 404, "no functions yet: symbols are still being read\n");
}

void
functions_json_serve(struct evhttp_request *request, struct target *target)
{
	struct job *job;

	if (target == NULL || target->table == NULL || target->functions == NULL) {
		functions_json_refuse(request, target);
		return;
	}
	job = job_new(target);
	if (job == NULL) {
		reply_text(request, 503, REPLY_NO_MEMORY);
		return;
	}
	if (!read_query(request, job)) {
		reply_text(request, 400,
		    "state is uncovered, partial or covered; limit a number\n");
		job_free(job);
		return;
	}
	reply_headers(request, "application/json");
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		evhttp_send_reply(request, 200, "OK", NULL);
		job_free(job);
		return;
	}
	evbuffer_add_printf(job->chunk, "{\"functions\":[");
	job->reply = (struct streamed_reply){ .request = request,
		.chunk = job->chunk,
		.make_cb = make_cb,
		.done_cb = done_cb,
		.arg = job };
	streamed_reply_start(&job->reply);
}
