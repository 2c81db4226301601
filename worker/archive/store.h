/* SPDX-License-Identifier: MIT
 * The archive's file: SQLite in the folder that is our working directory. We alone have it open.
 *
 * Whatever goes wrong with it is a state with a sentence; it is opened again by and by. What
 * is damaged is put aside under another name, and a new one begun.
 */
#ifndef FUZZSUP_ARCHIVE_STORE_H
#define FUZZSUP_ARCHIVE_STORE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_FILE "archive.db"

struct store;

/* Returns 0 or -ENOMEM; the file is opened by store_look(). */
int store_new(struct store **ret_store);
void store_free(struct store *store);

/* Opens the file where it is not, if it is time to try. @now_ms: monotonic. True if it is open. */
bool store_look(struct store *store, int64_t now_ms);

/* Grows each time that another file was begun or found: what was learnt of the one before,
 * is not in it. */
unsigned store_life(const struct store *store);

/* Why nothing is kept now, and the remedy, or what was put aside; "": all is well. */
const char *store_words(const struct store *store);

/* True if somebody put another file, with something in it, in the place of the one that was open: what is known
 * does not fit it, and a new process is to read it. */
bool store_is_foreign(const struct store *store);

/* True while what it has can be read. */
bool store_is_open(const struct store *store);

/* False while nothing can be kept. */
bool store_is_well(const struct store *store);

/* All that is written lies between these two. store_end() returns 0, or -EIO where all of it
 * came to nothing. */
void store_begin(struct store *store);
int store_end(struct store *store);

/* Behind what was only read: looks what went wrong with it. */
void store_settle(struct store *store);

/* Runs @sql, a literal, with an argument for each letter of @types: i (int64_t), t (text), b
 * (const void * and size_t). Returns 0 or -EIO; then store_end() fails, too. */
int store_run(struct store *store, const char *sql, const char *types, ...);

/* The same, and calls @cb for each row, until it returns false. */
typedef bool (*store_row_cb)(sqlite3_stmt *row, void *context);
int store_each(struct store *store, const char *sql, store_row_cb cb, void *context,
    const char *types, ...);

/* The same, where the first column of the first row is a number: *@ret_value stays as it is where there is no row. */
int store_number(
    struct store *store, int64_t *ret_value, const char *sql, const char *types, ...);

/* Rows that the last statement changed. */
int store_changes(const struct store *store);

/* Gives some of the pages that nothing uses back to the file system, where they are many. */
void store_shrink(struct store *store);

#endif
