/* SPDX-License-Identifier: MIT
 * One job of the runner: its instances, why it runs or does not, and when it will.
 */
#ifndef FUZZSUP_RUNNER_JOB_H
#define FUZZSUP_RUNNER_JOB_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "engine.h"
#include "job_probe.h"
#include "job_spec.h"
#include "message.h"
#include "minder.h"
#include "program.h"

#define INSTANCE_WORDS_MAX 288

enum instance_phase {
	INSTANCE_IDLE,     /* nothing of its own keeps it from being started */
	INSTANCE_RUNNING,  /* has a minder */
	INSTANCE_BACK_OFF, /* its timer runs */
	INSTANCE_DONE,     /* ended as it was meant to */
	INSTANCE_FAILED,   /* is not started again */
};

struct job;

struct instance {
	struct job *job;
	unsigned index;
	enum instance_phase phase;
	struct minder minder;
	struct event *readable, *timer;
	pid_t pid; /* 0: not known yet */
	struct cgroup cgroup;
	int cpu;
	bool asked;     /* to end */
	bool has_ended; /* the minder said so */
	int status;
	int refused;                    /* errno; 0: it was executed */
	bool is_unfit;                  /* to be started again would not help */
	char words[INSTANCE_WORDS_MAX]; /* about its end, or why it was refused */
	char
	    past[INSTANCE_WORDS_MAX]; /* about the end of the run before; for a while */
	char note[INSTANCE_WORDS_MAX]; /* what is wrong though it runs; or empty */
	pid_t ended_pid; /* the run whose end they tell; 0: they tell of none */
	int64_t started_ms, started_wall_ms; /* monotonic, and Unix time */
	uint64_t memory;
	unsigned fast_ends, fruitless_ends; /* in a row; without a find, too */
	unsigned shortages; /* in a row: the machine had not what a start takes */
	int log_error;      /* errno of its log's last write; 0: well */
};

struct job {
	TAILQ_ENTRY(job) link;
	uint32_t id;
	struct job_spec spec;
	const struct engine *engine;
	char folder_path[3800];
	char corpus_path[4096];
	uint64_t folder_hash;
	struct event_base *base;
	bool wanted;   /* a user wants it to run */
	bool is_over;  /* ran for long enough; done until it is asked for again */
	bool lacks;    /* the machine has not what a start takes; its reason says it */
	bool has_turn; /* may run */
	bool is_new_build; /* its program changed: what runs is ended and started */
	bool is_leaving; /* forgotten; ends as its engine likes it, and tells nobody */
	uint32_t
	    waits_for; /* id of one that is leaving and has the same folder; 0: none */
	int64_t turn_since_ms;
	double virtual_ms; /* time that it has had, by its weight */
	struct instance *instances;
	unsigned running;
	struct program program, seen; /* as started, as last looked at */
	bool stands;                  /* the last two looks saw the same */
	struct program_probe probe;   /* of a new build, while the old one runs */
	char probe_words[160];        /* why it cannot be executed; empty: not known */
	unsigned probes;
	int64_t probe_at_ms; /* not before */
	struct job_probe folder_probe;
	struct job_report report;
	bool is_dirty; /* the report is to be sent */
	int64_t counted_ms;
	/* Set by who holds it: from the loop, when the report or the need for a turn may
	 * have changed; a new entry point; a minder that died and left its tree. */
	void (*changed)(struct job *job, void *context);
	void (*entry)(struct job *job, uint64_t address, void *context);
	void (*lost)(struct job *job, void *context);
	void *context;
};

/* ---- for instance.c and job_show.c ---- */

/* Its report, or its need for a turn, may have changed. */
void job_changed(struct job *job);
unsigned job_count_phase(const struct job *job, enum instance_phase phase);
struct program job_look_at_program(const struct job *job);

/* True if what runs is of the build that lies there. */
bool job_runs_newest(const struct job *job);

/* Works out state and reason from all that they follow from (job_show.c). */
void job_show(struct job *job);
/* Whether an instance of it ends at once again and again (likewise). */
bool job_loops(const struct job *job);

/* ---- for jobs.c ---- */

/* Takes @spec. Returns 0 or a negative errno. */
int job_new(
    struct event_base *base, uint32_t id, struct job_spec *spec, struct job **ret_job);

/* Ends what runs at once. */
void job_free(struct job *job);

/* Asks all that runs to end; what it does from now on is no report's matter. */
void job_leave(struct job *job);

/* True if it would run, had it the turn. */
bool job_is_eligible(const struct job *job);

/* Starts, or asks to end, whatever should be. */
void job_act(struct job *job);

/* Once a second: new builds, time that is up. */
void job_tick(struct job *job, int64_t now);

/* A user's wish; @reason: it is done, and why (not empty). */
void job_wish(struct job *job, enum job_wish wish, const char *reason);

/* Adds the time since the last call to what it has had. */
void job_count(struct job *job, int64_t now);

#endif
