/* SPDX-License-Identifier: MIT
 * Queries of requests; in the front-end.
 */
#include "config.h"

#include "query.h"

#include <event2/http.h>
#include <sys/queue.h>

#include "banned.h"

bool
query_parse(struct evhttp_request *request, struct evkeyvalq *ret_pairs)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *query = uri != NULL ? evhttp_uri_get_query(uri) : NULL;

	TAILQ_INIT(ret_pairs);
	if (query == NULL || *query == '\0')
		return true;
	if (evhttp_parse_query_str(query, ret_pairs) == 0)
		return true;
	TAILQ_INIT(ret_pairs);
	return false;
}
