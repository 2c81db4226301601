/* SPDX-License-Identifier: MIT
 * BASE/coverage.lcov, .json and .xml: what became of each line, for other tools.
 */
#ifndef FUZZSUP_COVERAGE_EXPORT_H
#define FUZZSUP_COVERAGE_EXPORT_H

struct evhttp_request;
struct export_format;
struct target;

/* Answers with the lines of @target (may be NULL) as they are now. Lines of which nobody can
 * tell whether they ran are left out; counts are 1 or 0. */
void coverage_export_serve(struct evhttp_request *request, struct target *target,
    const struct export_format *format);

#endif
