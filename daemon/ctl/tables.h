/* SPDX-License-Identifier: MIT
 * What the service answers in tab-separated columns, as tables and as JSON; in
 * fuzzsupctl.
 */
#ifndef FUZZSUP_CTL_TABLES_H
#define FUZZSUP_CTL_TABLES_H

#include <stdbool.h>

struct columns;

/* Of the requests status, jobs, workers and health. */
extern const struct columns columns_targets, columns_jobs, columns_workers,
    columns_health;

/* Print @lines, which they cut up: a table that fits the terminal, if there is one;
 * "KEY":[{...},...] */
void print_table(const struct columns *columns, char *lines);
void print_json(const struct columns *columns, const char *key, char *lines);

#endif
