/* SPDX-License-Identifier: MIT
 * Directories in which coverage files appear, watched by inotify; in the collector.
 *
 * The sandbox leaves no path to name: a directory is watched as "." after fchdir().
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect.h"
#include "coverage_file.h"
#include "coverage_map.h"
#include "log.h"
#include "banned.h"

#define NAMES_PER_STEP 256
#define MISSED_LOOK_MS 1000
#define MISSED_EACH_MS 10000
#define LEFT_FOR_MS 10000 /* what stands still for so long runs no more */
#define WATCHED \
	(IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_MODIFY | IN_DELETE | \
	    IN_MOVED_FROM)

static struct place *
find_by_inode(struct collector *collector, const struct stat *st)
{
	struct place *place;

	LIST_FOREACH(place, &collector->places, in_all)
		if (place->device == st->st_dev && place->inode == st->st_ino)
			return place;
	return NULL;
}

/* What somebody named in the configuration is looked at whatever it is called. */
static bool
is_wanted(const struct place *place, const char *name)
{
	const struct look *look;
	bool hex = coverage_file_is_name(name);

	if (strlen(name) >= FILE_NAME_MAX)
		return false;
	LIST_FOREACH(look, &place->looks, in_place)
		if (!look->left &&
		    (look->name[0] == '\0' ? hex : strcmp(look->name, name) == 0))
			return true;
	return false;
}

static void
close_place(struct collector *collector, struct place *place)
{
	if (place->listing != NULL)
		closedir(place->listing);
	place->listing = NULL;
	turns_rest(collector, &place->lane);
	if (place->watch >= 0)
		inotify_rm_watch(collector->inotify, place->watch);
	close(place->fd);
	if (place->doorbell >= 0) {
		int doorbell = place->doorbell;

		place->doorbell = -1;
		collector->watch_doorbell(collector, place);
		close(doorbell);
	}
	LIST_REMOVE(place, in_all);
	free(place);
}

struct place *
place_open(struct collector *collector, int fd, int doorbell, const char *path)
{
	struct place *place;
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISDIR(st.st_mode)) {
		log_err("%s: not a directory", path);
		goto fail;
	}
	place = find_by_inode(collector, &st);
	if (place != NULL) {
		close(fd);
		if (doorbell >= 0 && place->doorbell < 0) {
			place->doorbell = doorbell;
			collector->watch_doorbell(collector, place);
		} else if (doorbell >= 0) {
			close(doorbell);
		}
		return place;
	}
	place = calloc(1, sizeof(*place));
	if (place == NULL) {
		log_err("%s: out of memory", path);
		goto fail;
	}
	place->fd = fd;
	place->doorbell = doorbell;
	place->device = st.st_dev;
	place->inode = st.st_ino;
	place->owner = st.st_uid;
	snprintf(place->path, sizeof(place->path), "%s", path);
	TAILQ_INIT(&place->files);
	turns_init(&place->lane, place);
	/* Watched before it is listed, so that nothing falls between. */
	place->watch = fchdir(fd) == 0
	    ? inotify_add_watch(collector->inotify, ".", WATCHED | IN_ONLYDIR)
	    : -1;
	if (place->watch < 0)
		log_warning(
		    "%s: new files will not be noticed: %s", path, strerror(errno));
	LIST_INSERT_HEAD(&collector->places, place, in_all);
	/* Others may read it, too: what was there may be gone when we come. */
	if (doorbell >= 0)
		fcntl(doorbell, F_SETFL, O_NONBLOCK);
	if (doorbell >= 0)
		collector->watch_doorbell(collector, place);
	return place;
fail:
	close(fd);
	if (doorbell >= 0)
		close(doorbell);
	return NULL;
}

/* The supervisor tells all of a target's places again when one of them has appeared. */
static bool
is_looked_at(struct collector *collector, struct place *place,
    const struct target *target, const char *name, uint64_t owner)
{
	struct look *look;

	LIST_FOREACH(look, &target->looks, in_target)
		if (look->place == place && look->owner == owner &&
		    strcmp(look->name, name) == 0) {
			/* It came back, and was not looked at meanwhile. */
			if (look->left)
				place_list(collector, place, false);
			look->left = false;
			return true;
		}
	return false;
}

/* A directory that was deleted, or moved away, is kept for as long as what writes there
 * runs: it would be seen no more. */
static void
leave(struct target *target, const struct place *now, const char *path)
{
	struct look *look;

	LIST_FOREACH(look, &target->looks, in_target)
		if (look->place != now && strcmp(look->path, path) == 0)
			look->left = look->place->left = true;
}

/* True if all looks but @new are at single names. */
static bool
names_only(const struct place *place, const struct look *new)
{
	const struct look *look;

	LIST_FOREACH(look, &place->looks, in_place)
		if (look != new && look->name[0] == '\0')
			return false;
	return true;
}

int
place_add_look(struct collector *collector, struct place *place, struct target *target,
    const char *path, const char *name, uint64_t owner, bool own)
{
	struct look *look;
	struct file *file;

	leave(target, place, path);
	if (is_looked_at(collector, place, target, name, owner))
		return 0;
	look = calloc(1, sizeof(*look));
	if (look == NULL)
		return -ENOMEM;
	look->path = strdup(path);
	if (look->path == NULL) {
		free(look);
		return -ENOMEM;
	}
	look->place = place;
	look->target = target;
	look->owner = owner;
	look->own = own;
	snprintf(look->name, sizeof(look->name), "%s", name);
	LIST_INSERT_HEAD(&place->looks, look, in_place);
	LIST_INSERT_HEAD(&target->looks, look, in_target);
	place->looks_len++;
	place->looks_version++;
	TAILQ_FOREACH(file, &place->files, in_place)
		file_offer(collector, file, look);
	/* A first look lists; a later one needs to only where not all files are known. */
	if (look->name[0] != '\0') {
		if (file_find(place, look->name) == NULL)
			file_look(collector, place, look->name, true);
	} else if (place->looks_len == 1 || place->full || names_only(place, look) ||
	    TAILQ_EMPTY(&place->files)) {
		place_list(collector, place, true);
	}
	return 0;
}

void
place_remove_look(struct collector *collector, struct look *look)
{
	struct place *place = look->place;
	struct file *file, *next;

	TAILQ_FOREACH(file, &place->files, in_place)
		file_withdraw(collector, file, look->target);
	LIST_REMOVE(look, in_place);
	LIST_REMOVE(look, in_target);
	free(look->path);
	free(look);
	place->looks_version++;
	if (--place->looks_len > 0)
		return;
	for (file = TAILQ_FIRST(&place->files); file != NULL; file = next) {
		next = TAILQ_NEXT(file, in_place);
		file_forget(collector, file);
	}
	close_place(collector, place);
}

/* ---- listing ---- */

/* True if a stream stands at its beginning. */
static bool
open_listing(struct collector *collector, struct place *place)
{
	/* A descriptor of its own: a directory stream moves the offset. */
	int fd = openat(place->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	place->listing = fd >= 0 ? fdopendir(fd) : NULL;
	if (place->listing != NULL) {
		turns_wake(collector, &place->lane);
		return true;
	}
	log_warning("%s: cannot be listed: %s", place->path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

void
place_list(struct collector *collector, struct place *place, bool from_start)
{
	if (place->listing != NULL) {
		place->list_again = true;
		return;
	}
	place->from_start = from_start;
	open_listing(collector, place);
}

static void
end_listing(struct collector *collector, struct place *place)
{
	closedir(place->listing);
	place->listing = NULL;
	if (place->list_again) {
		place->list_again = place->from_start = false;
		open_listing(collector, place);
	}
	turns_rest(collector, &place->lane);
}

void
place_list_step(struct collector *collector, struct place *place)
{
	const struct dirent *entry;

	for (int i = 0; i < NAMES_PER_STEP; i++) {
		entry = readdir(place->listing);
		if (entry == NULL) {
			end_listing(collector, place);
			return;
		}
		if (!is_wanted(place, entry->d_name))
			continue;
		if (!place->from_start)
			file_notice(collector, place, entry->d_name, true);
		else if (file_find(place, entry->d_name) == NULL)
			file_look(collector, place, entry->d_name, true);
	}
}

/* ---- leaving ---- */

static bool
reads(const struct target *target, const struct file *file)
{
	for (size_t i = 0; i < file->owners_len; i++)
		if (file->owners[i].target == target)
			return file->state == FILE_ATTACHED;
	return false;
}

static bool
still_runs(const struct collector *collector, const struct look *look)
{
	const struct file *file;

	TAILQ_FOREACH(file, &look->place->files, in_place)
		if (collector->now_ms - file->changed_ms < LEFT_FOR_MS &&
		    reads(look->target, file))
			return true;
	return false;
}

static struct look *
first_over(const struct collector *collector, const struct place *place)
{
	struct look *look;

	LIST_FOREACH(look, &place->looks, in_place)
		if (look->left && !still_runs(collector, look))
			return look;
	return NULL;
}

/* The last one takes the place with it: false. */
static bool
end_left(struct collector *collector, struct place *place)
{
	struct look *look;
	bool is_last = false;

	while (!is_last && (look = first_over(collector, place)) != NULL) {
		is_last = place->looks_len == 1;
		place_remove_look(collector, look);
	}
	if (is_last)
		return false;
	place->left = false;
	LIST_FOREACH(look, &place->looks, in_place)
		place->left = place->left || look->left;
	return true;
}

void
place_retry_all(struct collector *collector)
{
	struct place *place, *next;

	/* There are many places, and the loop comes by a hundred times a second. */
	if (collector->now_ms - collector->missed_ms < MISSED_LOOK_MS)
		return;
	collector->missed_ms = collector->now_ms;
	for (place = LIST_FIRST(&collector->places); place != NULL; place = next) {
		next = LIST_NEXT(place, in_all);
		if (place->left && !end_left(collector, place))
			continue;
		if (!place->missed || place->listing != NULL ||
		    collector->now_ms - place->missed_ms < MISSED_EACH_MS)
			continue;
		place->missed = false;
		place->missed_ms = collector->now_ms;
		place_list(collector, place, true);
	}
}

/* ---- what inotify says ---- */

static void
take_event(struct collector *collector, const struct inotify_event *event)
{
	struct place *place;
	struct file *file;

	LIST_FOREACH(place, &collector->places, in_all) {
		if ((event->mask & IN_Q_OVERFLOW) != 0)
			place_list(collector, place, false);
		if (place->watch != event->wd || event->len == 0 ||
		    !is_wanted(place, event->name))
			continue;
		file = file_find(place, event->name);
		if ((event->mask & (IN_DELETE | IN_MOVED_FROM)) == 0)
			file_notice(collector, place, event->name,
			    (event->mask & (IN_CREATE | IN_MOVED_TO)) != 0);
		else if (file != NULL && file->state != FILE_ATTACHED)
			file_forget(collector, file);
		else if (file != NULL)
			/* Its fuzzer may still write to it; it goes when it stands still. */
			file->gone = true;
		return;
	}
}

void
place_read_events(struct collector *collector)
{
	union {
		struct inotify_event event;
		char space[16384];
	} buffer;
	const struct inotify_event *event;
	ssize_t n;

	/* Not to the end: who writes faster than we read would keep us for ever. */
	for (int i = 0; i < 4; i++) {
		n = read(collector->inotify, &buffer, sizeof(buffer));
		for (ssize_t at = 0; at < n;
		    at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const struct inotify_event *)(buffer.space + at);
			take_event(collector, event);
		}
	}
}
