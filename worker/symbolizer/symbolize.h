/* SPDX-License-Identifier: MIT
 * One job: an executable in, its source-location table out; in the symbolizer.
 */
#ifndef FUZZSUP_SYMBOLIZE_H
#define FUZZSUP_SYMBOLIZE_H

#include <stdbool.h>
#include <stddef.h>

#include "failure.h"
#include "message.h"

struct symbolize_request {
	int executable;
	int pcs; /* sealed memfd of u64 PCs; -1: the executable's own PC table */
	const char *wanted; /* entry points, one a line */
	size_t wanted_len;
	int debug;         /* separate debug file; -1: none is known yet */
	int alternate;     /* alternate debug file; -1: the same */
	bool no_alternate; /* nobody has it: go on without */
	int cache; /* file that keeps the finished table, read and write; -1: none */
};

/* Returns what TABLE says: TABLE_OK with the sealed memfd, the caller's, in @ret_table and
 * perhaps remarks in @text; TABLE_NO_PC_TABLE with the words, a line feed
 * and the build ID in hex; TABLE_WANTS_DEBUG or TABLE_WANTS_ALTERNATE with what
 * debug_link.h describes in @text; or a failure with its reason and remedy in @text. */
enum table_status symbolize(
    const struct symbolize_request *request, int *ret_table, struct failure *text);

#endif
