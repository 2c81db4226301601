/* SPDX-License-Identifier: MIT
 * Reads JSON text into a tree.
 */
#include "json.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

struct reader {
	const char *start, *at, *end;
	const char *message;
	unsigned depth;
};

static struct json *read_value(struct reader *reader);

static bool
fail(struct reader *reader, const char *message)
{
	if (reader->message == NULL)
		reader->message = message;
	return false;
}

static void
skip_space(struct reader *reader)
{
	while (reader->at < reader->end) {
		switch (*reader->at) {
		case ' ':
		case '\t':
		case '\n':
		case '\r':
			reader->at++;
			break;
		default:
			return;
		}
	}
}

static bool
take(struct reader *reader, char wanted)
{
	if (reader->at < reader->end && *reader->at == wanted) {
		reader->at++;
		return true;
	}
	return false;
}

/* ---- strings ---- */

static bool
read_hex4(struct reader *reader, uint32_t *ret_value)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		if (reader->at == reader->end)
			return fail(reader, "the text ends inside of \\u");
		char c = *reader->at++;

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value << 4 | (uint32_t)(c - 'A' + 10);
		else
			return fail(reader, "not a hexadecimal digit after \\u");
	}
	*ret_value = value;
	return true;
}

static size_t
put_utf8(uint32_t c, char *to)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static bool
read_unicode_escape(struct reader *reader, char *to, size_t *used)
{
	uint32_t high, low;

	if (!read_hex4(reader, &high))
		return false;
	if (high >= 0xdc00 && high <= 0xdfff)
		return fail(reader, "a low surrogate without a high one");
	if (high >= 0xd800 && high <= 0xdbff) {
		if (!take(reader, '\\') || !take(reader, 'u'))
			return fail(reader, "a high surrogate without a low one");
		if (!read_hex4(reader, &low))
			return false;
		if (low < 0xdc00 || low > 0xdfff)
			return fail(reader, "not a low surrogate");
		high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	}
	*used += put_utf8(high, to + *used);
	return true;
}

static bool
read_escape(struct reader *reader, char *to, size_t *used)
{
	char c;

	if (reader->at == reader->end)
		return fail(reader, "the text ends after a backslash");
	c = *reader->at++;
	switch (c) {
	case '"':
	case '\\':
	case '/':
		to[(*used)++] = c;
		return true;
	case 'b':
		to[(*used)++] = '\b';
		return true;
	case 'f':
		to[(*used)++] = '\f';
		return true;
	case 'n':
		to[(*used)++] = '\n';
		return true;
	case 'r':
		to[(*used)++] = '\r';
		return true;
	case 't':
		to[(*used)++] = '\t';
		return true;
	case 'u':
		return read_unicode_escape(reader, to, used);
	default:
		return fail(reader, "an unknown escape");
	}
}

/* Length of the well-formed UTF-8 sequence at @at; 0 if there is none. */
static size_t
utf8_len(const unsigned char *at, size_t left)
{
	size_t len;

	if (at[0] < 0x80)
		return 1;
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return 0;
	len = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	if (len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if (at[0] == 0xe0 && at[1] < 0xa0)
		return 0; /* longer than needed */
	if (at[0] == 0xed && at[1] > 0x9f)
		return 0; /* a surrogate */
	if (at[0] == 0xf0 && at[1] < 0x90)
		return 0;
	if (at[0] == 0xf4 && at[1] > 0x8f)
		return 0;
	return len;
}

static bool
read_plain(struct reader *reader, char *to, size_t *used)
{
	size_t len;

	if ((unsigned char)*reader->at < 0x20)
		return fail(reader, "a control character in a string");
	len = utf8_len(
	    (const unsigned char *)reader->at, (size_t)(reader->end - reader->at));
	if (len == 0)
		return fail(reader, "not UTF-8");
	memcpy(to + *used, reader->at, len);
	*used += len;
	reader->at += len;
	return true;
}

static bool
read_string(struct reader *reader, char **ret_string, size_t *ret_len)
{
	size_t used = 0;
	char *to;

	if (!take(reader, '"'))
		return fail(reader, "a string is expected");
	/* What is read is never longer than how it is written. */
	to = malloc((size_t)(reader->end - reader->at) + 1);
	if (to == NULL)
		return fail(reader, "out of memory");
	while (reader->at < reader->end && *reader->at != '"') {
		bool ok = take(reader, '\\') ? read_escape(reader, to, &used)
					     : read_plain(reader, to, &used);

		if (!ok) {
			free(to);
			return false;
		}
	}
	if (!take(reader, '"')) {
		free(to);
		return fail(reader, "the text ends inside of a string");
	}
	to[used] = '\0';
	*ret_string = to;
	*ret_len = used;
	return true;
}

/* ---- numbers ---- */

static size_t
skip_digits(struct reader *reader)
{
	const char *from = reader->at;

	while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
		reader->at++;
	return (size_t)(reader->at - from);
}

/* Moves behind a number that is written as RFC 8259 wants it. */
static bool
skip_number(struct reader *reader)
{
	bool negative = take(reader, '-');

	if (take(reader, '0')) {
		if (skip_digits(reader) > 0)
			return fail(reader, "a number with a leading zero");
	} else if (skip_digits(reader) == 0) {
		return fail(
		    reader, negative ? "a sign without digits" : "a value is expected");
	}
	if (take(reader, '.') && skip_digits(reader) == 0)
		return fail(reader, "a fraction without digits");
	if (take(reader, 'e') || take(reader, 'E')) {
		if (!take(reader, '-'))
			take(reader, '+');
		if (skip_digits(reader) == 0)
			return fail(reader, "an exponent without digits");
	}
	return true;
}

static bool
read_number(struct reader *reader, double *ret_value)
{
	const char *from = reader->at;
	char *copy;
	size_t len;

	if (!skip_number(reader))
		return false;
	len = (size_t)(reader->at - from);
	copy = malloc(len + 1);
	if (copy == NULL)
		return fail(reader, "out of memory");
	memcpy(copy, from, len);
	copy[len] = '\0';
	*ret_value = strtod(copy, NULL);
	free(copy);
	return isfinite(*ret_value) || fail(reader, "a number out of range");
}

/* ---- arrays, objects, words ---- */

static bool
read_word(struct reader *reader, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(reader->end - reader->at) < len ||
	    memcmp(reader->at, word, len) != 0)
		return fail(reader, "an unknown word");
	reader->at += len;
	return true;
}

static bool
read_array(struct reader *reader, struct json *array)
{
	struct json **last = &array->first;

	reader->at++;
	skip_space(reader);
	if (take(reader, ']'))
		return true;
	do {
		*last = read_value(reader);
		if (*last == NULL)
			return false;
		last = &(*last)->next;
		array->children++;
		skip_space(reader);
	} while (take(reader, ','));
	return take(reader, ']') || fail(reader, "a comma or ] is expected");
}

static bool
key_is_known(const struct json *object, const char *key, size_t len)
{
	const struct json *member;

	for (member = object->first; member != NULL; member = member->next)
		if (member->key_len == len && memcmp(member->key, key, len) == 0)
			return true;
	return false;
}

static bool
read_member(struct reader *reader, struct json *object, struct json ***last)
{
	struct json *member;
	size_t len;
	char *key;

	skip_space(reader);
	if (!read_string(reader, &key, &len))
		return false;
	skip_space(reader);
	if (!take(reader, ':'))
		fail(reader, "a colon is expected");
	else if (key_is_known(object, key, len))
		fail(reader, "a key that stands twice");
	if (reader->message != NULL || (member = read_value(reader)) == NULL) {
		free(key);
		return false;
	}
	member->key = key;
	member->key_len = len;
	**last = member;
	*last = &member->next;
	object->children++;
	return true;
}

static bool
read_object(struct reader *reader, struct json *object)
{
	struct json **last = &object->first;

	reader->at++;
	skip_space(reader);
	if (take(reader, '}'))
		return true;
	do {
		if (!read_member(reader, object, &last))
			return false;
		skip_space(reader);
	} while (take(reader, ','));
	return take(reader, '}') || fail(reader, "a comma or } is expected");
}

static bool
read_into(struct reader *reader, struct json *json)
{
	switch (*reader->at) {
	case '{':
		json->type = JSON_OBJECT;
		return read_object(reader, json);
	case '[':
		json->type = JSON_ARRAY;
		return read_array(reader, json);
	case '"':
		json->type = JSON_STRING;
		return read_string(reader, &json->string, &json->string_len);
	case 't':
		json->type = JSON_TRUE;
		return read_word(reader, "true");
	case 'f':
		json->type = JSON_FALSE;
		return read_word(reader, "false");
	case 'n':
		json->type = JSON_NULL;
		return read_word(reader, "null");
	default:
		json->type = JSON_NUMBER;
		return read_number(reader, &json->number);
	}
}

static struct json *
read_value(struct reader *reader)
{
	struct json *json;

	skip_space(reader);
	if (reader->at == reader->end) {
		fail(reader, "the text ends where a value is expected");
		return NULL;
	}
	if (++reader->depth > DEPTH_MAX) {
		fail(reader, "nested too deeply");
		return NULL;
	}
	json = calloc(1, sizeof(*json));
	if (json == NULL) {
		fail(reader, "out of memory");
		return NULL;
	}
	if (!read_into(reader, json)) {
		json_free(json);
		return NULL;
	}
	reader->depth--;
	return json;
}

static void
locate(const struct reader *reader, struct json_error *ret_error)
{
	ret_error->line = ret_error->column = 1;
	ret_error->message = reader->message;
	for (const char *at = reader->start; at < reader->at; at++) {
		ret_error->column++;
		if (*at == '\n') {
			ret_error->line++;
			ret_error->column = 1;
		}
	}
}

struct json *
json_parse(const char *text, size_t len, struct json_error *ret_error)
{
	struct reader reader = { .start = text, .at = text, .end = text + len };
	struct json *json = read_value(&reader);

	if (json != NULL) {
		skip_space(&reader);
		if (reader.at == reader.end)
			return json;
		fail(&reader, "more text after the value");
		json_free(json);
	}
	locate(&reader, ret_error);
	return NULL;
}

void
json_free(struct json *json)
{
	struct json *next;

	for (; json != NULL; json = next) {
		next = json->next;
		json_free(json->first);
		free(json->string);
		free(json->key);
		free(json);
	}
}
