/* SPDX-License-Identifier: MIT
 * Foreign text as JSON.
 */
#ifndef FUZZSUP_JSON_TEXT_H
#define FUZZSUP_JSON_TEXT_H

#include <jansson.h>

/* Bytes that are no UTF-8 must not make the whole answer invalid. */
static inline json_t *
json_text(const char *string)
{
	json_t *value = json_string(string);

	return value != NULL ? value : json_string("(not UTF-8)");
}

#endif
