/* SPDX-License-Identifier: MIT
 * Reads what our runtime noted of inputs that reached something first (find_file.h), a bounded part at a time; in
 * the collector.
 */
#ifndef FUZZSUP_JOB_FINDS_H
#define FUZZSUP_JOB_FINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "find_file.h"
#include "job_log.h"

/* Where in which file of an instance's it is. */
struct job_finds {
	struct job_file_id file; /* inode 0: none yet */
	uint64_t at;
	bool is_damaged; /* and that was said */
};

/* A record. */
struct job_find {
	const struct find_header *header;
	int fd;            /* of the file */
	uint64_t pcs_at;   /* in it: header->pcs_len u32 */
	uint64_t input_at; /* header->kept bytes */
};

/* Returns 0, -EPROTO if it is no record after all, or another negative errno to be given it again later. */
typedef int (*job_find_cb)(void *arg, const struct job_find *find);

/* To be read from the beginning. */
void job_finds_again(struct job_finds *finds);

/* Gives what instance @number of a job of the target @of, whose folder is @directory, noted since the last call. Returns true if
 * there is more to read now. */
bool job_finds_read(struct job_finds *finds, int directory, unsigned number,
    const char *of, job_find_cb callback, void *arg);

#endif
