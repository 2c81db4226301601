/* SPDX-License-Identifier: MIT
 * Notices libraries that are loaded while the target runs; in the fuzzed process.
 */
#ifndef FUZZSUP_RT_LOADED_H
#define FUZZSUP_RT_LOADED_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>

/* The last of the modules that the process started with; NULL where nothing can be loaded
 * (static executables). */
extern struct link_map *fuzzsup_rt_loaded_last;

/* To be called before modules are looked for the first time. */
void fuzzsup_rt_loaded_begin(void);

/* False as long as nothing was loaded; costs one load. */
static inline bool
fuzzsup_rt_loaded_any(void)
{
	return fuzzsup_rt_loaded_last != NULL &&
	    __builtin_expect(__atomic_load_n(&fuzzsup_rt_loaded_last->l_next,
				 __ATOMIC_RELAXED) != NULL,
		0);
}

/* True once after something was loaded. Some 50 ns; one thread at a time. */
bool fuzzsup_rt_loaded_more(void);

/* Keeps the library at @path loaded until the process ends. False if it is not loaded
 * (any more). */
bool fuzzsup_rt_loaded_keep(const char *path);

#endif
