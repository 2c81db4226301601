/* SPDX-License-Identifier: MIT
 * Reading a coverage file that somebody else writes, and may cut, grow, replace or fill
 * with rubbish meanwhile; in the collector.
 *
 * Nothing is mapped: a read of a file that was cut is short, where a map would be SIGBUS.
 */
#ifndef FUZZSUP_COVERAGE_FILE_H
#define FUZZSUP_COVERAGE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
	uint32_t pcs_len;
	uint64_t pcs_hash; /* of the PCs, by coverage_pcs_hash() */
};

struct coverage_owner {
	uid_t service;    /* this process's own */
	uid_t directory;  /* owner of the directory */
	uint64_t allowed; /* one more, UINT64_MAX: none */
};

/* Opens @name in @directory and checks all of it. Fills @ret_file (fd open only where
 * sound; device and inode wherever it could be looked at) and, where it is not sound, the
 * reason, one sentence, in @reason. */
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

/* Reads the PCs. Returns an array for free(), or NULL with *ret_error: -ENODATA, -ENOMEM,
 * or another negative errno. */
uint64_t *coverage_file_pcs(const struct coverage_file *file, int *ret_error);

uint64_t coverage_pcs_hash(const uint64_t *pcs, size_t len);

#endif
