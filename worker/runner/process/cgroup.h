/* SPDX-License-Identifier: MIT
 * A control group (v2) for each instance, below the service's own where that was
 * delegated to it: limits for a whole tree, and an end that no fork outruns. Elsewhere
 * there is none, and limits and ends are those of each process. In the runner; what
 * takes a group's descriptor is for minders, too, and does nothing with -1.
 */
#ifndef FUZZSUP_CGROUP_H
#define FUZZSUP_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup_limits {
	uint64_t memory_max, processes_max; /* 0: none */
	unsigned weight;                    /* of its share of CPU; 1 is usual */
};

/* What its group sees to. */
struct cgroup {
	int fd; /* its folder; -1: there is none */
	bool memory, processes;
};

/* Makes the group of instance @number of a job. The first call finds out whether there
 * are groups at all, moves the service into one of its own beside those of jobs, and
 * logs it. */
struct cgroup cgroup_make(const char *target, const char *job, unsigned number,
    const struct cgroup_limits *limits);

/* Ends what is still in it, and removes it. */
void cgroup_remove(
    struct cgroup *cgroup, const char *target, const char *job, unsigned number);

/* Takes back what the first cgroup_make() changed, but for where the service is. */
void cgroup_finish(void);

/* The calling process goes into it. Returns 0 or a negative errno. */
int cgroup_enter(int fd);

/* Ends all that is in it, at once. */
void cgroup_kill(int fd);

/* What the kernel did for want of memory. */
enum cgroup_memory_end {
	CGROUP_MEMORY_WELL,
	CGROUP_MEMORY_MAX,  /* the group reached its limit, and was ended */
	CGROUP_MEMORY_NONE, /* the machine, or the service, had none left */
};
enum cgroup_memory_end cgroup_memory_end(int fd);

#endif
