/* SPDX-License-Identifier: MIT
 * Writes line tables byte by byte, for tests.
 */
#ifndef LINE_BYTES_H
#define LINE_BYTES_H

#include <dwarf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct line_bytes {
	unsigned char data[4096];
	size_t len;
	size_t unit, header; /* where their lengths stand */
	bool dwarf64;
};

static inline void
put(struct line_bytes *bytes, uint64_t value, size_t size)
{
	memcpy(bytes->data + bytes->len, &value, size);
	bytes->len += size;
}

static inline void
put_text(struct line_bytes *bytes, const char *text)
{
	memcpy(bytes->data + bytes->len, text, strlen(text) + 1);
	bytes->len += strlen(text) + 1;
}

static inline size_t
offset_size(const struct line_bytes *bytes)
{
	return bytes->dwarf64 ? 8 : 4;
}

/* Lines step by -3 to 8 in a special opcode, opcodes begin at 13, as Clang has it. */
static inline void
begin_table(struct line_bytes *bytes, uint16_t version, uint8_t max_operations)
{
	static const char lengths[] = { 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1 };

	if (bytes->dwarf64)
		put(bytes, UINT32_MAX, 4);
	bytes->unit = bytes->len;
	put(bytes, 0, offset_size(bytes));
	put(bytes, version, 2);
	if (version >= 5)
		put(bytes, 8, 2);
	bytes->header = bytes->len;
	put(bytes, 0, offset_size(bytes));
	put(bytes, 1, 1);
	if (version >= 4)
		put(bytes, max_operations, 1);
	put(bytes, 1, 1);
	put(bytes, 0xfd, 1);
	put(bytes, 12, 1);
	put(bytes, 13, 1);
	memcpy(bytes->data + bytes->len, lengths, sizeof(lengths));
	bytes->len += sizeof(lengths);
}

static inline void
end_header(struct line_bytes *bytes)
{
	uint64_t length = bytes->len - bytes->header - offset_size(bytes);

	memcpy(bytes->data + bytes->header, &length, offset_size(bytes));
}

static inline void
end_table(struct line_bytes *bytes)
{
	uint64_t length = bytes->len - bytes->unit - offset_size(bytes);

	memcpy(bytes->data + bytes->unit, &length, offset_size(bytes));
}

static inline void
set_address(struct line_bytes *bytes, uint64_t address)
{
	put(bytes, 0, 1);
	put(bytes, 9, 1);
	put(bytes, DW_LNE_set_address, 1);
	put(bytes, address, 8);
}

static inline void
end_sequence(struct line_bytes *bytes)
{
	put(bytes, 0x010100, 3);
}

/* A special opcode. */
static inline void
step(struct line_bytes *bytes, unsigned addresses, int lines)
{
	put(bytes, 13 + addresses * 12 + (unsigned)(lines + 3), 1);
}

#endif
