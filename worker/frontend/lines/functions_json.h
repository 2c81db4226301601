/* SPDX-License-Identifier: MIT
 * Coverage per function as JSON: functions.json.
 */
#ifndef FUZZSUP_FUNCTIONS_JSON_H
#define FUZZSUP_FUNCTIONS_JSON_H

struct evhttp_request;
struct target;

/* Answers with all functions of @target (NULL: none) in order of address, and totals:
 * the coverage of now, streamed: lines, where there is a block table, and PCs. By lines, or where
 * none are known by PCs, a function is uncovered, partial or covered; ?state= leaves others out of
 * the list, ?limit=N those behind the first N; totals count all. */
void functions_json_serve(struct evhttp_request *request, struct target *target);

/* Answers 404 with why @target has no functions. */
void functions_json_refuse(struct evhttp_request *request, const struct target *target);

#endif
