/* SPDX-License-Identifier: MIT
 * Separate debug files, as gdb's manual describes them ("Separate Debug Files"); in the
 * symbolizer.
 */
#include "config.h"

#include "debug_link.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "banned.h"

#define CRC_PART ((size_t)256 << 10)

/* Outputs name and CRC of .gnu_debuglink. */
static bool
read_link(struct elf_image *image, struct byte_text *ret_name, uint32_t *ret_crc)
{
	struct elf_section section;
	struct byte_reader reader;
	struct failure ignored;

	if (elf_image_section(image, ".gnu_debuglink", &section, &ignored) < 0)
		return false;
	reader = byte_reader_over(section.data, section.size);
	*ret_name = byte_reader_text(&reader);
	if (reader.bad || ret_name->len == 0)
		return false;
	byte_reader_skip(&reader, (4 - (ret_name->len + 1) % 4) % 4);
	*ret_crc = byte_reader_u32(&reader);
	return !reader.bad;
}

/* Without anything that would end a line. */
static bool
is_one_line(const struct byte_text *name)
{
	for (size_t i = 0; i < name->len; i++)
		if ((unsigned char)name->text[i] < ' ')
			return false;
	return true;
}

/* A name without a folder. */
static bool
is_plain(const struct byte_text *name)
{
	return name->len <= 255 && name->text[0] != '.' &&
	    memchr(name->text, '/', name->len) == NULL && is_one_line(name);
}

static void
write_wish(
    const struct byte_reader *id, const struct byte_text *name, char *text, size_t size)
{
	struct byte_reader reader = *id;
	size_t used = 0;

	while (byte_reader_left(&reader) > 0 && used + 2 < size)
		used += (size_t)snprintf(
		    text + used, size - used, "%02x", byte_reader_u8(&reader));
	snprintf(text + used, size - used, "\n%.*s", (int)name->len,
	    name->len > 0 ? name->text : "");
}

bool
debug_link_describe(struct elf_image *image, char *text, size_t size)
{
	struct byte_reader id = elf_image_build_id(image);
	struct byte_text name = { 0 };
	uint32_t crc;

	if (!read_link(image, &name, &crc) || !is_plain(&name))
		name.len = 0;
	if (byte_reader_left(&id) == 0 && name.len == 0)
		return false;
	write_wish(&id, &name, text, size);
	return true;
}

static int
crc_of(int fd, uint32_t *ret_crc)
{
	unsigned char *part = malloc(CRC_PART);
	uLong crc = crc32(0, NULL, 0);
	off_t offset = 0;
	ssize_t n;

	if (part == NULL)
		return -ENOMEM;
	while ((n = pread(fd, part, CRC_PART, offset)) > 0) {
		crc = crc32(crc, part, (uInt)n);
		offset += n;
	}
	free(part);
	*ret_crc = (uint32_t)crc;
	return n < 0 ? -errno : 0;
}

int
debug_link_check(
    struct elf_image *image, struct elf_image *debug, int fd, struct failure *failure)
{
	struct byte_reader ours = elf_image_build_id(image);
	struct byte_reader theirs = elf_image_build_id(debug);
	size_t len = byte_reader_left(&ours);
	struct byte_text name;
	uint32_t wanted, crc = 0;
	int r;

	if (len > 0 && len == byte_reader_left(&theirs) &&
	    memcmp(ours.at, theirs.at, len) == 0)
		return 0;
	if (len > 0)
		return failure_say(failure, ENODATA,
		    "the separate debug file has another build ID: install the one of "
		    "this build");
	if (!read_link(image, &name, &wanted))
		return failure_say(failure, ENODATA,
		    "neither a build ID nor .gnu_debuglink tells its debug file");
	r = crc_of(fd, &crc);
	if (r < 0)
		return failure_say(
		    failure, -r, "the separate debug file: %s", strerror(-r));
	if (crc != wanted)
		return failure_say(failure, ENODATA,
		    "the separate debug file has the CRC 0x%08x, but .gnu_debuglink "
		    "says 0x%08x: install the one of this build",
		    crc, wanted);
	return 0;
}

/* ---- alternate files ---- */

/* IDs are as long as build IDs, which elf_image.h bounds. */
#define ID_MAX 64

/* DWARF 5's form of it: outputs whether @image is the alternate file itself, its name or
 * that of the one it wants, and the ID. */
static bool
read_sup(struct elf_image *image, bool *ret_is_alternate, struct byte_text *ret_name,
    struct byte_reader *ret_id)
{
	struct elf_section section;
	struct byte_reader reader;
	struct failure ignored;
	bool is_alternate;

	if (elf_image_section(image, ".debug_sup", &section, &ignored) < 0)
		return false;
	reader = byte_reader_over(section.data, section.size);
	byte_reader_u16(&reader); /* version */
	is_alternate = byte_reader_u8(&reader) != 0;
	*ret_name = byte_reader_text(&reader);
	*ret_id = byte_reader_cut(&reader, byte_reader_uleb(&reader));
	*ret_is_alternate = is_alternate;
	return !reader.bad;
}

/* Outputs name and ID of the alternate file that @image wants; dwz writes GNU's form
 * unless asked for the other one. */
static bool
read_alternate(
    struct elf_image *image, struct byte_text *ret_name, struct byte_reader *ret_id)
{
	struct elf_section section;
	struct failure ignored;
	bool is_alternate = false, found;

	if (elf_image_section(image, ".gnu_debugaltlink", &section, &ignored) == 0) {
		*ret_id = byte_reader_over(section.data, section.size);
		*ret_name = byte_reader_text(ret_id);
		found = !ret_id->bad;
	} else {
		found = read_sup(image, &is_alternate, ret_name, ret_id);
	}
	return found && !is_alternate && byte_reader_left(ret_id) > 0 &&
	    byte_reader_left(ret_id) <= ID_MAX;
}

bool
debug_link_describe_alternate(struct elf_image *image, char *text, size_t size)
{
	struct byte_text name;
	struct byte_reader id;

	if (!read_alternate(image, &name, &id))
		return false;
	/* Half a path would name another file. */
	if (!is_one_line(&name) || name.len + 2 * byte_reader_left(&id) + 2 > size)
		name.len = 0;
	write_wish(&id, &name, text, size);
	return true;
}

int
debug_link_check_alternate(
    struct elf_image *image, struct elf_image *alternate, struct failure *failure)
{
	struct byte_reader wanted = { 0 }, id;
	struct byte_text name;
	bool is_alternate = false;

	if (!read_sup(alternate, &is_alternate, &name, &id) || !is_alternate)
		id = elf_image_build_id(alternate);
	if (read_alternate(image, &name, &wanted) &&
	    byte_reader_left(&wanted) == byte_reader_left(&id) &&
	    memcmp(wanted.at, id.at, byte_reader_left(&id)) == 0)
		return 0;
	return failure_say(failure, ENODATA,
	    "an alternate debug file (dwz -m) with another ID: install the one of this "
	    "build");
}
