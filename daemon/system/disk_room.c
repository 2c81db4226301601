/* SPDX-License-Identifier: MIT
 * Whether file systems are nearly full; in the supervisor.
 */
#include "config.h"

#include "disk_room.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "banned.h"

#define SHARE 20 /* a 20th is 5 % */
#define BYTES_ENOUGH (UINT64_C(1) << 30)
#define INODES_ENOUGH 10000

static bool
is_new(struct disk_room *room, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || room->seen_len == DISK_ROOM_MAX)
		return false;
	for (size_t i = 0; i < room->seen_len; i++)
		if (room->seen[i] == st.st_dev)
			return false;
	room->seen[room->seen_len++] = st.st_dev;
	return true;
}

static bool
is_scarce(uint64_t left, uint64_t all, uint64_t enough)
{
	return all > 0 && left < all / SHARE && left < enough;
}

bool
disk_room_is_scarce(
    struct disk_room *room, const char *path, char *ret_words, size_t size)
{
	struct statvfs fs;
	uint64_t left, all;

	if (!is_new(room, path) || statvfs(path, &fs) != 0)
		return false;
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	all = (uint64_t)fs.f_blocks * fs.f_frsize;
	if (is_scarce(left, all, BYTES_ENOUGH)) {
		snprintf(ret_words, size,
		    "its file system is nearly full: %.1f of %.1f MiB are left; make "
		    "room there",
		    (double)left / (1 << 20), (double)all / (1 << 20));
		return true;
	}
	if (is_scarce(fs.f_favail, fs.f_files, INODES_ENOUGH)) {
		snprintf(ret_words, size,
		    "its file system has %llu of %llu inodes left; remove files there",
		    (unsigned long long)fs.f_favail, (unsigned long long)fs.f_files);
		return true;
	}
	return false;
}
