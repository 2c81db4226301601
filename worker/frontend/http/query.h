/* SPDX-License-Identifier: MIT
 * What stands behind the question mark of a request.
 */
#ifndef FUZZSUP_QUERY_H
#define FUZZSUP_QUERY_H

#include <event2/keyvalq_struct.h>
#include <stdbool.h>

struct evhttp_request;

/* Takes the query apart, to be asked by evhttp_find_header() and given back by
 * evhttp_clear_headers(); without one there is nothing in it. False, with nothing in it
 * either, if it is malformed. */
bool query_parse(struct evhttp_request *request, struct evkeyvalq *ret_pairs);

#endif
