/* SPDX-License-Identifier: MIT
 * The targets and their life: waiting for an executable, symbolizing, ready, live,
 * stale, failed; and what collector and front-end must be told of each.
 */
#ifndef FUZZSUP_TARGET_H
#define FUZZSUP_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "conf.h"
#include "directory.h"
#include "table.h"

#define TARGET_ENTRIES_MAX 256

/* What a worker has not been told yet. */
enum target_news {
	NEWS_COLLECT = 1, /* collector: everything */
	NEWS_PLACES = 2,  /* collector: places alone, since one has appeared */
	NEWS_SERVE = 4,   /* front-end: name and source roots; archive: name */
	NEWS_TABLE = 8,
	NEWS_LIVE = 16,
	/* both go with every NEWS_TABLE, too */
	NEWS_FUNCTIONS = 32,
	NEWS_BLOCKS = 64,
};

enum { OUTBOX_COLLECTOR, OUTBOX_FRONTEND, OUTBOX_ARCHIVE, OUTBOXES };

struct target {
	uint32_t id;
	struct conf_target conf;
	bool announced; /* by the control socket: no reload removes it */
	bool has_coverage_id;
	uint64_t coverage_id; /* as announced, for it or for a configured target */
	uint64_t
	    owner; /* uid that may own coverage files; UINT64_MAX: the executable's */
	enum target_state state;
	char reason[DIRECTORY_REASON_MAX];
	bool present;                   /* identity is set */
	struct identity identity, seen; /* that is shown; as last looked at */
	unsigned unfinished_looks;      /* at what is @seen, and may be being written */
	uid_t executable_uid;
	int64_t executable_ms; /* when it changed, whatever it says of itself; Unix */
	struct table *table;
	TAILQ_ENTRY(target) table_link;
	uint64_t collect_generation;
	int live; /* -1: none yet */
	uint64_t live_generation;
	bool live_current; /* made for the table of now, not only kept as a seed */
	uint32_t live_build_id_len, live_pcs_len;
	uint8_t live_build_id[64];
	/* As the front-end counted them: of the table of this generation; 0: of none. */
	uint64_t lines_generation;
	uint32_t lines, lines_reached;
	uint64_t *entries; /* link-time addresses that were announced */
	size_t entries_len;
	bool places_missing, roots_missing;
	uint64_t places_hash; /* which directories its places were, as sent */
	bool place_seen;      /* its own coverage was there */
	char place_gone[200]; /* a place of it that was there is not; empty: none */
	int activity_state;   /* as the collector said; 0: nothing yet */
	char activity[DIRECTORY_REASON_MAX];
	uint64_t root_mounts; /* that the front-end's roots were made of */
	unsigned news[OUTBOXES];
	TAILQ_ENTRY(target) outbox_link[OUTBOXES];
};

struct targets {
	struct supervisor *supervisor;
	struct target **by_name; /* sorted */
	struct target **by_id;
	size_t len;
	uint32_t last_id;
	struct target_head outbox[OUTBOXES];
	struct directory_target *page;         /* scratch for a commit */
	uint64_t defaults_seen, defaults_gone; /* a bit for each default place */
	uint64_t defaults_hash;
};

int targets_new(struct supervisor *supervisor, struct targets **ret_targets);
void targets_free(struct targets *targets);

/* Takes over what @conf says: new, changed and removed targets; keeps announced ones.
 */
int targets_configure(struct targets *targets, const struct conf *conf);

/* Looks whether directories that coverage comes from went, came, or are others now: first
 * the default ones, which are made again, then those of one target (target_places.c). */
void targets_poll_defaults(struct targets *targets);
void target_poll_places(struct targets *targets, struct target *target);

/* True if the default place of this number was there and is not. */
bool targets_default_is_gone(const struct targets *targets, size_t number);

/* Which directories its places are now; to be compared. */
uint64_t target_places_hash(const struct targets *targets, const struct target *target);

/* Its state, of what the collector said last and what else is known. */
void target_show(struct targets *targets, struct target *target);

/* Which mounts its source roots are made of (detached.h). */
uint64_t target_root_mounts(const struct target *target);

/* Adds one target. -EEXIST: the name is taken. -ENOSPC: too many. */
int targets_add(struct targets *targets, const struct conf_target *conf,
    struct target **ret_target);
void targets_remove(struct targets *targets, struct target *target);
struct target *targets_find(const struct targets *targets, const char *name);
struct target *targets_by_id(const struct targets *targets, uint32_t id);
struct target *targets_by_coverage(const struct targets *targets, uint64_t coverage_id);

/* A target of this executable that looks at this coverage file anyway; named @name, where
 * that is not NULL. NULL: none. */
struct target *targets_looking_at(const struct targets *targets, const char *executable,
    const char *coverage, const char *name);

/* Looks whether executables, coverage places and source roots came or changed. */
void targets_poll(struct targets *targets);

/* Publishes all in the directory. As directory_writer_commit(). */
int targets_commit(struct targets *targets);

/* The worker of @outbox is new and knows nothing; or has room for more. */
void targets_resend(struct targets *targets, unsigned outbox);
void targets_pump(struct targets *targets, unsigned outbox);

/* One function changes a state, and logs it. @reason may be "". */
void target_set_state(struct targets *targets, struct target *target,
    enum target_state state, const char *reason);

/* The target's table is DONE (well or not). */
void target_table_done(struct targets *targets, struct target *target);
void target_table_running(struct targets *targets, struct target *target);

/* More of the target's table is there, or there is none. */
void target_more_done(
    struct targets *targets, struct target *target, enum table_more which);

/* What the collector says; both take @fd. -EPROTO if it must be killed. */
int target_live(struct targets *targets, const struct message *message, int fd);
int target_pcs(struct targets *targets, const struct message *message, int fd);
int target_activity(struct targets *targets, const struct message *message);

/* What the front-end counts. -EPROTO if it must be killed. */
int target_lines(struct targets *targets, const struct message *message);

/* Jobs of the target run as other users, whose coverage files count, too. */
void target_users_changed(struct targets *targets, struct target *target);

/* Adds an announced entry point. -ENOSPC: too many. */
int target_entry(struct targets *targets, struct target *target, uint64_t address);

/* Marks news for a worker; sent as soon as there is room. */
void target_tell(
    struct targets *targets, struct target *target, unsigned outbox, unsigned news);

/* Sends all that the worker of @outbox has not been told of @target (target_send.c). */
void target_send(struct targets *targets, struct target *target, unsigned outbox);

#endif
