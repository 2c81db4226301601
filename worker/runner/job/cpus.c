/* SPDX-License-Identifier: MIT
 * Pinning; in the runner.
 */
#include "config.h"

#include "cpus.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "job_spec.h"
#include "banned.h"

#define CPUS_MAX CPU_SETSIZE

static unsigned used[CPUS_MAX];

int
cpus_take(const char *text)
{
	bool wanted[CPUS_MAX];
	cpu_set_t allowed;
	int best = -1;

	/* Asked each time: an administrator may change the service's cpuset. */
	if (job_numbers_parse(text, wanted, CPUS_MAX) < 0 ||
	    sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return -EINVAL;
	for (int cpu = 0; cpu < CPUS_MAX; cpu++)
		if (wanted[cpu] && CPU_ISSET((size_t)cpu, &allowed) &&
		    (best < 0 || used[cpu] < used[best]))
			best = cpu;
	if (best < 0)
		return -EINVAL;
	used[best]++;
	return best;
}

void
cpus_give_back(int cpu)
{
	if (cpu >= 0)
		used[cpu]--;
}
