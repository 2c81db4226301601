/* SPDX-License-Identifier: MIT
 * BASE/coverage.lcov: what became of each line, as lcov's tools and genhtml read it.
 */
#ifndef FUZZSUP_COVERAGE_LCOV_H
#define FUZZSUP_COVERAGE_LCOV_H

struct evhttp_request;
struct target;

/* Answers with the lines of @target (may be NULL) as they are now. Lines of which nobody can
 * tell whether they ran are left out; counts are 1 or 0. */
void coverage_lcov_serve(struct evhttp_request *request, struct target *target);

#endif
