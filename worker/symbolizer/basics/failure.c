/* SPDX-License-Identifier: MIT
 * Why a job failed; in the symbolizer.
 */
#include "config.h"

#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "banned.h"

int
failure_say(struct failure *failure, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);
	return -error;
}

void
failure_add(struct failure *failure, const char *format, ...)
{
	size_t len = strlen(failure->text);
	va_list args;

	if (len > 0 && len + 2 < sizeof(failure->text)) {
		memcpy(failure->text + len, "; ", 3);
		len += 2;
	}
	va_start(args, format);
	vsnprintf(failure->text + len, sizeof(failure->text) - len, format, args);
	va_end(args);
}
