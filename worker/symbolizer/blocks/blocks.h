/* SPDX-License-Identifier: MIT
 * The third job: which lines are executed with each PC, by machine code and line tables; in the
 * symbolizer. Apart from the first, because nothing waits for it.
 */
#ifndef FUZZSUP_BLOCKS_H
#define FUZZSUP_BLOCKS_H

#include "failure.h"
#include "message.h"

struct blocks_request {
	int executable;
	int table;     /* its source-location table: what the first job gave */
	int debug;     /* separate debug file; -1: it has none */
	int alternate; /* alternate debug file; -1: the same */
};

/* Returns TABLE_OK with the sealed memfd (block_table.h), the caller's, in @ret_blocks, or
 * TABLE_FAILED with the reason in @text. */
enum table_status blocks_make(
    const struct blocks_request *request, int *ret_blocks, struct failure *text);

#endif
