/* SPDX-License-Identifier: MIT
 * Getting a job's seeds, and what else is put into its corpus, to an engine that would not
 * read them by itself.
 */
#ifndef FUZZSUP_SEEDS_H
#define FUZZSUP_SEEDS_H

#include <stdbool.h>
#include <stdint.h>

#include "job_spec.h"

enum seeds_use {
	SEEDS_ARE_READ,   /* by the engine, from where they lie */
	SEEDS_ARE_COPIED, /* into its corpus, before it starts */
	SEEDS_ARE_QUEUED, /* AFL++: into what it begins with; what comes later into a queue
			     that it takes for another instance's */
};

/* How a stage begins that fails of what others put there, and may mend. */
#define SEEDS_READING "reading its inputs "

struct seeds {
	enum seeds_use use;
	struct job_words folders;
	const char *corpus;
	const char *folder; /* the job's */
	unsigned instance;
};

/* What an import gives back, in memory that both processes share. */
struct seeds_result {
	uint32_t imported;
	bool unsettled;   /* a file was so new that it may still be written */
	bool unread;      /* a file or folder cannot be read, for now */
	bool has_folders; /* below those that were looked at */
};

/* Before the engine starts, as the job's user: reads, copies, links or queues, and what
 * cannot be read is left for later. Returns 0, or a negative errno, and in @ret_stage what could not be done. */
int seeds_prepare(const struct seeds *seeds, const char **ret_stage);

/* While it runs, likewise: queues what is new. Only of SEEDS_ARE_QUEUED. */
int seeds_import(const struct seeds *seeds, struct seeds_result *result);

/* Changes with the folders that are looked at, not with those below them. */
uint64_t seeds_state(const struct seeds *seeds);

#endif
