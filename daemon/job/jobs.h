/* SPDX-License-Identifier: MIT
 * The jobs of the configuration as the supervisor sees them: what is wanted, what was
 * reported, and what runner, collector and front-end must be told of each.
 */
#ifndef FUZZSUP_DAEMON_JOBS_H
#define FUZZSUP_DAEMON_JOBS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "conf.h"
#include "job_attach.h"
#include "job_types.h"
#include "supervisor.h"

enum {
	JOB_OUTBOX_RUNNER,
	JOB_OUTBOX_COLLECTOR,
	JOB_OUTBOX_FRONTEND,
	JOB_OUTBOX_ARCHIVE,
	JOB_OUTBOXES
};

/* How a run of an instance ended, by its log. */
struct job_end {
	int32_t pid; /* 0: none ended */
	char line[JOB_LINE_MAX];
};

/* Which directory a worker was sent. */
struct job_place {
	dev_t device;
	ino_t inode; /* 0: none */
};

struct job {
	uint32_t id; /* never 0, never used twice in a service's life */
	char *target, *name;
	enum job_engine engine;
	uint32_t instances;
	bool runs_target; /* its target's own executable, not another one */
	char *others;     /* instances that run another one, nevertheless; NULL: none */
	char *executable; /* the target's */
	struct job_attach *attach; /* NULL: we run it */
	uint64_t plateau_ms;
	uid_t uid;
	char problem[JOB_REASON_MAX]; /* why it cannot be run; empty: it can */
	char *spec;                   /* complete, as the runner gets it */
	size_t spec_len;
	char *folder;
	struct job_place sent[JOB_OUTBOXES]; /* as its folder */
	bool folder_gone;                    /* and that is said */
	struct string_list corpus;           /* where else it keeps what it finds */
	bool autostart;
	bool wanted;
	enum job_wish wish; /* the last one, while the runner has not been told */
	char wish_reason[96];
	uint32_t target_id; /* as the front-end was told */
	bool has_report, has_stats;
	uint64_t past_ran_ms; /* in lives of the service before this one */
	uint32_t past_starts;
	bool has_past; /* the archive told one */
	uint64_t
	    late_ran_ms; /* told when it ran already: the runner does not count them */
	uint32_t late_starts;
	struct job_stats least;  /* counts of its past that came late */
	int64_t restart_told_ms; /* monotonic; 0: never */
	struct job_report
	    report; /* its reason with the telling line of the run's log */
	struct job_stats stats;
	char bare_reason[JOB_REASON_MAX]; /* as the runner said it */
	struct job_end *ends; /* the newest of each instance; NULL: none ended yet */
	unsigned news[JOB_OUTBOXES];
	TAILQ_ENTRY(job) outbox_link[JOB_OUTBOXES];
};
TAILQ_HEAD(job_head, job);

struct jobs {
	struct supervisor *supervisor;
	struct job **list;    /* by id */
	struct job **by_name; /* by target, then name */
	size_t len, size;
	uint32_t last_id;
	struct job_head outbox[JOB_OUTBOXES];
	bool
	    are_held; /* runner and collector hear nothing: it is not known what jobs go on from */
	bool past_is_told;
	void *
	    pasts; /* of jobs that the configuration has no more: a tree of tsearch() */
	size_t pasts_len;
};

int jobs_new(struct supervisor *supervisor, struct jobs **ret_jobs);
void jobs_free(struct jobs *jobs);

/* The jobs of @conf, made but not taken over: nothing of what runs has changed yet, but
 * that folders were made. Each that cannot be run is reported. Returns their number, or a
 * negative errno. */
struct jobs_plan;
int jobs_plan_new(struct jobs *jobs, const struct conf *conf, conf_error_cb report_cb,
    void *context, struct jobs_plan **ret_plan);
void jobs_plan_free(struct jobs_plan *plan);

/* Says of jobs that are new, or have other settings, what their users could not use.
 * @conf: what the plan was made of. Takes a few seconds at most. */
void jobs_plan_probe(const struct jobs_plan *plan, const struct conf *conf,
    conf_error_cb report_cb, void *context);

/* Takes over what @plan says: new, changed and removed jobs. To be called when the
 * targets of its configuration were. A job that cannot be run is shown as failed, with
 * the reason. Takes @plan, cannot fail. */
void jobs_configure(struct jobs *jobs, const struct conf *conf, struct jobs_plan *plan);

/* A job that a user names: TARGET/JOB, or JOB where only one has that name, or TARGET for
 * all of its jobs. Calls @cb for each; returns how many. */
typedef void (*job_cb)(struct jobs *jobs, struct job *job, void *context);
size_t jobs_each_named(struct jobs *jobs, const char *name, job_cb cb, void *context);

/* Has the runner do it; of a job that is attached nothing. @reason: only with JOB_STOP, why it is done; else "". */
void job_wish(
    struct jobs *jobs, struct job *job, enum job_wish wish, const char *reason);

/* Every two seconds: jobs that find nothing any more, those that are attached, and folders
 * that were deleted. */
void jobs_poll(struct jobs *jobs);

/* The worker of @outbox is new and knows nothing; or has room for more. */
void jobs_resend(struct jobs *jobs, unsigned outbox);
void jobs_pump(struct jobs *jobs, unsigned outbox);

/* From the start until jobs_release() runner and collector hear of no job. */
bool jobs_are_held(const struct jobs *jobs);
void jobs_release(struct jobs *jobs);

/* What TARGET/JOB, @name, goes on from: at once while jobs are held, added to what it counts if that
 * comes later, and where there is no such job yet, when there is one. */
void jobs_past(struct jobs *jobs, const char *name, const struct job_sample *past);

/* The archive has told all. Samples are whole from now on. */
void jobs_past_told(struct jobs *jobs);

/* Of all lives that are known. */
uint64_t job_ran_ms(const struct job *job);
uint32_t job_starts(const struct job *job);

/* Adds what came late to what the runner or the collector said. */
void job_add_late(const struct job *job, struct job_report *report);
void job_raise_late(const struct job *job, struct job_stats *stats);

/* @job leaves the configuration; one of its name that comes later will go on from it. */
void job_past_keep(struct jobs *jobs, const struct job *job);
/* @job is new: it goes on from @old, or if that is NULL from what was kept of its name. */
void job_past_take(struct jobs *jobs, struct job *job, const struct job *old);
void job_pasts_free(struct jobs *jobs);

/* The front-end is to hear of its report and stats. */
void job_serve_news(struct jobs *jobs, struct job *job);

struct job *jobs_find(const struct jobs *jobs, const char *target, const char *name);

/* Its report was @told, of state JOB_STATES_LEN if there was none: tells the archive what happened. */
void job_tell_change(struct jobs *jobs, struct job *job, const struct job_report *told);

/* Fills @ret_message with samples of jobs from *@from on, which it moves on. False: there are no
 * more. */
bool jobs_samples(const struct jobs *jobs, size_t *from, struct message *ret_message);

/* What workers say. -EPROTO if they must be killed. */
int jobs_report(struct jobs *jobs, const struct message *message);
int jobs_stats(struct jobs *jobs, const struct message *message);
int jobs_end(struct jobs *jobs, const struct message *message);
int jobs_fuzzers(struct jobs *jobs, const struct message *message);
int jobs_entry(struct jobs *jobs, const struct message *message);
int jobs_asked(struct jobs *jobs, const struct message *message);

/* User of a job of @target, by number from 0; root for one that cannot be run. False behind
 * the last. */
bool jobs_user(
    const struct jobs *jobs, const char *target, size_t number, uid_t *ret_uid);

/* True if a job of @target has that engine. */
bool jobs_have_engine(
    const struct jobs *jobs, const char *target, enum job_engine engine);

/* Folder with the coverage files of a job of @target that no other place names (Zig), by
 * its number from 0; writes its path. False behind the last. */
bool jobs_coverage_place(const struct jobs *jobs, const char *target, size_t number,
    char *ret_path, size_t size);

#endif
