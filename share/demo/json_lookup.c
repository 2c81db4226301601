/* SPDX-License-Identifier: MIT
 * JSON Pointer: finds a place in a tree.
 */
#include "json.h"

#include <string.h>

/* Compares @key with a token in which "~1" stands for "/" and "~0" for "~". */
static bool
token_matches(const char *token, size_t len, const char *key, size_t key_len)
{
	size_t k = 0;

	for (size_t i = 0; i < len; i++, k++) {
		char c = token[i];

		if (c == '~') {
			if (++i == len)
				return false;
			if (token[i] == '0')
				c = '~';
			else if (token[i] == '1')
				c = '/';
			else
				return false;
		}
		if (k == key_len || key[k] != c)
			return false;
	}
	return k == key_len;
}

static const struct json *
member(const struct json *object, const char *token, size_t len)
{
	const struct json *child;

	for (child = object->first; child != NULL; child = child->next)
		if (token_matches(token, len, child->key, child->key_len))
			return child;
	return NULL;
}

static const struct json *
element(const struct json *array, const char *token, size_t len)
{
	const struct json *child = array->first;
	size_t index = 0;

	if (len == 0 || len > 9 || (token[0] == '0' && len > 1))
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (token[i] < '0' || token[i] > '9')
			return NULL;
		index = index * 10 + (size_t)(token[i] - '0');
	}
	if (index >= array->children)
		return NULL;
	while (index-- > 0)
		child = child->next;
	return child;
}

const struct json *
json_lookup(const struct json *json, const char *pointer, size_t len)
{
	const char *end = pointer + len, *token;

	while (json != NULL && pointer < end) {
		if (*pointer != '/')
			return NULL;
		token = ++pointer;
		while (pointer < end && *pointer != '/')
			pointer++;
		switch (json->type) {
		case JSON_OBJECT:
			json = member(json, token, (size_t)(pointer - token));
			break;
		case JSON_ARRAY:
			json = element(json, token, (size_t)(pointer - token));
			break;
		default:
			return NULL;
		}
	}
	return json;
}
