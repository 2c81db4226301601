/* SPDX-License-Identifier: MIT
 * Events; in the archive.
 */
#include "config.h"

#include "events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "banned.h"

#define FIELDS 4
#define WAITING_MAX 8192

struct waiting {
	STAILQ_ENTRY(waiting) link;
	uint64_t number;
	int64_t ms;
	const char *fields[FIELDS];
	char text[];
};

struct events {
	struct store *store;
	STAILQ_HEAD(, waiting) waiting;
	size_t waiting_len;
	uint64_t keep;
};

int
events_new(struct store *store, struct events **ret_events)
{
	struct events *events = calloc(1, sizeof(*events));

	if (events == NULL)
		return -ENOMEM;
	events->store = store;
	STAILQ_INIT(&events->waiting);
	*ret_events = events;
	return 0;
}

static void
drop_first(struct events *events)
{
	struct waiting *waiting = STAILQ_FIRST(&events->waiting);

	STAILQ_REMOVE_HEAD(&events->waiting, link);
	events->waiting_len--;
	free(waiting);
}

void
events_free(struct events *events)
{
	if (events == NULL)
		return;
	while (!STAILQ_EMPTY(&events->waiting))
		drop_first(events);
	free(events);
}

void
events_set_keep(struct events *events, uint64_t count)
{
	events->keep = count;
}

int
events_add(struct events *events, uint64_t number, int64_t ms, const char *text)
{
	const size_t len = strlen(text);
	struct waiting *waiting = malloc(sizeof(*waiting) + len + 1);
	char *at, *feed;

	if (waiting == NULL)
		return -ENOMEM;
	memcpy(waiting->text, text, len + 1);
	at = waiting->text;
	for (unsigned i = 0; i < FIELDS; i++) {
		waiting->fields[i] = at;
		feed = i + 1 < FIELDS ? strchr(at, '\n') : NULL;
		if (feed == NULL && i + 1 < FIELDS) {
			free(waiting);
			return -EPROTO;
		}
		if (feed != NULL) {
			*feed = '\0';
			at = feed + 1;
		}
	}
	waiting->number = number;
	waiting->ms = ms;
	STAILQ_INSERT_TAIL(&events->waiting, waiting, link);
	/* The sender keeps them, too, until they are in the file. */
	if (++events->waiting_len > WAITING_MAX)
		drop_first(events);
	return 0;
}

void
events_write(struct events *events)
{
	const struct waiting *waiting;

	STAILQ_FOREACH(waiting, &events->waiting, link)
	store_run(events->store,
	    "INSERT OR IGNORE INTO event (ms, kind, target, job, text, number)"
	    " VALUES (?, ?, ?, ?, ?, ?)",
	    "itttti", waiting->ms, waiting->fields[0], waiting->fields[1],
	    waiting->fields[2], waiting->fields[3], (int64_t)waiting->number);
	if (events->waiting_len > 0 && events->keep > 0)
		store_run(events->store,
		    "DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?",
		    "i", (int64_t)events->keep);
}

uint64_t
events_written(struct events *events)
{
	uint64_t number = 0;

	while (!STAILQ_EMPTY(&events->waiting)) {
		const struct waiting *waiting = STAILQ_FIRST(&events->waiting);

		if (waiting->number > number)
			number = waiting->number;
		drop_first(events);
	}
	return number;
}

static bool
row_cb(sqlite3_stmt *row, void *context)
{
	json_t *list = context;

	json_array_append_new(list,
	    json_pack("{s:I,s:I,s:s,s:s,s:s,s:s}", "id",
		(json_int_t)sqlite3_column_int64(row, 0), "time",
		(json_int_t)sqlite3_column_int64(row, 1), "kind",
		sqlite3_column_text(row, 2), "target", sqlite3_column_text(row, 3),
		"job", sqlite3_column_text(row, 4), "text",
		sqlite3_column_text(row, 5)));
	return true;
}

/* The newest ones, the oldest of them first. */
#define NEWEST(condition) \
	"SELECT * FROM (SELECT id, ms, kind, target, job, text FROM event " \
	"WHERE " condition " id > ? AND id < ? ORDER BY id DESC LIMIT ?) ORDER BY id"

json_t *
events_read(struct events *events, const char *target, int64_t after, int64_t before,
    int64_t limit)
{
	json_t *list = json_array();

	if (list == NULL)
		return NULL;
	if (target[0] != '\0')
		store_each(events->store, NEWEST("target = ? AND"), row_cb, list,
		    "tiii", target, after, before, limit);
	else
		store_each(events->store, NEWEST(""), row_cb, list, "iii", after,
		    before, limit);
	return list;
}

int64_t
events_newest(struct events *events)
{
	int64_t id = 0;

	store_number(events->store, &id, "SELECT max(id) FROM event", "");
	return id;
}
