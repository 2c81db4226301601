/* SPDX-License-Identifier: MIT
 * The jobs of the configuration as the supervisor sees them: what is wanted, what was
 * reported, and what runner, collector and front-end must be told of each.
 */
#ifndef FUZZSUP_DAEMON_JOBS_H
#define FUZZSUP_DAEMON_JOBS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "conf.h"
#include "job_attach.h"
#include "job_types.h"
#include "supervisor.h"

enum { JOB_OUTBOX_RUNNER, JOB_OUTBOX_COLLECTOR, JOB_OUTBOX_FRONTEND, JOB_OUTBOXES };

/* How a run of an instance ended, by its log. */
struct job_end {
	int32_t pid; /* 0: none ended */
	char line[JOB_LINE_MAX];
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
	char *spec; /* complete, as the runner gets it */
	size_t spec_len;
	char *folder;
	bool wanted;
	enum job_wish wish; /* the last one, while the runner has not been told */
	char wish_reason[96];
	bool is_kept;       /* while a configuration is taken over */
	uint32_t target_id; /* as the front-end was told */
	bool has_report, has_stats;
	struct job_report report; /* its reason with the telling line of the run's log */
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
};

int jobs_new(struct supervisor *supervisor, struct jobs **ret_jobs);
void jobs_free(struct jobs *jobs);

/* Takes over what @conf says: new, changed and removed jobs. To be called when its targets
 * were. Returns 0 or a negative errno. */
int jobs_configure(struct jobs *jobs, const struct conf *conf);

/* A job that a user names: TARGET/JOB, or JOB where only one has that name, or TARGET for
 * all of its jobs. Calls @cb for each; returns how many. */
typedef void (*job_cb)(struct jobs *jobs, struct job *job, void *context);
size_t jobs_each_named(struct jobs *jobs, const char *name, job_cb cb, void *context);

/* Has the runner do it; of a job that is attached nothing. @reason: only with JOB_STOP, why it is done; else "". */
void job_wish(
    struct jobs *jobs, struct job *job, enum job_wish wish, const char *reason);

/* Every two seconds: jobs that find nothing any more, and those that are attached. */
void jobs_poll(struct jobs *jobs);

/* The worker of @outbox is new and knows nothing; or has room for more. */
void jobs_resend(struct jobs *jobs, unsigned outbox);
void jobs_pump(struct jobs *jobs, unsigned outbox);

/* What workers say. -EPROTO if they must be killed. */
int jobs_report(struct jobs *jobs, const struct message *message);
int jobs_stats(struct jobs *jobs, const struct message *message);
int jobs_end(struct jobs *jobs, const struct message *message);
int jobs_fuzzers(struct jobs *jobs, const struct message *message);
int jobs_entry(struct jobs *jobs, const struct message *message);
int jobs_asked(struct jobs *jobs, const struct message *message);

/* True if a job of @target has that engine. */
bool jobs_have_engine(
    const struct jobs *jobs, const char *target, enum job_engine engine);

/* Folder with the coverage files of a job of @target that no other place names (Zig), by
 * its number from 0; writes its path. False behind the last. */
bool jobs_coverage_place(const struct jobs *jobs, const char *target, size_t number,
    char *ret_path, size_t size);

#endif
