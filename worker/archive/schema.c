/* SPDX-License-Identifier: MIT
 * The archive's tables, a step for each version; in the archive.
 */
#include "config.h"

#include "schema.h"

#include <stddef.h>

#include "banned.h"

/* Step i makes version i + 1 of version i. A step that was released never changes.
 *
 *   series     a target, or a job of it (job: its name, else empty), on a host (empty: this one)
 *   second     samples of one second that are in no pack yet: varint of the series, varint of the
 *              length, a pack of one
 *   pack       samples (sample.h) of a series from @t on: level 0 seconds of a minute, 1 minutes of
 *              an hour, 2 hours of a day
 *   build      what a target was built to; build_id in hex, or what else tells builds apart
 *   first_hit  when a PC of a build was reached first: 0 before anybody looked
 *   input      by SHA-1, as fuzzers name them
 *   event      number is its sender's: what is sent twice is kept once
 *   job        what a job goes on from
 */
static const char *const steps[] = {
	"CREATE TABLE series (id INTEGER PRIMARY KEY, host TEXT NOT NULL, target TEXT "
	"NOT NULL,"
	" job TEXT NOT NULL, UNIQUE (host, target, job));"
	"CREATE TABLE second (t INTEGER PRIMARY KEY, samples BLOB NOT NULL);"
	"CREATE TABLE pack (series INTEGER NOT NULL, level INTEGER NOT NULL, t INTEGER "
	"NOT NULL,"
	" samples BLOB NOT NULL, PRIMARY KEY (series, level, t)) WITHOUT ROWID;"
	"CREATE TABLE build (id INTEGER PRIMARY KEY, target TEXT NOT NULL, build_id "
	"TEXT NOT NULL,"
	" built_ms INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT "
	"NULL,"
	" pcs INTEGER NOT NULL,"
	" UNIQUE (target, build_id));"
	"CREATE TABLE first_hit (build INTEGER NOT NULL, pc INTEGER NOT NULL, ms "
	"INTEGER NOT NULL,"
	" job TEXT, instance INTEGER, input INTEGER, PRIMARY KEY (build, pc)) WITHOUT "
	"ROWID;"
	"CREATE TABLE input (id INTEGER PRIMARY KEY, sha1 TEXT NOT NULL UNIQUE, ms "
	"INTEGER NOT NULL,"
	" size INTEGER NOT NULL, bytes BLOB);"
	"CREATE TABLE event (id INTEGER PRIMARY KEY, ms INTEGER NOT NULL, kind TEXT "
	"NOT NULL,"
	" target TEXT NOT NULL, job TEXT NOT NULL, text TEXT NOT NULL, number INTEGER "
	"NOT NULL UNIQUE);"
	"CREATE INDEX event_target ON event (target, id);"
	"CREATE TABLE job (target TEXT NOT NULL, job TEXT NOT NULL, stats BLOB NOT "
	"NULL,"
	" ran_ms INTEGER NOT NULL, starts INTEGER NOT NULL, stopped INTEGER NOT NULL,"
	" PRIMARY KEY (target, job)) WITHOUT ROWID;",
};

#define STEPS ((int)(sizeof(steps) / sizeof(steps[0])))

int
schema_version(void)
{
	return STEPS;
}

int
schema_migrate(sqlite3 *db, int from)
{
	int r = SQLITE_OK;

	for (int i = from; i < STEPS && r == SQLITE_OK; i++)
		r = sqlite3_exec(db, steps[i], NULL, NULL, NULL);
	if (r == SQLITE_OK && from < STEPS) {
		/* A pragma takes no argument. */
		char *sql = sqlite3_mprintf("PRAGMA user_version = %d", STEPS);

		r = sql != NULL ? sqlite3_exec(db, sql, NULL, NULL, NULL)
				: SQLITE_NOMEM;
		sqlite3_free(sql);
	}
	return r;
}
