/* SPDX-License-Identifier: MIT
 * Compressed ELF sections; in the symbolizer. Not by libelf: 0.188 knows no zstd, and what
 * elf_compress() changed in place no longer tells where its bytes lie in the file.
 */
#include "config.h"

#include "inflate.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "banned.h"

/* <elf.h> of glibc 2.36 stops at zlib. */
#define COMPRESS_ZSTD 2

/* Of all sections of a file. The largest .debug_info known (whole browsers) is about
 * 1.5 GB. */
#define INFLATED_MAX (UINT64_C(2) << 30)

struct inflated {
	struct inflated *next;
	size_t size;
	unsigned char data[];
};

/* zlib counts in unsigned int, so both sides go in steps. */
static bool
inflate_zlib(const unsigned char *in, size_t in_len, unsigned char *out, size_t out_len)
{
	const uInt step = 1u << 30;
	z_stream stream = { .next_in = (unsigned char *)in, .next_out = out };
	size_t in_left = in_len, out_left = out_len;
	int status = Z_OK;

	if (inflateInit(&stream) != Z_OK)
		return false;
	while (status == Z_OK) {
		if (stream.avail_in == 0) {
			stream.avail_in = in_left < step ? (uInt)in_left : step;
			in_left -= stream.avail_in;
		}
		if (stream.avail_out == 0) {
			stream.avail_out = out_left < step ? (uInt)out_left : step;
			out_left -= stream.avail_out;
		}
		status = inflate(&stream, Z_NO_FLUSH);
	}
	out_left += stream.avail_out;
	inflateEnd(&stream);
	return status == Z_STREAM_END && out_left == 0;
}

static bool
inflate_zstd(const unsigned char *in, size_t in_len, unsigned char *out, size_t out_len)
{
	return ZSTD_decompress(out, out_len, in, in_len) == out_len;
}

static size_t
total(const struct inflated *list)
{
	size_t sum = 0;

	for (; list != NULL; list = list->next)
		sum += list->size;
	return sum;
}

int
inflate_section(const char *name, const void *data, size_t len, struct inflated **list,
    const unsigned char **ret_data, size_t *ret_len, struct failure *failure)
{
	const unsigned char *in = data;
	struct inflated *buffer;
	Elf64_Chdr header;
	bool sound;

	if (len < sizeof(header))
		return failure_say(
		    failure, ENOEXEC, "section %s is too short to be compressed", name);
	memcpy(&header, data, sizeof(header));
	if (header.ch_type != ELFCOMPRESS_ZLIB && header.ch_type != COMPRESS_ZSTD)
		return failure_say(failure, ENOEXEC,
		    "section %s is compressed in the unknown way %u: build with "
		    "-gz=zlib",
		    name, (unsigned)header.ch_type);
	if (header.ch_size > INFLATED_MAX - total(*list))
		return failure_say(failure, EFBIG,
		    "section %s claims to inflate to %llu bytes, so that all would be "
		    "more "
		    "than %llu",
		    name, (unsigned long long)header.ch_size,
		    (unsigned long long)INFLATED_MAX);
	buffer = malloc(sizeof(*buffer) + header.ch_size);
	if (buffer == NULL)
		return failure_say(failure, ENOMEM,
		    "section %s: out of memory for its %llu bytes", name,
		    (unsigned long long)header.ch_size);
	sound = header.ch_type == COMPRESS_ZSTD
	    ? inflate_zstd(in + sizeof(header), len - sizeof(header), buffer->data,
		  header.ch_size)
	    : inflate_zlib(in + sizeof(header), len - sizeof(header), buffer->data,
		  header.ch_size);
	if (!sound) {
		free(buffer);
		return failure_say(failure, ENOEXEC,
		    "section %s is compressed and damaged: build it again", name);
	}
	buffer->next = *list;
	buffer->size = header.ch_size;
	*list = buffer;
	*ret_data = buffer->data;
	*ret_len = header.ch_size;
	return 0;
}

void
inflated_free(struct inflated *list)
{
	struct inflated *next;

	for (; list != NULL; list = next) {
		next = list->next;
		free(list);
	}
}
