/* SPDX-License-Identifier: MIT
 * Whether the directories that coverage comes from are those that the collector was sent;
 * in the supervisor.
 *
 * What it was sent is a directory and no path: one that was deleted and made again is
 * another one, and nothing in it would be seen. A directory that the collector holds keeps
 * its inode number, so that the next one has another.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "coverage_dirs.h"
#include "hash.h"
#include "jobs.h"
#include "log.h"
#include "target.h"
#include "banned.h"

#define DEFAULTS_MAX 64 /* bits of targets->defaults_seen */

/* Adds to @hash which directory is at @path, or around the file there. Returns 0 or a
 * negative errno. */
static int
add_place(uint64_t *hash, const char *path)
{
	char folder[PATH_MAX];
	uint64_t id[2] = { 0, 0 };
	struct stat st;
	char *slash;
	int r = stat(path, &st) == 0 ? 0 : -errno;

	if (r == 0 && !S_ISDIR(st.st_mode)) {
		snprintf(folder, sizeof(folder), "%s", path);
		slash = strrchr(folder, '/');
		if (slash != NULL)
			slash[slash == folder] = '\0';
		r = stat(folder, &st) == 0 ? 0 : -errno;
	}
	if (r == 0) {
		id[0] = st.st_dev;
		id[1] = st.st_ino;
	}
	*hash = hash_bytes(*hash, id, sizeof(id));
	return r;
}

static int
add_default(uint64_t *hash, const char *path)
{
	if (!coverage_dirs_is_trap(path))
		return add_place(hash, path);
	*hash = hash_bytes(*hash, "", 1);
	return -EPERM;
}

uint64_t
target_places_hash(const struct targets *targets, const struct target *target)
{
	uint64_t hash = HASH_SEED;
	char path[PATH_MAX];

	if (target->conf.coverage != NULL) {
		add_place(&hash, target->conf.coverage);
		return hash;
	}
	hash = targets->defaults_hash;
	for (size_t i = 0; jobs_coverage_place(
		 targets->supervisor->jobs, target->conf.name, i, path, sizeof(path));
	    i++)
		add_place(&hash, path);
	return hash;
}

/* One that was there is not there any more. */
static int
make_again(struct targets *targets, const char *path, uint64_t bit)
{
	int r = coverage_dirs_make_again(targets->supervisor->conf, path);

	if (r == 0)
		log_warning("coverage directory %s was deleted; it was made again, and "
			    "what starts now is seen there",
		    path);
	else if ((targets->defaults_gone & bit) == 0)
		log_warning("coverage directory %s was deleted, and cannot be made "
			    "again: %s",
		    path, strerror(-r));
	return r;
}

void
targets_poll_defaults(struct targets *targets)
{
	const struct string_list *list = &targets->supervisor->coverage_dirs;
	uint64_t hash = HASH_SEED, again;

	for (size_t i = 0; i < list->len; i++) {
		const uint64_t bit = i < DEFAULTS_MAX ? UINT64_C(1) << i : 0;
		int r;

		again = hash;
		r = add_default(&hash, list->items[i]);
		if (r < 0 && r != -EPERM && (targets->defaults_seen & bit) != 0 &&
		    make_again(targets, list->items[i], bit) == 0) {
			hash = again;
			r = add_default(&hash, list->items[i]);
		}
		if (r == 0)
			targets->defaults_seen |= bit;
		if (r < 0 && (targets->defaults_seen & bit) != 0)
			targets->defaults_gone |= bit;
		else
			targets->defaults_gone &= ~bit;
	}
	targets->defaults_hash = hash;
}

bool
targets_default_is_gone(const struct targets *targets, size_t number)
{
	return number < DEFAULTS_MAX &&
	    (targets->defaults_gone & UINT64_C(1) << number) != 0;
}

/* The first that is gone; NULL: none. */
static const char *
find_gone(const struct targets *targets, struct target *target)
{
	const struct string_list *list = &targets->supervisor->coverage_dirs;
	struct stat st;

	if (target->conf.coverage != NULL) {
		if (stat(target->conf.coverage, &st) == 0)
			target->place_seen = true;
		else if (target->place_seen)
			return target->conf.coverage;
		return NULL;
	}
	for (size_t i = 0; i < list->len; i++)
		if (targets_default_is_gone(targets, i))
			return list->items[i];
	return NULL;
}

static void
tell_gone(struct targets *targets, struct target *target)
{
	const char *gone = find_gone(targets, target);
	char text[sizeof(target->place_gone)] = "";

	if (gone != NULL)
		snprintf(text, sizeof(text),
		    "its coverage %.120s is gone: what starts now is not seen until it "
		    "is there again",
		    gone);
	if (strcmp(text, target->place_gone) == 0)
		return;
	memcpy(target->place_gone, text, sizeof(text));
	target_show(targets, target);
}

void
target_poll_places(struct targets *targets, struct target *target)
{
	tell_gone(targets, target);
	if (target->collect_generation != 0 &&
	    (target->places_missing ||
		target_places_hash(targets, target) != target->places_hash))
		target_tell(targets, target, OUTBOX_COLLECTOR, NEWS_PLACES);
}
