/* SPDX-License-Identifier: MIT
 * Variables that every job has, and that stand for their values in its words: ${NAME}.
 */
#ifndef FUZZSUP_JOB_VARIABLES_H
#define FUZZSUP_JOB_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>

/*  name                 value */
#define JOB_VARIABLES(X) \
	X(FUZZSUP_TARGET)     /* name of the target */ \
	X(FUZZSUP_JOB)        /* name of the job */ \
	X(FUZZSUP_INSTANCE)   /* number of the instance, from 0 */ \
	X(FUZZSUP_EXECUTABLE) /* the target's */ \
	X(FUZZSUP_FOLDER)     /* the job's */ \
	X(FUZZSUP_CORPUS)     /* where its inputs are kept */ \
	X(FUZZSUP_SEEDS)      /* folders of seeds, with colons between them */ \
	X(FUZZSUP_DIR)        /* where the runtime in the target writes coverage */ \
	X(FUZZSUP_FINDS)      /* and which input reached a place first */

enum job_variable {
#define X(name) JOB_##name,
	JOB_VARIABLES(X)
#undef X
	    JOB_VARIABLES_LEN
};

const char *job_variable_name(unsigned variable);

/* Copies @text and puts @values, NULL for empty ones, in the place of their variables.
 * "$${NAME}" gives "${NAME}"; all else stays as it is. Returns 0 or -E2BIG. */
int job_variables_expand(const char *text, const char *const values[JOB_VARIABLES_LEN],
    char *ret_text, size_t size);

/* True if @text has a "${FUZZSUP_…}" that is no variable: a slip of the pen. */
bool job_variables_unknown(const char *text);

#endif
