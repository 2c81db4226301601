/* SPDX-License-Identifier: MIT
 * The second job: which function each PC lies in, by the symbol table; in the symbolizer.
 * Apart from the first, because nothing waits for it and demangling takes its time.
 */
#ifndef FUZZSUP_FUNCTIONS_H
#define FUZZSUP_FUNCTIONS_H

#include "failure.h"
#include "message.h"

struct functions_request {
	int executable;
	int table; /* its source-location table: what the first job gave */
	int debug; /* separate debug file; -1: it has none */
};

/* Returns what FUNCTIONS says: TABLE_OK with the sealed memfd (function_table.h), the
 * caller's, in @ret_functions, or TABLE_FAILED with the reason in @text. */
enum table_status functions_make(
    const struct functions_request *request, int *ret_functions, struct failure *text);

#endif
