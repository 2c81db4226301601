/* SPDX-License-Identifier: MIT
 * The queue of the symbolizer and the tables that came out of it; in the supervisor.
 */
#include "config.h"

#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "block_table.h"
#include "cache.h"
#include "clock.h"
#include "debug_file.h"
#include "function_table.h"
#include "hash.h"
#include "log.h"
#include "shared_memory.h"
#include "source_table.h"
#include "target.h"
#include "banned.h"

#define BUCKETS 1024
#define DEATHS_MAX 3
/* An executable's first turn, and more for what there is of it on the disk: from there it is
 * read, and symbolized at a multiple of that speed. */
#define TURN_MS 3000
#define BYTES_PER_MS (400 * 1000)
#define TURN_MAX_MS (INT64_C(1) << 40)

struct tables {
	struct supervisor *supervisor;
	TAILQ_HEAD(table_head, table) queue;
	TAILQ_HEAD(more_head, table) more_queue; /* when the other one is empty */
	LIST_HEAD(, table) buckets[BUCKETS];
	struct table *running;
	struct event *timeout, *turn;
	int64_t since_ms; /* monotonic: the running job began then */
	time_t pruned;    /* when old files of the cache were last looked for */
};

static void run_next(struct tables *tables);

struct identity
identity_of(const struct stat *st)
{
	return (struct identity){ .dev = st->st_dev,
		.ino = st->st_ino,
		.size = st->st_size,
		.mtime = st->st_mtim };
}

bool
identity_equal(const struct identity *a, const struct identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static size_t
bucket_of(const struct identity *identity)
{
	uint64_t key[3] = { identity->dev, identity->ino,
		(uint64_t)identity->mtime.tv_nsec };

	return hash_bytes(HASH_SEED, key, sizeof(key)) % BUCKETS;
}

static void
table_free(struct table *table)
{
	if (table->pcs >= 0)
		close(table->pcs);
	if (table->fd >= 0)
		close(table->fd);
	for (unsigned i = 0; i < MORE_LEN; i++)
		if (table->more[i].fd >= 0)
			close(table->more[i].fd);
	free(table->debug_wish);
	free(table->alternate_wish);
	free(table->executable);
	free(table->entry_points);
	free(table);
}

/* Whoever wants a table that failed by a change underneath finds no dead one here. */
static void
release(struct tables *tables, struct table *table)
{
	if (!TAILQ_EMPTY(&table->users) || tables->running == table)
		return;
	if (table->progress == TABLE_QUEUED)
		TAILQ_REMOVE(&tables->queue, table, queue_link);
	if (table->more[table->at].progress == MORE_QUEUED)
		TAILQ_REMOVE(&tables->more_queue, table, more_link);
	LIST_REMOVE(table, bucket_link);
	table_free(table);
}

static bool
runs_more(const struct table *table)
{
	return table->more[table->at].progress == MORE_RUNNING;
}

/* Everybody's functions before anybody's blocks. */
static void
enqueue_more(struct tables *tables, struct table *table)
{
	struct table *before;

	table->more[table->at].progress = MORE_QUEUED;
	TAILQ_FOREACH_REVERSE(before, &tables->more_queue, more_head, more_link)
		if (before->at <= table->at)
			break;
	if (before != NULL)
		TAILQ_INSERT_AFTER(&tables->more_queue, before, table, more_link);
	else
		TAILQ_INSERT_HEAD(&tables->more_queue, table, more_link);
}

static void
finish(struct tables *tables, struct table *table, unsigned status, const char *reason)
{
	struct target *target, *next;

	table->progress = TABLE_DONE;
	table->status = status;
	snprintf(table->reason, sizeof(table->reason), "%s", reason);
	if (tables->running == table) {
		tables->running = NULL;
		event_del(tables->timeout);
	}
	for (target = TAILQ_FIRST(&table->users); target != NULL; target = next) {
		next = TAILQ_NEXT(target, table_link);
		target_table_done(tables->supervisor->targets, target);
	}
	if (status == TABLE_OK) {
		table->deaths = 0;
		enqueue_more(tables, table);
	}
	release(tables, table);
}

/* @take_fd: what was made; -1: there is none, for @reason. */
static void
finish_more(struct tables *tables, struct table *table, int take_fd, const char *reason)
{
	struct more *more = &table->more[table->at];
	struct target *target;

	more->progress = MORE_DONE;
	more->fd = take_fd;
	snprintf(more->reason, sizeof(more->reason), "%s", take_fd < 0 ? reason : "");
	if (tables->running == table) {
		tables->running = NULL;
		event_del(tables->timeout);
	}
	TAILQ_FOREACH(target, &table->users, table_link)
		target_more_done(tables->supervisor->targets, target, table->at);
	if (table->at + 1 < MORE_LEN) {
		table->at++;
		table->deaths = 0;
		enqueue_more(tables, table);
	}
	release(tables, table);
}

/* ---- turns: who takes long lets others go first, and then has twice the time ---- */

/* By what is there: a hole in a file takes no time to read, or a hostile one. */
static int64_t
first_turn_ms(const char *executable)
{
	struct stat st;
	int64_t there;

	if (stat(executable, &st) != 0)
		return TURN_MS;
	there = (int64_t)st.st_blocks * 512;
	return TURN_MS + (there < st.st_size ? there : st.st_size) / BYTES_PER_MS;
}

/* Small ones first, but nobody is passed by for ever: who came long ago is due. */
static void
enqueue(struct tables *tables, struct table *table)
{
	struct table *before;

	table->progress = TABLE_QUEUED;
	table->due_ms = clock_ms(CLOCK_MONOTONIC) + table->turn_ms;
	TAILQ_FOREACH_REVERSE(before, &tables->queue, table_head, queue_link)
		if (before->due_ms <= table->due_ms)
			break;
	if (before != NULL)
		TAILQ_INSERT_AFTER(&tables->queue, before, table, queue_link);
	else
		TAILQ_INSERT_HEAD(&tables->queue, table, queue_link);
}

/* True if the running job holds others up that are worth as much. */
static bool
others_wait(const struct tables *tables)
{
	return tables->running != NULL &&
	    (!TAILQ_EMPTY(&tables->queue) ||
		(runs_more(tables->running) && !TAILQ_EMPTY(&tables->more_queue)));
}

static void
plan_turn(struct tables *tables)
{
	struct timeval wait;
	int64_t left;

	if (!others_wait(tables)) {
		event_del(tables->turn);
		return;
	}
	left = tables->since_ms + tables->running->turn_ms - clock_ms(CLOCK_MONOTONIC);
	left = left > 0 ? left : 0;
	wait = (struct timeval){ left / 1000, left % 1000 * 1000 };
	event_add(tables->turn, &wait);
}

/* It begins anew when it is its turn again. */
static void
put_back(struct tables *tables, struct table *table)
{
	event_del(tables->timeout);
	tables->running = NULL;
	if (table->turn_ms < TURN_MAX_MS)
		table->turn_ms *= 2;
	if (runs_more(table))
		enqueue_more(tables, table);
	else
		enqueue(tables, table);
}

static void
turn_cb(evutil_socket_t fd, short what, void *context)
{
	struct tables *tables = context;
	struct table *table = tables->running;
	struct target *target;
	char reason[128];

	(void)fd;
	(void)what;
	if (!others_wait(tables))
		return;
	snprintf(reason, sizeof(reason),
	    "it takes more than %lld s, and others wait: they go first",
	    (long long)table->turn_ms / 1000);
	log_notice("%s: %s", table->executable, reason);
	if (!runs_more(table))
		TAILQ_FOREACH(target, &table->users, table_link)
			target_set_state(tables->supervisor->targets, target,
			    TARGET_SYMBOLIZING, reason);
	worker_kill(supervisor_worker(tables->supervisor, WORKER_SYMBOLIZER),
	    "others wait for the end of its job");
	put_back(tables, table);
	release(tables, table);
}

static void
timeout_cb(evutil_socket_t fd, short what, void *context)
{
	struct tables *tables = context;
	char reason[320];

	(void)fd;
	(void)what;
	if (tables->running == NULL)
		return;
	snprintf(reason, sizeof(reason),
	    "symbolizing took longer than %u s; raise symbolize-timeout, or look "
	    "whether the "
	    "executable's debug information is damaged",
	    tables->supervisor->conf->symbolize_timeout);
	worker_kill(supervisor_worker(tables->supervisor, WORKER_SYMBOLIZER),
	    "its job took too long");
	if (runs_more(tables->running))
		finish_more(tables, tables->running, -1, reason);
	else
		finish(tables, tables->running, TABLE_FAILED, reason);
}

int
tables_new(struct supervisor *supervisor, struct tables **ret_tables)
{
	struct tables *tables = calloc(1, sizeof(*tables));

	if (tables == NULL)
		return -ENOMEM;
	tables->supervisor = supervisor;
	TAILQ_INIT(&tables->queue);
	TAILQ_INIT(&tables->more_queue);
	tables->timeout = evtimer_new(supervisor->base, timeout_cb, tables);
	tables->turn = evtimer_new(supervisor->base, turn_cb, tables);
	if (tables->timeout == NULL || tables->turn == NULL) {
		if (tables->timeout != NULL)
			event_free(tables->timeout);
		free(tables);
		return -ENOMEM;
	}
	*ret_tables = tables;
	return 0;
}

bool
tables_busy(const struct tables *tables)
{
	return tables->running != NULL;
}

void
tables_free(struct tables *tables)
{
	struct table *table;

	if (tables == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while ((table = LIST_FIRST(&tables->buckets[i])) != NULL) {
			LIST_REMOVE(table, bucket_link);
			table_free(table);
		}
	event_free(tables->timeout);
	event_free(tables->turn);
	free(tables);
}

static char *
join_lines(const struct string_list *list)
{
	size_t size = 1, used = 0;
	char *text;

	for (size_t i = 0; i < list->len; i++)
		size += strlen(list->items[i]) + 1;
	text = calloc(1, size);
	for (size_t i = 0; text != NULL && i < list->len; i++)
		used +=
		    (size_t)snprintf(text + used, size - used, "%s\n", list->items[i]);
	return text;
}

static uint64_t
hash_pcs(int fd)
{
	const void *data;
	uint64_t hash;
	size_t len;

	if (fd < 0 || shared_memory_map_sealed(fd, &data, &len) < 0 || data == NULL)
		return 0;
	hash = hash_bytes(HASH_SEED, data, len);
	munmap((void *)data, len);
	return hash;
}

static struct table *
find(struct tables *tables, const struct identity *identity, const char *entry_points,
    uint64_t pcs_hash)
{
	struct table *table;

	LIST_FOREACH(table, &tables->buckets[bucket_of(identity)], bucket_link)
		if (identity_equal(&table->identity, identity) &&
		    table->pcs_hash == pcs_hash &&
		    strcmp(table->entry_points, entry_points) == 0)
			return table;
	return NULL;
}

static int
make(struct tables *tables, const char *executable, const struct identity *identity,
    char *take_entry_points, int pcs, uint64_t pcs_hash, struct table **ret_table)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table == NULL) {
		free(take_entry_points);
		return -ENOMEM;
	}
	table->pcs = pcs >= 0 ? fcntl(pcs, F_DUPFD_CLOEXEC, 3) : -1;
	table->fd = -1;
	for (unsigned i = 0; i < MORE_LEN; i++)
		table->more[i].fd = -1;
	table->executable = strdup(executable);
	table->entry_points = take_entry_points;
	if (table->executable == NULL || (pcs >= 0 && table->pcs < 0)) {
		table_free(table);
		return -ENOMEM;
	}
	TAILQ_INIT(&table->users);
	table->identity = *identity;
	table->pcs_hash = pcs_hash;
	table->generation = supervisor_next_generation(tables->supervisor);
	table->turn_ms = first_turn_ms(executable);
	enqueue(tables, table);
	LIST_INSERT_HEAD(&tables->buckets[bucket_of(identity)], table, bucket_link);
	*ret_table = table;
	return 0;
}

int
table_want(struct tables *tables, struct target *target,
    const struct identity *identity, int pcs)
{
	char *entry_points = join_lines(&target->conf.entry_points);
	uint64_t pcs_hash = hash_pcs(pcs);
	struct table *table;
	int r = 0;

	if (entry_points == NULL)
		return -ENOMEM;
	table = find(tables, identity, entry_points, pcs_hash);
	if (table != NULL)
		free(entry_points);
	else
		r = make(tables, target->conf.executable, identity, entry_points, pcs,
		    pcs_hash, &table);
	if (r < 0)
		return r;
	table_drop(tables, target);
	target->table = table;
	TAILQ_INSERT_TAIL(&table->users, target, table_link);
	if (table->progress == TABLE_DONE)
		target_table_done(tables->supervisor->targets, target);
	else
		target_table_running(tables->supervisor->targets, target);
	run_next(tables);
	return 0;
}

void
table_drop(struct tables *tables, struct target *target)
{
	struct table *table = target->table;

	if (table == NULL)
		return;
	target->table = NULL;
	TAILQ_REMOVE(&table->users, target, table_link);
	release(tables, table);
}

/* ---- the symbolizer's job ---- */

/* The file that keeps the finished table, or -1. Looks after the others once a day. */
static int
open_cache(struct tables *tables, const struct table *table)
{
	const char *state_dir = tables->supervisor->conf->state_dir;
	const time_t now = time(NULL);
	int fd;

	if (now - tables->pruned >= 86400 || now < tables->pruned) {
		tables->pruned = now;
		cache_prune(state_dir);
	}
	fd = cache_open(
	    state_dir, table->executable, table->entry_points, table->pcs_hash);
	if (fd >= 0)
		return fd;
	log_warning("the table of %s cannot be kept in %s/tables: %s",
	    table->executable, state_dir, strerror(-fd));
	return -1;
}

/* What goes with a job besides the executable; -1: it does not. */
struct enclosed {
	int pcs, cache, debug, table, alternate;
};

static void
send_job(struct tables *tables, struct table *table, int executable,
    const struct enclosed *enclosed)
{
	static struct message message;
	struct timeval limit = { .tv_sec =
				     tables->supervisor->conf->symbolize_timeout };
	const struct {
		int fd;
		unsigned bit;
	} more[] = { { enclosed->pcs, SYMBOLIZE_PCS },
		{ enclosed->cache, SYMBOLIZE_CACHE },
		{ enclosed->debug, SYMBOLIZE_DEBUG },
		{ enclosed->table, SYMBOLIZE_TABLE },
		{ enclosed->alternate, SYMBOLIZE_ALTERNATE } };
	int fds[MESSAGE_FDS_MAX] = { executable };
	size_t fds_len = 1;

	message_init(&message, MESSAGE_SYMBOLIZE,
	    TAILQ_EMPTY(&table->users) ? 0 : TAILQ_FIRST(&table->users)->id);
	message.symbolize.serial = table->generation;
	message_printf(&message, "%s", table->entry_points);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (more[i].fd >= 0) {
			message.symbolize.parts |= more[i].bit;
			fds[fds_len++] = more[i].fd;
		}
	if (table->alternate_wish != NULL && enclosed->alternate < 0)
		message.symbolize.parts |= SYMBOLIZE_NO_ALTERNATE;
	if (enclosed->table >= 0 && table->at == MORE_BLOCKS)
		message.symbolize.parts |= SYMBOLIZE_BLOCKS;
	tables->running = table;
	event_add(tables->timeout, &limit);
	worker_send(supervisor_worker(tables->supervisor, WORKER_SYMBOLIZER), &message,
	    fds, fds_len);
}

/* @debug, @alternate: the separate and the alternate debug file; -1: the symbolizer has
 * not asked for it, or nobody has it. */
static void
send_table_job(struct tables *tables, struct table *table, int executable, int debug,
    int alternate)
{
	const struct enclosed enclosed = { table->pcs, open_cache(tables, table), debug,
		-1, alternate };

	table->progress = TABLE_RUNNING;
	send_job(tables, table, executable, &enclosed);
	if (enclosed.cache >= 0)
		close(enclosed.cache);
}

static int
open_executable(const struct table *table, char *reason, size_t size)
{
	int fd = open(table->executable, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		snprintf(reason, size, "executable %.200s cannot be opened: %s",
		    table->executable, strerror(errno));
	return fd;
}

static void
start_table(struct tables *tables, struct table *table)
{
	char reason[320];
	int fd = open_executable(table, reason, sizeof(reason));

	if (fd < 0) {
		finish(tables, table, TABLE_FAILED, reason);
		return;
	}
	free(table->debug_wish);
	free(table->alternate_wish);
	table->debug_wish = table->alternate_wish = NULL;
	send_table_job(tables, table, fd, -1, -1);
	close(fd);
}

/* Symbols of another build would name the wrong functions: an executable that changed
 * meanwhile, and gets another table soon, is not looked at. */
static int
open_unchanged(const struct table *table, char *reason, size_t size)
{
	struct identity identity;
	struct stat st;
	int fd = open_executable(table, reason, size);

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) == 0) {
		identity = identity_of(&st);
		if (identity_equal(&identity, &table->identity))
			return fd;
	}
	snprintf(reason, size, "executable %.200s has changed", table->executable);
	close(fd);
	return -1;
}

static void
start_more(struct tables *tables, struct table *table)
{
	const struct string_list *roots = &tables->supervisor->conf->debug_roots;
	struct enclosed enclosed = { -1, -1, -1, table->fd, -1 };
	char reason[320];
	int fd = open_unchanged(table, reason, sizeof(reason));

	if (fd < 0) {
		finish_more(tables, table, -1, reason);
		return;
	}
	if (table->debug_wish != NULL)
		enclosed.debug =
		    debug_file_open(roots, table->executable, table->debug_wish);
	if (table->at == MORE_BLOCKS && table->alternate_wish != NULL)
		enclosed.alternate = debug_file_open_alternate(roots,
		    enclosed.debug >= 0 ? enclosed.debug : fd, table->alternate_wish);
	table->more[table->at].progress = MORE_RUNNING;
	send_job(tables, table, fd, &enclosed);
	if (enclosed.alternate >= 0)
		close(enclosed.alternate);
	if (enclosed.debug >= 0)
		close(enclosed.debug);
	close(fd);
}

/* One job at a time, so that a death or a time-out has one cause; tables, which pages
 * wait for, before more of them; and each for its turn, where others wait. */
static void
run_next(struct tables *tables)
{
	struct worker *worker =
	    supervisor_worker(tables->supervisor, WORKER_SYMBOLIZER);
	struct table *table;

	while (tables->running == NULL && worker_has_room(worker)) {
		tables->since_ms = clock_ms(CLOCK_MONOTONIC);
		if ((table = TAILQ_FIRST(&tables->queue)) != NULL) {
			TAILQ_REMOVE(&tables->queue, table, queue_link);
			start_table(tables, table);
		} else if ((table = TAILQ_FIRST(&tables->more_queue)) != NULL) {
			TAILQ_REMOVE(&tables->more_queue, table, more_link);
			start_more(tables, table);
		} else {
			break;
		}
	}
	plan_turn(tables);
}

/* The running job's executable has no lines of its own: sends it again with the separate
 * debug file that @wish describes, or gives it up. */
static void
send_with_debug(struct tables *tables, const char *wish)
{
	const struct string_list *roots = &tables->supervisor->conf->debug_roots;
	struct table *table = tables->running;
	const int id_len = (int)strspn(wish, "0123456789abcdef");
	char reason[320];
	int fd = -1, debug = debug_file_open(roots, table->executable, wish);

	table->debug_wish = strdup(wish);
	if (table->debug_wish == NULL)
		snprintf(reason, sizeof(reason), "%s", strerror(ENOMEM));
	else if (debug < 0)
		snprintf(reason, sizeof(reason),
		    "no .debug_line: build with -g (or -gline-tables-only) and do not "
		    "strip, or put its separate debug file (build ID %.*s) beside it "
		    "or below debug-roots (%.80s)",
		    id_len > 0 ? id_len : 4, id_len > 0 ? wish : "none",
		    roots->items[0]);
	else
		fd = open_executable(table, reason, sizeof(reason));
	if (fd >= 0)
		send_table_job(tables, table, fd, debug, -1);
	else
		finish(tables, table, TABLE_FAILED, reason);
	if (fd >= 0)
		close(fd);
	if (debug >= 0)
		close(debug);
}

/* The same with the alternate debug file, or without it where nobody has it. */
static void
send_with_alternate(struct tables *tables, const char *wish)
{
	const struct string_list *roots = &tables->supervisor->conf->debug_roots;
	struct table *table = tables->running;
	char reason[320];
	int fd = open_executable(table, reason, sizeof(reason)), debug = -1, alternate;

	if (fd < 0) {
		finish(tables, table, TABLE_FAILED, reason);
		return;
	}
	if (table->debug_wish != NULL)
		debug = debug_file_open(roots, table->executable, table->debug_wish);
	if (table->debug_wish != NULL && debug < 0) {
		finish(tables, table, TABLE_FAILED, "its separate debug file is gone");
		close(fd);
		return;
	}
	alternate = debug_file_open_alternate(roots, debug >= 0 ? debug : fd, wish);
	table->alternate_wish = strdup(wish);
	if (table->alternate_wish == NULL)
		finish(tables, table, TABLE_FAILED, strerror(ENOMEM));
	else
		send_table_job(tables, table, fd, debug, alternate);
	if (alternate >= 0)
		close(alternate);
	if (debug >= 0)
		close(debug);
	close(fd);
}

/* Of the table's content only what the directory shows; its readers check the rest. */
static int
read_header(int fd, struct table *table)
{
	struct source_table_header header;

	if (shared_memory_is_sealed(fd) < 0 ||
	    pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    header.magic != SOURCE_TABLE_MAGIC ||
	    header.build_id_len > sizeof(header.build_id))
		return -EPROTO;
	if (header.dropped_len > header.pcs_len)
		return -EPROTO;
	table->pcs_len = header.pcs_len;
	table->dropped_len = header.dropped_len;
	table->build_id_len = header.build_id_len;
	memcpy(table->build_id, header.build_id, sizeof(table->build_id));
	return 0;
}

/* Behind a line feed of @reason, which ends there: the build ID of an executable that has no
 * table to tell it. */
static void
take_build_id(struct table *table, char *reason)
{
	char *hex = strchr(reason, '\n');

	table->build_id_len = 0;
	if (hex == NULL)
		return;
	*hex++ = '\0';
	while (table->build_id_len < sizeof(table->build_id) &&
	    sscanf(hex, "%2hhx", &table->build_id[table->build_id_len]) == 1) {
		table->build_id_len++;
		hex += 2;
	}
}

int
tables_answer(struct tables *tables, const struct message *message, int fd)
{
	struct table *table = tables->running;
	char reason[320] = "", wish[PATH_MAX + 200];
	int r = 0;

	if (table == NULL || message->table.serial != table->generation ||
	    table->progress != TABLE_RUNNING)
		goto out; /* of a job that was given up */
	snprintf(reason, sizeof(reason), "%.*s", (int)message->text_len, message->text);
	if (message->table.status == TABLE_WANTS_DEBUG && table->debug_wish == NULL) {
		send_with_debug(tables, reason);
		run_next(tables);
		goto out;
	}
	if (message->table.status == TABLE_WANTS_ALTERNATE &&
	    table->alternate_wish == NULL) {
		snprintf(
		    wish, sizeof(wish), "%.*s", (int)message->text_len, message->text);
		send_with_alternate(tables, wish);
		run_next(tables);
		goto out;
	}
	if (message->table.status > TABLE_FAILED ||
	    (message->table.status == TABLE_OK &&
		(fd < 0 || read_header(fd, table) < 0))) {
		r = -EPROTO;
		goto out;
	}
	if (message->table.status == TABLE_OK) {
		table->fd = fd;
		fd = -1;
		if (table->dropped_len > 0)
			log_notice("%s: %u of its %u PCs are not counted: the linker "
				   "dropped their code",
			    table->executable, table->dropped_len, table->pcs_len);
	} else if (message->table.status == TABLE_NO_PC_TABLE) {
		take_build_id(table, reason);
	}
	finish(tables, table, message->table.status, reason);
	run_next(tables);
out:
	if (fd >= 0)
		close(fd);
	return r;
}

/* Of its content only whose it is; the front-end checks the rest. */
static int
check_more(int fd, const struct table *table)
{
	struct wire_functions functions;
	struct wire_blocks blocks;
	bool sound;

	if (shared_memory_is_sealed(fd) != 0)
		return -EPROTO;
	if (table->at == MORE_FUNCTIONS)
		sound = pread(fd, &functions, sizeof(functions), 0) ==
			(ssize_t)sizeof(functions) &&
		    functions.magic == FUNCTION_TABLE_MAGIC &&
		    functions.pcs_len == table->pcs_len;
	else
		sound =
		    pread(fd, &blocks, sizeof(blocks), 0) == (ssize_t)sizeof(blocks) &&
		    blocks.magic == WIRE_BLOCKS_MAGIC &&
		    blocks.pcs_len == table->pcs_len;
	return sound ? 0 : -EPROTO;
}

int
tables_more(struct tables *tables, const struct message *message, int fd)
{
	static const enum message_type types[MORE_LEN] = { MESSAGE_FUNCTIONS,
		MESSAGE_BLOCKS };
	struct table *table = tables->running;
	char reason[320];

	if (table == NULL || message->table.serial != table->generation ||
	    !runs_more(table) || message->type != types[table->at]) {
		if (fd >= 0)
			close(fd);
		return 0; /* of a job that was given up */
	}
	if ((message->table.status == TABLE_OK) != (fd >= 0) ||
	    (fd >= 0 && check_more(fd, table) < 0)) {
		if (fd >= 0)
			close(fd);
		return -EPROTO;
	}
	snprintf(reason, sizeof(reason), "%.*s", (int)message->text_len, message->text);
	finish_more(tables, table, fd, reason);
	run_next(tables);
	return 0;
}

void
tables_started(struct tables *tables)
{
	run_next(tables);
}

/* Gives up the running job, as one that nobody can do. */
static void
give_up(struct tables *tables, const char *how)
{
	struct table *table = tables->running;
	char reason[320];

	snprintf(reason, sizeof(reason),
	    "the symbolizer died %u times on this executable (%s); build it anew, or "
	    "report it together with the executable",
	    table->deaths, how);
	if (runs_more(table))
		finish_more(tables, table, -1, reason);
	else
		finish(tables, table, TABLE_FAILED, reason);
}

void
tables_died(struct tables *tables, const char *how)
{
	struct table *table = tables->running;

	if (table == NULL)
		return;
	if (++table->deaths >= DEATHS_MAX) {
		give_up(tables, how);
		return;
	}
	event_del(tables->timeout);
	tables->running = NULL;
	if (runs_more(table)) {
		table->more[table->at].progress = MORE_QUEUED;
		TAILQ_INSERT_HEAD(&tables->more_queue, table, more_link);
	} else {
		table->progress = TABLE_QUEUED;
		TAILQ_INSERT_HEAD(&tables->queue, table, queue_link);
	}
	release(tables, table);
}
