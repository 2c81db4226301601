/* SPDX-License-Identifier: MIT
 * What is collected for one target: coverage, runs, rate, and what a user should know; in
 * the collector.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect.h"
#include "coverage_map.h"
#include "log.h"
#include "target_state.h"
#include "banned.h"

#define STALE_AFTER_MS 10000
#define AFL_STALE_AFTER_MS 150000 /* it writes once a minute */

struct target *
target_find(struct collector *collector, uint32_t id)
{
	struct target *target;

	LIST_FOREACH(target, &collector->targets, in_all)
		if (target->id == id)
			return target;
	return NULL;
}

static void
clear(struct collector *collector, struct target *target)
{
	struct look *look, *next;

	for (look = LIST_FIRST(&target->looks); look != NULL; look = next) {
		next = LIST_NEXT(look, in_target);
		place_remove_look(collector, look);
	}
	turns_close(collector, &target->lane);
	if (target->has_table) {
		live_close(&target->live);
		source_table_unmap(&target->table);
	}
	target->has_table = false;
}

void
target_forget(struct collector *collector, struct target *target)
{
	clear(collector, target);
	LIST_REMOVE(target, in_all);
	free(target);
}

void
target_add_entry(struct target *target, uint64_t address)
{
	size_t max = sizeof(target->early_entries) / sizeof(target->early_entries[0]);
	int64_t index;

	if (!target->has_table) {
		if (target->early_entries_len < max)
			target->early_entries[target->early_entries_len++] = address;
		return;
	}
	index = source_table_nearest(&target->table, address);
	if (index < 0)
		log_warning("%s: entry point 0x%llx lies before every PC", target->name,
		    (unsigned long long)address);
	else
		live_add_entry(&target->live, (uint32_t)index);
}

/* A fuzzer that ran when the last collector died runs now: the target stays live. */
static void
inherit_life(const struct collector *collector, struct target *target)
{
	int64_t last = atomic_load_explicit(
	    &target->live.map.head->last_run_ms, memory_order_relaxed);
	int64_t since = collector->wall_ms - last;

	if (last != 0 && since >= 0 && since < STALE_AFTER_MS)
		target->grown_ms = collector->now_ms - since;
}

static int
take_table(struct collector *collector, struct target *target,
    struct source_table *table, int seed_fd)
{
	size_t early = target->early_entries_len;
	int r;

	r = live_open(
	    table->header->pcs_len, collector->wall_ms, seed_fd, &target->live);
	if (r == -EPROTO) {
		log_warning(
		    "%s: the live segment to start from is of another table; starting "
		    "anew",
		    target->name);
		r = live_open(
		    table->header->pcs_len, collector->wall_ms, -1, &target->live);
	}
	if (r < 0)
		return r;
	inherit_life(collector, target);
	target->table = *table;
	target->has_table = true;
	target->pcs_hash = coverage_pcs_hash(table->pcs, table->header->pcs_len);
	for (uint32_t i = 0; i < table->header->entries_len; i++)
		target_add_entry(target, table->entries[i]);
	target->early_entries_len = 0;
	for (size_t i = 0; i < early; i++)
		target_add_entry(target, target->early_entries[i]);
	return 0;
}

int
target_collect(struct collector *collector, uint32_t id, uint64_t generation,
    const char *name, struct source_table *table, int seed_fd,
    struct target **ret_target)
{
	struct target *target = target_find(collector, id);
	int r = 0;

	if (target == NULL) {
		target = calloc(1, sizeof(*target));
		if (target == NULL)
			return -ENOMEM;
		target->id = id;
		turns_init(&target->lane, NULL);
		LIST_INSERT_HEAD(&collector->targets, target, in_all);
	} else {
		clear(collector, target);
	}
	target->generation = generation;
	snprintf(target->name, sizeof(target->name), "%s", name);
	target->asked = false;
	target->sum_runs = target->sum_unique = target->grown = target->grown_unique =
	    0;
	target->grown_ms = 0;
	target->afl = AFL_NONE;
	target->executable_size = 0;
	target->build_id_len = 0;
	target->path_hash = 0;
	target->program[0] = '\0';
	target->collected_ms = collector->now_ms;
	target->told_state = -1;
	target->dirty = true;
	memset(&target->rate, 0, sizeof(target->rate));
	if (table != NULL)
		r = take_table(collector, target, table, seed_fd);
	if (r < 0) {
		target_forget(collector, target);
		return r;
	}
	*ret_target = target;
	return 0;
}

static bool
is_id(const struct module_file *module, const uint8_t *id, uint32_t len)
{
	return module->build_id_len == len && memcmp(module->build_id, id, len) == 0;
}

bool
target_may_own(const struct target *target, const struct file *file, uint32_t pcs_len)
{
	const struct source_table_header *header = target->table.header;

	if (!target->has_table || pcs_len != header->pcs_len)
		return false;
	/* Equal PCs and other sources: a rebuild that changed no code's place. */
	return !file->has_module || file->module.build_id_len == 0 ||
	    header->build_id_len == 0 ||
	    is_id(&file->module, header->build_id, header->build_id_len);
}

bool
target_owns(const struct target *target, const struct file *file)
{
	return target_may_own(target, file, file->file.pcs_len) &&
	    file->file.pcs_read == file->file.pcs_len &&
	    file->file.pcs_hash == target->pcs_hash;
}

bool
target_asks(const struct look *look, const struct file *file, uint32_t pcs_len)
{
	const struct target *target = look->target;

	if (target->has_table || target->asked)
		return false;
	/* No two PCs are one byte of its code. */
	if (target->executable_size > 0 && pcs_len > target->executable_size)
		return false;
	if (file->has_module && file->module.build_id_len > 0)
		return is_id(&file->module, target->build_id, target->build_id_len);
	return look->name[0] != '\0' || (look->own && look->place->looks_len == 1);
}

void
target_add(struct collector *collector, struct target *target, struct file *file,
    uint64_t grew, uint64_t grew_unique, bool was_there)
{
	const bool lived = grew > 0 && !was_there;
	/* What came while a collector was dead is a find nonetheless. */
	const bool before = was_there && !target->live.seeded;

	target->sum_runs += grew;
	target->sum_unique += grew_unique;
	if (lived) {
		target->grown += grew;
		target->grown_unique += grew_unique;
		target->grown_ms = collector->now_ms;
		target->ran = true;
	}
	target->dirty = true;
	live_add_bits(&target->live, collector->scratch, collector->wall_ms,
	    before && target->collected_ms + STALE_AFTER_MS > collector->now_ms);
	if (file->has_module && file->fresh)
		for (size_t i = 0; i < file->module.entries_len; i++)
			target_add_entry(target, file->module.entries[i]);
}

void
target_add_bits(
    struct collector *collector, struct target *target, uint64_t grew, bool before)
{
	target->sum_runs += grew;
	target->ran = target->ran || (grew > 0 && !before);
	target->dirty = true;
	live_add_bits(&target->live, collector->scratch, collector->wall_ms,
	    before && !target->live.seeded &&
		target->collected_ms + STALE_AFTER_MS > collector->now_ms);
}

/* ---- what a user should know ---- */

static size_t
describe_waiting(const struct target *target, char *text)
{
	const struct look *look = LIST_FIRST(&target->looks);

	if (target->afl == AFL_FOREIGN)
		return text_append(text, 0,
		    "AFL++ runs it without a PC table of its own; " TARGET_AFL_REMEDY);
	if (look == NULL)
		return text_append(
		    text, 0, "none of its coverage directories exists yet");
	return text_append(text, 0, "no coverage file of this build yet in %s%s%s",
	    look->place->path, look->name[0] != '\0' ? "/" : "", look->name);
}

static int
describe(const struct collector *collector, const struct target *target, char *text)
{
	int state;
	size_t used = 0;

	text[0] = '\0';
	if (target->grown_ms != 0 &&
	    collector->now_ms - target->grown_ms < STALE_AFTER_MS) {
		state = TARGET_LIVE;
	} else if (target->attached == 0 && target->afl == AFL_READ) {
		state = collector->now_ms - target->afl_ms < AFL_STALE_AFTER_MS
		    ? TARGET_LIVE
		    : TARGET_STALE;
		text_append(text, 0, "%s",
		    state == TARGET_LIVE
			? "coverage is AFL++'s own bitmap, written once a minute"
			: "AFL++ has been silent for some minutes");
		return state;
	} else if (target->attached > 0 &&
	    (target->grown_ms != 0 ||
		collector->now_ms - target->collected_ms > STALE_AFTER_MS)) {
		state = TARGET_STALE;
		used = text_append(text, 0, "%s",
		    target->grown_ms != 0
			? "no executions for the last 10 seconds"
			: "coverage of an earlier run; no fuzzer runs");
	} else {
		state = TARGET_READY;
		used = target->attached > 0 ? 0 : describe_waiting(target, text);
	}
	left_out_describe(target, text, used);
	return state;
}

void
target_tell(struct collector *collector, struct target *target)
{
	char text[TEXT_MAX];
	int state = describe(collector, target, text);

	if (state == target->told_state && strcmp(text, target->told) == 0)
		return;
	if (!collector->tell_activity(collector, target, state, text))
		return; /* the next look tells it */
	target->told_state = state;
	memcpy(target->told, text, sizeof(text));
}

/* The files' sum; but not less than what a dead collector had counted and what was seen
 * since, for a file may have been cut meanwhile. */
static uint64_t
total(uint64_t sum, uint64_t seed, uint64_t grown)
{
	return sum > seed + grown ? sum : seed + grown;
}

bool
target_settle(struct collector *collector, struct target *target, bool numbers)
{
	bool published;
	uint64_t bits;

	if (!target->has_table)
		return false;
	bits = atomic_load_explicit(
	    &target->live.map.head->bits_version, memory_order_relaxed);
	if (bits == target->told_bits && !numbers)
		return false;
	rate_add(&target->rate, collector->now_ms, target->grown);
	live_set_runs(&target->live,
	    total(target->sum_runs, target->live.seed_runs, target->grown),
	    total(target->sum_unique, target->live.seed_unique, target->grown_unique),
	    rate_milli_per_second(&target->rate, collector->now_ms), collector->wall_ms,
	    target->ran);
	published = live_publish(&target->live);
	target->told_bits = bits;
	target->ran = target->dirty = false;
	return published;
}
