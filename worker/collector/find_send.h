/* SPDX-License-Identifier: MIT
 * Tells the archive which input reached something first; in the collector.
 */
#ifndef FUZZSUP_FIND_SEND_H
#define FUZZSUP_FIND_SEND_H

#include <stdbool.h>
#include <stdint.h>

struct channel;
struct job_find;
struct target;

/* True while enough was sent in this second: the archive writes once a second, and would lose what is more. */
bool find_is_too_soon(void);

/* Sends @find, of @instance of job @job, which runs @target, as FINDs; nothing, if it is of another build than the
 * one that @target shows. Returns 0, or -EPROTO where its input is not the one that it says. */
int find_send(struct channel *archive, const struct target *target, uint32_t job,
    unsigned instance, const struct job_find *find);

#endif
