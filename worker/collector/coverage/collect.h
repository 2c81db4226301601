/* SPDX-License-Identifier: MIT
 * What the collector keeps: places (directories), the files in them, and the targets that
 * look there. A file belongs to every target of its place whose PCs it has.
 */
#ifndef FUZZSUP_COLLECT_H
#define FUZZSUP_COLLECT_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "coverage_file.h"
#include "live.h"
#include "module_file.h"
#include "rate.h"
#include "source_table.h"

#define FILES_PER_PLACE_MAX 16384
#define FILE_NAME_MAX 256
#define PLACE_BUCKETS 256
#define REASON_MAX 200
#define TEXT_MAX 300

struct collector_loop;
struct event;
struct target;
struct place;

enum file_state {
	FILE_NEW,        /* noticed; nothing is known of it yet */
	FILE_UNFINISHED, /* somebody is still writing it: looked at again, soon at first */
	FILE_REFUSED,    /* no coverage file; looked at again when it changes */
	FILE_OTHER,      /* sound, but of a build that no target here has */
	FILE_ATTACHED, /* read for at least one target */
};

/* What a file's sidecar and a target's executable have in common. */
enum kinship {
	KIN_NONE,
	KIN_NAME, /* the last component of the path */
	KIN_PATH,
};

/* Files that wait to be looked at, for one place or one target. Lanes take turns
 * (turns.c), so that what floods one of them delays no other. */
struct lane {
	TAILQ_ENTRY(lane) in_round; /* while something waits */
	TAILQ_HEAD(, file) files;
	struct place *place; /* whose it is, with its listing; NULL: a target's */
	bool waits;
};

TAILQ_HEAD(lane_queue, lane);

struct file_owner {
	struct target *target;
	bool was_there; /* the file, before the target, which did not read it yet */
};

struct file {
	TAILQ_ENTRY(file) in_place;
	TAILQ_ENTRY(file) in_queue; /* busy, idle or crowd, while attached */
	TAILQ_ENTRY(file) in_later; /* while retry_ms is not 0 */
	LIST_ENTRY(file) in_bucket; /* by name */
	TAILQ_ENTRY(file) in_lane;
	struct lane *lane; /* where it waits; NULL: there is nothing to do */
	struct place *place;
	char name[FILE_NAME_MAX];
	enum file_state state;
	char reason[REASON_MAX];
	struct coverage_file file;  /* as attached, or as last looked at */
	struct coverage_file check; /* looked at now; without fd between parts */
	uint32_t differs_at; /* the part there is no target's, or CHECK_NOWHERE */
	int list; /* memfd: its PCs so far, for a target without a table; -1 */
	struct module_file module;
	bool has_module, busy, crowd, from_start, gone, fresh;
	int64_t came_ms, first_seen_ms, retry_ms, changed_ms, checked_ms,
	    read_ms;     /* monotonic */
	unsigned tries;  /* how often it was looked at since it last changed */
	uint64_t said;   /* hash of the last log line about it */
	int64_t said_ms; /* log lines are paid for in advance: see may_say() */
	uint64_t n_runs, unique_runs; /* as last read */
	enum kinship
	    nearest; /* of a target here, when the looks were of nearest_looks */
	uint64_t nearest_looks;
	struct file_owner *owners; /* kept while the file is cut or replaced */
	size_t owners_len;
};

/* A target looks in a place, at one name or at all. */
struct look {
	LIST_ENTRY(look) in_place, in_target;
	struct place *place;
	struct target *target;
	uint64_t owner;
	bool own; /* nobody but a job of the target writes there */
	bool
	    left; /* another directory has the path: only what still runs there counts */
	char *path; /* that led to the place */
	char name[FILE_NAME_MAX];
};

struct place {
	LIST_ENTRY(place) in_all;
	int fd, doorbell, watch;
	dev_t device;
	ino_t inode;
	uid_t owner;
	char path[512]; /* for messages */
	TAILQ_HEAD(place_files, file) files;
	LIST_HEAD(, file) buckets[PLACE_BUCKETS];
	size_t files_len;
	LIST_HEAD(, look) looks;
	size_t looks_len;
	uint64_t looks_version; /* changes with the looks */
	struct event *doorbell_event;
	struct collector_loop *loop;
	bool rang, pending;               /* pending: rung, and not read since */
	int64_t scanned_us, scan_cost_us; /* monotonic */
	struct lane lane;
	DIR *listing;    /* as far as it has been read; NULL: it is not being listed */
	bool list_again; /* once this listing has come to its end */
	bool from_start; /* of this listing: what it finds was there before us */
	bool list_turn;  /* listing and looking at files take turns, too */
	bool full, missed; /* missed: there were files that it had no room for */
	bool left;         /* by some look */
	int64_t missed_ms; /* when it was listed again for that */
};

enum target_afl {
	AFL_NONE,    /* no job of it has a bitmap */
	AFL_READ,    /* it is where coverage comes from */
	AFL_FOREIGN, /* its places are not those of the PC table */
};

struct target {
	LIST_ENTRY(target) in_all;
	uint32_t id;
	uint64_t generation;
	char name[64];
	struct lane lane;
	bool has_table, asked; /* asked: its PCs were sent */
	struct source_table table;
	uint64_t pcs_hash;
	struct live live;
	struct rate rate;
	LIST_HEAD(, look) looks;
	uint64_t sum_runs, sum_unique;  /* of all its files, never going back */
	uint64_t grown, grown_unique;   /* what was seen to happen */
	int64_t grown_ms, collected_ms; /* monotonic; grown_ms 0: never */
	unsigned attached;
	int64_t built_ms;         /* Unix: its executable changed then; 0: not known */
	uint64_t executable_size; /* 0: not known */
	uint8_t build_id[64];     /* of an executable without a PC table */
	uint32_t build_id_len;
	uint64_t path_hash; /* of its executable, as module_file has it; 0: not known */
	char program[MODULE_PROGRAM_MAX];
	enum target_afl afl;
	int64_t afl_ms;  /* monotonic: AFL++ said something last */
	bool dirty, ran; /* dirty: something to publish */
	uint64_t told_bits;
	int told_state;
	char told[TEXT_MAX];
	uint64_t early_entries[64]; /* told before there was a table */
	size_t early_entries_len;
};

TAILQ_HEAD(file_queue, file);

struct collector {
	LIST_HEAD(, place) places;
	LIST_HEAD(, target) targets;
	struct file_queue busy, idle, later;
	struct file_queue crowd; /* what one target has too many of */
	int64_t crowd_polled_ms, crowd_changed_ms;
	struct lane_queue round;
	uint64_t part[COVERAGE_PART]; /* of a file that is being looked at */
	size_t idle_len;
	int64_t retried_ms, missed_ms; /* when all were looked through */
	int64_t busy_polled_ms, busy_cost_us;
	int64_t idle_polled_ms, idle_cost_ns;
	uint64_t *scratch; /* bits of the file that is being read */
	size_t scratch_words;
	int inotify;
	int64_t now_ms;  /* monotonic */
	int64_t wall_ms; /* Unix */
	/* False: not now; ask again. */
	bool (*tell_activity)(
	    struct collector *, struct target *, int state, const char *text);
	void (*tell_pcs)(struct collector *, struct target *, int pcs); /* sealed */
	void (*watch_doorbell)(struct collector *, struct place *);
};

/* ---- targets (target.c) ---- */

struct target *target_find(struct collector *collector, uint32_t id);

/* A new target, or a new generation of one. Takes the map behind @table (NULL: none yet)
 * and seeds from @seed_fd (-1: none). Returns 0 or a negative errno. */
int target_collect(struct collector *collector, uint32_t id, uint64_t generation,
    const char *name, struct source_table *table, int seed_fd,
    struct target **ret_target);
void target_forget(struct collector *collector, struct target *target);

/* Adds the entry point at link-time @address. */
void target_add_entry(struct target *target, uint64_t address);

/* True if a file of @pcs_len PCs with the sidecar of @file may be of this target's build. */
bool target_may_own(
    const struct target *target, const struct file *file, uint32_t pcs_len);

/* True if @file, all of whose PCs are known, is of this target's build. */
bool target_owns(const struct target *target, const struct file *file);

/* True if the target, whose executable has no PC table, takes the PCs of a file of
 * @pcs_len PCs with the sidecar of @file for its own: only where the sidecar's build ID
 * says so, or the configuration means this file. */
bool target_asks(const struct look *look, const struct file *file, uint32_t pcs_len);

/* Adds what was just read of a file (its bits lie in scratch): by how much its counters
 * grew. @was_there: the file was there before the target came, which reads it for the first
 * time: what it holds is no find, and no sign of life. */
void target_add(struct collector *collector, struct target *target, struct file *file,
    uint64_t grew, uint64_t grew_unique, bool was_there);

/* Adds the bits in scratch, of runs whose rate nobody sees; @before: they were there when
 * we came. */
void target_add_bits(
    struct collector *collector, struct target *target, uint64_t grew, bool before);

/* Sums up runs and rate and publishes: bits at once, counters alone only with @numbers.
 * True if something was published. */
bool target_settle(struct collector *collector, struct target *target, bool numbers);

/* Tells the supervisor of the target's activity, if that changed. */
void target_tell(struct collector *collector, struct target *target);

/* ---- what a user should know (left_out.c) ---- */

/* Behind the @used bytes of @text, which has TEXT_MAX; returns how many stand there then. */
size_t text_append(char *text, size_t used, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends to the @used bytes of @text which files were left out where this target looks, as
 * far as they may be meant for it. */
void left_out_describe(const struct target *target, char *text, size_t used);

/* ---- files (file.c) ---- */

struct file *file_find(struct place *place, const char *name);

/* Has @name in @place, new or known, looked at in its turn. */
void file_look(struct collector *collector, struct place *place, const char *name,
    bool from_start);

/* Whether @look's target looks at files of that name. */
bool look_allows(const struct look *look, const struct file *file);

/* What a look at a file found (check.c): it is unsound, for @reason; it is sound, but of no
 * target; it is sound, all of its PCs were read, and file->check is open. */
void file_unsound(struct collector *collector, struct file *file,
    enum coverage_status status, const char *reason);
void file_other(struct collector *collector, struct file *file, const char *reason);
void file_sound(struct collector *collector, struct file *file);
void file_forget(struct collector *collector, struct file *file);

/* @name in @place was made or changed; @another: it may lead to another inode now. What is
 * new is looked at in its turn, what is known soon, however often that changes. */
void file_notice(
    struct collector *collector, struct place *place, const char *name, bool another);

/* Attaches the file to the target of one more look, if it is of its build. */
void file_offer(struct collector *collector, struct file *file, struct look *look);

/* Detaches it from a target. */
void file_withdraw(
    struct collector *collector, struct file *file, struct target *target);

/* Puts into line the files that are not attached and whose time has come. */
void file_retry_all(struct collector *collector);

/* Makes scratch hold @words at least. */
bool file_make_room(struct collector *collector, size_t words);

/* Reads an attached file; true if anything in it changed. */
bool file_poll(struct collector *collector, struct file *file);

/* ---- looking at files (check.c), in turns (turns.c) ---- */

#define CHECK_NOWHERE UINT32_MAX

/* Opens the file, or goes on where the last part ended; reads one part at most. Calls one
 * of file_unsound(), file_other() and file_sound() when all is known, and may free it;
 * else puts it into the lane where it goes on. */
void check_step(struct collector *collector, struct file *file);

/* Begins from the first PC at the next step. */
void check_begin(struct file *file);
void check_end(struct file *file);

/* At the end of @lane, if it is in none; takes a file out of the lane that it is in. */
void turns_put(struct collector *collector, struct lane *lane, struct file *file);
void turns_remove(struct collector *collector, struct file *file);

/* The place of the lane is to be listed. */
void turns_wake(struct collector *collector, struct lane *lane);

/* It may have nothing to do any more. */
void turns_rest(struct collector *collector, struct lane *lane);
void turns_init(struct lane *lane, struct place *place);
void turns_close(struct collector *collector, struct lane *lane);

/* Does what waits, lane by lane, for @us at most. True if something is left. */
bool turns_take(struct collector *collector, int64_t us);

/* ---- places (place.c) ---- */

/* The place of the directory @fd, made and listed if it is new. Takes @fd and @doorbell
 * (-1: none). NULL after a log line. */
struct place *place_open(
    struct collector *collector, int fd, int doorbell, const char *path);

/* Lets @target look at @name (empty: all) in @place, to which @path leads now: it leaves the
 * place to which that led before. @own: no other target was told of it. Returns 0 or
 * -ENOMEM. */
int place_add_look(struct collector *collector, struct place *place,
    struct target *target, const char *path, const char *name, uint64_t owner,
    bool own);
void place_remove_look(struct collector *collector, struct look *look);

/* Has the directory listed, in turns, and every file looked at that may be one of coverage;
 * a listing that is under way is followed by another. */
void place_list(struct collector *collector, struct place *place, bool from_start);

/* Reads the next names. */
void place_list_step(struct collector *collector, struct place *place);

/* Now and then: lists those places again in which files were missed, and ends looks that
 * left theirs when nothing runs there any more. */
void place_retry_all(struct collector *collector);

/* Takes what inotify has to say. */
void place_read_events(struct collector *collector);

#endif
