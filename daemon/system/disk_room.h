/* SPDX-License-Identifier: MIT
 * Whether file systems that the service writes to are nearly full.
 */
#ifndef FUZZSUP_DISK_ROOM_H
#define FUZZSUP_DISK_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define DISK_ROOM_MAX 32 /* file systems that are looked at */

/* The file systems that were looked at in this round: each is told once. */
struct disk_room {
	dev_t seen[DISK_ROOM_MAX];
	size_t seen_len;
};

/* Looks at the file system of @path, unless this round knows it already. Returns true, with
 * one sentence in @ret_words, if it has less than 5 % left, and that is below 1 GiB; or
 * likewise below 10,000 inodes. A path that is not there is not full. */
bool disk_room_is_scarce(
    struct disk_room *room, const char *path, char *ret_words, size_t size);

#endif
