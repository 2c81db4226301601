/* SPDX-License-Identifier: MIT
 * Which functions nobody comes back from; in the symbolizer.
 */
#ifndef FUZZSUP_NEVER_RETURNS_H
#define FUZZSUP_NEVER_RETURNS_H

#include "code_memory.h"
#include "code_step.h"
#include "function_ranges.h"

struct never_returns;

enum call_end {
	CALL_RETURNS,
	CALL_NEVER_RETURNS,
	CALL_CRASHES, /* the same, and the run ends there: a sanitizer's report, abort() */
	CALL_COMES_BACK, /* always: a sanitizer's own */
	CALL_CATCHES,    /* the same, at the begin of what handles an exception */
};

/* How a call that returns may leave its caller otherwise. */
enum call_leaves {
	CALL_STAYS,
	CALL_THROWS, /* by an exception; nobody calls longjmp() */
	CALL_JUMPS,
};

/* Knows functions by name, in the executable and behind its PLT, and others by their code,
 * where that has neither a return nor a way out. All that is given must live as long. Returns 0
 * or -ENOMEM. */
int never_returns_new(const struct function_ranges *ranges, struct code_memory *memory,
    const struct code_machine *machine, struct never_returns **ret_never);
void never_returns_free(struct never_returns *never);

/* Whether what returns from a call may also leave the caller, as there is something in the
 * executable that does such. */
enum call_leaves never_returns_leaves(
    const struct never_returns *never, enum call_end end);

/* What becomes of @call, a CODE_CALL. */
enum call_end never_returns_ask(
    struct never_returns *never, const struct code_step *call);

#endif
