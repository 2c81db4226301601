/* SPDX-License-Identifier: MIT
 * SQLite's file, its states, its statements; in the archive.
 */
#include "config.h"

#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "schema.h"
#include "banned.h"

#define RETRY_MS 2000
#define SHRINK_PAGES 512 /* at once */
#define SHRINK_TEXT "512"
#define STATEMENTS_MAX 64
#define ASIDE_MAX 2 /* damaged files that are kept */
#define CACHE_KIB 2048
#define WAL_MAX "8388608" /* bytes that it keeps of its log */

struct statement {
	const char *sql; /* compared by address */
	sqlite3_stmt *handle;
};

struct store {
	sqlite3 *db;  /* NULL: not open */
	int error;    /* SQLite's, of this transaction; SQLITE_OK: none */
	bool is_well; /* the last transaction was kept */
	unsigned life;
	ino_t inode, wal; /* of the file that is or was open, and of its log */
	bool is_foreign, lacks_table;
	int64_t retry_ms, looked_ms;
	char words[400];
	char aside[300]; /* what was put aside, said until we end */
	struct statement statements[STATEMENTS_MAX];
	size_t statements_len;
};

int
store_new(struct store **ret_store)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return -ENOMEM;
	*ret_store = store;
	return 0;
}

static void
close_file(struct store *store)
{
	for (size_t i = 0; i < store->statements_len; i++)
		sqlite3_finalize(store->statements[i].handle);
	store->statements_len = 0;
	sqlite3_close(store->db);
	store->db = NULL;
}

void
store_free(struct store *store)
{
	if (store == NULL)
		return;
	close_file(store);
	free(store);
}

/* ---- what goes wrong ---- */

static void __attribute__((format(printf, 2, 3)))
be_ill(struct store *store, const char *format, ...)
{
	char words[sizeof(store->words)];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	if (store->is_well || strcmp(words, store->words) != 0)
		log_err("%s", words);
	memcpy(store->words, words, sizeof(words));
	store->is_well = false;
	store->retry_ms = clock_ms(CLOCK_MONOTONIC) + RETRY_MS;
}

/* Of the names that begin so, all but the newest ones: times in them have one length. */
static void
remove_oldest_aside(void)
{
	char oldest[NAME_MAX + 1];
	size_t count;

	do {
		int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
		struct dirent *entry;

		count = 0;
		while (folder != NULL && (entry = readdir(folder)) != NULL) {
			if (strncmp(entry->d_name, "damaged-", 8) != 0 ||
			    strchr(entry->d_name, '.') == NULL ||
			    strstr(entry->d_name, "-wal") != NULL)
				continue;
			if (count++ == 0 || strcmp(entry->d_name, oldest) < 0)
				snprintf(oldest, sizeof(oldest), "%s", entry->d_name);
		}
		if (folder != NULL)
			closedir(folder);
		if (count <= ASIDE_MAX)
			return;
		if (unlink(oldest) != 0)
			return;
		if (strlen(oldest) + 4 < sizeof(oldest)) {
			memcpy(oldest + strlen(oldest), "-wal", 5);
			unlink(oldest);
		}
	} while (count > ASIDE_MAX + 1);
}

/* Kept, since somebody may save something of it; a new file takes its place. */
static void
put_aside(struct store *store, const char *why)
{
	char name[64], wal[80];

	close_file(store);
	snprintf(
	    name, sizeof(name), "damaged-%lld.db", (long long)clock_ms(CLOCK_REALTIME));
	snprintf(wal, sizeof(wal), "%s-wal", name);
	if (rename(STORE_FILE, name) != 0) {
		be_ill(store,
		    "the archive is damaged (%s), and cannot be put aside: %s: move "
		    "archive.db away",
		    why, strerror(errno));
		return;
	}
	if (rename(STORE_FILE "-wal", wal) != 0 && errno != ENOENT)
		unlink(STORE_FILE "-wal");
	remove_oldest_aside();
	snprintf(store->aside, sizeof(store->aside),
	    "the archive was damaged (%.60s) and begun anew; what there was lies in "
	    "archive/%s of state-dir (sqlite3's .recover may save some of it)",
	    why, name);
	log_err("%s", store->aside);
	store->retry_ms = 0;
}

/* Also one that lacks what its version has. */
static bool
is_damage(const struct store *store, int error)
{
	return (error & 0xff) == SQLITE_CORRUPT || (error & 0xff) == SQLITE_NOTADB ||
	    ((error & 0xff) == SQLITE_ERROR && store->lacks_table);
}

/* What the system had against it; 0: nothing that it told. */
static int
system_error(const struct store *store)
{
	return store->db != NULL ? sqlite3_system_errno(store->db) : 0;
}

/* @error is SQLite's. */
static void
fail(struct store *store, int error)
{
	const int kind = error & 0xff, system = system_error(store);
	const bool forbidden = system == EACCES || system == EPERM || system == EROFS;

	if (is_damage(store, error)) {
		store->lacks_table = false;
		put_aside(store, sqlite3_errstr(error));
		return;
	}
	if (kind == SQLITE_FULL || system == ENOSPC || system == EDQUOT)
		be_ill(store,
		    "nothing is kept in the archive: the disk of state-dir is full: "
		    "make room; it goes on by itself then");
	else if (kind == SQLITE_READONLY || kind == SQLITE_CANTOPEN ||
	    kind == SQLITE_PERM || forbidden)
		be_ill(store,
		    "nothing is kept in the archive: archive.db in state-dir/archive "
		    "cannot be "
		    "written (%s): see its owner, mode and file system; it goes on by "
		    "itself then",
		    forbidden ? strerror(system) : sqlite3_errstr(error));
	else
		be_ill(store,
		    "nothing is kept in the archive: %s; it is tried again and again",
		    sqlite3_errstr(error));
	/* A file system that failed once tells another story to those who open anew. */
	if (kind != SQLITE_FULL)
		close_file(store);
}

static void
note(struct store *store, int error)
{
	if (store->error == SQLITE_OK && error != SQLITE_OK && error != SQLITE_ROW &&
	    error != SQLITE_DONE)
		store->error = error;
}

/* ---- opening ---- */

static int
set_up(struct store *store)
{
	static const char pragmas[] = "PRAGMA locking_mode = EXCLUSIVE;"
				      "PRAGMA auto_vacuum = INCREMENTAL;"
				      "PRAGMA journal_mode = WAL;"
				      "PRAGMA synchronous = NORMAL;"
				      "PRAGMA temp_store = MEMORY;"
				      "PRAGMA journal_size_limit = " WAL_MAX ";";
	int64_t version = 0;
	char *sql;
	int r;

	sqlite3_extended_result_codes(store->db, 1);
	/* It opens to read what it may not write. */
	if (sqlite3_db_readonly(store->db, "main") == 1)
		return SQLITE_READONLY;
	r = sqlite3_exec(store->db, pragmas, NULL, NULL, NULL);
	if (r != SQLITE_OK)
		return r;
	sql = sqlite3_mprintf("PRAGMA cache_size = -%d", CACHE_KIB);
	sqlite3_exec(store->db, sql, NULL, NULL, NULL);
	sqlite3_free(sql);
	if (store_number(store, &version, "PRAGMA user_version", "") < 0)
		return store->error;
	if (version < 0)
		return SQLITE_CORRUPT;
	if (version > 0 && store->life > 0 && store->inode == 0)
		store->is_foreign = true;
	if (version > schema_version()) {
		be_ill(store,
		    "nothing is kept in the archive: archive.db in state-dir/archive "
		    "is of a "
		    "newer fuzzsupd (version %lld, this one knows %d): install that "
		    "one, "
		    "or move the file away",
		    (long long)version, schema_version());
		return SQLITE_MISUSE;
	}
	r = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (r == SQLITE_OK)
		r = schema_migrate(store->db, (int)version);
	if (r == SQLITE_OK)
		return sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
	sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

/* Which log is ours: another file would take over what is in it. */
static void
know_log(struct store *store)
{
	struct stat st;

	if (stat(STORE_FILE, &st) == 0 && st.st_ino == store->inode)
		store->wal = stat(STORE_FILE "-wal", &st) == 0 ? st.st_ino : 0;
}

static void
open_file(struct store *store)
{
	struct stat st;
	int r;

	store->error = SQLITE_OK;
	r = sqlite3_open_v2(STORE_FILE, &store->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL);
	if (r == SQLITE_OK)
		r = set_up(store);
	if (r == SQLITE_OK && stat(STORE_FILE, &st) == 0) {
		store->retry_ms = 0;
		if (store->inode != st.st_ino)
			store->life++;
		store->inode = st.st_ino;
		know_log(store);
		return;
	}
	if (r == SQLITE_MISUSE) /* which was said */
		close_file(store);
	else
		fail(store, r == SQLITE_OK ? SQLITE_CANTOPEN : r);
	if (store->db != NULL)
		close_file(store);
}

/* Somebody took it away, and what we write would go to nobody. */
static void
look_for_file(struct store *store, int64_t now_ms)
{
	struct stat st;

	if (store->db == NULL || now_ms - store->looked_ms < RETRY_MS)
		return;
	store->looked_ms = now_ms;
	if (stat(STORE_FILE, &st) == 0 && st.st_ino == store->inode) {
		know_log(store);
		return;
	}
	log_warning(
	    "archive.db was removed or replaced; the one that is there is used");
	close_file(store);
	/* Our log is none of the file's that is there now. */
	if (store->wal != 0 && stat(STORE_FILE "-wal", &st) == 0 &&
	    st.st_ino == store->wal)
		unlink(STORE_FILE "-wal");
	store->inode = store->wal = 0; /* the next ones may get the same */
	store->retry_ms = 0;
}

bool
store_look(struct store *store, int64_t now_ms)
{
	look_for_file(store, now_ms);
	if (store->db == NULL && now_ms >= store->retry_ms) {
		open_file(store);
		/* What was put aside leaves room for a new one. */
		if (store->db == NULL && store->retry_ms == 0)
			open_file(store);
	}
	return store->db != NULL && !store->is_foreign &&
	    (store->is_well || now_ms >= store->retry_ms);
}

unsigned
store_life(const struct store *store)
{
	return store->life;
}

const char *
store_words(const struct store *store)
{
	return store->words[0] != '\0' ? store->words : store->aside;
}

bool
store_is_foreign(const struct store *store)
{
	return store->is_foreign;
}

bool
store_is_open(const struct store *store)
{
	return store->db != NULL;
}

bool
store_is_well(const struct store *store)
{
	return store->is_well;
}

/* ---- statements ---- */

static sqlite3_stmt *
prepare(struct store *store, const char *sql)
{
	struct statement *statement;
	int r;

	for (size_t i = 0; i < store->statements_len; i++)
		if (store->statements[i].sql == sql)
			return store->statements[i].handle;
	if (store->db == NULL || store->statements_len == STATEMENTS_MAX) {
		note(store, SQLITE_MISUSE);
		return NULL;
	}
	statement = &store->statements[store->statements_len];
	r = sqlite3_prepare_v3(
	    store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->handle, NULL);
	note(store, r);
	if (r == SQLITE_ERROR && strncmp(sqlite3_errmsg(store->db), "no such ", 8) == 0)
		store->lacks_table = true;
	if (r != SQLITE_OK)
		return NULL;
	statement->sql = sql;
	store->statements_len++;
	return statement->handle;
}

static void
bind(sqlite3_stmt *statement, const char *types, va_list args)
{
	for (int i = 1; *types != '\0'; types++, i++) {
		if (*types == 'i') {
			sqlite3_bind_int64(statement, i, va_arg(args, int64_t));
		} else if (*types == 't') {
			sqlite3_bind_text(statement, i, va_arg(args, const char *), -1,
			    SQLITE_STATIC);
		} else {
			const void *bytes = va_arg(args, const void *);

			sqlite3_bind_blob64(
			    statement, i, bytes, va_arg(args, size_t), SQLITE_STATIC);
		}
	}
}

static int
run(struct store *store, const char *sql, store_row_cb cb, void *context,
    const char *types, va_list args)
{
	sqlite3_stmt *statement =
	    store->error == SQLITE_OK ? prepare(store, sql) : NULL;
	int r;

	if (statement == NULL)
		return -EIO;
	bind(statement, types, args);
	while ((r = sqlite3_step(statement)) == SQLITE_ROW)
		if (cb != NULL && !cb(statement, context))
			break;
	note(store, r);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return r == SQLITE_DONE || r == SQLITE_ROW ? 0 : -EIO;
}

int
store_run(struct store *store, const char *sql, const char *types, ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = run(store, sql, NULL, NULL, types, args);
	va_end(args);
	return r;
}

int
store_each(struct store *store, const char *sql, store_row_cb cb, void *context,
    const char *types, ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = run(store, sql, cb, context, types, args);
	va_end(args);
	return r;
}

static bool
number_cb(sqlite3_stmt *row, void *context)
{
	*(int64_t *)context = sqlite3_column_int64(row, 0);
	return false;
}

int
store_number(
    struct store *store, int64_t *ret_value, const char *sql, const char *types, ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = run(store, sql, number_cb, ret_value, types, args);
	va_end(args);
	return r;
}

void
store_begin(struct store *store)
{
	store->error = SQLITE_OK;
	store_run(store, "BEGIN IMMEDIATE", "");
}

void
store_settle(struct store *store)
{
	const int error = store->error;

	store->error = SQLITE_OK;
	if (error != SQLITE_OK)
		fail(store, error);
}

int
store_end(struct store *store)
{
	int error;

	if (store->error == SQLITE_OK && store_run(store, "COMMIT", "") == 0) {
		if (!store->is_well && store->words[0] != '\0')
			log_notice("what is found is kept again");
		store->is_well = true;
		store->words[0] = '\0';
		if (store->wal == 0) /* it is made by the first that is written */
			know_log(store);
		return 0;
	}
	error = store->error;
	store->error = SQLITE_OK;
	if (store->db != NULL && sqlite3_get_autocommit(store->db) == 0)
		store_run(store, "ROLLBACK", "");
	store->error = SQLITE_OK;
	fail(store, error);
	return -EIO;
}

int
store_changes(const struct store *store)
{
	return store->db != NULL ? sqlite3_changes(store->db) : 0;
}

/* A quarter of the file may wait to be used again. */
void
store_shrink(struct store *store)
{
	int64_t pages = 0, unused = 0;

	store_number(store, &pages, "PRAGMA page_count", "");
	store_number(store, &unused, "PRAGMA freelist_count", "");
	if (unused > SHRINK_PAGES && unused > pages / 4)
		store_run(store, "PRAGMA incremental_vacuum(" SHRINK_TEXT ")", "");
	store_settle(store);
}
