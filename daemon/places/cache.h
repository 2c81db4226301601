/* SPDX-License-Identifier: MIT
 * The folder of finished source-location tables below state-dir: one file per executable,
 * entry points and PC list. What is in them is the symbolizer's (table_cache.h there); the
 * supervisor only opens them, and removes those that nobody wants any more.
 */
#ifndef FUZZSUP_CACHE_H
#define FUZZSUP_CACHE_H

#include <stdint.h>

/* Removes files of @state_dir's tables that nobody opened for CACHE_DAYS days. */
#define CACHE_DAYS 30
void cache_prune(const char *state_dir);

/* Opens the file for a table, read and write; makes it if it is missing. Returns the
 * descriptor or a negative errno, with which symbolizing only is slower. */
int cache_open(const char *state_dir, const char *executable, const char *entry_points,
    uint64_t pcs_hash);

#endif
