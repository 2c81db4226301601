/* SPDX-License-Identifier: MIT
 * What tables the archive has, and how an older file is brought up to date.
 */
#ifndef FUZZSUP_ARCHIVE_SCHEMA_H
#define FUZZSUP_ARCHIVE_SCHEMA_H

#include <sqlite3.h>

/* PRAGMA user_version of a file that is up to date. */
int schema_version(void);

/* Brings @db, of version @from (0: empty), up to date, within the caller's transaction. Returns
 * an SQLite result. */
int schema_migrate(sqlite3 *db, int from);

#endif
