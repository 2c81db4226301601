/* SPDX-License-Identifier: MIT
 * One target as the front-end knows it: what the directory says of it, and what the
 * supervisor sent for it.
 */
#ifndef FUZZSUP_TARGET_H
#define FUZZSUP_TARGET_H

#include <stdbool.h>
#include <sys/queue.h>

#include "block_table.h"
#include "coverage.h"
#include "directory.h"
#include "function_table.h"
#include "line_job.h"
#include "source_names.h"
#include "source_shapes.h"

struct evhttp_request;
struct stream_subscription;
struct reference_client;

/* A mapped table; frames that refer to its locations keep it mapped. */
struct target_table {
	unsigned references;
	struct source_table table;
};

/* Likewise; answers that are under way keep it. */
struct target_functions {
	unsigned references;
	struct function_table table;
};

/* Likewise. */
struct target_blocks {
	unsigned references;
	struct block_table table;
};

struct target {
	uint32_t id;
	bool listed;                   /* in the directory */
	bool served;                   /* the supervisor sent SERVE */
	struct directory_target entry; /* copy; before it is listed only id and name */
	struct source_roots roots;
	char *exclude; /* prefixes, one a line; NULL: none */
	struct target_table *table;
	uint64_t table_generation;          /* 0: none */
	int64_t table_since;                /* ns since the server's start */
	struct target_functions *functions; /* NULL: none, or not yet */
	char *functions_reason;             /* why there are none; NULL: not yet */
	struct target_blocks *blocks;       /* NULL: none, or not yet */
	char *blocks_reason;                /* why there are none; NULL: not yet */
	int64_t
	    built_ms; /* when the executable of these changed (Unix); 0: not known */
	struct source_shapes *shapes; /* made when first asked for */
	/* As last counted (line_counter.h): of which bits, when (monotonic; 0: never). */
	bool lines_known;
	bool lines_owed; /* to the supervisor */
	struct line_count lines;
	struct source_changes changes; /* of sources, as last looked at */
	int64_t looked_ms;             /* at them (monotonic) */
	uint64_t lines_bits;
	int64_t lines_counted_ms;
	struct live_map live;
	uint64_t live_sequence;      /* as last looked at */
	struct source_list *sources; /* made when first asked for */
	struct frame *index;         /* likewise */
	unsigned names_version;      /* + 1 whenever these two are forgotten */
	bool stats_changed;

	unsigned watchers; /* while it is not 0 coverage holds bits */
	struct coverage coverage;
	LIST_HEAD(, stream_subscription) subscriptions;
	LIST_HEAD(, reference_client) references;
	bool reference_due;

	char *json;      /* as clients have it; NULL: not told yet */
	bool json_stale; /* something of it may have changed */
};

struct target *target_new(uint32_t id, const char *name);
void target_free(struct target *target);

/* Begins anew with its roots; @exclude: @len bytes. Returns 0 or -ENOMEM. */
int target_serve(struct target *target, const char *exclude, size_t len);

/* Adds a root; takes @fd. Returns 0 or a negative errno. */
int target_add_root(
    struct target *target, const char *configured, const char *real, int fd);

/* Maps the table behind @fd, which stays the caller's. Returns 1 if it is a new one, 0 if
 * it was there, or a negative errno. */
int target_set_table(struct target *target, uint64_t generation, int fd);

/* Maps the function table behind @fd, which stays the caller's, for the table of
 * @generation; with -1 there is none for @reason. Returns 0, also where another table
 * came meanwhile, -EPROTO if it does not belong to the table, or a negative errno. */
int target_set_functions(
    struct target *target, uint64_t generation, int fd, const char *reason);

/* The same of the block table; its executable changed at @built_ms (Unix; 0: not known). */
int target_set_blocks(struct target *target, uint64_t generation, int fd,
    const char *reason, int64_t built_ms);

/* Answers 404 with why @target (NULL: none) has no lines. */
void target_refuse_lines(struct evhttp_request *request, const struct target *target);

struct target_table *target_table_ref(struct target_table *table);
void target_table_unref(struct target_table *table);
struct target_functions *target_functions_ref(struct target_functions *functions);
void target_functions_unref(struct target_functions *functions);
struct target_blocks *target_blocks_ref(struct target_blocks *blocks);
void target_blocks_unref(struct target_blocks *blocks);

/* A copy of the reached bits as they are now, for free(); of a target that has no live segment
 * of its table none is set. NULL: out of memory. */
uint64_t *target_copy_bits(const struct target *target);

/* Maps the live segment behind @fd. Returns 0 or a negative errno. */
int target_set_live(struct target *target, int fd);

/* Begins and ends watching: while somebody does, coverage holds bits. 0 or -ENOMEM. */
int target_watch(struct target *target);
void target_unwatch(struct target *target);

/* Takes over what is new in the live segment. Returns an OR of enum coverage_change. */
int target_look(struct target *target);

/* PCs reached, as the collector counts them. */
uint32_t target_covered(const struct target *target);

/* How many files its index names: more when the block table has come. */
uint32_t target_files(const struct target *target);

/* Made at the first call, then borrowed; NULL without a table or memory. */
struct source_list *target_sources(struct target *target);
struct frame *target_index(struct target *target);
struct source_shapes *target_shapes(struct target *target);

/* Nanoseconds since this process started. */
int64_t target_clock(void);

#endif
