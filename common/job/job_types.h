/* SPDX-License-Identifier: MIT
 * Jobs as all processes see them: engines, states, and what is reported of each; types
 * alone.
 */
#ifndef FUZZSUP_JOB_TYPES_H
#define FUZZSUP_JOB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOB_NAME_MAX 64 /* with NUL, as a target's */
#define JOB_REASON_MAX 512
#define JOB_LINE_MAX 200 /* of a telling line, with NUL */
#define JOB_INSTANCES_MAX 256
#define JOBS_MAX 4096

/*  name        text          what it runs */
#define JOB_ENGINES(X) \
	X(LIBFUZZER, "libfuzzer") /* an executable linked with -fsanitize=fuzzer */ \
	X(AFL, "afl++")           /* afl-fuzz, a main instance and secondaries */ \
	X(HONGGFUZZ, "honggfuzz") /* honggfuzz */ \
	X(ZIG, "zig")             /* a Zig test executable, over --listen=- */ \
	X(REPLAY, "replay")       /* an executable linked with libfuzzsup_replay */ \
	X(COMMAND, "command")     /* anything */

enum job_engine {
#define X(name, text) JOB_ENGINE_##name,
	JOB_ENGINES(X)
#undef X
	    JOB_ENGINES_LEN
};

/*  name       text           what it means; what moves it on */
#define JOB_STATES(X) \
	X(WAITING, "waiting") /* for its program or seeds, looked for now and then */ \
	X(QUEUED, "queued")   /* for its turn: more jobs than may run at once */ \
	X(RUNNING, "running") /* at least one instance runs */ \
	X(BACK_OFF, \
	    "restarting")       /* every instance ended; a timer starts them again */ \
	X(STOPPING, "stopping") /* has been told to end */ \
	X(STOPPED, "stopped")   /* on request; until a start */ \
	X(DONE, "done")         /* ended as it was meant to; the reason says how */ \
	X(FAILED, "failed")     /* will not be started again; the reason says why */

enum job_state {
#define X(name, text) JOB_STATE_##name,
	JOB_STATES(X)
#undef X
	    JOB_STATES_LEN
};

/*  name         text          when an instance that ended is started again */
#define JOB_RESTARTS(X) \
	X(ALWAYS, "always") \
	X(ON_FAILURE, "on-failure") /* not after exit status 0 */ \
	X(NEVER, "never")

enum job_restart {
#define X(name, text) JOB_RESTART_##name,
	JOB_RESTARTS(X)
#undef X
	    JOB_RESTARTS_LEN
};

/* What the runner says of a job: the text of JOB_STATE. */
struct job_report {
	uint32_t state; /* enum job_state */
	uint32_t instances;
	uint32_t running; /* instances */
	uint32_t starts;  /* of instances, since the service knows the job */
	int64_t since_ms; /* of the state, Unix time */
	uint64_t ran_ms;  /* all instances together */
	uint64_t memory;  /* bytes resident, all processes of all instances */
	int32_t pid;      /* of the first running instance; 0: none */
	/* The run whose end the reason tells, so that its last words may be added: pid (0: no
	 * run's) and instance. */
	int32_t ended_pid;
	uint32_t ended_instance;
	uint32_t loses; /* 1: finds, coverage or log are not kept, as the reason says */
	uint32_t loops; /* 1: an instance ends soon after its start, again and again */
	uint32_t builds; /* new ones that it was put onto; its runner's own count */
	char reason[JOB_REASON_MAX]; /* one sentence; empty where all is well */
};
_Static_assert(offsetof(struct job_report, since_ms) == 16, "job report");
_Static_assert(sizeof(struct job_report) == 64 + JOB_REASON_MAX, "job report");

/* Which of the numbers below the engine gives. */
enum job_stats_known {
	JOB_STATS_EXECUTIONS = 1,
	JOB_STATS_RATE = 2,
	JOB_STATS_CORPUS = 4,
	JOB_STATS_CORPUS_BYTES = 8,
	JOB_STATS_LAST_FIND = 16,
	JOB_STATS_CRASHES = 32,
	JOB_STATS_HANGS = 64,
	JOB_STATS_STABILITY = 128,
	JOB_STATS_EDGES = 256,
	JOB_STATS_MEMORY = 512,
	JOB_STATS_OOMS = 1024,
	JOB_STATS_PENDING = 2048,
};

/* What engines say of themselves, in one form, all instances together: the text of
 * JOB_STATS. Counts are of the job's whole life, over its restarts. */
struct job_stats {
	uint32_t known;     /* enum job_stats_known, OR-ed */
	uint32_t stability; /* hundredths of a percent */
	uint64_t executions;
	uint64_t rate_milli; /* executions per second × 1,000, now */
	uint64_t corpus;     /* inputs */
	uint64_t corpus_bytes;
	int64_t last_find_ms; /* Unix time of the last new input */
	uint64_t crashes;     /* inputs kept, not bugs */
	uint64_t hangs;
	uint64_t ooms;
	uint64_t edges;   /* as the engine counts them */
	uint64_t memory;  /* bytes resident, as the engine says */
	uint64_t pending; /* inputs that it knows of and has yet to run */
	int64_t
	    updated_ms; /* Unix time of the newest word from the engine; 0: none yet */
	int64_t moved_ms; /* Unix time of the newest word with more executions */
	/* How long it may say nothing now while all is well; 0: for ever. */
	int64_t silence_ms;
};
_Static_assert(sizeof(struct job_stats) == 120, "job stats");

/* An instance of AFL++ that somebody else runs: the text of JOB_FUZZERS is a list of them. */
struct job_fuzzer {
	uint64_t pid; /* as it says */
	/* Unix time of the last change of its stats, by our clock. */
	int64_t changed_ms;
	uint32_t moved; /* 1: they changed since we look at them */
	uint32_t reserved;
};
_Static_assert(sizeof(struct job_fuzzer) == 24, "job fuzzer");

/* What the archive is told of a job each second: the text of JOB_SAMPLES is a list of them; and,
 * with an id of 0, what it tells of one when the service starts (JOB_PAST). */
struct job_sample {
	uint32_t id;        /* of the job */
	uint32_t target;    /* id of its target */
	uint32_t starts;    /* of instances */
	uint8_t runs;       /* 1: at least one instance does */
	uint8_t is_stopped; /* 1: a user stopped it */
	uint8_t is_whole;   /* 1: what the archive knew of it before is in it */
	uint8_t reserved;
	uint64_t ran_ms, memory;
	struct job_stats stats; /* all zero: none came */
};
_Static_assert(sizeof(struct job_sample) == 152, "job sample");

/*  name      text      what it means of a running job */
#define JOB_HEALTHS(X) \
	X(UNKNOWN, "")      /* it does not run, or its engine owes no word */ \
	X(WELL, "well")     /* it was heard of, and its executions grow */ \
	X(STALE, "stale")   /* its numbers are older than its engine's should be */ \
	X(STUCK, "stuck")   /* its numbers are new, its executions stand still */ \
	X(LOSING, "losing") /* what it finds is not kept, or a start lacks something */

enum job_health {
#define X(name, text) JOB_HEALTH_##name,
	JOB_HEALTHS(X)
#undef X
	    JOB_HEALTHS_LEN
};

/* Names of an engine, a state, a restart policy; "?" for what is none. */
static inline const char *
job_engine_name(unsigned engine)
{
	static const char *const names[] = {
#define X(name, text) text,
		JOB_ENGINES(X)
#undef X
	};
	return engine < JOB_ENGINES_LEN ? names[engine] : "?";
}

static inline const char *
job_state_name(unsigned state)
{
	static const char *const names[] = {
#define X(name, text) text,
		JOB_STATES(X)
#undef X
	};
	return state < JOB_STATES_LEN ? names[state] : "?";
}

static inline const char *
job_health_name(unsigned health)
{
	static const char *const names[] = {
#define X(name, text) text,
		JOB_HEALTHS(X)
#undef X
	};
	return health < JOB_HEALTHS_LEN ? names[health] : "?";
}

static inline const char *
job_restart_name(unsigned restart)
{
	static const char *const names[] = {
#define X(name, text) text,
		JOB_RESTARTS(X)
#undef X
	};
	return restart < JOB_RESTARTS_LEN ? names[restart] : "?";
}

/* How a job is at @now_ms (Unix time), and in @ret_since_ms (unless NULL) since when; of
 * the time before it ran last nobody asks. */
static inline enum job_health
job_health(const struct job_report *report, const struct job_stats *stats,
    int64_t now_ms, int64_t *ret_since_ms)
{
	int64_t began_ms = report->since_ms, heard_ms, moved_ms;
	enum job_health health = JOB_HEALTH_WELL;

	if (report->loses != 0) {
		if (ret_since_ms != NULL)
			*ret_since_ms = began_ms;
		return JOB_HEALTH_LOSING;
	}
	if (report->state != JOB_STATE_RUNNING || stats->silence_ms <= 0)
		return JOB_HEALTH_UNKNOWN;
	heard_ms = stats->updated_ms > began_ms ? stats->updated_ms : began_ms;
	moved_ms = stats->moved_ms > began_ms ? stats->moved_ms : began_ms;
	if (now_ms - heard_ms > stats->silence_ms) {
		health = JOB_HEALTH_STALE;
		moved_ms = heard_ms;
	} else if ((stats->known & JOB_STATS_EXECUTIONS) != 0 &&
	    now_ms - moved_ms > stats->silence_ms) {
		health = JOB_HEALTH_STUCK;
	}
	if (ret_since_ms != NULL)
		*ret_since_ms = moved_ms;
	return health;
}

/* Whether the engine of a job that runs said anything since the job began to. */
static inline bool
job_was_heard(const struct job_report *report, const struct job_stats *stats)
{
	return stats->updated_ms > report->since_ms;
}

#endif
