/* SPDX-License-Identifier: MIT
 * First hits' inputs: waiting, written, asked for; in the archive.
 */
#include "config.h"

#include "finds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <unistd.h>

#include "clock.h"
#include "find_file.h"
#include "shared_memory.h"
#include "banned.h"

#define WAITING_MAX (32 << 20) /* bytes of what waits */
#define WAITS_MS 60000         /* for its build to be known */
#define DROPPED_AT_ONCE 32     /* inputs, where they are too many */
#define PCS_AT_ONCE 20000      /* in one transaction */
#define FORGOTTEN_KEPT 1000000 /* inputs of which only the SHA-1 is known */

struct waiting {
	TAILQ_ENTRY(waiting) link;
	uint32_t target, instance, job;
	int64_t ms, came_ms;
	uint64_t size;
	char sha1[41], build_id[2 * FIND_BUILD_ID_MAX + 1];
	size_t pcs_len, bytes_len, weight;
	unsigned char *bytes; /* behind them; NULL: they did not come */
	bool is_written;
	uint32_t pcs[];
};

struct finds {
	struct store *store;
	struct targets *targets;
	TAILQ_HEAD(, waiting) waiting;
	size_t weight;
	uint64_t keep, kept; /* bytes of inputs: at most, and now; */
	unsigned life;       /* of the file that kept is of */
	bool lost;
};

int
finds_new(struct store *store, struct targets *targets, struct finds **ret_finds)
{
	struct finds *finds = calloc(1, sizeof(*finds));

	if (finds == NULL)
		return -ENOMEM;
	finds->store = store;
	finds->targets = targets;
	TAILQ_INIT(&finds->waiting);
	*ret_finds = finds;
	return 0;
}

static void
drop(struct finds *finds, struct waiting *waiting)
{
	TAILQ_REMOVE(&finds->waiting, waiting, link);
	finds->weight -= waiting->weight;
	free(waiting);
}

void
finds_free(struct finds *finds)
{
	struct waiting *waiting;

	if (finds == NULL)
		return;
	while ((waiting = TAILQ_FIRST(&finds->waiting)) != NULL)
		drop(finds, waiting);
	free(finds);
}

void
finds_set_keep(struct finds *finds, uint64_t bytes)
{
	finds->keep = bytes;
}

bool
finds_lost(struct finds *finds)
{
	const bool lost = finds->lost;

	finds->lost = false;
	return lost;
}

/* ---- what comes ---- */

static void
put_hex(const unsigned char *bytes, size_t len, char *to)
{
	for (size_t i = 0; i < len; i++)
		snprintf(to + 2 * i, 3, "%02x", bytes[i]);
	to[2 * len] = '\0';
}

/* Takes the text apart: see FIND in message.h. */
static int
take_text(struct waiting *waiting, const struct message *message, size_t pcs_at)
{
	const unsigned char *text = (const unsigned char *)message->text;

	put_hex(text, 20, waiting->sha1);
	if (text[20] > FIND_BUILD_ID_MAX)
		return -EPROTO;
	put_hex(text + 24, text[20], waiting->build_id);
	memcpy(waiting->pcs, message->text + pcs_at, 4 * waiting->pcs_len);
	return 0;
}

/* A target may say anything; nothing was found in the future, nor before this program was written. */
static int64_t
time_of(int64_t ms)
{
	const int64_t now = clock_ms(CLOCK_REALTIME);

	return ms > INT64_C(1700000000000) && ms < now ? ms : now;
}

int
finds_add(struct finds *finds, const struct message *message, int fd)
{
	const size_t pcs_at = 24 + FIND_BUILD_ID_MAX;
	struct waiting *waiting;
	const void *bytes = NULL;
	size_t bytes_len = 0, pcs_len;
	int r = 0;

	if (message->text_len < pcs_at + 4 || (message->text_len - pcs_at) % 4 != 0)
		return -EPROTO;
	pcs_len = (message->text_len - pcs_at) / 4;
	if (fd >= 0)
		r = shared_memory_map_sealed(fd, &bytes, &bytes_len);
	if (r < 0 || bytes_len > FIND_INPUT_MAX)
		return -EPROTO;
	waiting = calloc(1, sizeof(*waiting) + 4 * pcs_len + bytes_len);
	if (waiting != NULL) {
		*waiting = (struct waiting){ .target = message->id,
			.instance = message->find.instance,
			.job = message->find.job,
			.ms = time_of(message->find.ms),
			.came_ms = clock_ms(CLOCK_MONOTONIC),
			.size = message->find.size,
			.pcs_len = pcs_len,
			.bytes_len = bytes_len,
			.weight = sizeof(*waiting) + 4 * pcs_len + bytes_len };
		if (fd >= 0)
			waiting->bytes = (unsigned char *)(waiting->pcs + pcs_len);
		if (bytes_len > 0)
			memcpy(waiting->bytes, bytes, bytes_len);
		r = take_text(waiting, message, pcs_at);
		TAILQ_INSERT_TAIL(&finds->waiting, waiting, link);
		finds->weight += waiting->weight;
		if (r < 0)
			drop(finds, waiting);
	}
	if (bytes_len > 0)
		munmap((void *)(uintptr_t)bytes, bytes_len);
	while (finds->weight > WAITING_MAX) {
		finds->lost = true;
		drop(finds, TAILQ_FIRST(&finds->waiting));
	}
	return waiting != NULL ? r : -ENOMEM;
}

/* ---- writing ---- */

/* Leaves in waiting->pcs those that no input is known of. */
static void
leave_out_known(struct finds *finds, struct waiting *waiting, int64_t build)
{
	size_t len = 0;

	for (size_t i = 0; i < waiting->pcs_len; i++) {
		int64_t is_known = 0;

		store_number(finds->store, &is_known,
		    "SELECT 1 FROM first_hit WHERE build = ? AND pc = ? AND input IS "
		    "NOT"
		    " NULL",
		    "ii", build, (int64_t)waiting->pcs[i]);
		if (is_known == 0)
			waiting->pcs[len++] = waiting->pcs[i];
	}
	waiting->pcs_len = len;
}

/* Its row, made if there is none. */
static int64_t
save_input(struct finds *finds, const struct waiting *waiting)
{
	int64_t id = 0;

	store_run(finds->store,
	    "INSERT OR IGNORE INTO input (sha1, ms, size) VALUES (?, ?, ?)", "tii",
	    waiting->sha1, waiting->ms, (int64_t)waiting->size);
	store_number(finds->store, &id, "SELECT id FROM input WHERE sha1 = ?", "t",
	    waiting->sha1);
	if (waiting->bytes == NULL)
		return id;
	store_run(finds->store,
	    "UPDATE input SET bytes = ?, size = ? WHERE id = ? AND bytes IS NULL",
	    "bii",
	    waiting->bytes_len > 0 ? (const void *)waiting->bytes : (const void *)"",
	    waiting->bytes_len, (int64_t)waiting->bytes_len, id);
	if (store_changes(finds->store) > 0)
		finds->kept += waiting->bytes_len;
	return id;
}

static void
write_one(struct finds *finds, struct waiting *waiting, int64_t build)
{
	const char *job = targets_job_name(finds->targets, waiting->job);
	int64_t input;

	leave_out_known(finds, waiting, build);
	if (waiting->pcs_len == 0)
		return;
	input = save_input(finds, waiting);
	for (size_t i = 0; i < waiting->pcs_len; i++)
		store_run(finds->store,
		    "INSERT INTO first_hit (build, pc, ms, job, instance, input)"
		    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (build, pc) DO UPDATE SET"
		    " job = excluded.job, instance = excluded.instance,"
		    " input = excluded.input,"
		    " ms = CASE WHEN ms = 0 THEN excluded.ms ELSE ms END"
		    " WHERE input IS NULL",
		    "iiitii", build, (int64_t)waiting->pcs[i], waiting->ms, job,
		    (int64_t)waiting->instance, input);
}

/* The oldest make room; that they reached something stays known. */
static void
make_room(struct finds *finds)
{
	int64_t bytes = 0;

	if (finds->life != store_life(finds->store)) {
		finds->life = store_life(finds->store);
		store_number(
		    finds->store, &bytes, "SELECT sum(length(bytes)) FROM input", "");
		finds->kept = (uint64_t)bytes;
	}
	if (finds->keep == 0 || finds->kept <= finds->keep)
		return;
	store_number(finds->store, &bytes,
	    "SELECT sum(length(bytes)) FROM (SELECT bytes FROM input WHERE bytes IS NOT"
	    " NULL ORDER BY id LIMIT ?)",
	    "i", (int64_t)DROPPED_AT_ONCE);
	store_run(finds->store,
	    "UPDATE input SET bytes = NULL WHERE id IN (SELECT id FROM input WHERE"
	    " bytes IS NOT NULL ORDER BY id LIMIT ?)",
	    "i", (int64_t)DROPPED_AT_ONCE);
	finds->kept -= (uint64_t)bytes < finds->kept ? (uint64_t)bytes : finds->kept;
}

bool
finds_write(struct finds *finds)
{
	struct waiting *waiting;
	size_t pcs = 0;

	make_room(finds);
	TAILQ_FOREACH(waiting, &finds->waiting, link) {
		if (pcs >= PCS_AT_ONCE)
			return true;
		pcs += waiting->pcs_len;
		const int64_t build = targets_build_of(
		    finds->targets, waiting->target, waiting->build_id);

		/* Another build's is of no use; and one that is not known yet will be. */
		waiting->is_written = build > 0 || build == -ESTALE ||
		    clock_ms(CLOCK_MONOTONIC) - waiting->came_ms > WAITS_MS;
		if (build > 0)
			write_one(finds, waiting, build);
	}
	return false;
}

void
finds_prune(struct finds *finds)
{
	store_run(finds->store,
	    "DELETE FROM input WHERE bytes IS NULL AND id <= (SELECT max(id) FROM "
	    "input)"
	    " - ?",
	    "i", (int64_t)FORGOTTEN_KEPT);
}

void
finds_written(struct finds *finds, bool kept)
{
	struct waiting *waiting, *next;

	if (!kept)
		finds->life = 0;
	for (waiting = TAILQ_FIRST(&finds->waiting); waiting != NULL && kept;
	    waiting = next) {
		next = TAILQ_NEXT(waiting, link);
		if (waiting->is_written)
			drop(finds, waiting);
	}
}

/* ---- what is asked ---- */

struct asked {
	json_t *best;
	bool best_is_kept;
	uint32_t pc;
};

static bool
first_cb(sqlite3_stmt *row, void *context)
{
	struct asked *asked = context;
	const bool has_input = sqlite3_column_type(row, 3) != SQLITE_NULL,
		   is_kept = has_input && sqlite3_column_int(row, 5) != 0;
	const int64_t ms = sqlite3_column_int64(row, 0);

	if (asked->best != NULL &&
	    (asked->best_is_kept > is_kept ||
		(asked->best_is_kept == is_kept &&
		    json_integer_value(json_object_get(asked->best, "time")) <= ms)))
		return false;
	json_decref(asked->best);
	asked->best_is_kept = is_kept;
	asked->best = json_pack("{s:I,s:I,s:s?}", "pc", (json_int_t)asked->pc, "time",
	    (json_int_t)ms, "job", sqlite3_column_text(row, 1));
	if (has_input) {
		json_object_set_new(asked->best, "instance",
		    json_integer(sqlite3_column_int64(row, 2)));
		json_object_set_new(asked->best, "input",
		    json_pack("{s:s,s:I,s:b}", "sha1", sqlite3_column_text(row, 3),
			"size", (json_int_t)sqlite3_column_int64(row, 4), "kept",
			is_kept));
	}
	return false;
}

/* How the input is run again. */
static void
add_command(const struct finds *finds, const char *target, json_t *first)
{
	const char *job = json_string_value(json_object_get(first, "job"));
	char command[1200];

	if (job == NULL)
		return;
	targets_command(finds->targets, target, job, command, sizeof(command));
	if (command[0] != '\0')
		json_object_set_new(first, "command", json_string(command));
}

json_t *
finds_first(struct finds *finds, const char *target, const uint32_t *pcs, size_t len)
{
	int64_t built_ms;
	const int64_t build = targets_build(finds->targets, target, &built_ms);
	struct asked asked = { .best = NULL };

	for (size_t i = 0; i < len && build > 0; i++) {
		asked.pc = pcs[i];
		store_each(finds->store,
		    "SELECT h.ms, h.job, h.instance, i.sha1, i.size, i.bytes IS NOT "
		    "NULL"
		    " FROM first_hit h LEFT JOIN input i ON i.id = h.input"
		    " WHERE h.build = ? AND h.pc = ?",
		    first_cb, &asked, "ii", build, (int64_t)pcs[i]);
	}
	add_command(finds, target, asked.best);
	return asked.best;
}

static bool
bytes_cb(sqlite3_stmt *row, void *context)
{
	int *fd = context, r;

	*fd = shared_memory_create("fuzzsupd-input");
	if (*fd < 0)
		return false;
	r = shared_memory_append(
	    *fd, sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0));
	if (r == 0)
		r = shared_memory_seal(*fd);
	if (r < 0) {
		close(*fd);
		*fd = r;
	}
	return false;
}

int
finds_input(struct finds *finds, const char *sha1)
{
	int fd = -ENOENT;

	store_each(finds->store,
	    "SELECT bytes FROM input WHERE sha1 = ? AND bytes IS NOT NULL", bytes_cb,
	    &fd, "t", sha1);
	return fd;
}
