/* SPDX-License-Identifier: MIT
 * All sources of a target as one tar archive, made while it is sent.
 */
#ifndef FUZZSUP_SOURCES_TAR_H
#define FUZZSUP_SOURCES_TAR_H

#include <stdbool.h>

struct evhttp_request;
struct target;

/* Answers with the files that the table names and the roots hold, sorted by name; with
 * no target, or no table yet, an empty archive. Nothing of @target is used afterwards. */
void sources_tar_serve(struct evhttp_request *request, struct target *target);

#endif
