/* SPDX-License-Identifier: MIT
 * Writes a tree as JSON text.
 */
#include "json.h"

#include <stdio.h>
#include <string.h>

struct writer {
	char *buffer;
	size_t size, used;
};

static void
put(struct writer *writer, const char *text, size_t len)
{
	if (writer->used < writer->size) {
		size_t room = writer->size - writer->used;

		memcpy(writer->buffer + writer->used, text, len < room ? len : room);
	}
	writer->used += len;
}

static void
put_string(struct writer *writer, const char *string, size_t len)
{
	char escape[8];

	put(writer, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)string[i];

		switch (c) {
		case '"':
			put(writer, "\\\"", 2);
			break;
		case '\\':
			put(writer, "\\\\", 2);
			break;
		case '\n':
			put(writer, "\\n", 2);
			break;
		case '\t':
			put(writer, "\\t", 2);
			break;
		default:
			if (c >= 0x20) {
				put(writer, string + i, 1);
				break;
			}
			snprintf(escape, sizeof(escape), "\\u%04x", c);
			put(writer, escape, 6);
		}
	}
	put(writer, "\"", 1);
}

static void
put_number(struct writer *writer, double number)
{
	char text[32];

	snprintf(text, sizeof(text), "%.17g", number);
	put(writer, text, strlen(text));
}

static void
put_value(struct writer *writer, const struct json *json)
{
	static const char *const words[] = { "null", "false", "true" };
	const struct json *child;
	bool object = json->type == JSON_OBJECT;

	switch (json->type) {
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
		put(writer, words[json->type], strlen(words[json->type]));
		return;
	case JSON_NUMBER:
		put_number(writer, json->number);
		return;
	case JSON_STRING:
		put_string(writer, json->string, json->string_len);
		return;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	put(writer, object ? "{" : "[", 1);
	for (child = json->first; child != NULL; child = child->next) {
		if (child != json->first)
			put(writer, ",", 1);
		if (object) {
			put_string(writer, child->key, child->key_len);
			put(writer, ":", 1);
		}
		put_value(writer, child);
	}
	put(writer, object ? "}" : "]", 1);
}

size_t
json_write(const struct json *json, char *buffer, size_t size)
{
	struct writer writer = { .buffer = buffer, .size = size };

	put_value(&writer, json);
	return writer.used;
}
