/* SPDX-License-Identifier: MIT
 * Names and values of a job's variables; in the supervisor and the runner.
 */
#include "config.h"

#include "job_variables.h"

#include <errno.h>
#include <string.h>

#include "banned.h"

#define OURS "${FUZZSUP_"

const char *
job_variable_name(unsigned variable)
{
	static const char *const names[JOB_VARIABLES_LEN] = {
#define X(name) #name,
		JOB_VARIABLES(X)
#undef X
	};

	return names[variable];
}

/* The variable that @text begins with, "${NAME}", and how long that is; all of them if
 * there is none. */
static unsigned
variable_at(const char *text, size_t *ret_len)
{
	for (unsigned i = 0; i < JOB_VARIABLES_LEN; i++) {
		const size_t len = strlen(job_variable_name(i));

		if (strncmp(text, "${", 2) == 0 &&
		    strncmp(text + 2, job_variable_name(i), len) == 0 &&
		    text[2 + len] == '}') {
			*ret_len = len + 3;
			return i;
		}
	}
	return JOB_VARIABLES_LEN;
}

int
job_variables_expand(const char *text, const char *const values[JOB_VARIABLES_LEN],
    char *ret_text, size_t size)
{
	size_t used = 0, len = 0, skip;

	for (; *text != '\0'; text += skip) {
		const char *from = text;
		unsigned variable = variable_at(text, &skip);

		if (variable < JOB_VARIABLES_LEN) {
			from = values[variable] != NULL ? values[variable] : "";
			len = strlen(from);
		} else if (text[0] == '$' &&
		    variable_at(text + 1, &skip) < JOB_VARIABLES_LEN) {
			from = text + 1;
			len = skip++;
		} else {
			len = skip = 1;
		}
		if (len >= size - used)
			return -E2BIG;
		memcpy(ret_text + used, from, len);
		used += len;
	}
	ret_text[used] = '\0';
	return 0;
}

bool
job_variables_unknown(const char *text)
{
	size_t len;

	while ((text = strstr(text, OURS)) != NULL) {
		if (variable_at(text, &len) == JOB_VARIABLES_LEN)
			return true;
		text += len;
	}
	return false;
}
