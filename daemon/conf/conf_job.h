/* SPDX-License-Identifier: MIT
 * The job blocks of a configuration: what their values may be, and the spec that the
 * runner gets.
 */
#ifndef FUZZSUP_CONF_JOB_H
#define FUZZSUP_CONF_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job_spec.h"

struct conf_job {
	char *name;
	char *user;  /* NULL: the default */
	char *place; /* "fuzz.conf:12", where its user stands, else where it ends */
	char *spec;  /* as of job_spec_add(), without what the supervisor adds */
	size_t spec_len;
};

/* Checks @value of the key @key of a job's block, and writes its normal form. Returns 0,
 * or -EINVAL with one sentence in @ret_why. */
int conf_job_check(const char *key, const char *value, char *ret_normal, size_t size,
    char *ret_why, size_t why_size);

/* The instances that @pattern names, as job_numbers_parse() reads them: numbers, ranges,
 * AFL++'s names, "*", with commas between them. Returns as above. */
int conf_job_pattern(const char *pattern, const char *engine, unsigned instances,
    char *ret_normal, size_t size, char *ret_why, size_t why_size);

/* Checks what a whole spec says against what its engine is told by us anyway. Returns as
 * above. */
int conf_job_check_spec(const struct job_spec *spec, char *ret_why, size_t why_size);

int conf_job_copy(const struct conf_job *from, struct conf_job *ret_job);
void conf_job_clear(struct conf_job *job);

#endif
