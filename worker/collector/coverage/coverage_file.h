/* SPDX-License-Identifier: MIT
 * Reading a coverage file that somebody else writes, and may cut, grow, replace or fill
 * with rubbish meanwhile; in the collector.
 *
 * Nothing is mapped: a read of a file that was cut is short, where a map would be SIGBUS.
 * A file may claim half a gigabyte of PCs, so they are read part by part, and only where
 * its length is that of a table that somebody waits for.
 */
#ifndef FUZZSUP_COVERAGE_FILE_H
#define FUZZSUP_COVERAGE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define COVERAGE_PART 16384 /* PCs that are read at once: within 0.1 ms */

enum coverage_status {
	COVERAGE_SOUND,
	COVERAGE_UNFINISHED, /* being written: look again soon */
	COVERAGE_GONE,       /* there is no such name */
	COVERAGE_REFUSED,    /* no coverage file of ours; the reason says why */
};

struct coverage_file {
	int fd; /* -1: closed */
	dev_t device;
	ino_t inode;
	uint64_t size;
	int64_t changed_ns; /* ctime, which every write and every chmod moves */
	uint32_t pcs_len;
	uint32_t pcs_read; /* so many of them, by coverage_file_next() */
	uint64_t pcs_hash; /* of those, as by coverage_pcs_hash() */
};

struct coverage_owner {
	uid_t service;   /* this process's own */
	uid_t directory; /* owner of the directory */
	/* Whether one more may; NULL: nobody. */
	bool (*allows)(const void *context, uid_t uid);
	const void *context;
};

/* True for sixteen lower-case hex digits, which coverage files of all builds are named. */
bool coverage_file_is_name(const char *name);

/* Opens @name in @directory and checks all but its PCs, of which none is read yet. Fills
 * @ret_file (fd open only where sound; device and inode wherever it could be looked at)
 * and, where it is not sound, the reason, one sentence, in @reason. */
enum coverage_status coverage_file_open(int directory, const char *name,
    const struct coverage_owner *owner, struct coverage_file *ret_file, char *reason,
    size_t reason_size);
void coverage_file_close(struct coverage_file *file);

/* Reads counters and bits as they are now; @words has room for all of them. Returns 0, or
 * -ENODATA if the file was cut or says another length than before. */
int coverage_file_read(const struct coverage_file *file, uint64_t *ret_n_runs,
    uint64_t *ret_unique_runs, uint64_t *words);

/* 0 while the file has the length that its PCs want, else -ENODATA. */
int coverage_file_check_length(const struct coverage_file *file);

/* Reads @len PCs from @at on, which must be among its own. Returns 0, -ENODATA if the file
 * was cut, or another negative errno. */
int coverage_file_pcs(
    const struct coverage_file *file, uint32_t at, uint64_t *pcs, uint32_t len);

/* Reads the next PCs, COVERAGE_PART at most, and adds them to the hash. As
 * coverage_file_pcs(). */
int coverage_file_next(
    struct coverage_file *file, uint64_t pcs[COVERAGE_PART], uint32_t *ret_len);

/* How many PCs coverage_file_next() reads at @at. */
uint32_t coverage_file_part(const struct coverage_file *file, uint32_t at);

uint64_t coverage_pcs_hash(const uint64_t *pcs, size_t len);

#endif
