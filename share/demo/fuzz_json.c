/* SPDX-License-Identifier: MIT
 * Fuzz target: what is read, written and read again must be the same; "POINTER\0TEXT"
 * also looks something up.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_round_trip(const struct json *json)
{
	struct json_error error;
	size_t len = json_write(json, NULL, 0);
	char *text = malloc(len + 1), *again = malloc(len + 1);
	struct json *copy;

	if (text == NULL || again == NULL)
		abort();
	json_write(json, text, len);
	copy = json_parse(text, len, &error);
	if (copy == NULL || json_write(copy, again, len) != len ||
	    memcmp(text, again, len) != 0)
		abort();
	json_free(copy);
	free(text);
	free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
	const char *text = zero != NULL ? (const char *)zero + 1 : (const char *)data;
	struct json_error error;
	struct json *json =
	    json_parse(text, (size_t)((const char *)data + size - text), &error);

	if (json == NULL)
		return 0;
	if (zero != NULL)
		json_lookup(json, (const char *)data, (size_t)(zero - data));
	check_round_trip(json);
	json_free(json);
	return 0;
}
