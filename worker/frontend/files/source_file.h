/* SPDX-License-Identifier: MIT
 * One source file of a target, by the name that the source index gives it.
 */
#ifndef FUZZSUP_SOURCE_FILE_H
#define FUZZSUP_SOURCE_FILE_H

struct evhttp_request;
struct target;

/* Opens nothing but what the target's table names and its roots hold. */
void source_file_serve(
    struct evhttp_request *request, struct target *target, const char *name);

#endif
