/* SPDX-License-Identifier: MIT
 * Source-location tables: one per executable and PC list, made by the symbolizer in a
 * queue, shared by all targets that want the same.
 */
#ifndef FUZZSUP_TABLE_H
#define FUZZSUP_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <time.h>

#include "supervisor.h"

/* What makes an executable the same one as before. */
struct identity {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

enum table_progress { TABLE_QUEUED, TABLE_RUNNING, TABLE_DONE };

/* What is made when the table is there, one after the other: nothing waits for it. */
enum table_more { MORE_FUNCTIONS, MORE_BLOCKS, MORE_LEN };

enum more_progress { MORE_NOT_YET, MORE_QUEUED, MORE_RUNNING, MORE_DONE };

struct more {
	enum more_progress progress;
	int fd;           /* sealed memfd; -1: there is none */
	char reason[320]; /* why, when DONE */
};

struct target;
TAILQ_HEAD(target_head, target);

struct table {
	TAILQ_ENTRY(table) queue_link;
	LIST_ENTRY(table) bucket_link;
	struct target_head users; /* without any it is freed, unless RUNNING */
	struct identity identity;
	char *executable;
	char *entry_points; /* one a line */
	uint64_t pcs_hash;
	int pcs; /* sealed memfd; -1: the executable's own */
	uint64_t generation;
	enum table_progress progress;
	unsigned status; /* enum table_status, when DONE */
	char reason[320];
	unsigned deaths;  /* of the symbolizer, in this job */
	int64_t due_ms;   /* monotonic: whose turn ends first is first in the queue */
	int64_t turn_ms;  /* so long it runs while others wait; next time twice */
	char *debug_wish; /* what its separate debug file must be; NULL: it has none */
	char *alternate_wish; /* what its alternate one must be; NULL: not asked for */
	int fd;               /* sealed memfd, when DONE and TABLE_OK */
	uint32_t
	    dropped_len; /* PCs that nobody counts: the linker dropped their code */
	TAILQ_ENTRY(table) more_link;
	enum table_more at; /* which of these is queued or runs */
	struct more more[MORE_LEN];
	uint32_t pcs_len;
	uint32_t build_id_len; /* also known where it has no PC table */
	uint8_t build_id[64];
};

struct tables;

int tables_new(struct supervisor *supervisor, struct tables **ret_tables);
void tables_free(struct tables *tables);

/* The symbolizer has a job, during which it answers nothing else. */
bool tables_busy(const struct tables *tables);

/* Gives @target a table for its executable as @identity; @pcs (-1: none) stays the
 * caller's. target_table_done() is called when it is there, perhaps at once. 0 or
 * -errno. */
int table_want(struct tables *tables, struct target *target,
    const struct identity *identity, int pcs);

/* Takes @target's table away from it. */
void table_drop(struct tables *tables, struct target *target);

/* The symbolizer answered, with a table or with more of one; both take @fd (-1: none came).
 * Return -EPROTO if it must be killed. */
int tables_answer(struct tables *tables, const struct message *message, int fd);
int tables_more(struct tables *tables, const struct message *message, int fd);

/* The symbolizer has (re)started, or died. */
void tables_started(struct tables *tables);
void tables_died(struct tables *tables, const char *how);

struct identity identity_of(const struct stat *st);
bool identity_equal(const struct identity *a, const struct identity *b);

#endif
