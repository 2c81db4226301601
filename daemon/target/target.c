/* SPDX-License-Identifier: MIT
 * The life of a target; in the supervisor.
 */
#include "config.h"

#include "target.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coverage_map.h"
#include "detached.h"
#include "jobs.h"
#include "live_segment.h"
#include "log.h"
#include "unfinished.h"
#include "shared_memory.h"
#include "banned.h"

#define UNFINISHED_LOOKS 30 /* one each two seconds */

/* What the build lacks, and how to mend it: it stays in the reason until that is done. */
#define ADD_PC_TABLE \
	"compile it with -fsanitize-coverage=...,pc-table, as README.md says for its " \
	"fuzzer"
#define LENT_PC_TABLE "no PC table: its PCs are those of its coverage file; "

void
target_set_state(struct targets *targets, struct target *target,
    enum target_state state, const char *reason)
{
	char quoted[512];
	bool same_reason =
	    strncmp(target->reason, reason, sizeof(target->reason) - 1) == 0;

	if (target->state == state && same_reason)
		return;
	if (target->state != state || !same_reason)
		log_write(state == TARGET_FAILED ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE,
		    "target %s: %s%s%s", target->conf.name, target_state_name(state),
		    reason[0] != '\0' ? ": " : "",
		    reason[0] != '\0'
			? log_quote(reason, strlen(reason), quoted, sizeof(quoted))
			: "");
	target->state = state;
	snprintf(target->reason, sizeof(target->reason), "%s", reason);
	supervisor_changed(targets->supervisor);
}

/* ---- the executable ---- */

/* What was collected for another build is kept only as a seed (target_live()). */
static void
forget_table(struct targets *targets, struct target *target)
{
	table_drop(targets->supervisor->tables, target);
	target->live_current = false;
	target->collect_generation = 0;
	supervisor_changed(targets->supervisor);
}

static bool
shows_a_table(const struct target *target)
{
	return target->present && target->table != NULL &&
	    target->table->progress == TABLE_DONE &&
	    target->table->status != TABLE_FAILED;
}

static void
lack_executable(struct targets *targets, struct target *target, int error)
{
	char reason[DIRECTORY_REASON_MAX];

	snprintf(reason, sizeof(reason), "waiting for the executable %.200s: %s",
	    target->conf.executable, strerror(error));
	if (error == ENOENT && shows_a_table(target))
		return; /* being built again: go on showing what is known */
	target->present = false;
	target_set_state(targets, target, TARGET_WAITING, reason);
}

/* A build that a linker or a copy still writes takes no page away: where one is shown, the
 * next one must stand still from one look to the next. And wherever it has a writer or is
 * half an ELF file it has a minute to become a whole one. */
static bool
still_changes(
    struct targets *targets, struct target *target, const struct identity *identity)
{
	const bool stood = identity_equal(identity, &target->seen),
		   shown = shows_a_table(target);
	char reason[DIRECTORY_REASON_MAX];
	const char *why;

	target->seen = *identity;
	if (!stood)
		target->unfinished_looks = 0;
	if (target->unfinished_looks < UNFINISHED_LOOKS &&
	    unfinished_file(target->conf.executable, &why) < 0) {
		target->unfinished_looks++;
		snprintf(reason, sizeof(reason),
		    "waiting for the executable %.200s: %s", target->conf.executable,
		    why);
		if (!shown)
			target_set_state(targets, target, TARGET_WAITING, reason);
		return true;
	}
	return shown && !stood;
}

static void
check_executable(struct targets *targets, struct target *target)
{
	char reason[DIRECTORY_REASON_MAX];
	struct identity identity;
	struct stat st;
	int r;

	if (stat(target->conf.executable, &st) != 0) {
		lack_executable(targets, target, errno);
		return;
	}
	identity = identity_of(&st);
	if (target->present && identity_equal(&identity, &target->identity))
		return;
	if (still_changes(targets, target, &identity))
		return;
	target->present = true;
	target->identity = identity;
	target->executable_uid = st.st_uid;
	target->executable_ms =
	    (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
	forget_table(targets, target);
	if (!S_ISREG(st.st_mode)) {
		snprintf(reason, sizeof(reason),
		    "executable %.200s is not a regular file", target->conf.executable);
		target_set_state(targets, target, TARGET_FAILED, reason);
		return;
	}
	r = table_want(targets->supervisor->tables, target, &identity, -1);
	if (r < 0)
		target_set_state(targets, target, TARGET_FAILED, strerror(-r));
}

void
target_table_running(struct targets *targets, struct target *target)
{
	target_set_state(targets, target, TARGET_SYMBOLIZING, "");
}

static void
collect_anew(struct targets *targets, struct target *target)
{
	target->collect_generation = supervisor_next_generation(targets->supervisor);
	target->activity_state = 0;
	target_tell(targets, target, OUTBOX_COLLECTOR, NEWS_COLLECT);
}

static const char *
lack_of(const struct targets *targets, const struct target *target)
{
	return jobs_have_engine(
		   targets->supervisor->jobs, target->conf.name, JOB_ENGINE_AFL)
	    ? "no PC table: " TARGET_AFL_REMEDY
	    : target->table->reason;
}

/* What is said of a table for as long as it is shown: remarks, such as a name that was not
 * found, and that its PCs came from elsewhere. */
static void
describe_table(const struct table *table, char *text, size_t size)
{
	const bool lent = table->status == TABLE_OK && table->pcs >= 0;

	snprintf(text, size, "%s%s", lent ? LENT_PC_TABLE ADD_PC_TABLE : "",
	    lent && table->reason[0] != '\0' ? "; " : "");
	if (table->status == TABLE_OK)
		snprintf(text + strlen(text), size - strlen(text), "%s", table->reason);
}

void
target_table_done(struct targets *targets, struct target *target)
{
	struct table *table = target->table;
	char remarks[DIRECTORY_REASON_MAX];

	if (table->status == TABLE_FAILED) {
		target_set_state(targets, target, TARGET_FAILED, table->reason);
		return;
	}
	collect_anew(targets, target);
	if (table->status == TABLE_NO_PC_TABLE) {
		target_set_state(
		    targets, target, TARGET_WAITING, lack_of(targets, target));
		return;
	}
	describe_table(table, remarks, sizeof(remarks));
	target_set_state(targets, target, TARGET_READY, remarks);
	target_tell(targets, target, OUTBOX_FRONTEND, NEWS_TABLE);
}

void
target_more_done(struct targets *targets, struct target *target, enum table_more which)
{
	static const struct {
		const char *name;
		unsigned news;
	} both[MORE_LEN] = { { "functions", NEWS_FUNCTIONS },
		{ "blocks", NEWS_BLOCKS } };
	const char *reason = target->table->more[which].reason;
	char quoted[512];

	if (reason[0] != '\0')
		log_notice("target %s: goes on without its %s: %s", target->conf.name,
		    both[which].name,
		    log_quote(reason, strlen(reason), quoted, sizeof(quoted)));
	target_tell(targets, target, OUTBOX_FRONTEND, both[which].news);
}

/* ---- what the collector says ---- */

/* True while the COLLECT of @generation is in force. */
static bool
is_current(const struct target *target, uint64_t generation)
{
	return target != NULL && target->collect_generation != 0 &&
	    generation == target->collect_generation;
}

int
target_live(struct targets *targets, const struct message *message, int fd)
{
	struct target *target = targets_by_id(targets, message->id);

	if (!is_current(target, message->of.generation) || target->table == NULL ||
	    target->table->fd < 0) {
		close(fd);
		return 0;
	}
	if (live_segment_check(fd) < 0) {
		close(fd);
		return -EPROTO;
	}
	if (target->live >= 0)
		close(target->live);
	target->live = fd;
	target->live_current = true;
	target->live_generation = supervisor_next_generation(targets->supervisor);
	target->live_pcs_len = target->table->pcs_len;
	target->live_build_id_len = target->table->build_id_len;
	memcpy(target->live_build_id, target->table->build_id,
	    sizeof(target->live_build_id));
	target_tell(targets, target, OUTBOX_FRONTEND, NEWS_LIVE);
	target_tell(targets, target, OUTBOX_ARCHIVE, NEWS_LIVE);
	supervisor_changed(targets->supervisor);
	return 0;
}

int
target_pcs(struct targets *targets, const struct message *message, int fd)
{
	struct target *target = targets_by_id(targets, message->id);
	struct stat st;
	int r = 0;

	if (fstat(fd, &st) != 0 || shared_memory_is_sealed(fd) < 0 || st.st_size == 0 ||
	    st.st_size % 8 != 0 || (uint64_t)st.st_size > 8 * COVERAGE_MAP_PCS_MAX)
		r = -EPROTO;
	else if (is_current(target, message->of.generation) && target->table != NULL &&
	    target->table->status == TABLE_NO_PC_TABLE)
		r = table_want(
		    targets->supervisor->tables, target, &target->identity, fd);
	close(fd);
	return r;
}

/* Behind what stands there. */
static void
add_sentence(char *reason, size_t size, const char *sentence)
{
	const size_t len = strlen(reason);

	if (sentence[0] != '\0')
		snprintf(
		    reason + len, size - len, "%s%s", len > 0 ? "; " : "", sentence);
}

void
target_show(struct targets *targets, struct target *target)
{
	char reason[4 * DIRECTORY_REASON_MAX] = "", remarks[DIRECTORY_REASON_MAX] = "";
	const bool lacks =
	    target->table != NULL && target->table->status == TABLE_NO_PC_TABLE;

	if (target->activity_state == 0 || target->table == NULL ||
	    target->collect_generation == 0)
		return;
	/* What it lacks comes first, so that no other words cut it off. */
	if (lacks)
		add_sentence(reason, sizeof(reason), lack_of(targets, target));
	describe_table(target->table, remarks, sizeof(remarks));
	add_sentence(reason, sizeof(reason), target->place_gone);
	add_sentence(reason, sizeof(reason), target->activity);
	add_sentence(reason, sizeof(reason), remarks);
	if (target->table->fd >= 0)
		target_set_state(targets, target, target->activity_state, reason);
	else if (lacks && target->table->progress == TABLE_DONE)
		target_set_state(targets, target, TARGET_WAITING, reason);
}

int
target_activity(struct targets *targets, const struct message *message)
{
	struct target *target = targets_by_id(targets, message->id);

	if (message->activity.state != TARGET_READY &&
	    message->activity.state != TARGET_LIVE &&
	    message->activity.state != TARGET_STALE)
		return -EPROTO;
	if (target == NULL || target->table == NULL || target->collect_generation == 0)
		return 0;
	target->activity_state = message->activity.state;
	snprintf(target->activity, sizeof(target->activity), "%.*s",
	    MIN((int)message->text_len, DIRECTORY_REASON_MAX - 1), message->text);
	target_show(targets, target);
	return 0;
}

int
target_lines(struct targets *targets, const struct message *message)
{
	struct target *target = targets_by_id(targets, message->id);

	if (message->lines.reached > message->lines.known)
		return -EPROTO;
	if (target == NULL)
		return 0;
	target->lines_generation = message->lines.generation;
	target->lines = message->lines.known;
	target->lines_reached = message->lines.reached;
	return 0;
}

void
target_users_changed(struct targets *targets, struct target *target)
{
	if (target->collect_generation != 0)
		target_tell(targets, target, OUTBOX_COLLECTOR, NEWS_PLACES);
}

int
target_entry(struct targets *targets, struct target *target, uint64_t address)
{
	uint64_t *entries;

	for (size_t i = 0; i < target->entries_len; i++)
		if (target->entries[i] == address)
			return 0;
	if (target->entries_len >= TARGET_ENTRIES_MAX)
		return -ENOSPC;
	entries =
	    reallocarray(target->entries, target->entries_len + 1, sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	target->entries = entries;
	entries[target->entries_len++] = address;
	target_tell(targets, target, OUTBOX_COLLECTOR, NEWS_PLACES);
	return 0;
}

/* ---- looking again ---- */

static bool
some_root_missing(const struct target *target)
{
	for (size_t i = 0; i < target->conf.source_roots.len; i++)
		if (access(target->conf.source_roots.items[i], F_OK) != 0)
			return true;
	return false;
}

uint64_t
target_root_mounts(const struct target *target)
{
	char real[PATH_MAX];
	uint64_t hash = 0;

	for (size_t i = 0; i < target->conf.source_roots.len; i++)
		if (realpath(target->conf.source_roots.items[i], real) != NULL)
			hash = hash * 31 + detached_mounts_at(real);
	return hash;
}

void
targets_poll(struct targets *targets)
{
	const bool mounts_changed = detached_mounts_changed();

	targets_poll_defaults(targets);
	for (size_t i = 0; i < targets->len; i++) {
		struct target *target = targets->by_id[i];

		check_executable(targets, target);
		target_poll_places(targets, target);
		if ((target->roots_missing && !some_root_missing(target)) ||
		    (mounts_changed &&
			target_root_mounts(target) != target->root_mounts))
			target_tell(targets, target, OUTBOX_FRONTEND,
			    NEWS_SERVE | NEWS_TABLE | NEWS_LIVE);
	}
}
