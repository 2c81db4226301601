/* SPDX-License-Identifier: MIT
 * Is all well? What is not, by name; for /healthz, the page and fuzzsupctl.
 */
#ifndef FUZZSUP_DAEMON_HEALTH_H
#define FUZZSUP_DAEMON_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

struct health;
struct supervisor;

/*  name           word             what it says */
#define HEALTH_CHECKS(X) \
	X(WORKER, "worker")               /* one of our processes does not work */ \
	X(CONFIGURATION, "configuration") /* the last reload was refused */ \
	X(DISK, "disk")                   /* a file system is nearly full */ \
	X(ARCHIVE, "archive")             /* what is found is not kept, or some was lost */ \
	X(IDLE, "idle")                   /* jobs are wanted, and none runs */ \
	X(COVERAGE, "coverage")           /* where it was read from is gone */ \
	X(TARGET_FAILED, "target-failed") /* it will not be shown */ \
	X(JOB_FAILED, "job-failed")       /* it will not be started again */ \
	X(JOB_LOOPING, "job-looping")     /* it ends at once, again and again */ \
	X(JOB_LOSING, "job-losing")       /* it loses finds, or lacks something */ \
	X(JOB_WAITING, "job-waiting")     /* for its program, or a start, for long */ \
	X(JOB_STALE, "job-stale")         /* its engine says nothing any more */ \
	X(JOB_STUCK, "job-stuck")         /* its executions stand still */

enum health_check {
#define X(name, word) HEALTH_##name,
	HEALTH_CHECKS(X)
#undef X
	    HEALTH_CHECKS_LEN
};

/* As fuzz.conf and the JSON name it; "?" for what is none. */
static inline const char *
health_check_name(unsigned check)
{
	static const char *const names[] = {
#define X(name, word) word,
		HEALTH_CHECKS(X)
#undef X
	};
	return check < HEALTH_CHECKS_LEN ? names[check] : "?";
}

int health_new(struct supervisor *supervisor, struct health **ret_health);
void health_free(struct health *health);

/* Looks at everything; publishes and logs what changed. To be called every second. */
void health_look(struct health *health);

/* What a reload said of the configuration that it refused; "": it was taken over. */
void health_set_refused(struct health *health, const char *why);

/* The front-end is new and knows nothing; or has room for more. */
void health_resend(struct health *health);
void health_pump(struct health *health);

/* How many problems there are; more than there are lines where they are very many. */
size_t health_count(const struct health *health);

/* A line for each problem: check, tab, what it is about (worker, path, target,
 * TARGET/JOB), tab, since when (Unix time in milliseconds; 0: unknown), tab, a sentence.
 * "" if all is well. */
const char *health_lines(const struct health *health);

#endif
