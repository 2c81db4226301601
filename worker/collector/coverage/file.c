/* SPDX-License-Identifier: MIT
 * The life of one coverage file: seen, checked, attached, read, replaced, gone; in the
 * collector.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect.h"
#include "coverage_map.h"
#include "bitmap_diff.h"
#include "hash.h"
#include "log.h"
#include "shared_memory.h"
#include "banned.h"

#define BUSY_FOR_MS 5000 /* a file that changed is polled quickly for so long */
#define SETTLES_WITHIN_MS \
	30000 /* a file may be unfinished, or of no build, for so long */
#define LENGTH_CHECK_MS 1000
#define SOON_MS 50
#define LATER_MS 2000       /* for what may still be written */
#define MUCH_LATER_MS 30000 /* once it has been as it is for long */
#define RETRY_STEP_MS 20
#define EVICT_LOOKS 64 /* files that are looked at to find one to let go */
#define SAY_EACH_MS 10000
#define CROWD_FROM 64 /* files of one target: processes of one build share a file */

static unsigned
bucket_of(const char *name)
{
	return (unsigned)(hash_bytes(HASH_SEED, name, strlen(name)) % PLACE_BUCKETS);
}

struct file *
file_find(struct place *place, const char *name)
{
	struct file *file;

	LIST_FOREACH(file, &place->buckets[bucket_of(name)], in_bucket)
		if (strcmp(file->name, name) == 0)
			return file;
	return NULL;
}

static void
set_busy(struct collector *collector, struct file *file, bool busy)
{
	if (file->busy == busy || file->crowd)
		return;
	TAILQ_REMOVE(file->busy ? &collector->busy : &collector->idle, file, in_queue);
	collector->idle_len += file->busy ? 1 : -1UL;
	file->busy = busy;
	if (busy)
		TAILQ_INSERT_TAIL(&collector->busy, file, in_queue);
	else
		TAILQ_INSERT_TAIL(&collector->idle, file, in_queue);
}

/* A file may be cut, filled and replaced a thousand times a second by who means harm: each
 * has five log lines at once and then one in ten seconds, and never the same twice. */
static bool
may_say(const struct collector *collector, struct file *file, const char *text)
{
	uint64_t hash = hash_bytes(HASH_SEED, text, strlen(text));
	int64_t earliest = collector->now_ms - 4 * SAY_EACH_MS;

	if (hash == file->said || file->said_ms > collector->now_ms)
		return false;
	file->said = hash;
	file->said_ms = (file->said_ms > earliest && file->said_ms != 0 ? file->said_ms
									: earliest) +
	    SAY_EACH_MS;
	return true;
}

static void
set_state(struct collector *collector, struct file *file, enum file_state state)
{
	char quoted[4 * FILE_NAME_MAX];

	if (file->state == FILE_ATTACHED && state != FILE_ATTACHED) {
		TAILQ_REMOVE(file->crowd ? &collector->crowd
			: file->busy     ? &collector->busy
					 : &collector->idle,
		    file, in_queue);
		collector->idle_len -= file->busy || file->crowd ? 0 : 1;
		file->busy = file->crowd = false;
	}
	if (file->state != FILE_ATTACHED && state == FILE_ATTACHED) {
		file->crowd = file->owners[0].target->attached > CROWD_FROM;
		file->busy = !file->crowd;
		file->changed_ms = collector->now_ms;
		TAILQ_INSERT_TAIL(
		    file->crowd ? &collector->crowd : &collector->busy, file, in_queue);
	}
	if (state == FILE_REFUSED && !file->gone &&
	    may_say(collector, file, file->reason))
		log_warning("%s/%s is left out: %s", file->place->path,
		    log_quote(file->name, strlen(file->name), quoted, sizeof(quoted)),
		    file->reason);
	file->state = state;
}

static void
set_retry(struct collector *collector, struct file *file, int64_t after_ms)
{
	if (file->retry_ms != 0)
		TAILQ_REMOVE(&collector->later, file, in_later);
	file->retry_ms = after_ms > 0 ? collector->now_ms + after_ms : 0;
	if (file->retry_ms != 0)
		TAILQ_INSERT_TAIL(&collector->later, file, in_later);
}

bool
look_allows(const struct look *look, const struct file *file)
{
	return look->name[0] == '\0' || strcmp(look->name, file->name) == 0;
}

static bool
add_owner(struct file *file, struct target *target)
{
	struct file_owner *larger;

	for (size_t i = 0; i < file->owners_len; i++)
		if (file->owners[i].target == target)
			return false;
	larger =
	    realloc(file->owners, (file->owners_len + 1) * sizeof(struct file_owner));
	if (larger == NULL)
		return false;
	file->owners = larger;
	file->owners[file->owners_len++] = (struct file_owner){
		.target = target,
		.was_there = file->from_start || file->came_ms < target->collected_ms,
	};
	target->attached++;
	/* What others have been credited with already. */
	target->sum_runs += file->n_runs;
	target->sum_unique += file->unique_runs;
	return true;
}

/* True if @look's target has become an owner of the file, all of whose PCs are known. */
static bool
offer(struct collector *collector, struct file *file, struct look *look)
{
	struct target *target = look->target;

	if (!look_allows(look, file))
		return false;
	if (file->list >= 0 && target_asks(look, file, file->file.pcs_len)) {
		target->asked = true;
		collector->tell_pcs(collector, target, file->list);
	}
	return target_owns(target, file) && add_owner(file, target);
}

static void
attach(struct collector *collector, struct file *file)
{
	if (file->state != FILE_ATTACHED && may_say(collector, file, "reading"))
		log_notice("reading %s/%s (%u PCs%s)", file->place->path, file->name,
		    file->file.pcs_len, file->has_module ? "" : ", written by others");
	set_state(collector, file, FILE_ATTACHED);
	file->fresh = true; /* its next read is a change for the new owner */
	file_poll(collector, file);
}

static void
wait_in_line(struct collector *collector, struct file *file)
{
	if (file->lane != NULL)
		return;
	set_retry(collector, file, 0);
	check_begin(file);
	turns_put(collector, &file->place->lane, file);
}

void
file_offer(struct collector *collector, struct file *file, struct look *look)
{
	const bool asks = target_asks(look, file, file->file.pcs_len);

	if (!look_allows(look, file))
		return;
	if (file->state == FILE_ATTACHED) {
		if (offer(collector, file, look))
			attach(collector, file);
		if (asks)
			wait_in_line(collector, file);
	} else if (file->state == FILE_OTHER &&
	    (asks || target_may_own(look->target, file, file->file.pcs_len))) {
		/* Its descriptor was not kept. */
		wait_in_line(collector, file);
	} else if (file->state == FILE_REFUSED && look->owner != UINT64_MAX) {
		/* Perhaps it belongs to whom this look trusts. */
		set_retry(collector, file, SOON_MS);
	}
}

void
file_withdraw(struct collector *collector, struct file *file, struct target *target)
{
	for (size_t i = 0; i < file->owners_len; i++) {
		if (file->owners[i].target != target)
			continue;
		file->owners[i] = file->owners[--file->owners_len];
		target->attached--;
		break;
	}
	if (file->owners_len == 0 && file->state == FILE_ATTACHED) {
		set_state(collector, file, FILE_OTHER);
		coverage_file_close(&file->file);
	}
}

/* Ever more rarely, unless it changed since the last look. */
static void
plan_retry(struct collector *collector, struct file *file)
{
	int64_t age = collector->now_ms - file->first_seen_ms;
	int64_t wait = SOON_MS * (INT64_C(1) << (file->tries < 12 ? file->tries : 12));
	int64_t most = age < SETTLES_WITHIN_MS ? LATER_MS : MUCH_LATER_MS;

	file->tries++;
	if (file->state == FILE_ATTACHED)
		wait = 0;
	/* PCs that are being written look like those of another build, for a while. */
	else if (file->state == FILE_OTHER && age >= SETTLES_WITHIN_MS)
		wait = 0;
	set_retry(collector, file, wait < most ? wait : most);
}

static bool
is_same_file(const struct coverage_file *a, const struct coverage_file *b)
{
	return a->device == b->device && a->inode == b->inode;
}

/* Keeps what is known of the file that was looked at. */
static void
take_check(struct collector *collector, struct file *file)
{
	if (!is_same_file(&file->file, &file->check) ||
	    file->file.size != file->check.size ||
	    file->file.changed_ns != file->check.changed_ns) {
		file->first_seen_ms = collector->now_ms;
		file->tries = 0;
	}
	coverage_file_close(&file->file);
	file->file = file->check;
	file->check.fd = -1;
}

void
file_unsound(struct collector *collector, struct file *file,
    enum coverage_status status, const char *reason)
{
	/* One that was asked for its PCs; its readers see for themselves. */
	if (file->state == FILE_ATTACHED)
		return;
	if (status == COVERAGE_GONE) {
		file_forget(collector, file);
		return;
	}
	take_check(collector, file);
	snprintf(file->reason, sizeof(file->reason), "%s", reason);
	/* Who writes it anew counts anew. */
	if (status == COVERAGE_UNFINISHED)
		file->n_runs = file->unique_runs = 0;
	set_state(collector, file,
	    status == COVERAGE_UNFINISHED ? FILE_UNFINISHED : FILE_REFUSED);
	plan_retry(collector, file);
}

void
file_other(struct collector *collector, struct file *file, const char *reason)
{
	if (file->state == FILE_ATTACHED)
		return;
	take_check(collector, file);
	while (file->owners_len > 0)
		file_withdraw(collector, file, file->owners[0].target);
	snprintf(file->reason, sizeof(file->reason), "%s", reason);
	set_state(collector, file, FILE_OTHER);
	plan_retry(collector, file);
}

static void
offer_all(struct collector *collector, struct file *file)
{
	struct look *look;

	if (file->list >= 0 && shared_memory_seal(file->list) < 0)
		check_begin(file); /* nobody gets a list that may change */

	LIST_FOREACH(look, &file->place->looks, in_place)
		offer(collector, file, look);
}

void
file_sound(struct collector *collector, struct file *file)
{
	const bool same = is_same_file(&file->file, &file->check);

	if (file->state == FILE_ATTACHED) {
		if (same)
			offer_all(collector, file);
		check_end(file);
		return;
	}
	if (!same)
		file->n_runs = file->unique_runs = 0;
	take_check(collector, file);
	snprintf(file->reason, sizeof(file->reason),
	    "has the PC table of another build (%u PCs)", file->file.pcs_len);
	set_state(collector, file, FILE_OTHER);
	for (size_t i = file->owners_len; i-- > 0;)
		if (!target_owns(file->owners[i].target, file))
			file_withdraw(collector, file, file->owners[i].target);
	offer_all(collector, file);
	check_end(file);
	/* Nobody's: the descriptor is not worth keeping, hash and length are. */
	if (file->owners_len == 0)
		coverage_file_close(&file->file);
	else
		attach(collector, file);
	plan_retry(collector, file);
}

/* True if the name still leads to the inode that is open. */
static bool
is_same_inode(const struct file *file)
{
	struct stat st;
	int fd = openat(file->place->fd, file->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	bool same;

	if (fd < 0)
		return false;
	same = fstat(fd, &st) == 0 && st.st_dev == file->file.device &&
	    st.st_ino == file->file.inode;
	close(fd);
	return same;
}

/* Lets go of a file that nobody reads and that has been looked at: it is noticed again when
 * it changes. False if there was none among the oldest. */
static bool
evict(struct collector *collector, struct place *place)
{
	struct file *file;

	for (int i = 0; i < EVICT_LOOKS; i++) {
		file = TAILQ_FIRST(&place->files);
		if (file->lane == NULL && file->owners_len == 0) {
			file_forget(collector, file);
			return true;
		}
		TAILQ_REMOVE(&place->files, file, in_place);
		TAILQ_INSERT_TAIL(&place->files, file, in_place);
	}
	return false;
}

static struct file *
make_file(struct collector *collector, struct place *place, const char *name)
{
	struct file *file;

	if (place->files_len >= FILES_PER_PLACE_MAX) {
		if (!place->full)
			log_warning("%s: more than %d coverage files; those that no "
				    "target reads are passed over: remove them",
			    place->path, FILES_PER_PLACE_MAX);
		place->full = true;
		if (!evict(collector, place)) {
			place->missed = true;
			return NULL;
		}
	}
	file = calloc(1, sizeof(*file));
	if (file == NULL) {
		log_err("%s/%s: out of memory", place->path, name);
		return NULL;
	}
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->place = place;
	file->file.fd = file->check.fd = file->list = -1;
	file->differs_at = CHECK_NOWHERE;
	file->first_seen_ms = file->came_ms = collector->now_ms;
	TAILQ_INSERT_TAIL(&place->files, file, in_place);
	LIST_INSERT_HEAD(&place->buckets[bucket_of(name)], file, in_bucket);
	place->files_len++;
	return file;
}

void
file_look(
    struct collector *collector, struct place *place, const char *name, bool from_start)
{
	struct file *file = file_find(place, name);

	if (file == NULL) {
		file = make_file(collector, place, name);
		if (file == NULL)
			return;
		file->from_start = from_start;
	} else if (file->state == FILE_ATTACHED && is_same_inode(file)) {
		return;
	} else if (file->state == FILE_ATTACHED) {
		/* Another file under the name: its counters begin anew, ours go on. */
		set_state(collector, file, FILE_NEW);
		coverage_file_close(&file->file);
		file->came_ms = collector->now_ms;
		file->from_start = false;
	}
	file->gone = false;
	wait_in_line(collector, file);
}

void
file_notice(
    struct collector *collector, struct place *place, const char *name, bool another)
{
	struct file *file = file_find(place, name);

	if (file == NULL || file->state == FILE_ATTACHED) {
		if (file == NULL || another)
			file_look(collector, place, name, false);
		return;
	}
	file->first_seen_ms = collector->now_ms;
	file->tries = 0;
	file->gone = false;
	if (file->retry_ms == 0 || file->retry_ms > collector->now_ms + SOON_MS)
		set_retry(collector, file, SOON_MS);
}

void
file_forget(struct collector *collector, struct file *file)
{
	set_state(collector, file, FILE_OTHER);
	set_retry(collector, file, 0);
	turns_remove(collector, file);
	check_end(file);
	while (file->owners_len > 0)
		file->owners[--file->owners_len].target->attached--;
	coverage_file_close(&file->file);
	TAILQ_REMOVE(&file->place->files, file, in_place);
	LIST_REMOVE(file, in_bucket);
	file->place->files_len--;
	free(file->owners);
	free(file);
}

void
file_retry_all(struct collector *collector)
{
	struct file *file, *next;

	if (collector->now_ms - collector->retried_ms < RETRY_STEP_MS)
		return;
	collector->retried_ms = collector->now_ms;
	for (file = TAILQ_FIRST(&collector->later); file != NULL; file = next) {
		next = TAILQ_NEXT(file, in_later);
		if (file->retry_ms <= collector->now_ms)
			wait_in_line(collector, file);
	}
}

/* Counters that go back were set anew by somebody: what they show now is growth. */
static uint64_t
growth(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

bool
file_make_room(struct collector *collector, size_t words)
{
	uint64_t *larger;

	if (words <= collector->scratch_words)
		return true;
	larger = realloc(collector->scratch, 8 * words);
	if (larger == NULL)
		return false;
	collector->scratch = larger;
	collector->scratch_words = words;
	return true;
}

static void
lose(struct collector *collector, struct file *file)
{
	if (may_say(collector, file, "cut"))
		log_warning(
		    "%s/%s was cut or grown under its readers; what it had shown is "
		    "kept",
		    file->place->path, file->name);
	snprintf(file->reason, sizeof(file->reason), "was cut or grown");
	set_state(collector, file, FILE_UNFINISHED);
	coverage_file_close(&file->file);
	file->first_seen_ms = collector->now_ms;
	file->tries = 0;
	plan_retry(collector, file);
}

static bool
length_is_sound(struct collector *collector, struct file *file)
{
	if (collector->now_ms - file->checked_ms < LENGTH_CHECK_MS)
		return true;
	file->checked_ms = collector->now_ms;
	return coverage_file_check_length(&file->file) == 0;
}

/* Bits count even where no counter moved: a fuzzer need not count as ours does. */
static bool
is_news(const struct collector *collector, const struct file *file, uint64_t n_runs,
    uint64_t unique_runs)
{
	size_t words = coverage_map_words(file->file.pcs_len);

	if (file->fresh || n_runs != file->n_runs || unique_runs != file->unique_runs)
		return true;
	for (size_t i = 0; i < file->owners_len; i++) {
		const uint64_t *known =
		    (const uint64_t *)file->owners[i].target->live.map.bits;

		if (bitmap_diff_next(collector->scratch, known, 0, words) < words)
			return true;
	}
	return false;
}

bool
file_poll(struct collector *collector, struct file *file)
{
	size_t words = coverage_map_words(file->file.pcs_len);
	uint64_t n_runs, unique_runs, grew, grew_unique;

	if (!file_make_room(collector, words))
		return false;
	if (coverage_file_read(&file->file, &n_runs, &unique_runs, collector->scratch) <
		0 ||
	    !length_is_sound(collector, file)) {
		lose(collector, file);
		return false;
	}
	if (!is_news(collector, file, n_runs, unique_runs)) {
		if (file->busy && collector->now_ms - file->changed_ms > BUSY_FOR_MS)
			set_busy(collector, file, false);
		return false;
	}
	grew = growth(n_runs, file->n_runs);
	grew_unique = growth(unique_runs, file->unique_runs);
	file->n_runs = n_runs;
	file->unique_runs = unique_runs;
	for (size_t i = 0; i < file->owners_len; i++) {
		struct file_owner *owner = &file->owners[i];

		/* What stood there when it came is no sign of life. */
		target_add(collector, owner->target, file, grew, grew_unique,
		    owner->was_there);
		owner->was_there = false;
	}
	file->fresh = false;
	file->changed_ms = collector->now_ms;
	set_busy(collector, file, true);
	return true;
}
