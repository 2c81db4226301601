/* SPDX-License-Identifier: MIT
 * The list of targets: adding, finding, removing, publishing; in the supervisor.
 */
#include "config.h"

#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "directory_writer.h"
#include "log.h"
#include "banned.h"

int
targets_new(struct supervisor *supervisor, struct targets **ret_targets)
{
	struct targets *targets = calloc(1, sizeof(*targets));

	if (targets == NULL)
		return -ENOMEM;
	targets->supervisor = supervisor;
	targets->by_name = calloc(DIRECTORY_TARGETS_MAX, sizeof(*targets->by_name));
	targets->by_id = calloc(DIRECTORY_TARGETS_MAX, sizeof(*targets->by_id));
	targets->page = calloc(DIRECTORY_TARGETS_MAX, sizeof(*targets->page));
	for (unsigned i = 0; i < OUTBOXES; i++)
		TAILQ_INIT(&targets->outbox[i]);
	if (targets->by_name == NULL || targets->by_id == NULL ||
	    targets->page == NULL) {
		targets_free(targets);
		return -ENOMEM;
	}
	*ret_targets = targets;
	return 0;
}

static void
target_free(struct target *target)
{
	if (target->live >= 0)
		close(target->live);
	conf_target_clear(&target->conf);
	free(target->entries);
	free(target);
}

void
targets_free(struct targets *targets)
{
	if (targets == NULL)
		return;
	for (size_t i = 0; i < targets->len; i++)
		target_free(targets->by_id[i]);
	free(targets->by_name);
	free(targets->by_id);
	free(targets->page);
	free(targets);
}

/* Place of @name in by_name, or where it belongs. */
static size_t
place_of(const struct targets *targets, const char *name, bool *ret_found)
{
	size_t low = 0, high = targets->len, middle;
	int order;

	*ret_found = false;
	while (low < high) {
		middle = low + (high - low) / 2;
		order = strcmp(targets->by_name[middle]->conf.name, name);
		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct target *
targets_find(const struct targets *targets, const char *name)
{
	bool found;
	size_t place = place_of(targets, name, &found);

	return found ? targets->by_name[place] : NULL;
}

static size_t
place_of_id(const struct targets *targets, uint32_t id)
{
	size_t low = 0, high = targets->len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (targets->by_id[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct target *
targets_by_id(const struct targets *targets, uint32_t id)
{
	size_t place = place_of_id(targets, id);

	return place < targets->len && targets->by_id[place]->id == id
	    ? targets->by_id[place]
	    : NULL;
}

static bool
names_coverage(const struct target *target, uint64_t coverage_id)
{
	const char *slash =
	    target->conf.coverage != NULL ? strrchr(target->conf.coverage, '/') : NULL;
	char name[17];

	snprintf(name, sizeof(name), "%016llx", (unsigned long long)coverage_id);
	return (target->has_coverage_id && target->coverage_id == coverage_id) ||
	    (slash != NULL && strcmp(slash + 1, name) == 0);
}

static bool
looks_at(const struct target *target, const char *coverage)
{
	const char *place = target->conf.coverage, *slash = strrchr(coverage, '/');

	return place == NULL || strcmp(place, coverage) == 0 ||
	    (slash != NULL && strlen(place) == (size_t)(slash - coverage) &&
		strncmp(place, coverage, (size_t)(slash - coverage)) == 0);
}

struct target *
targets_looking_at(const struct targets *targets, const char *executable,
    const char *coverage, const char *name)
{
	for (size_t i = 0; i < targets->len; i++) {
		struct target *target = targets->by_id[i];

		if (strcmp(target->conf.executable, executable) == 0 &&
		    (name == NULL || strcmp(target->conf.name, name) == 0) &&
		    looks_at(target, coverage))
			return target;
	}
	return NULL;
}

struct target *
targets_by_coverage(const struct targets *targets, uint64_t coverage_id)
{
	for (size_t i = 0; i < targets->len; i++)
		if (names_coverage(targets->by_id[i], coverage_id))
			return targets->by_id[i];
	return NULL;
}

int
targets_add(
    struct targets *targets, const struct conf_target *conf, struct target **ret_target)
{
	struct target *target;
	bool found;
	size_t place = place_of(targets, conf->name, &found);
	int r;

	if (found)
		return -EEXIST;
	if (targets->len == DIRECTORY_TARGETS_MAX)
		return -ENOSPC;
	target = calloc(1, sizeof(*target));
	if (target == NULL)
		return -ENOMEM;
	r = conf_target_copy(conf, &target->conf);
	if (r < 0) {
		free(target);
		return r;
	}
	target->id = ++targets->last_id;
	target->owner = UINT64_MAX;
	target->live = -1;
	memmove(&targets->by_name[place + 1], &targets->by_name[place],
	    (targets->len - place) * sizeof(*targets->by_name));
	targets->by_name[place] = target;
	targets->by_id[targets->len++] = target;
	target_tell(targets, target, OUTBOX_FRONTEND, NEWS_SERVE);
	target_tell(targets, target, OUTBOX_ARCHIVE, NEWS_SERVE);
	supervisor_changed(targets->supervisor);
	*ret_target = target;
	return 0;
}

static void
remove_at(struct target **list, size_t len, size_t place)
{
	memmove(&list[place], &list[place + 1], (len - place - 1) * sizeof(*list));
}

static void
send_forget(struct targets *targets, const struct target *target)
{
	static struct message message;

	static const enum worker_kind kinds[] = { WORKER_COLLECTOR, WORKER_FRONTEND,
		WORKER_ARCHIVE };

	message_init(&message, MESSAGE_FORGET, target->id);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		worker_send(supervisor_worker(targets->supervisor, kinds[i]), &message,
		    NULL, 0);
}

void
targets_remove(struct targets *targets, struct target *target)
{
	bool found;
	size_t place = place_of(targets, target->conf.name, &found);

	log_notice("target %s: removed", target->conf.name);
	send_forget(targets, target);
	table_drop(targets->supervisor->tables, target);
	for (unsigned i = 0; i < OUTBOXES; i++)
		if (target->news[i] != 0)
			TAILQ_REMOVE(&targets->outbox[i], target, outbox_link[i]);
	remove_at(targets->by_name, targets->len, place);
	remove_at(targets->by_id, targets->len, place_of_id(targets, target->id));
	targets->len--;
	target_free(target);
	supervisor_changed(targets->supervisor);
}

/* ---- taking over a configuration ---- */

/* New sources alone disturb nothing else; anything else makes it a new target. */
static bool
changed_sources_only(const struct conf_target *old, const struct conf_target *new)
{
	struct conf_target mixed = *new;

	mixed.source_roots = old->source_roots;
	mixed.source_exclude = old->source_exclude;
	return conf_target_equal(old, &mixed);
}

static int
change(struct targets *targets, struct target *target, const struct conf_target *conf)
{
	struct conf_target copy;
	int r;

	if (target->announced || !changed_sources_only(&target->conf, conf)) {
		targets_remove(targets, target);
		return targets_add(targets, conf, &target);
	}
	r = conf_target_copy(conf, &copy);
	if (r < 0)
		return r;
	conf_target_clear(&target->conf);
	target->conf = copy;
	log_notice("target %s: sources changed", target->conf.name);
	target_tell(
	    targets, target, OUTBOX_FRONTEND, NEWS_SERVE | NEWS_TABLE | NEWS_LIVE);
	return 0;
}

int
targets_configure(struct targets *targets, const struct conf *conf)
{
	struct target *target;
	int r = 0;

	for (size_t i = targets->len; i-- > 0;) {
		target = targets->by_id[i];
		if (!target->announced && conf_find(conf, target->conf.name) == NULL)
			targets_remove(targets, target);
	}
	for (size_t i = 0; i < conf->targets_len && r == 0; i++) {
		target = targets_find(targets, conf->targets[i].name);
		if (target == NULL)
			r = targets_add(targets, &conf->targets[i], &target);
		else if (!conf_target_equal(&target->conf, &conf->targets[i]))
			r = change(targets, target, &conf->targets[i]);
	}
	targets_poll(targets);
	return r;
}

/* ---- the directory ---- */

static void
fill(const struct target *target, struct directory_target *ret_entry)
{
	const struct table *table = target->table;
	struct directory_target *entry = ret_entry;

	memset(entry, 0, sizeof(*entry));
	entry->id = target->id;
	entry->state = target->state;
	snprintf(entry->name, sizeof(entry->name), "%s", target->conf.name);
	memcpy(entry->reason, target->reason, sizeof(entry->reason));
	if (table != NULL && table->fd >= 0) {
		entry->pcs_len = table->pcs_len - table->dropped_len;
		entry->build_id_len = table->build_id_len;
		memcpy(entry->build_id, table->build_id, sizeof(entry->build_id));
		entry->table = table->generation;
	}
	entry->live = target->live_current ? target->live_generation : 0;
}

int
targets_commit(struct targets *targets)
{
	for (size_t i = 0; i < targets->len; i++)
		fill(targets->by_name[i], &targets->page[i]);
	return directory_writer_commit(
	    targets->supervisor->directory, targets->page, targets->len);
}
