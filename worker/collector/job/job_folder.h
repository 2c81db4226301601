/* SPDX-License-Identifier: MIT
 * Counting files by the beginning of their names, a bounded part of a folder at a time; in
 * the collector.
 */
#ifndef FUZZSUP_JOB_FOLDER_H
#define FUZZSUP_JOB_FOLDER_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOB_FOLDER_KINDS 4
#define JOB_FOLDER_STEP 2048 /* names in one look */

struct job_folder {
	DIR *listing; /* while one is under way */
	uint64_t counting[JOB_FOLDER_KINDS], found[JOB_FOLDER_KINDS];
	uint64_t total[JOB_FOLDER_KINDS]; /* never falls, though files may go */
	uint64_t inode;
	int64_t changed_ns,
	    newest_ns;            /* of the folder, as listed; and as it grew last */
	int64_t next_ms, cost_us; /* monotonic */
	bool moved;               /* see job_folder_moved() */
	bool listed, unsure;      /* unsure: it may have changed while it was listed */
};

/* Counts the names in the folder @name below @directory, over no link, that begin with @prefixes[i], which
 * are JOB_FOLDER_KINDS and NULL where there are fewer. Does nothing while the folder is as
 * it was. Returns true if the listing is under way. */
bool job_folder_look(struct job_folder *folder, int directory, const char *name,
    const char *const *prefixes, int64_t now_ms);

/* Another folder has its name. What lies there at the next look is taken for what was counted,
 * as far as that goes, since it may be a copy; what comes then is counted. */
void job_folder_moved(struct job_folder *folder);

/* Ends a listing that is under way. */
void job_folder_close(struct job_folder *folder);

#endif
