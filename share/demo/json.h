/* SPDX-License-Identifier: MIT
 * A small JSON reader (RFC 8259), the demo's fuzz target: text in, a tree out, and JSON
 * Pointer (RFC 6901) to look something up in it.
 */
#ifndef DEMO_JSON_H
#define DEMO_JSON_H

#include <stdbool.h>
#include <stddef.h>

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json {
	enum json_type type;
	double number;
	char *string; /* value of a string, NUL-terminated; may hold NULs */
	size_t string_len;
	char *key; /* of a member of an object */
	size_t key_len;
	struct json *first, *next;
	size_t children;
};

struct json_error {
	size_t line, column;
	const char *message;
};

/* Reads one document. Returns a tree for json_free(), or NULL with *ret_error filled. */
struct json *json_parse(const char *text, size_t len, struct json_error *ret_error);
void json_free(struct json *json);

/* Looks @pointer up below @json, like "/a/0/b". NULL if there is no such place. */
const struct json *json_lookup(
    const struct json *json, const char *pointer, size_t len);

/* Writes @json without white space; returns the length that it has or would have. */
size_t json_write(const struct json *json, char *buffer, size_t size);

#endif
