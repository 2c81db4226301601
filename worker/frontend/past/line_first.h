/* SPDX-License-Identifier: MIT
 * Answers how a line was reached first: whether it was is concluded in steps, then the archive is asked.
 */
#ifndef FUZZSUP_LINE_FIRST_H
#define FUZZSUP_LINE_FIRST_H

#include <stdint.h>

struct event_base;
struct evhttp_request;
struct past;
struct target;

/* Answers @request, at once or later, about @line of the file that clients know as @file. */
void line_first_serve(struct event_base *base, struct past *past,
    struct evhttp_request *request, struct target *target, const char *file,
    uint32_t line);

#endif
