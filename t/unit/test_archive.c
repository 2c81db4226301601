/* SPDX-License-Identifier: MIT
 * Packs of samples; series on a file of their own, with a clock of the test's; and files that are damaged,
 * newer, or not there.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "archive/events.h"
#include "archive/history.h"
#include "archive/sample.h"
#include "archive/series.h"
#include "archive/store.h"
#include "archive/finds.h"
#include "archive/targets.h"
#include "find_file.h"
#include "live_segment.h"
#include "shared_memory.h"

#define BEGIN INT64_C(1700000000) /* a whole 20 s, no whole minute */

static char folder[64];

static int
setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/fuzzsup-archive-XXXXXX");
	return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	if (chdir("/") != 0)
		return -1;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static struct sample
make(int64_t t, uint64_t covered, uint64_t counter)
{
	struct sample sample = { .t = t };

	sample.values[SAMPLE_COVERED] = covered;
	sample.values[SAMPLE_COUNTER] = counter;
	sample.values[SAMPLE_BUILD] = 1;
	sample.values[SAMPLE_RATE] = 1000;
	return sample;
}

/* ---- packs ---- */

static void
test_pack(void **state)
{
	struct sample samples[3] = { make(100, 5, 7), make(101, 5, UINT64_MAX),
		make(500000, 0, 3) };
	unsigned char pack[3 * SAMPLE_PACKED_MAX];
	struct sample back[3];
	size_t len;

	(void)state;
	samples[2].values[SAMPLE_MEMORY] = UINT64_C(1) << 63;
	len = sample_pack(60, samples, 3, pack);
	assert_true(len > 0 && len <= sizeof(pack));
	assert_int_equal(sample_unpack(60, pack, len, back, 3), 3);
	assert_memory_equal(samples, back, sizeof(back));
	assert_int_equal(sample_unpack(60, pack, len, back, 2), -EPROTO);
	for (size_t cut = 1; cut < len; cut++)
		assert_true(sample_unpack(60, pack, len - cut, back, 3) < 3);
}

static void
test_hostile_packs(void **state)
{
	unsigned char pack[64];
	struct sample back[60];
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		const size_t len = (size_t)rand_r(&seed) % sizeof(pack);

		for (size_t k = 0; k < len; k++)
			pack[k] = (unsigned char)rand_r(&seed);
		assert_in_range(
		    sample_unpack(BEGIN, pack, len, back, 60) + EPROTO, 0, 60 + EPROTO);
	}
}

static void
test_sum(void **state)
{
	struct sample samples[2] = { make(1, 5, 10), make(2, 6, 20) }, sum;

	(void)state;
	samples[0].values[SAMPLE_RATE] = 3000;
	samples[0].values[SAMPLE_MEMORY] = 9;
	sum = sample_sum(samples, 2);
	assert_int_equal(sum.t, 2);
	assert_int_equal(sum.values[SAMPLE_COVERED], 6);
	assert_int_equal(sum.values[SAMPLE_RATE], 2000);
	assert_int_equal(sum.values[SAMPLE_MEMORY], 9);
}

/* ---- series ---- */

struct world {
	struct store *store;
	struct all_series *all;
	struct series *series;
};

static void
open_world(struct world *world)
{
	const struct series_keep keep = { { 3600, 30 * 86400, 0 } };

	assert_int_equal(store_new(&world->store), 0);
	assert_true(store_look(world->store, INT64_MAX / 2));
	assert_int_equal(series_new(world->store, &world->all), 0);
	series_set_keep(world->all, &keep);
	series_load(world->all);
	world->series = series_open(world->all, "json", "");
	assert_non_null(world->series);
}

/* As a killed process leaves it: with what is in the file alone. */
static void
close_world(struct world *world)
{
	series_free(world->all);
	store_free(world->store);
}

static void
second(struct world *world, int64_t t, uint64_t covered, uint64_t counter)
{
	struct sample sample = make(t, covered, counter);

	store_begin(world->store);
	series_add(world->all, world->series, &sample);
	series_write(world->all, t);
	assert_int_equal(store_end(world->store), 0);
	series_written(world->all);
}

static struct sample *
read_all(struct world *world, int64_t step, size_t *ret_len)
{
	struct sample *samples = series_read(
	    world->all, "json", "", 0, BEGIN + 864000, step, 1000000, ret_len);

	for (size_t i = 1; i < *ret_len; i++) {
		assert_true(samples[i].t > samples[i - 1].t);
		assert_true(samples[i].values[SAMPLE_EXECUTIONS] >=
		    samples[i - 1].values[SAMPLE_EXECUTIONS]);
	}
	return samples;
}

static void
test_kills(void **state)
{
	struct world world;
	struct sample *samples;
	size_t len;

	(void)state;
	/* Ends at every place within a minute, each time with nothing but the file. */
	for (int64_t i = 0; i < 300; i++) {
		open_world(&world);
		assert_int_equal(world.series->last.t, i == 0 ? 0 : BEGIN + i - 1);
		second(&world, BEGIN + i, (uint64_t)i, (uint64_t)(100 * i));
		samples = read_all(&world, 1, &len);
		assert_int_equal(len, i + 1);
		for (size_t k = 0; k < len; k++) {
			assert_int_equal(samples[k].t, BEGIN + (int64_t)k);
			assert_int_equal(samples[k].values[SAMPLE_COVERED], k);
			assert_int_equal(samples[k].values[SAMPLE_EXECUTIONS], 100 * k);
		}
		free(samples);
		close_world(&world);
	}
}

static void
test_counters_that_begin_anew(void **state)
{
	struct world world;
	struct sample sample, *samples;
	size_t len;

	(void)state;
	open_world(&world);
	second(&world, BEGIN, 1, 1000);
	second(&world, BEGIN + 1, 1, 1500);
	second(&world, BEGIN + 2, 1, 10); /* its file was deleted */
	close_world(&world);
	open_world(&world);
	sample = make(BEGIN + 3, 1, 20);
	sample.values[SAMPLE_BUILD] = 2; /* another build, which counts for itself */
	store_begin(world.store);
	series_add(world.all, world.series, &sample);
	series_write(world.all, BEGIN + 3);
	assert_int_equal(store_end(world.store), 0);
	samples = read_all(&world, 1, &len);
	assert_int_equal(len, 4);
	assert_int_equal(samples[1].values[SAMPLE_EXECUTIONS], 1500);
	assert_int_equal(samples[2].values[SAMPLE_EXECUTIONS], 1510);
	assert_int_equal(samples[3].values[SAMPLE_EXECUTIONS], 1530);
	free(samples);
	/* A clock that slips back adds nothing twice. */
	second(&world, BEGIN + 1, 9, 99999);
	free(read_all(&world, 1, &len));
	assert_int_equal(len, 4);
	close_world(&world);
}

static void
test_clock_set_back(void **state)
{
	struct world world;
	struct sample *samples;
	size_t len;

	(void)state;
	/* By a year, as of a machine that woke up without the time. */
	open_world(&world);
	second(&world, BEGIN + 31536000, 1, 100);
	close_world(&world);
	open_world(&world);
	for (int64_t i = 0; i < 130; i++)
		second(&world, BEGIN + i, 2, 200 + (uint64_t)i);
	samples = read_all(&world, 1, &len);
	assert_int_equal(len, 130);
	assert_int_equal(samples[0].t, BEGIN);
	assert_int_equal(samples[129].values[SAMPLE_EXECUTIONS], 329);
	free(samples);
	close_world(&world);
}

static void
test_levels(void **state)
{
	struct world world;
	struct sample *samples;
	const int64_t hours = 5, end = BEGIN + hours * 3600;
	size_t len;

	(void)state;
	open_world(&world);
	store_begin(world.store);
	for (int64_t t = BEGIN; t < end; t++) {
		struct sample sample = make(t, 1, (uint64_t)(t - BEGIN));

		series_add(world.all, world.series, &sample);
		if (t % 600 == 0) {
			series_write(world.all, t);
			assert_int_equal(store_end(world.store), 0);
			series_written(world.all);
			store_begin(world.store);
		}
	}
	series_write(world.all, end);
	assert_int_equal(store_end(world.store), 0);
	series_written(world.all);
	/* Of each second, as long as they are kept: here an hour and what lies in its first pack. */
	for (int64_t i = 0; i < 3; i++) {
		store_begin(world.store);
		series_write(world.all, end);
		assert_int_equal(store_end(world.store), 0);
		series_written(world.all);
	}
	samples = read_all(&world, 1, &len);
	assert_in_range(len, 3600 + 4 * 60, 3600 + 5 * 60 + 60);
	assert_int_equal(samples[len - 1].t, end - 1);
	/* The oldest ones are minutes. */
	assert_in_range(samples[1].t - samples[0].t, 60, 60);
	free(samples);
	samples = read_all(&world, 60, &len);
	assert_in_range(len, hours * 60, hours * 60 + 120);
	free(samples);
	samples = read_all(&world, 3600, &len);
	assert_true(len >= (size_t)hours && len < 200);
	assert_int_equal(samples[len - 1].values[SAMPLE_EXECUTIONS], end - 1 - BEGIN);
	free(samples);
	assert_in_range(series_begin(world.all, "json", "", end), BEGIN - 60, BEGIN);
	close_world(&world);
}

static void
test_history(void **state)
{
	struct history_wish wish = { .target = "json", .job = "" };
	struct world world;
	json_t *answer, *column;
	const char *name;
	size_t len;

	(void)state;
	open_world(&world);
	for (int64_t i = 0; i < 90; i++)
		second(&world, BEGIN + i, (uint64_t)i, (uint64_t)i);
	answer = history_read(world.all, &wish, BEGIN + 89);
	len = json_array_size(json_object_get(answer, "t"));
	assert_int_equal(len, 90);
	json_object_foreach(answer, name, column)
	    assert_int_equal(json_array_size(column), len);
	json_decref(answer);
	wish.step = 10;
	wish.from = BEGIN + 20;
	wish.to = BEGIN + 59;
	answer = history_read(world.all, &wish, BEGIN + 89);
	column = json_object_get(answer, "t");
	assert_int_equal(json_array_size(column), 4);
	assert_int_equal(
	    json_integer_value(json_array_get(column, 0)), 1000 * (BEGIN + 29));
	json_decref(answer);
	wish.target = "no-such";
	answer = history_read(world.all, &wish, BEGIN + 89);
	assert_int_equal(json_array_size(json_object_get(answer, "t")), 0);
	json_decref(answer);
	close_world(&world);
}

/* ---- files ---- */

static void
overwrite(const char *name, off_t at, const char *text)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, text, strlen(text), at), (ssize_t)strlen(text));
	close(fd);
}

static void
test_no_database(void **state)
{
	struct world world;
	int fd = open(STORE_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	close(fd);
	overwrite(STORE_FILE, 0,
	    "this is no database, but long enough to look at it twice, "
	    "and it has more than a hundred bytes, as a header has");
	open_world(&world);
	second(&world, BEGIN, 1, 1);
	assert_true(store_is_well(world.store));
	assert_non_null(strstr(store_words(world.store), "was damaged"));
	close_world(&world);
}

static void
test_truncated(void **state)
{
	struct world world;
	struct sample *samples;
	size_t len;

	(void)state;
	open_world(&world);
	for (int64_t i = 0; i < 200; i++)
		second(&world, BEGIN + i, 1, 1);
	close_world(&world);
	assert_int_equal(truncate(STORE_FILE, 5000), 0);
	unlink(STORE_FILE "-wal");
	assert_int_equal(store_new(&world.store), 0);
	assert_int_equal(series_new(world.store, &world.all), 0);
	/* However far it gets, within three seconds all is kept again. */
	for (int64_t i = 0; i < 3; i++) {
		if (!store_look(world.store, INT64_MAX / 2))
			continue;
		series_load(world.all);
		store_settle(world.store);
		if (!store_look(world.store, INT64_MAX / 2))
			continue;
		world.series = series_open(world.all, "json", "");
		store_begin(world.store);
		struct sample sample = make(BEGIN + 300 + i, 1, 1);
		series_add(world.all, world.series, &sample);
		series_write(world.all, BEGIN + 300 + i);
		if (store_end(world.store) == 0)
			series_written(world.all);
	}
	assert_true(store_is_well(world.store));
	assert_non_null(strstr(store_words(world.store), "was damaged"));
	samples = series_read(world.all, "json", "", 0, BEGIN + 400, 1, 1000, &len);
	assert_true(len >= 1 && samples[len - 1].t == BEGIN + 302);
	free(samples);
	close_world(&world);
}

static void
test_newer(void **state)
{
	struct store *store;
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(STORE_FILE, &db), SQLITE_OK);
	sqlite3_exec(
	    db, "PRAGMA user_version = 1000; CREATE TABLE x (y)", NULL, NULL, NULL);
	sqlite3_close(db);
	assert_int_equal(store_new(&store), 0);
	assert_false(store_look(store, INT64_MAX / 2));
	assert_false(store_is_well(store));
	assert_non_null(strstr(store_words(store), "newer fuzzsupd (version 1000"));
	/* Untouched; and somebody moves it away. */
	assert_int_equal(rename(STORE_FILE, "kept"), 0);
	assert_true(store_look(store, INT64_MAX / 2));
	store_begin(store);
	assert_int_equal(store_end(store), 0);
	assert_string_equal(store_words(store), "");
	store_free(store);
}

static void
test_removed(void **state)
{
	struct world world;

	(void)state;
	open_world(&world);
	second(&world, BEGIN, 1, 1);
	assert_int_equal(unlink(STORE_FILE), 0);
	assert_true(store_look(world.store, INT64_MAX / 2 + 10000));
	series_load(world.all);
	second(&world, BEGIN + 1, 2, 2);
	close_world(&world);
	open_world(&world);
	assert_int_equal(world.series->last.t, BEGIN + 1);
	close_world(&world);
}

static void
open_and_insert(struct store **ret_store, int rows, const char *text)
{
	assert_int_equal(store_new(ret_store), 0);
	assert_true(store_look(*ret_store, INT64_MAX / 2));
	store_begin(*ret_store);
	for (int i = 0; i < rows; i++)
		store_run(*ret_store,
		    "INSERT INTO event (ms, kind, target, job, text, number)"
		    " VALUES (1, 'reload', '', '', ?, ?)",
		    "ti", text, (int64_t)i);
	assert_int_equal(store_end(*ret_store), 0);
}

static bool
count_cb(sqlite3_stmt *row, void *context)
{
	*(int64_t *)context = sqlite3_column_int64(row, 0);
	return false;
}

/* The log of the file that was open is none of the file's that was put in its place. */
static void
test_put_back(void **state)
{
	struct store *store;
	int64_t count = 0;

	(void)state;
	open_and_insert(&store, 1, "of the backup");
	store_free(store);
	assert_int_equal(rename(STORE_FILE, "backup"), 0);
	open_and_insert(&store, 1000, "of the other file");
	assert_int_equal(rename("backup", STORE_FILE), 0);
	assert_false(store_look(store, INT64_MAX / 2 + 10000));
	assert_true(store_is_foreign(store));
	store_free(store);
	assert_int_equal(store_new(&store), 0);
	assert_true(store_look(store, INT64_MAX / 2));
	store_each(store, "SELECT count(*) FROM event WHERE text = 'of the backup'",
	    count_cb, &count, "");
	assert_int_equal(count, 1);
	store_each(store, "SELECT count(*) FROM event", count_cb, &count, "");
	assert_int_equal(count, 1);
	store_free(store);
}

/* ---- events ---- */

static void
test_events(void **state)
{
	struct store *store;
	struct events *events;
	json_t *list;

	(void)state;
	assert_int_equal(store_new(&store), 0);
	assert_true(store_look(store, INT64_MAX / 2));
	assert_int_equal(events_new(store, &events), 0);
	events_set_keep(events, 3);
	assert_int_equal(events_add(events, 1, 10, "build\njson\n\nfirst"), 0);
	assert_int_equal(events_add(events, 2, 20, "reload\n\n\nsecond\nline"), 0);
	assert_int_equal(events_add(events, 3, 30, "no event"), -EPROTO);
	store_begin(store);
	events_write(events);
	assert_int_equal(store_end(store), 0);
	assert_int_equal(events_written(events), 2);
	/* What is sent again is there once. */
	assert_int_equal(events_add(events, 2, 20, "reload\n\n\nsecond\nline"), 0);
	for (uint64_t i = 3; i < 6; i++)
		assert_int_equal(events_add(events, i, 30, "build\njson\n\nmore"), 0);
	store_begin(store);
	events_write(events);
	assert_int_equal(store_end(store), 0);
	assert_int_equal(events_written(events), 5);
	list = events_read(events, "", 0, INT64_MAX, 100);
	assert_int_equal(json_array_size(list), 3);
	json_decref(list);
	list = events_read(events, "json", 0, INT64_MAX, 2);
	assert_int_equal(json_array_size(list), 2);
	json_decref(list);
	list = events_read(events, "other", 0, INT64_MAX, 2);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	events_free(events);
	store_free(store);
}

/* ---- first hits and finds ---- */

struct kept {
	struct store *store;
	struct all_series *all;
	struct targets *targets;
	struct finds *finds;
	struct live_map live;
};

#define COUNT(kept, sql) \
	({ \
		int64_t count_ = -1; \
		store_each((kept)->store, sql, count_cb, &count_, ""); \
		count_; \
	})

static void
show_build(struct kept *kept, const char *build_id)
{
	int fd;

	assert_int_equal(live_segment_create(200, 1000000, &fd, &kept->live), 0);
	assert_int_equal(targets_set_live(kept->targets, 1, fd, build_id, 5), 0);
	close(fd);
}

static void
open_kept(struct kept *kept)
{
	assert_int_equal(store_new(&kept->store), 0);
	assert_true(store_look(kept->store, INT64_MAX / 2));
	assert_int_equal(series_new(kept->store, &kept->all), 0);
	series_load(kept->all);
	assert_int_equal(targets_new(kept->store, kept->all, &kept->targets), 0);
	assert_int_equal(finds_new(kept->store, kept->targets, &kept->finds), 0);
	targets_load(kept->targets);
	assert_int_equal(targets_keep(kept->targets, 1, "json", "/srv/a b"), 0);
	assert_int_equal(
	    targets_keep_job(kept->targets, 7, "json", "fuzz", "libfuzzer"), 0);
}

static void
close_kept(struct kept *kept)
{
	live_segment_unmap(&kept->live);
	finds_free(kept->finds);
	targets_free(kept->targets);
	series_free(kept->all);
	store_free(kept->store);
}

static void
hit(struct kept *kept, uint32_t pc, uint32_t time)
{
	kept->live.times[pc] = time;
	kept->live.bits[pc / 64] |= UINT64_C(1) << (pc % 64);
	kept->live.head->bits_version++;
}

static void
write_kept(struct kept *kept, bool works)
{
	store_begin(kept->store);
	if (!works)
		store_run(kept->store, "SELECT no_such_column FROM build", "");
	finds_write(kept->finds);
	targets_write(kept->targets);
	targets_prune(kept->targets);
	assert_int_equal(store_end(kept->store) == 0, works);
	targets_written(kept->targets, works);
	finds_written(kept->finds, works);
	if (!works) /* as by and by */
		assert_true(store_look(kept->store, INT64_MAX / 2));
}

static void
test_first_hits(void **state)
{
	struct kept kept;

	(void)state;
	open_kept(&kept);
	show_build(&kept, "aa");
	hit(&kept, 3, 0);
	hit(&kept, 199, 50);
	write_kept(&kept, false);
	assert_int_equal(COUNT(&kept, "SELECT count(*) FROM first_hit"), 0);
	write_kept(&kept, true);
	assert_int_equal(COUNT(&kept, "SELECT count(*) FROM first_hit"), 2);
	assert_int_equal(COUNT(&kept, "SELECT ms FROM first_hit WHERE pc = 3"), 0);
	assert_int_equal(
	    COUNT(&kept, "SELECT ms FROM first_hit WHERE pc = 199"), 1000500);
	hit(&kept, 4, 60);
	write_kept(&kept, true);
	assert_int_equal(COUNT(&kept, "SELECT count(*) FROM first_hit"), 3);
	assert_int_equal(
	    COUNT(&kept, "SELECT count(*) FROM event WHERE kind = 'build'"), 1);
	close_kept(&kept);

	/* Another life sees the same bits at other times: the first ones count. */
	open_kept(&kept);
	show_build(&kept, "aa");
	hit(&kept, 199, 0);
	write_kept(&kept, true);
	assert_int_equal(
	    COUNT(&kept, "SELECT ms FROM first_hit WHERE pc = 199"), 1000500);
	/* Of two builds the newer one is kept. */
	live_segment_unmap(&kept.live);
	show_build(&kept, "bb");
	hit(&kept, 1, 1);
	targets_set_keep(kept.targets, 1);
	write_kept(&kept, true);
	write_kept(&kept, true);
	assert_int_equal(COUNT(&kept, "SELECT count(*) FROM build"), 2);
	assert_int_equal(COUNT(&kept, "SELECT count(*) FROM first_hit"), 1);
	close_kept(&kept);
}

static void
find(struct kept *kept, const char *build_id, const char *input, uint32_t pc)
{
	struct message message = { .type = MESSAGE_FIND, .id = 1 };
	const uint32_t pcs[2] = { pc, pc + 1 };
	int fd = shared_memory_create("input");

	assert_true(fd >= 0);
	assert_int_equal(shared_memory_append(fd, input, strlen(input)), 0);
	assert_int_equal(shared_memory_seal(fd), 0);
	message.find.ms = 1700000000001 + pc;
	message.find.size = strlen(input);
	message.find.job = 7;
	memcpy(message.text, input, strlen(input)); /* for a SHA-1 */
	message.text[20] = (char)strlen(build_id);
	memcpy(message.text + 24, build_id, strlen(build_id));
	memcpy(message.text + 24 + FIND_BUILD_ID_MAX, pcs, sizeof(pcs));
	message.text_len = 24 + FIND_BUILD_ID_MAX + sizeof(pcs);
	assert_int_equal(finds_add(kept->finds, &message, fd), 0);
	message.text_len--;
	assert_int_equal(finds_add(kept->finds, &message, fd), -EPROTO);
	close(fd);
}

static void
test_finds(void **state)
{
	const uint32_t pcs[] = { 10, 11, 12 };
	struct kept kept;
	json_t *first;
	int fd;

	(void)state;
	open_kept(&kept);
	show_build(&kept, "6161");
	hit(&kept, 10, 7);
	find(&kept, "aa", "one", 10);
	write_kept(&kept, false);
	write_kept(&kept, true);
	find(&kept, "aa", "two", 11);   /* 11 has one already */
	find(&kept, "bb", "three", 50); /* another build's */
	write_kept(&kept, true);
	assert_int_equal(COUNT(&kept, "SELECT count(*) FROM first_hit"), 3);
	assert_int_equal(COUNT(&kept, "SELECT count(*) FROM input"), 2);
	first = finds_first(kept.finds, "json", pcs, 3);
	/* When it was reached stands in the segment, with what in the find. */
	assert_int_equal(json_integer_value(json_object_get(first, "time")), 1000070);
	assert_string_equal(json_string_value(json_object_get(first, "job")), "fuzz");
	assert_string_equal(
	    json_string_value(json_object_get(first, "command")), "'/srv/a b' INPUT");
	assert_int_equal(json_integer_value(
			     json_object_get(json_object_get(first, "input"), "size")),
	    3);
	fd = finds_input(kept.finds,
	    json_string_value(
		json_object_get(json_object_get(first, "input"), "sha1")));
	assert_true(fd >= 0);
	close(fd);
	json_decref(first);
	assert_null(finds_first(kept.finds, "json", (const uint32_t[]){ 77 }, 1));
	assert_int_equal(
	    finds_input(kept.finds, "0000000000000000000000000000000000000000"),
	    -ENOENT);
	/* Where all inputs are too much the oldest go. */
	finds_set_keep(kept.finds, 1);
	write_kept(&kept, true);
	assert_int_equal(
	    COUNT(&kept, "SELECT count(*) FROM input WHERE bytes IS NOT NULL"), 0);
	close_kept(&kept);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_hostile_packs),
		cmocka_unit_test(test_sum),
		TEST(test_kills),
		TEST(test_counters_that_begin_anew),
		TEST(test_clock_set_back),
		TEST(test_levels),
		TEST(test_history),
		TEST(test_no_database),
		TEST(test_truncated),
		TEST(test_newer),
		TEST(test_removed),
		TEST(test_put_back),
		TEST(test_events),
		TEST(test_first_hits),
		TEST(test_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
