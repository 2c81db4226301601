/* SPDX-License-Identifier: MIT
 * Reading hostile bytes: whatever runs over the end sets `bad`, once and for all, and
 * gives zeros, so that a caller may check at the end. Native byte order. In the symbolizer.
 */
#ifndef FUZZSUP_BYTE_READER_H
#define FUZZSUP_BYTE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct byte_reader {
	const unsigned char *at;
	const unsigned char *end;
	bool bad;
};

/* Text inside of somebody else's bytes; not NUL-terminated for our purposes. */
struct byte_text {
	const char *text; /* NULL: there is none */
	size_t len;
};

static inline struct byte_reader
byte_reader_over(const void *data, size_t len)
{
	const unsigned char *bytes = data;

	if (len == 0)
		return (struct byte_reader){ 0 };
	return (struct byte_reader){ .at = bytes, .end = bytes + len };
}

static inline size_t
byte_reader_left(const struct byte_reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

static inline void
byte_reader_spoil(struct byte_reader *reader)
{
	reader->bad = true;
	reader->at = reader->end;
}

static inline void
byte_reader_skip(struct byte_reader *reader, uint64_t len)
{
	if (len > byte_reader_left(reader))
		byte_reader_spoil(reader);
	else if (len > 0) /* an empty one has no place, and NULL + 0 is undefined */
		reader->at += len;
}

/* The next @len bytes as a reader of their own. */
static inline struct byte_reader
byte_reader_cut(struct byte_reader *reader, uint64_t len)
{
	struct byte_reader part = { .at = reader->at, .end = reader->at };

	if (len > byte_reader_left(reader)) {
		byte_reader_spoil(reader);
		part.bad = true;
		return part;
	}
	if (len == 0)
		return part;
	reader->at += len;
	part.end = reader->at;
	return part;
}

#define BYTE_READER_FIXED(name, type) \
	static inline type byte_reader_##name(struct byte_reader *reader) \
	{ \
		type value = 0; \
\
		if (byte_reader_left(reader) < sizeof(value)) { \
			byte_reader_spoil(reader); \
			return 0; \
		} \
		memcpy(&value, reader->at, sizeof(value)); \
		reader->at += sizeof(value); \
		return value; \
	}
BYTE_READER_FIXED(u8, uint8_t)
BYTE_READER_FIXED(u16, uint16_t)
BYTE_READER_FIXED(u32, uint32_t)
BYTE_READER_FIXED(u64, uint64_t)
#undef BYTE_READER_FIXED

/* An offset or length: 8 bytes in 64-bit DWARF, else 4. */
static inline uint64_t
byte_reader_offset(struct byte_reader *reader, bool dwarf64)
{
	return dwarf64 ? byte_reader_u64(reader) : byte_reader_u32(reader);
}

/* unit_length, which also says which of both it is. */
static inline uint64_t
byte_reader_unit_length(struct byte_reader *reader, bool *ret_dwarf64)
{
	uint64_t length = byte_reader_u32(reader);

	*ret_dwarf64 = length == UINT32_MAX;
	if (*ret_dwarf64)
		length = byte_reader_u64(reader);
	else if (length >= 0xfffffff0) /* reserved values */
		byte_reader_spoil(reader);
	return length;
}

/* LEB128; bits beyond the 64th are lost. */
static inline uint64_t
byte_reader_uleb(struct byte_reader *reader)
{
	uint64_t value = 0;
	unsigned shift = 0;

	while (reader->at < reader->end) {
		uint64_t byte = *reader->at++;

		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
		shift += shift < 64 ? 7 : 0;
	}
	byte_reader_spoil(reader);
	return 0;
}

static inline int64_t
byte_reader_sleb(struct byte_reader *reader)
{
	uint64_t value = 0;
	unsigned shift = 0;

	while (reader->at < reader->end) {
		uint64_t byte = *reader->at++;

		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += shift < 64 ? 7 : 0;
		if (byte < 0x80) {
			if (shift < 64 && (byte & 0x40) != 0)
				value |= UINT64_MAX << shift;
			return (int64_t)value;
		}
	}
	byte_reader_spoil(reader);
	return 0;
}

/* Up to the next NUL, which must be there. */
static inline struct byte_text
byte_reader_text(struct byte_reader *reader)
{
	size_t left = byte_reader_left(reader);
	const unsigned char *end = left > 0 ? memchr(reader->at, 0, left) : NULL;
	struct byte_text text = { 0 };

	if (end == NULL) {
		byte_reader_spoil(reader);
		return text;
	}
	text.text = (const char *)reader->at;
	text.len = (size_t)(end - reader->at);
	reader->at = end + 1;
	return text;
}

#endif
