/* SPDX-License-Identifier: MIT
 * A window that moves over .debug_line; in the symbolizer.
 */
#include "config.h"

#include "line_window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "pages.h"
#include "banned.h"

/* Stays in the processor's cache, between the kernel that writes it and the decoder. */
#define SIZE ((size_t)128 << 10)

struct line_window {
	struct elf_image *image;
	struct failure *failure;
	struct elf_section section;
	unsigned char
	    *buffer; /* NULL: the section was compressed, and is here as a whole */
	size_t size; /* of buffer */
	const unsigned char *bytes; /* [from, from + len) of the section */
	size_t len;
	uint64_t from;
	uint64_t next;         /* table */
	unsigned char *header; /* a copy of the newest table's, if that was cut */
	size_t header_size;
};

int
line_window_new(struct elf_image *image, size_t size, struct line_window **ret_window,
    struct failure *failure)
{
	struct line_window *window = calloc(1, sizeof(*window));
	int r;

	if (window == NULL)
		return failure_say(failure, ENOMEM, "out of memory");
	window->image = image;
	window->failure = failure;
	r = elf_image_find(image, ".debug_line", &window->section, failure);
	if (r == 0 && (window->section.header.sh_flags & SHF_COMPRESSED) != 0) {
		r = elf_image_section(image, ".debug_line", &window->section, failure);
		window->bytes = window->section.data;
		window->len = window->section.size;
	} else if (r == 0 && window->section.size > 0) {
		window->size = MIN(size > 0 ? size : SIZE, window->section.size);
		window->buffer = pages_new(window->size);
		window->bytes = window->buffer;
		if (window->buffer == NULL)
			r = failure_say(failure, ENOMEM, "out of memory");
	}
	if (r == 0 && window->section.size == 0)
		r = -ENOENT;
	if (r < 0) {
		line_window_free(window);
		return r;
	}
	*ret_window = window;
	return 0;
}

void
line_window_free(struct line_window *window)
{
	if (window == NULL)
		return;
	pages_free(window->buffer, window->size);
	free(window->header);
	free(window);
}

/* Bytes of the section behind the window. */
static uint64_t
behind(const struct line_window *window)
{
	return window->section.size - window->from - window->len;
}

static int
grow(struct line_window *window)
{
	size_t size = MIN(window->size * 2, window->section.size);
	unsigned char *buffer = pages_new(size);

	if (buffer == NULL)
		return failure_say(window->failure, ENOMEM, "out of memory");
	memcpy(buffer, window->buffer, window->len);
	pages_free(window->buffer, window->size);
	window->buffer = buffer;
	window->bytes = buffer;
	window->size = size;
	return 0;
}

/* Has the window begin at @offset, which is not before it, and be full; if that is so
 * already it grows. */
static int
move(struct line_window *window, uint64_t offset)
{
	const uint64_t skip = offset - window->from;
	const size_t kept = skip < window->len ? window->len - skip : 0;
	size_t more;
	int r = 0;

	if (kept == window->size)
		r = grow(window);
	if (r < 0)
		return r;
	memmove(window->buffer, window->buffer + (window->len - kept), kept);
	window->from = offset;
	window->len = kept;
	more = MIN(window->size - kept, behind(window));
	r = elf_image_read(window->image, &window->section, offset + kept,
	    window->buffer + kept, more, window->failure);
	if (r < 0)
		return -EIO;
	window->len += more;
	return 0;
}

/* @table may be cut, and the window will move under it. */
static int
keep_header(struct line_window *window, struct line_table *table)
{
	const size_t len = (size_t)(table->names.end - table->opcode_lengths);
	const size_t names = (size_t)(table->names.at - table->opcode_lengths);
	unsigned char *larger;

	if (len > window->header_size) {
		larger = realloc(window->header, len);
		if (larger == NULL)
			return failure_say(window->failure, ENOMEM, "out of memory");
		window->header = larger;
		window->header_size = len;
	}
	if (len == 0)
		return 0;
	memcpy(window->header, table->opcode_lengths, len);
	table->opcode_lengths = window->header;
	table->names = byte_reader_over(window->header + names, len - names);
	return 0;
}

/* Reads the next table from what is in the window. */
static int
read_table(struct line_window *window, struct line_table *ret_table)
{
	/* Behind the window if a table was passed over. */
	const uint64_t skip = MIN(window->next - window->from, window->len);
	const unsigned char *const start = window->bytes + skip;
	struct byte_reader reader = { .at = start, .end = window->bytes + window->len };
	int r = line_table_next(&reader, start, behind(window), ret_table);

	ret_table->offset += window->next;
	window->next += (uint64_t)(reader.at - start) + ret_table->rest;
	return r;
}

int
line_window_next(struct line_window *window, struct line_table *ret_table)
{
	int r;

	while ((r = read_table(window, ret_table)) == -EAGAIN) {
		r = move(window, window->next);
		if (r < 0)
			return r;
	}
	/* One that fits is not cut. */
	if (r == 0 && ret_table->rest > 0 && ret_table->offset > window->from) {
		window->next = ret_table->offset;
		r = move(window, window->next);
		if (r == 0)
			r = read_table(window, ret_table);
	}
	if (r == 0 && ret_table->rest > 0)
		r = keep_header(window, ret_table);
	return r;
}

int
line_window_go_on(struct line_window *window, struct line_program *program)
{
	const size_t left = byte_reader_left(&program->code);
	const uint64_t offset =
	    window->from + (uint64_t)(program->code.at - window->bytes);
	const uint64_t total = left + program->rest;
	int r = move(window, offset);
	size_t len;

	if (r < 0)
		return r;
	len = MIN(window->len, total);
	line_program_go_on(program, byte_reader_over(window->bytes, len), total - len);
	return 0;
}
