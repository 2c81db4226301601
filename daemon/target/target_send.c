/* SPDX-License-Identifier: MIT
 * What collector and front-end are told of a target; in the supervisor.
 *
 * News are marks, not messages: they are turned into messages, with descriptors, only
 * when the worker's socket has room. So a thousand targets cost no queue, and what
 * changes twice is sent once.
 */
#include "config.h"

#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coverage_dirs.h"
#include "detached.h"
#include "jobs.h"
#include "log.h"
#include "privs.h"
#include "banned.h"

#define EXECUTABLE_SIZE (256 + PATH_MAX)
#define OWNERS_MAX 8

static struct message message;

static struct worker *
worker_of(const struct targets *targets, unsigned outbox)
{
	static const enum worker_kind kinds[OUTBOXES] = { WORKER_COLLECTOR,
		WORKER_FRONTEND, WORKER_ARCHIVE };

	return supervisor_worker(targets->supervisor, kinds[outbox]);
}

void
target_tell(
    struct targets *targets, struct target *target, unsigned outbox, unsigned news)
{
	if (target->news[outbox] == 0)
		TAILQ_INSERT_TAIL(
		    &targets->outbox[outbox], target, outbox_link[outbox]);
	target->news[outbox] |= news;
	targets_pump(targets, outbox);
}

void
targets_pump(struct targets *targets, unsigned outbox)
{
	struct worker *worker = worker_of(targets, outbox);
	struct target *target;

	while (worker_has_room(worker) &&
	    (target = TAILQ_FIRST(&targets->outbox[outbox])) != NULL) {
		TAILQ_REMOVE(&targets->outbox[outbox], target, outbox_link[outbox]);
		target_send(targets, target, outbox);
		target->news[outbox] = 0;
	}
}

void
targets_resend(struct targets *targets, unsigned outbox)
{
	for (size_t i = 0; i < targets->len; i++)
		target_tell(targets, targets->by_id[i], outbox,
		    outbox == OUTBOX_COLLECTOR ? NEWS_COLLECT
					       : NEWS_SERVE | NEWS_TABLE | NEWS_LIVE);
}

/* ---- collector ---- */

static uint64_t
owner_of(const struct target *target)
{
	return target->owner != UINT64_MAX ? target->owner : target->executable_uid;
}

/* Who may own its coverage files, each once; root may anyway. Returns how many. */
static size_t
owners_of(const struct targets *targets, const struct target *target,
    uint64_t ret_owners[OWNERS_MAX])
{
	size_t len = 1, known;
	uid_t uid;

	ret_owners[0] = owner_of(target);
	for (size_t i = 0; len < OWNERS_MAX &&
	    jobs_user(targets->supervisor->jobs, target->conf.name, i, &uid);
	    i++) {
		known = 0;
		while (known < len && ret_owners[known] != uid)
			known++;
		if (known < len || uid == 0)
			continue;
		if (len == 1 && ret_owners[0] == 0)
			len = 0;
		ret_owners[len++] = uid;
	}
	return len;
}

static void
send_opened(struct worker *worker, const struct target *target,
    const struct coverage_place *place, uint64_t owner, bool own)
{
	const size_t path_len = strlen(place->path), file_len = strlen(place->file);
	const int fds[] = { place->dir, place->doorbell };

	message_init(&message, MESSAGE_COVERAGE_DIR, target->id);
	message.coverage_dir.owner_uid = owner;
	message.coverage_dir.bits =
	    (place->doorbell >= 0 ? COVERAGE_DIR_DOORBELL : 0u) |
	    (own ? COVERAGE_DIR_OWN : 0u);
	memcpy(message.text, place->path, path_len + 1);
	memcpy(message.text + path_len + 1, place->file, file_len);
	message.text_len = (uint32_t)(path_len + 1 + file_len);
	worker_send(worker, &message, fds, place->doorbell >= 0 ? 2 : 1);
}

/* @own: nobody but a job of this target writes there. */
static int
send_place(const struct targets *targets, struct worker *worker,
    const struct target *target, const char *path, bool own)
{
	uint64_t owners[OWNERS_MAX];
	const size_t len = owners_of(targets, target, owners);
	struct coverage_place place;
	int r = privs_open_coverage(path, &place);

	if (r < 0)
		return r;
	place.dir = detached_cut(place.dir);
	if (place.dir < 0) {
		if (place.doorbell >= 0)
			close(place.doorbell);
		return place.dir;
	}
	for (size_t i = 0; i < len; i++)
		send_opened(worker, target, &place, owners[i], own);
	close(place.dir);
	if (place.doorbell >= 0)
		close(place.doorbell);
	return 0;
}

/* Of jobs whose engine has a place of its own. False if one is yet to be made. */
static bool
send_job_places(
    const struct targets *targets, struct worker *worker, struct target *target)
{
	char path[PATH_MAX];
	bool all = true;

	for (size_t i = 0; jobs_coverage_place(
		 targets->supervisor->jobs, target->conf.name, i, path, sizeof(path));
	    i++)
		all = send_place(targets, worker, target, path, true) == 0 && all;
	return all;
}

static void
send_places(struct targets *targets, struct worker *worker, struct target *target)
{
	const struct string_list *defaults = &targets->supervisor->coverage_dirs;
	int r;

	/* Before they are opened: what is replaced meanwhile differs at the next look. */
	target->places_hash = target_places_hash(targets, target);
	if (target->conf.coverage != NULL) {
		r = send_place(targets, worker, target, target->conf.coverage, false);
		if (r < 0 && !target->places_missing)
			log_warning("target %s: waiting for its coverage %s: %s",
			    target->conf.name, target->conf.coverage, strerror(-r));
		target->places_missing = r < 0;
	} else {
		for (size_t i = 0; i < defaults->len; i++)
			if (!coverage_dirs_is_trap(defaults->items[i]))
				send_place(
				    targets, worker, target, defaults->items[i], false);
		target->places_missing = !send_job_places(targets, worker, target);
	}
	for (size_t i = 0; i < target->entries_len; i++) {
		message_init(&message, MESSAGE_ENTRY_POINT, target->id);
		message.entry.address = target->entries[i];
		worker_send(worker, &message, NULL, 0);
	}
}

/* Old bits may be taken over only by the build that they were seen in. */
static bool
may_seed(const struct target *target)
{
	const struct table *table = target->table;

	return target->live >= 0 && table->fd >= 0 &&
	    (target->live_current ||
		(table->build_id_len > 0 &&
		    table->build_id_len == target->live_build_id_len &&
		    table->pcs_len == target->live_pcs_len &&
		    memcmp(table->build_id, target->live_build_id,
			table->build_id_len) == 0));
}

/* Behind the name and its NUL. */
static void
add_executable(const struct target *target, struct message *to)
{
	const struct table *table = target->table;
	char *at = to->text + to->text_len + 1, real[PATH_MAX];
	int len = snprintf(at, EXECUTABLE_SIZE, "%lld %lld ",
	    (long long)target->executable_ms, (long long)target->identity.size);

	for (uint32_t i = 0; table->fd < 0 && i < table->build_id_len; i++)
		len += snprintf(at + len, EXECUTABLE_SIZE - (size_t)len, "%02x",
		    table->build_id[i]);
	/* A process calls itself by where links lead. */
	if (realpath(target->conf.executable, real) != NULL)
		len += snprintf(at + len, EXECUTABLE_SIZE - (size_t)len, " %s", real);
	to->text_len += 1 + (uint32_t)len;
}

static void
send_collect(struct targets *targets, struct worker *worker, struct target *target)
{
	int fds[2];
	size_t len = 0;

	if (target->collect_generation == 0 || target->table == NULL)
		return;
	message_init(&message, MESSAGE_COLLECT, target->id);
	message.collect.generation = target->collect_generation;
	message.collect.bits = COLLECT_OWNER;
	message.collect.owner_uid = owner_of(target);
	message_printf(&message, "%s", target->conf.name);
	add_executable(target, &message);
	if (target->table->fd >= 0) {
		message.collect.bits |= COLLECT_TABLE;
		fds[len++] = target->table->fd;
	}
	if (may_seed(target)) {
		message.collect.bits |= COLLECT_SEED;
		fds[len++] = target->live;
	}
	worker_send(worker, &message, fds, len);
	send_places(targets, worker, target);
}

/* ---- archive ---- */

/* What tells the build that is shown from others, also where it has no build ID. */
static void
print_build(const struct target *target, struct message *to)
{
	if (target->live_build_id_len == 0)
		message_printf(to, "%lld-%lld", (long long)target->executable_ms,
		    (long long)target->identity.size);
	for (uint32_t i = 0; i < target->live_build_id_len; i++)
		to->text_len += (uint32_t)snprintf(
		    to->text + to->text_len, 3, "%02x", target->live_build_id[i]);
}

static void
send_keep(struct worker *worker, const struct target *target, unsigned news)
{
	if ((news & NEWS_SERVE) != 0) {
		message_init(&message, MESSAGE_KEEP_TARGET, target->id);
		message_printf(
		    &message, "%s\n%s", target->conf.name, target->conf.executable);
		worker_send(worker, &message, NULL, 0);
	}
	if ((news & NEWS_LIVE) != 0 && target->live_current) {
		message_init(&message, MESSAGE_KEEP_LIVE, target->id);
		message.kept_live.built_ms = target->executable_ms;
		print_build(target, &message);
		worker_send(worker, &message, &target->live, 1);
	}
}

/* ---- front-end ---- */

static int
send_root(struct worker *worker, const struct target *target, size_t place)
{
	const char *path = target->conf.source_roots.items[place];
	char real[PATH_MAX];
	size_t path_len = strlen(path), real_len;
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || realpath(path, real) == NULL) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	fd = detached_cut(fd);
	if (fd < 0)
		return fd;
	real_len = strlen(real);
	if (path_len + 1 + real_len < MESSAGE_TEXT_MAX) {
		message_init(&message, MESSAGE_SOURCE_ROOT, target->id);
		message.root.place = (uint32_t)place;
		memcpy(message.text, path, path_len + 1);
		memcpy(message.text + path_len + 1, real, real_len);
		message.text_len = (uint32_t)(path_len + 1 + real_len);
		worker_send(worker, &message, &fd, 1);
	}
	close(fd);
	return 0;
}

static void
send_serve(struct worker *worker, struct target *target)
{
	const struct string_list *exclude = &target->conf.source_exclude;
	bool missing = false;
	size_t used;
	int r;

	message_init(&message, MESSAGE_SERVE, target->id);
	message_printf(&message, "%s\n", target->conf.name);
	used = message.text_len;
	for (size_t i = 0; i < exclude->len; i++) {
		size_t len = strlen(exclude->items[i]);

		if (used + len + 2 > MESSAGE_TEXT_MAX)
			break;
		memcpy(message.text + used, exclude->items[i], len);
		used += len;
		message.text[used++] = '\n';
	}
	message.text_len = (uint32_t)used;
	worker_send(worker, &message, NULL, 0);
	if (detached_available())
		target->root_mounts = target_root_mounts(target);
	for (size_t i = 0; i < target->conf.source_roots.len; i++) {
		r = send_root(worker, target, i);
		missing = missing || r < 0;
		if (r < 0 && !target->roots_missing)
			log_warning("target %s: source root %s: %s", target->conf.name,
			    target->conf.source_roots.items[i], strerror(-r));
	}
	target->roots_missing = missing;
}

static void
send_memory(struct worker *worker, const struct target *target, enum message_type type,
    uint64_t generation, int fd)
{
	message_init(&message, type, target->id);
	message.of.generation = generation;
	worker_send(worker, &message, &fd, 1);
}

static void
send_more(struct worker *worker, const struct target *target, enum table_more which)
{
	static const enum message_type types[MORE_LEN] = { MESSAGE_SERVE_FUNCTIONS,
		MESSAGE_SERVE_BLOCKS };
	const struct more *more = &target->table->more[which];

	message_init(&message, types[which], target->id);
	message.of.generation = target->table->generation;
	if (which == MORE_BLOCKS)
		message.blocks.built_ms = target->executable_ms;
	message_printf(&message, "%s", more->reason);
	worker_send(worker, &message, &more->fd, more->fd >= 0 ? 1 : 0);
}

void
target_send(struct targets *targets, struct target *target, unsigned outbox)
{
	struct worker *worker = worker_of(targets, outbox);
	unsigned news = target->news[outbox];

	if (outbox == OUTBOX_ARCHIVE) {
		send_keep(worker, target, news);
		return;
	}
	if ((news & NEWS_COLLECT) != 0)
		send_collect(targets, worker, target);
	else if ((news & NEWS_PLACES) != 0 && target->collect_generation != 0)
		send_places(targets, worker, target);
	if ((news & NEWS_SERVE) != 0)
		send_serve(worker, target);
	if ((news & NEWS_TABLE) != 0 && target->table != NULL && target->table->fd >= 0)
		send_memory(worker, target, MESSAGE_SERVE_TABLE,
		    target->table->generation, target->table->fd);
	if ((news & (NEWS_TABLE | NEWS_FUNCTIONS)) != 0 && target->table != NULL &&
	    target->table->more[MORE_FUNCTIONS].progress == MORE_DONE)
		send_more(worker, target, MORE_FUNCTIONS);
	if ((news & (NEWS_TABLE | NEWS_BLOCKS)) != 0 && target->table != NULL &&
	    target->table->more[MORE_BLOCKS].progress == MORE_DONE)
		send_more(worker, target, MORE_BLOCKS);
	if ((news & NEWS_LIVE) != 0 && target->live_current)
		send_memory(worker, target, MESSAGE_SERVE_LIVE, target->live_generation,
		    target->live);
}
