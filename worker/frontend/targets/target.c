/* SPDX-License-Identifier: MIT
 * Targets; in the front-end.
 */
#include "config.h"

#include "target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "coverage_map.h"
#include "reply.h"
#include "source_index.h"
#include "source_shapes.h"
#include "banned.h"

struct target_table *
target_table_ref(struct target_table *table)
{
	table->references++;
	return table;
}

void
target_table_unref(struct target_table *table)
{
	if (table == NULL || --table->references > 0)
		return;
	source_table_unmap(&table->table);
	free(table);
}

static void
table_unref(void *arg)
{
	target_table_unref(arg);
}

struct target_functions *
target_functions_ref(struct target_functions *functions)
{
	functions->references++;
	return functions;
}

void
target_functions_unref(struct target_functions *functions)
{
	if (functions == NULL || --functions->references > 0)
		return;
	function_table_unmap(&functions->table);
	free(functions);
}

struct target_blocks *
target_blocks_ref(struct target_blocks *blocks)
{
	blocks->references++;
	return blocks;
}

void
target_blocks_unref(struct target_blocks *blocks)
{
	if (blocks == NULL || --blocks->references > 0)
		return;
	block_table_unmap(&blocks->table);
	free(blocks);
}

static void
forget_functions(struct target *target)
{
	target_functions_unref(target->functions);
	target->functions = NULL;
	free(target->functions_reason);
	target->functions_reason = NULL;
	target->json_stale = true;
}

static void
forget_shapes(struct target *target)
{
	source_shapes_unref(target->shapes);
	target->shapes = NULL;
	target->looked_ms = 0;
	target->lines_bits = UINT64_MAX; /* of no bits */
}

static void
forget_blocks(struct target *target)
{
	forget_shapes(target);
	target_blocks_unref(target->blocks);
	target->blocks = NULL;
	target->lines_known = false;
	target->lines_counted_ms = 0;
	free(target->blocks_reason);
	target->blocks_reason = NULL;
}

/* Names depend on the roots and on the table. */
static void
forget_names(struct target *target)
{
	source_list_free(target->sources);
	target->sources = NULL;
	frame_unref(target->index);
	target->index = NULL;
	forget_shapes(target);
	target->names_version++;
}

static void
forget_live(struct target *target)
{
	live_segment_unmap(&target->live);
	target->live = (struct live_map){ 0 };
	target->live_sequence = UINT64_MAX;
	target->stats_changed = true;
}

struct target *
target_new(uint32_t id, const char *name)
{
	struct target *target = calloc(1, sizeof(*target));

	if (target == NULL)
		return NULL;
	target->id = target->entry.id = id;
	strncpy(target->entry.name, name, sizeof(target->entry.name) - 1);
	LIST_INIT(&target->subscriptions);
	LIST_INIT(&target->references);
	return target;
}

void
target_free(struct target *target)
{
	if (target == NULL)
		return;
	forget_names(target);
	forget_live(target);
	coverage_clear(&target->coverage);
	forget_functions(target);
	forget_blocks(target);
	table_unref(target->table);
	source_roots_free(&target->roots);
	free(target->exclude);
	free(target->json);
	free(target);
}

int
target_serve(struct target *target, const char *exclude, size_t len)
{
	char *copy = strndup(exclude, len);

	if (copy == NULL)
		return -ENOMEM;
	forget_names(target);
	source_roots_free(&target->roots);
	free(target->exclude);
	target->exclude = copy;
	target->served = true;
	target->json_stale = true;
	return 0;
}

int
target_add_root(struct target *target, const char *configured, const char *real, int fd)
{
	forget_names(target);
	target->json_stale = true;
	return source_roots_add(&target->roots, configured, real, fd);
}

/* The same code at the same places: what was seen of the one was seen of the other. */
static bool
same_build(const struct source_table *old, const struct source_table *new)
{
	return old->header->pcs_len == new->header->pcs_len &&
	    old->header->build_id_len ==
	    new->header->build_id_len &&memcmp(old->header->build_id,
		new->header->build_id, sizeof(new->header->build_id)) == 0 &&
	    memcmp(old->pcs, new->pcs, 8 * (size_t)new->header->pcs_len) == 0;
}

int
target_set_table(struct target *target, uint64_t generation, int fd)
{
	struct target_table *table;
	bool same;
	int r;

	if (generation == target->table_generation)
		return 0;
	table = calloc(1, sizeof(*table));
	if (table == NULL)
		return -ENOMEM;
	table->references = 1;
	r = source_table_map(fd, &table->table);
	if (r < 0) {
		free(table);
		return r;
	}
	same =
	    target->table != NULL && same_build(&target->table->table, &table->table);
	forget_names(target);
	forget_functions(target);
	forget_blocks(target);
	table_unref(target->table);
	target->table = table;
	target->table_generation = generation;
	target->table_since = target_clock();
	target->json_stale = true;
	/* The bits of another build are no bits of this one; its own segment follows. */
	if (!same) {
		forget_live(target);
		if (target->watchers > 0)
			coverage_reset(&target->coverage, target->id,
			    table->table.header->pcs_len);
	}
	return 1;
}

static int
map_functions(const struct target *target, int fd, struct target_functions **ret_made)
{
	struct target_functions *functions = calloc(1, sizeof(*functions));
	int r;

	if (functions == NULL)
		return -ENOMEM;
	functions->references = 1;
	r = function_table_map(fd, &functions->table);
	if (r == 0 &&
	    !function_table_matches(&functions->table, &target->table->table)) {
		function_table_unmap(&functions->table);
		r = -EPROTO;
	}
	if (r < 0)
		free(functions);
	else
		*ret_made = functions;
	return r;
}

int
target_set_functions(
    struct target *target, uint64_t generation, int fd, const char *reason)
{
	struct target_functions *functions = NULL;
	char *copy;
	int r;

	if (target->table == NULL || generation != target->table_generation ||
	    (fd >= 0 && target->functions != NULL))
		return 0;
	copy = fd < 0 ? strdup(reason) : NULL;
	r = fd >= 0        ? map_functions(target, fd, &functions)
	    : copy == NULL ? -ENOMEM
			   : 0;
	if (r < 0)
		return r;
	forget_functions(target);
	target->functions = functions;
	target->functions_reason = copy;
	return 0;
}

static int
map_blocks(const struct target *target, int fd, struct target_blocks **ret_made)
{
	struct target_blocks *blocks = calloc(1, sizeof(*blocks));
	int r;

	if (blocks == NULL)
		return -ENOMEM;
	blocks->references = 1;
	r = block_table_map(fd, &blocks->table);
	if (r == 0 && !block_table_matches(&blocks->table, &target->table->table)) {
		block_table_unmap(&blocks->table);
		r = -EPROTO;
	}
	if (r < 0)
		free(blocks);
	else
		*ret_made = blocks;
	return r;
}

int
target_set_blocks(struct target *target, uint64_t generation, int fd,
    const char *reason, int64_t built_ms)
{
	const uint32_t files = target_files(target);
	struct target_blocks *blocks = NULL;
	char *copy;
	int r;

	if (target->table == NULL || generation != target->table_generation ||
	    (fd >= 0 && target->blocks != NULL))
		return 0;
	copy = fd < 0 ? strdup(reason) : NULL;
	r = fd >= 0 ? map_blocks(target, fd, &blocks) : copy == NULL ? -ENOMEM : 0;
	if (r < 0)
		return r;
	forget_blocks(target);
	target->blocks = blocks;
	target->blocks_reason = copy;
	target->built_ms = built_ms;
	target->json_stale = true;
	if (target_files(target) != files)
		forget_names(target);
	return 0;
}

uint64_t *
target_copy_bits(const struct target *target)
{
	const struct live_map *live = &target->live;
	const uint32_t pcs_len = target->table->table.header->pcs_len;
	const uint64_t words = coverage_map_words(pcs_len);
	uint64_t *bits = calloc(words + 1, sizeof(*bits));

	if (bits == NULL || live->head == NULL || live->pcs_len != pcs_len)
		return bits;
	for (uint64_t i = 0; i < words; i++)
		bits[i] = atomic_load_explicit(&live->bits[i], memory_order_relaxed);
	return bits;
}

int
target_set_live(struct target *target, int fd)
{
	struct live_map live;
	int r = live_segment_map(fd, &live);

	if (r < 0)
		return r;
	forget_live(target);
	target->live = live;
	/* Another segment counts its versions anew. */
	target->coverage.bits_version = UINT64_MAX;
	return 0;
}

int
target_watch(struct target *target)
{
	int r = 0;

	if (target->watchers == 0 && target->table != NULL) {
		r = coverage_reset(&target->coverage, target->id,
		    target->table->table.header->pcs_len);
		if (r < 0)
			return r;
		target->coverage.bits_version = UINT64_MAX;
	}
	target->watchers++;
	return 0;
}

void
target_unwatch(struct target *target)
{
	if (--target->watchers == 0)
		coverage_clear(&target->coverage);
}

int
target_look(struct target *target)
{
	if (target->watchers == 0 || target->table == NULL)
		return 0;
	return coverage_look(&target->coverage, &target->live);
}

uint32_t
target_covered(const struct target *target)
{
	if (target->live.head == NULL)
		return 0;
	return atomic_load_explicit(&target->live.head->covered, memory_order_relaxed);
}

/* Of the block table, where there is one: it names the same files first, and then those that were
 * inlined as a whole. */
static struct source_paths
paths_of(const struct target *target)
{
	const struct source_table *table = &target->table->table;

	if (target->blocks != NULL) {
		const struct block_table *blocks = &target->blocks->table;

		return (struct source_paths){ blocks->directories, blocks->files,
			blocks->strings, blocks->header->directories_len,
			blocks->header->files_len, blocks->header->string_bytes_len };
	}
	return (struct source_paths){ table->directories, table->files, table->strings,
		table->header->directories_len, table->header->files_len,
		table->header->string_bytes_len };
}

uint32_t
target_files(const struct target *target)
{
	return target->table != NULL ? paths_of(target).files_len : 0;
}

struct source_list *
target_sources(struct target *target)
{
	struct source_paths paths;

	if (target->sources == NULL && target->table != NULL) {
		paths = paths_of(target);
		source_list_new(&paths, &target->roots, &target->sources);
	}
	return target->sources;
}

struct source_shapes *
target_shapes(struct target *target)
{
	if (target->shapes == NULL && target->blocks != NULL)
		target->shapes = source_shapes_new(target->blocks, &target->roots,
		    target->exclude != NULL ? target->exclude : "", target->built_ms);
	return target->shapes;
}

void
target_refuse_lines(struct evhttp_request *request, const struct target *target)
{
	if (target != NULL && target->table == NULL && target->entry.reason[0] != '\0')
		reply_text(request, 404, "no lines: %s\n", target->entry.reason);
	else if (target == NULL || target->table == NULL)
		reply_text(request, 404, "no lines: there is no table yet\n");
	else if (target->blocks_reason != NULL)
		reply_text(request, 404, "%s\n", target->blocks_reason);
	else
		reply_text(
		    request, 404, "no lines yet: machine code is still being read\n");
}

/* When its fuzzing would have started if it had always run as fast as now: executions
 * outlive processes, so that counting from our own start would show a nonsense rate. */
static int64_t
start_of_fuzzing(const struct target *target)
{
	uint64_t runs, rate;

	if (target->live.head == NULL)
		return target->table_since;
	runs = atomic_load_explicit(&target->live.head->n_runs, memory_order_relaxed);
	rate = atomic_load_explicit(
	    &target->live.head->milli_runs_per_second, memory_order_relaxed);
	if (rate == 0 || runs > INT64_MAX / 1000 || runs * 1000 / rate > 1000000000)
		return target->table_since;
	return target_clock() - (int64_t)((double)runs * 1e12 / (double)rate);
}

struct frame *
target_index(struct target *target)
{
	struct frame_shared shared = { .release = table_unref, .owner = target->table };
	struct source_paths paths;

	if (target->index != NULL || target->table == NULL)
		return target->index;
	paths = paths_of(target);
	if (source_index_new(&target->table->table, &paths, &target->roots,
		start_of_fuzzing(target), shared, &target->index) == 0)
		target->table->references++;
	return target->index;
}

int64_t
target_clock(void)
{
	static int64_t start;
	const int64_t ns = clock_ns(CLOCK_MONOTONIC);

	if (start == 0)
		start = ns;
	return ns - start;
}
