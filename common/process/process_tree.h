/* SPDX-License-Identifier: MIT
 * All that descends from a process, as /proc tells; and ending it to the last one.
 */
#ifndef FUZZSUP_PROCESS_TREE_H
#define FUZZSUP_PROCESS_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Sends @signal to everything below @pid, not to @pid itself. Returns how many
 * processes there were. Others may be born meanwhile. */
unsigned process_tree_signal(pid_t pid, int signal);

/* Bytes resident of everything below @pid. */
uint64_t process_tree_memory(pid_t pid);

/* Ends all children and whatever becomes a child, until there is none: for a subreaper,
 * to which every orphan of its tree falls. Spares the children that @spare names true.
 * Gives up after @patience_ms. Returns 0 or -ETIMEDOUT. */
typedef bool (*process_spare_fn)(pid_t pid, void *context);
int process_tree_end(process_spare_fn spare, void *context, int patience_ms);

#endif
