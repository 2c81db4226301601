/* SPDX-License-Identifier: MIT
 * Histories: buffers, packs, the journal of seconds; in the archive.
 */
#include "config.h"

#include "series.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "banned.h"

#define WAITING_MAX (16 * 1024 * 1024) /* bytes of packs that cannot be written */
#define PRUNED_PER_SECOND 8            /* series */
#define BUCKETS 1024
#define CLOCK_SLIPS 10 /* seconds that a clock may be set back unnoticed */

static const struct {
	int64_t span; /* seconds of a pack */
	size_t len;   /* samples in it at most */
} levels[SERIES_LEVELS] = { { 60, 60 }, { 3600, 60 }, { 86400, 24 } };

/* A pack that is not in the file yet. */
struct waiting {
	STAILQ_ENTRY(waiting) link;
	int64_t series, t;
	unsigned level;
	size_t len;
	unsigned char pack[];
};

struct all_series {
	struct store *store;
	LIST_HEAD(, series) list;
	LIST_HEAD(, series) buckets[BUCKETS]; /* by id */
	struct series_keep keep;
	int64_t last_id;
	unsigned life; /* of the file that ids are of */
	STAILQ_HEAD(, waiting) waiting;
	size_t waiting_bytes;
	bool lost;              /* packs were, and that is said */
	bool went_back;         /* the clock did, and that is said */
	int64_t minute;         /* that buffers of seconds are of */
	unsigned char *journal; /* of the second that is under way */
	size_t journal_len, journal_size;
	int64_t journal_t;
	int64_t pruned; /* id of the series that was pruned last */
};

int
series_new(struct store *store, struct all_series **ret_all)
{
	struct all_series *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return -ENOMEM;
	all->store = store;
	LIST_INIT(&all->list);
	STAILQ_INIT(&all->waiting);
	*ret_all = all;
	return 0;
}

static void
insert(struct all_series *all, struct series *series)
{
	LIST_INSERT_HEAD(&all->list, series, in_all);
	LIST_INSERT_HEAD(
	    &all->buckets[(uint64_t)series->id % BUCKETS], series, in_bucket);
}

static void
free_one(struct series *series)
{
	LIST_REMOVE(series, in_all);
	LIST_REMOVE(series, in_bucket);
	for (unsigned i = 0; i < SERIES_LEVELS; i++)
		free(series->levels[i].samples);
	free(series);
}

static void
drop_waiting(struct all_series *all, struct waiting *waiting)
{
	STAILQ_REMOVE_HEAD(&all->waiting, link);
	all->waiting_bytes -= waiting->len;
	free(waiting);
}

void
series_free(struct all_series *all)
{
	struct waiting *waiting;
	struct series *series;

	if (all == NULL)
		return;
	while ((series = LIST_FIRST(&all->list)) != NULL)
		free_one(series);
	while ((waiting = STAILQ_FIRST(&all->waiting)) != NULL)
		drop_waiting(all, waiting);
	free(all->journal);
	free(all);
}

void
series_set_keep(struct all_series *all, const struct series_keep *keep)
{
	all->keep = *keep;
}

/* ---- packs ---- */

static void
wait_to_write(struct all_series *all, const struct series *series, unsigned level)
{
	const struct series_buffer *buffer = &series->levels[level];
	struct waiting *waiting =
	    malloc(sizeof(*waiting) + buffer->len * SAMPLE_PACKED_MAX);

	if (waiting == NULL)
		return;
	waiting->series = series->id;
	waiting->level = level;
	waiting->t = buffer->t;
	waiting->len =
	    sample_pack(buffer->t, buffer->samples, buffer->len, waiting->pack);
	STAILQ_INSERT_TAIL(&all->waiting, waiting, link);
	all->waiting_bytes += waiting->len;
	while (all->waiting_bytes > WAITING_MAX) {
		if (!all->lost)
			log_err("history that could not be written for long is lost, "
				"the oldest first");
		all->lost = true;
		drop_waiting(all, STAILQ_FIRST(&all->waiting));
	}
}

static void add_to_level(struct all_series *all, struct series *series, unsigned level,
    struct sample sample);

/* What it holds is of a time that is over. */
static void
turn(struct all_series *all, struct series *series, unsigned level)
{
	struct series_buffer *buffer = &series->levels[level];

	if (buffer->len == 0)
		return;
	/* Of minutes and hours each was written as it came. */
	if (level == SERIES_SECONDS)
		wait_to_write(all, series, level);
	if (level + 1 < SERIES_LEVELS)
		add_to_level(
		    all, series, level + 1, sample_sum(buffer->samples, buffer->len));
	buffer->len = 0;
}

static void
add_to_level(
    struct all_series *all, struct series *series, unsigned level, struct sample sample)
{
	struct series_buffer *buffer = &series->levels[level];
	const int64_t t = sample.t - sample.t % levels[level].span;

	if (buffer->samples == NULL)
		buffer->samples = calloc(levels[level].len, sizeof(*buffer->samples));
	if (buffer->samples == NULL)
		return;
	if (buffer->len > 0 && buffer->t != t)
		turn(all, series, level);
	if (buffer->len == levels[level].len)
		return;
	buffer->t = t;
	buffer->samples[buffer->len++] = sample;
	if (level != SERIES_SECONDS)
		wait_to_write(all, series, level);
}

/* All of them at once, so that the journal of that minute can go. */
static void
turn_minute(struct all_series *all, int64_t t)
{
	struct series *series;

	if (t - t % 60 == all->minute)
		return;
	all->minute = t - t % 60;
	LIST_FOREACH(series, &all->list, in_all)
		turn(all, series, SERIES_SECONDS);
}

/* ---- the journal ---- */

static bool
make_room(struct all_series *all, size_t more)
{
	const size_t size = 2 * (all->journal_size + more);
	unsigned char *journal;

	if (all->journal_len + more <= all->journal_size)
		return true;
	journal = realloc(all->journal, size);
	if (journal == NULL)
		return false;
	all->journal = journal;
	all->journal_size = size;
	return true;
}

static void
add_to_journal(
    struct all_series *all, const struct series *series, const struct sample *sample)
{
	unsigned char pack[SAMPLE_PACKED_MAX];
	const size_t len = sample_pack(sample->t, sample, 1, pack);

	if (!make_room(all, 20 + len))
		return;
	if (all->journal_t != sample->t)
		all->journal_len = 0;
	all->journal_t = sample->t;
	all->journal_len +=
	    sample_put(all->journal + all->journal_len, (uint64_t)series->id);
	all->journal_len += sample_put(all->journal + all->journal_len, len);
	memcpy(all->journal + all->journal_len, pack, len);
	all->journal_len += len;
}

static struct series *
by_id(struct all_series *all, int64_t id)
{
	struct series *series;

	LIST_FOREACH(series, &all->buckets[(uint64_t)id % BUCKETS], in_bucket)
		if (series->id == id)
			return series;
	return NULL;
}

/* Of a life before this one: what it had in memory alone. */
static bool
journal_cb(sqlite3_stmt *row, void *context)
{
	struct all_series *all = context;
	const int64_t t = sqlite3_column_int64(row, 0);
	const unsigned char *at = sqlite3_column_blob(row, 1), *end;
	uint64_t id, len;

	end = at + sqlite3_column_bytes(row, 1);
	turn_minute(all, t);
	while (at < end) {
		struct series *series;
		struct sample sample;

		if (sample_get(&at, end, &id) < 0 || sample_get(&at, end, &len) < 0 ||
		    len > (uint64_t)(end - at))
			return true;
		series = by_id(all, (int64_t)id);
		if (series != NULL && sample_unpack(t, at, len, &sample, 1) == 1 &&
		    sample.t > series->last.t) {
			series->last = sample;
			add_to_level(all, series, SERIES_SECONDS, sample);
		}
		at += len;
	}
	return true;
}

/* ---- taking over what the file has ---- */

static bool
pack_cb(sqlite3_stmt *row, void *context)
{
	struct series *series = context;
	const unsigned level = (unsigned)sqlite3_column_int(row, 0);
	const int64_t t = sqlite3_column_int64(row, 1);
	struct series_buffer *buffer = &series->levels[level];
	int len;

	if (buffer->samples == NULL)
		buffer->samples = calloc(levels[level].len, sizeof(*buffer->samples));
	if (buffer->samples == NULL)
		return false;
	len = sample_unpack(t, sqlite3_column_blob(row, 2),
	    (size_t)sqlite3_column_bytes(row, 2), buffer->samples, levels[level].len);
	if (len <= 0)
		return false;
	buffer->t = t;
	/* A minute that was written is over. */
	buffer->len = level == SERIES_SECONDS ? 0 : (size_t)len;
	if (buffer->samples[len - 1].t > series->last.t)
		series->last = buffer->samples[len - 1];
	return false;
}

static void
load_one(struct all_series *all, struct series *series)
{
	for (int64_t level = 0; level < SERIES_LEVELS; level++)
		store_each(all->store,
		    "SELECT level, t, samples FROM pack WHERE series = ? AND level = ?"
		    " ORDER BY t DESC LIMIT 1",
		    pack_cb, series, "ii", series->id, level);
}

static bool
known_cb(sqlite3_stmt *row, void *context)
{
	struct all_series *all = context;
	struct series *series = calloc(1, sizeof(*series));

	if (series == NULL)
		return false;
	series->id = sqlite3_column_int64(row, 0);
	snprintf(series->target, sizeof(series->target), "%s",
	    (const char *)sqlite3_column_text(row, 1));
	snprintf(series->job, sizeof(series->job), "%s",
	    (const char *)sqlite3_column_text(row, 2));
	series->is_saved = true;
	if (series->id > all->last_id)
		all->last_id = series->id;
	insert(all, series);
	return true;
}

/* Whom nobody uses has no place in memory. */
static void
sweep(struct all_series *all)
{
	struct series *series, *next;

	for (series = LIST_FIRST(&all->list); series != NULL; series = next) {
		next = LIST_NEXT(series, in_all);
		if (series->users == 0 && series->levels[SERIES_SECONDS].len == 0)
			free_one(series);
	}
}

void
series_load(struct all_series *all)
{
	struct series *series;

	if (all->life == store_life(all->store))
		return;
	/* A file that was begun anew under us learns what we know. */
	LIST_FOREACH(series, &all->list, in_all)
		series->is_saved = false;
	if (all->life == 0 && LIST_EMPTY(&all->list)) {
		store_each(all->store,
		    "SELECT id, target, job FROM series WHERE host = ''", known_cb, all,
		    "");
		LIST_FOREACH(series, &all->list, in_all)
			load_one(all, series);
		store_each(all->store, "SELECT t, samples FROM second ORDER BY t",
		    journal_cb, all, "");
	}
	all->life = store_life(all->store);
}

/* ---- series ---- */

static struct series *
find(const struct all_series *all, const char *target, const char *job)
{
	struct series *series;

	LIST_FOREACH(series, &all->list, in_all)
		if (strcmp(series->target, target) == 0 &&
		    strcmp(series->job, job) == 0)
			return series;
	return NULL;
}

/* Its id in the file; 0: it has none. */
static int64_t
saved_id(struct all_series *all, const char *target, const char *job)
{
	int64_t id = 0;

	store_number(all->store, &id,
	    "SELECT id FROM series WHERE host = '' AND target = ? AND job = ?", "tt",
	    target, job);
	return id;
}

struct series *
series_open(struct all_series *all, const char *target, const char *job)
{
	struct series *series = find(all, target, job);

	if (series == NULL) {
		series = calloc(1, sizeof(*series));
		if (series == NULL)
			return NULL;
		snprintf(series->target, sizeof(series->target), "%s", target);
		snprintf(series->job, sizeof(series->job), "%s", job);
		series->id = saved_id(all, target, job);
		series->is_saved = series->id != 0;
		if (series->is_saved)
			load_one(all, series);
		else
			series->id = ++all->last_id;
		insert(all, series);
	}
	series->users++;
	return series;
}

void
series_close(struct all_series *all, struct series *series)
{
	(void)all;
	if (series != NULL)
		series->users--;
}

/* What is counted elsewhere may begin anew, as with another build or a file that was deleted. */
static void
count(const struct series *series, struct sample *sample)
{
	const uint64_t before = series->last.values[SAMPLE_COUNTER],
		       now = sample->values[SAMPLE_COUNTER];
	const bool anew = now < before ||
	    series->last.values[SAMPLE_BUILD] != sample->values[SAMPLE_BUILD];

	sample->values[SAMPLE_EXECUTIONS] =
	    series->last.values[SAMPLE_EXECUTIONS] + (anew ? now : now - before);
}

/* True if the clock was set back, and its time counts from now on: seconds that were there are written anew. */
static bool
went_back(struct all_series *all, struct series *series, int64_t t)
{
	if (series->last.t - t < CLOCK_SLIPS)
		return false;
	if (!all->went_back)
		log_warning("the clock was set back by %lld s: history goes on from "
			    "there",
		    (long long)(series->last.t - t));
	all->went_back = true;
	for (unsigned i = 0; i < SERIES_LEVELS; i++)
		series->levels[i].len = 0;
	series->last.t = t - 1;
	return true;
}

void
series_add(struct all_series *all, struct series *series, struct sample *sample)
{
	if (sample->t <= series->last.t && !went_back(all, series, sample->t))
		return;
	count(series, sample);
	turn_minute(all, sample->t);
	series->last = *sample;
	add_to_level(all, series, SERIES_SECONDS, *sample);
	add_to_journal(all, series, sample);
}

/* ---- writing ---- */

static bool
prune_cb(sqlite3_stmt *row, void *context)
{
	int64_t *ids = context;

	ids[++ids[0]] = sqlite3_column_int64(row, 0);
	return ids[0] < PRUNED_PER_SECOND;
}

/* A few series a second, in turn. */
static void
prune(struct all_series *all, int64_t now)
{
	int64_t ids[PRUNED_PER_SECOND + 1] = { 0 };

	store_each(all->store, "SELECT id FROM series WHERE id > ? ORDER BY id LIMIT 8",
	    prune_cb, ids, "i", all->pruned);
	for (int64_t i = 1; i <= ids[0]; i++)
		for (int64_t level = 0; level < SERIES_LEVELS; level++)
			if (all->keep.age[level] > 0)
				store_run(all->store,
				    "DELETE FROM pack WHERE series = ? AND level = ?"
				    " AND t < ?",
				    "iii", ids[i], level,
				    now - all->keep.age[level] - levels[level].span);
	all->pruned = ids[0] == PRUNED_PER_SECOND ? ids[ids[0]] : 0;
}

static void
save_rows(struct all_series *all)
{
	struct series *series;

	LIST_FOREACH(series, &all->list, in_all)
		if (!series->is_saved)
			store_run(all->store,
			    "INSERT OR IGNORE INTO series (id, host, target, job)"
			    " VALUES (?, '', ?, ?)",
			    "itt", series->id, series->target, series->job);
}

void
series_write(struct all_series *all, int64_t now)
{
	struct waiting *waiting;

	turn_minute(all, now);
	save_rows(all);
	STAILQ_FOREACH(waiting, &all->waiting, link)
	store_run(all->store,
	    "INSERT OR REPLACE INTO pack (series, level, t, samples)"
	    " VALUES (?, ?, ?, ?)",
	    "iiib", waiting->series, (int64_t)waiting->level, waiting->t,
	    (const void *)waiting->pack, waiting->len);
	if (!STAILQ_EMPTY(&all->waiting))
		store_run(
		    all->store, "DELETE FROM second WHERE t < ?", "i", all->minute);
	if (all->journal_len > 0)
		store_run(all->store,
		    "INSERT OR REPLACE INTO second (t, samples) VALUES (?, ?)", "ib",
		    all->journal_t, (const void *)all->journal, all->journal_len);
	prune(all, now);
}

void
series_written(struct all_series *all)
{
	struct waiting *waiting;
	struct series *series;

	while ((waiting = STAILQ_FIRST(&all->waiting)) != NULL)
		drop_waiting(all, waiting);
	LIST_FOREACH(series, &all->list, in_all)
		series->is_saved = true;
	all->journal_len = 0;
	all->lost = false;
	sweep(all);
}

/* ---- reading ---- */

struct reading {
	int64_t from, to;
	struct sample *samples;
	size_t len, size, max;
	bool failed;
};

static void
take(struct reading *reading, const struct sample *samples, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (samples[i].t < reading->from || samples[i].t > reading->to ||
		    (reading->len > 0 &&
			samples[i].t <= reading->samples[reading->len - 1].t))
			continue;
		if (reading->len == reading->size) {
			const size_t size = 2 * reading->size + 256;
			struct sample *larger =
			    realloc(reading->samples, size * sizeof(*reading->samples));

			reading->failed = larger == NULL;
			if (larger == NULL)
				return;
			reading->samples = larger;
			reading->size = size;
		}
		reading->samples[reading->len++] = samples[i];
	}
}

static bool
read_cb(sqlite3_stmt *row, void *context)
{
	struct reading *reading = context;
	struct sample samples[60];
	int len =
	    sample_unpack(sqlite3_column_int64(row, 0), sqlite3_column_blob(row, 1),
		(size_t)sqlite3_column_bytes(row, 1), samples, 60);

	if (len > 0)
		take(reading, samples, (size_t)len);
	return !reading->failed;
}

/* What waits to be written has the newest word of its time. */
static void
read_level(struct all_series *all, struct reading *reading, int64_t id, unsigned level,
    const struct series *series, int64_t from, int64_t to)
{
	const struct waiting *waiting;
	const int64_t step = levels[level].span / (int64_t)levels[level].len;
	struct sample samples[60];
	int len;

	/* What is beyond the most that is wanted is not read at all. */
	if (to - from > (int64_t)reading->max * step)
		from = to - (int64_t)reading->max * step;
	reading->from = from;
	reading->to = to;
	store_each(all->store,
	    "SELECT t, samples FROM pack WHERE series = ? AND level = ? AND t BETWEEN"
	    " ? AND ? ORDER BY t",
	    read_cb, reading, "iiii", id, (int64_t)level, from - levels[level].span,
	    to);
	STAILQ_FOREACH(waiting, &all->waiting, link)
	{
		if (waiting->series != id || waiting->level != level)
			continue;
		len =
		    sample_unpack(waiting->t, waiting->pack, waiting->len, samples, 60);
		take(reading, samples, len > 0 ? (size_t)len : 0);
	}
	if (series != NULL)
		take(reading, series->levels[level].samples, series->levels[level].len);
}

/* Time of the first sample that a level still has; INT64_MAX: none. */
static int64_t
first_of(
    struct all_series *all, int64_t id, unsigned level, const struct series *series)
{
	int64_t t = INT64_MAX;

	store_number(all->store, &t,
	    "SELECT t FROM pack WHERE series = ? AND level = ? ORDER BY t LIMIT 1",
	    "ii", id, (int64_t)level);
	if (t == INT64_MAX && series != NULL && series->levels[level].len > 0)
		t = series->levels[level].t;
	return t;
}

static bool
sample_cb(sqlite3_stmt *row, void *context)
{
	struct sample samples[60];
	int64_t *t = context;

	if (sample_unpack(sqlite3_column_int64(row, 0), sqlite3_column_blob(row, 1),
		(size_t)sqlite3_column_bytes(row, 1), samples, 60) > 0)
		*t = samples[0].t;
	return false;
}

bool
series_is_known(struct all_series *all, const char *target, const char *job)
{
	return find(all, target, job) != NULL || saved_id(all, target, job) != 0;
}

int64_t
series_begin(struct all_series *all, const char *target, const char *job, int64_t now)
{
	const struct series *series = find(all, target, job);
	const int64_t id = series != NULL ? series->id : saved_id(all, target, job);
	int64_t begin = now;

	for (unsigned level = 0; level < SERIES_LEVELS && id != 0; level++) {
		/* Each sample stands for what came before it. */
		const int64_t before = level > 0 ? levels[level - 1].span : 0;
		int64_t t = INT64_MAX;

		store_each(all->store,
		    "SELECT t, samples FROM pack WHERE series = ? AND level = ?"
		    " ORDER BY t LIMIT 1",
		    sample_cb, &t, "ii", id, (int64_t)level);
		if (t == INT64_MAX && series != NULL && series->levels[level].len > 0)
			t = series->levels[level].samples[0].t;
		/* What finer ones have of its time tells better when that began. */
		if (t < begin)
			begin = t - before;
	}
	return begin;
}

static unsigned
level_for(int64_t step)
{
	return step >= 3600 ? SERIES_HOURS
	    : step >= 60    ? SERIES_MINUTES
			    : SERIES_SECONDS;
}

struct sample *
series_read(struct all_series *all, const char *target, const char *job, int64_t from,
    int64_t to, int64_t step, size_t max, size_t *ret_len)
{
	const struct series *series = find(all, target, job);
	const int64_t id = series != NULL ? series->id : saved_id(all, target, job);
	const unsigned wanted = level_for(step);
	struct reading reading = { .max = max };
	int64_t at = from, first;

	*ret_len = 0;
	if (id == 0)
		return NULL;
	/* Before the wanted level begins there are coarser ones, and behind its end finer ones. */
	for (unsigned level = SERIES_LEVELS; level-- > 0;) {
		if (level > wanted) {
			first = first_of(all, id, level - 1, series);
			if (first > at)
				read_level(all, &reading, id, level, series, at,
				    first - 1 < to ? first - 1 : to);
		} else {
			read_level(all, &reading, id, level, series, at, to);
		}
		if (reading.len > 0)
			at = reading.samples[reading.len - 1].t + 1;
	}
	if (reading.len > max) {
		memmove(reading.samples, reading.samples + (reading.len - max),
		    max * sizeof(*reading.samples));
		reading.len = max;
	}
	*ret_len = reading.len;
	return reading.samples;
}
