/* SPDX-License-Identifier: MIT
 * Which CPUs instances are pinned to: of those that they may have the least used one, so
 * that no two share one while another is free.
 */
#ifndef FUZZSUP_CPUS_H
#define FUZZSUP_CPUS_H

/* Pins by the list @text, as in fuzz.conf. Returns a CPU, to be given back, or -EINVAL if
 * none of them may be used by this service (container, cpuset). */
int cpus_take(const char *text);
void cpus_give_back(int cpu);

#endif
