/* SPDX-License-Identifier: MIT
 * A folder that may hold 100,000 files; in the collector.
 */
#include "config.h"

#include "job_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "job_log.h"
#include "banned.h"

#define SHARE 50 /* a folder that changes all the time takes a 50th of a core */
#define CLOCK_STEP_NS 20000000 /* within which two changes may have one time */

/* Opens the folder if it is not as it was listed; a negative errno else. */
static int
open_changed(struct job_folder *folder, int directory, const char *name)
{
	int fd = job_open_below(directory, name, O_DIRECTORY);
	struct stat st;
	int64_t changed;

	if (fd < 0)
		return -ENOENT;
	if (fstat(fd, &st) != 0) {
		close(fd);
		return -ENOENT;
	}
	/* What claims to be of after the year 2262 wraps. */
	changed = (int64_t)((uint64_t)st.st_mtim.tv_sec * UINT64_C(1000000000) +
	    (uint64_t)st.st_mtim.tv_nsec);
	if (folder->listed && !folder->unsure && folder->inode == st.st_ino &&
	    folder->changed_ns == changed) {
		close(fd);
		return -EAGAIN;
	}
	/* Another folder: nothing in it has been counted. */
	if (folder->inode != st.st_ino)
		memset(folder->found, 0, sizeof(folder->found));
	folder->inode = st.st_ino;
	folder->changed_ns = changed;
	return fd;
}

static bool
begin(struct job_folder *folder, int directory, const char *name)
{
	int fd = open_changed(folder, directory, name);

	if (fd == -ENOENT)
		folder->moved = false;
	if (fd < 0)
		return false;
	folder->listing = fdopendir(fd);
	if (folder->listing == NULL) {
		close(fd);
		return false;
	}
	memset(folder->counting, 0, sizeof(folder->counting));
	folder->cost_us = 0;
	/* A file that comes now may not change the folder's time. */
	folder->unsure = clock_ns(CLOCK_REALTIME) - folder->changed_ns < CLOCK_STEP_NS;
	return true;
}

static void
count(struct job_folder *folder, const char *name, const char *const *prefixes)
{
	for (int i = 0; i < JOB_FOLDER_KINDS; i++)
		if (prefixes[i] != NULL &&
		    strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
			folder->counting[i]++;
			return;
		}
}

static void
finish(struct job_folder *folder, int64_t now_ms)
{
	for (int i = 0; i < JOB_FOLDER_KINDS; i++) {
		if (folder->moved)
			folder->found[i] = MIN(folder->total[i], folder->counting[i]);
		if (folder->counting[i] > folder->found[i]) {
			folder->total[i] += folder->counting[i] - folder->found[i];
			folder->newest_ns = folder->changed_ns;
		}
		folder->found[i] = folder->counting[i];
	}
	folder->moved = false;
	folder->listed = true;
	folder->next_ms = now_ms + folder->cost_us * SHARE / 1000;
	job_folder_close(folder);
}

bool
job_folder_look(struct job_folder *folder, int directory, const char *name,
    const char *const *prefixes, int64_t now_ms)
{
	const struct dirent *entry;
	int64_t from;

	if (folder->listing == NULL &&
	    (now_ms < folder->next_ms || !begin(folder, directory, name)))
		return false;
	from = clock_ns(CLOCK_MONOTONIC);
	for (int i = 0; i < JOB_FOLDER_STEP; i++) {
		entry = readdir(folder->listing);
		if (entry == NULL) {
			folder->cost_us += (clock_ns(CLOCK_MONOTONIC) - from) / 1000;
			finish(folder, now_ms);
			return false;
		}
		count(folder, entry->d_name, prefixes);
	}
	folder->cost_us += (clock_ns(CLOCK_MONOTONIC) - from) / 1000;
	return true;
}

void
job_folder_moved(struct job_folder *folder)
{
	job_folder_close(folder);
	memset(folder->found, 0, sizeof(folder->found));
	folder->inode = 0;
	folder->changed_ns = 0;
	folder->next_ms = 0;
	folder->moved = true;
	folder->unsure = true; /* an inode number may come again */
}

void
job_folder_close(struct job_folder *folder)
{
	if (folder->listing != NULL)
		closedir(folder->listing);
	folder->listing = NULL;
}
