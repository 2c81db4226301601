/* SPDX-License-Identifier: MIT
 * Whether a worker still answers: a ping each second, and what becomes of a worker that
 * leaves one unanswered. What counts is how often the supervisor looked in vain, and not
 * the clock: a supervisor, or a machine, that stood still itself accuses nobody.
 */
#ifndef FUZZSUP_HEARTBEAT_H
#define FUZZSUP_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "worker.h"

#define HEARTBEAT_MS 1000
#define HEARTBEAT_LOOKS 5          /* in vain: it does not answer */
#define HEARTBEAT_SPIN_MS 5000     /* computed over one ping: it never comes back */
#define HEARTBEAT_STARVED_LOOKS 30 /* though it gets no processor */

/* What a process does, as /proc tells. */
struct process_look {
	char state; /* as ps(1) shows it */
	uint64_t cpu_ms;
	bool traced;  /* by a developer's debugger */
	pid_t holder; /* a process of a job that plays debugger; 0: none does */
};

/* Why the worker behind @beat is given up after another look in vain, which is counted in
 * @beat; NULL: not yet. @computes: it has a job during which it answers nobody, and may be
 * stopped alone. A debugger may hold it for as long as it likes, and so may a disk or a file
 * server. */
const char *heartbeat_judge(
    struct beat *beat, const struct process_look *look, bool computes);

/* To be called every HEARTBEAT_MS: sends a ping, or looks why there is no answer yet, and
 * kills @worker if it is given up. */
void heartbeat_look(struct worker *worker, bool computes);

/* The answer @number has come. -EPROTO: nobody asked for it. */
int heartbeat_answered(struct worker *worker, uint64_t number);

/* True while @worker leaves a ping unanswered for longer than it should. */
bool heartbeat_missed(const struct worker *worker);

#endif
