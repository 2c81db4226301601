/* SPDX-License-Identifier: MIT
 * Which workers speak with each other without the supervisor.
 *
 * The supervisor makes a socket pair for each edge once, and every life of a worker inherits its
 * end (heritage.h): no descriptor has to come while it runs, and what was said to a worker that
 * died waits for the next one. Whoever starts says HELLO; then the other one says again
 * what it still wants, and forgets what it was asked for.
 */
#ifndef FUZZSUP_EDGES_H
#define FUZZSUP_EDGES_H

#include "heritage.h"
#include "message.h"

struct edge_ends {
	enum party one, other;
};

static inline const struct edge_ends *
edge_ends(unsigned edge)
{
	static const struct edge_ends ends[EDGES_LEN] = {
#define X(one, other) { PARTY_##one, PARTY_##other },
		EDGES(X)
#undef X
	};
	return &ends[edge];
}

/* The number of the descriptor that either end has. */
static inline int
edge_fd(enum edge edge)
{
	return HERITAGE_EDGES + (int)edge;
}

#endif
