/* SPDX-License-Identifier: MIT
 * Split units; in the symbolizer.
 */
#include "config.h"

#include "split_units.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debug_elf.h"
#include "elf_image.h"
#include "package_index.h"
#include "string_section.h"
#include "banned.h"

/* A .dwo, or a package. */
struct split_file {
	int fd;
	struct elf_image *image;
	struct debug_elf *debug;
	struct string_section str;
	struct byte_reader str_offsets;
	struct package_index index; /* of a package */
};

struct split_units {
	frames_open_cb open_cb;
	void *context;
	struct split_file *package; /* NULL: there is none, or nobody has asked */
	bool package_was_sought;
	bool remark_is_new;
	struct failure remark; /* "": nothing was missed */
};

/* ---- files ---- */

static void
file_free(struct split_file *file)
{
	if (file == NULL)
		return;
	package_index_free(&file->index);
	string_section_free(&file->str);
	debug_elf_free(file->debug);
	elf_image_free(file->image);
	if (file->fd >= 0)
		close(file->fd);
	free(file);
}

/* In a package declarations count from where the unit's begin: has them count from the start
 * of all, as libdw expects it. */
static void
move_abbrev(const struct package_unit *unit, unsigned char *info, size_t len)
{
	struct byte_reader reader = byte_reader_over(info, len);
	uint32_t short_offset;
	uint64_t offset;
	unsigned version;
	bool dwarf64;
	unsigned char *at;

	byte_reader_skip(&reader, unit->info.offset);
	byte_reader_unit_length(&reader, &dwarf64);
	version = byte_reader_u16(&reader);
	if (version >= 5)
		byte_reader_u16(&reader); /* kind of unit, size of addresses */
	if (reader.bad || byte_reader_left(&reader) < sizeof(offset))
		return;
	at = info + (reader.at - info);
	if (dwarf64) {
		memcpy(&offset, at, sizeof(offset));
		offset += unit->abbrev.offset;
		memcpy(at, &offset, sizeof(offset));
	} else {
		memcpy(&short_offset, at, sizeof(short_offset));
		short_offset += unit->abbrev.offset;
		memcpy(at, &short_offset, sizeof(short_offset));
	}
}

/* Two units of a hostile index may be the same one: each is moved once. */
static void
prepare(void *context, unsigned char *info, size_t len)
{
	const struct package_index *index = context;

	for (size_t i = 0; i < index->len; i++)
		move_abbrev(&index->units[i], info, len);
}

static int
read_file(struct split_file *file, struct failure *failure)
{
	struct byte_reader index;
	int r = elf_image_open_debug(file->fd, &file->image, failure);

	if (r < 0)
		return r;
	index = elf_image_bytes(file->image, ".debug_cu_index");
	if (byte_reader_left(&index) > 0)
		r = package_index_read(index, &file->index);
	if (r < 0)
		return failure_say(failure, -r,
		    r == -ENOMEM ? "out of memory"
				 : "its .debug_cu_index is damaged, or of an unknown "
				   "version");
	r = debug_elf_open_split(
	    file->image, prepare, &file->index, &file->debug, failure);
	if (r == 0)
		r = string_section_open(
		    &file->str, file->image, ".debug_str.dwo", failure);
	file->str_offsets = elf_image_bytes(file->image, ".debug_str_offsets.dwo");
	return r;
}

/* Takes @fd, which stays open only where strings are read from it. */
static int
file_open(int fd, struct split_file **ret_file, struct failure *failure)
{
	struct split_file *file = calloc(1, sizeof(*file));
	int r;

	if (file == NULL) {
		close(fd);
		return failure_say(failure, ENOMEM, "out of memory");
	}
	file->fd = fd;
	r = read_file(file, failure);
	if (r < 0) {
		file_free(file);
		return r;
	}
	/* There may be thousands of them. */
	if (file->str.section.data != NULL || file->str.section.size == 0) {
		close(file->fd);
		file->fd = -1;
	}
	*ret_file = file;
	return 0;
}

/* ---- units in files ---- */

static uint64_t
id_of(Dwarf_Die *first)
{
	uint64_t id = 0;

	if (dwarf_cu_info(first->cu, NULL, NULL, NULL, NULL, &id, NULL, NULL) != 0)
		return 0;
	return id;
}

/* Finds the unit with @id among those of a .dwo. */
static bool
find_in_file(const struct split_file *file, uint64_t id, Dwarf_Die *ret_first)
{
	Dwarf *dwarf = debug_elf_dwarf(file->debug);
	Dwarf_Off at = 0, next;
	size_t header;

	while (dwarf_next_unit(dwarf, at, &next, &header, NULL, NULL, NULL, NULL, NULL,
		   NULL) == 0 &&
	    next > at) {
		if (dwarf_offdie(dwarf, at + header, ret_first) != NULL &&
		    id_of(ret_first) == id)
			return true;
		at = next;
	}
	return false;
}

/* The first DIE of the unit at @offset. */
static bool
find_at(
    const struct split_file *file, Dwarf_Off offset, uint64_t id, Dwarf_Die *ret_first)
{
	Dwarf *dwarf = debug_elf_dwarf(file->debug);
	Dwarf_Off next;
	size_t header;

	return dwarf_next_unit(dwarf, offset, &next, &header, NULL, NULL, NULL, NULL,
		   NULL, NULL) == 0 &&
	    dwarf_offdie(dwarf, offset + header, ret_first) != NULL &&
	    id_of(ret_first) == id;
}

static struct byte_reader
part_of(struct byte_reader section, const struct package_part *part)
{
	byte_reader_skip(&section, part->offset);
	return byte_reader_cut(&section, part->size);
}

/* Moves behind the header that DWARF 5 sets before offsets of strings. */
static void
open_strings(
    struct split_unit *unit, struct split_file *file, struct byte_reader offsets)
{
	struct byte_reader info = debug_elf_bytes(file->debug, ".debug_info.dwo");
	uint8_t offset_size = 4;
	Dwarf_Half version = 4;
	bool dwarf64;

	dwarf_cu_info(
	    unit->first.cu, &version, NULL, NULL, NULL, NULL, NULL, &offset_size);
	if (version >= 5) {
		byte_reader_unit_length(&offsets, &dwarf64);
		byte_reader_u32(&offsets); /* version, padding */
	}
	unit->strings = (struct die_strings){ .str = &file->str,
		.offsets = offsets,
		.first = &unit->first,
		.end = info.end,
		.dwarf64 = offset_size == 8 };
}

/* @places: those of the unit in a package; NULL: @file is its own. */
static struct split_unit *
make(struct split_file *file, const Dwarf_Die *first, const struct package_unit *places)
{
	struct split_unit *unit = calloc(1, sizeof(*unit));
	struct byte_reader info, rnglists, offsets = file->str_offsets;

	if (unit == NULL)
		return NULL;
	info = debug_elf_bytes(file->debug, ".debug_info.dwo");
	rnglists = debug_elf_bytes(file->debug, ".debug_rnglists.dwo");
	unit->first = *first;
	unit->abbrev = debug_elf_bytes(file->debug, ".debug_abbrev.dwo");
	if (places != NULL) {
		info = part_of(info, &places->info);
		rnglists = part_of(rnglists, &places->rnglists);
		offsets = part_of(offsets, &places->str_offsets);
	} else {
		unit->held = byte_reader_left(&info) + byte_reader_left(&rnglists) +
		    byte_reader_left(&offsets) + file->str.section.size;
	}
	unit->rnglists = rnglists;
	unit->size = byte_reader_left(&info) + byte_reader_left(&rnglists);
	open_strings(unit, file, offsets);
	return unit;
}

/* ---- missing ones ---- */

static void
miss(struct split_units *splits, const char *name, const char *why)
{
	if (splits->remark.text[0] != '\0')
		return;
	failure_say(&splits->remark, 0,
	    "%.200s (-gsplit-dwarf) %s: where calls were inlined the outermost "
	    "function "
	    "is told with the place of the innermost one; put a package (.dwp) beside "
	    "the executable, or name by -d a folder that such files lie below",
	    name, why);
	splits->remark_is_new = true;
}

const char *
split_units_remark(struct split_units *splits)
{
	if (!splits->remark_is_new)
		return NULL;
	splits->remark_is_new = false;
	return splits->remark.text;
}

/* ---- finding ---- */

struct split_units *
split_units_new(frames_open_cb open_cb, void *context)
{
	struct split_units *splits = calloc(1, sizeof(*splits));

	if (splits == NULL)
		return NULL;
	splits->open_cb = open_cb;
	splits->context = context;
	return splits;
}

void
split_units_free(struct split_units *splits)
{
	if (splits == NULL)
		return;
	file_free(splits->package);
	free(splits);
}

void
split_unit_free(struct split_unit *unit)
{
	if (unit == NULL)
		return;
	file_free(unit->own);
	free(unit);
}

static int
open_package(struct split_units *splits)
{
	struct failure why;
	int fd, r;

	if (splits->package_was_sought)
		return 0;
	splits->package_was_sought = true;
	fd = splits->open_cb(splits->context, TABLE_WANTS_PACKAGE, "");
	if (fd < 0)
		return 0;
	r = file_open(fd, &splits->package, &why);
	if (r < 0)
		miss(splits, "its package .dwp", why.text);
	return r == -ENOMEM ? r : 0;
}

static int
find_in_package(struct split_units *splits, uint64_t id, struct split_unit **ret_unit)
{
	const struct package_unit *places;
	Dwarf_Die first;
	int r = open_package(splits);

	if (r < 0 || splits->package == NULL)
		return r;
	places = package_index_find(&splits->package->index, id);
	if (places == NULL ||
	    !find_at(splits->package, places->info.offset, id, &first))
		return 0;
	*ret_unit = make(splits->package, &first, places);
	return *ret_unit != NULL ? 0 : -ENOMEM;
}

/* Lines of a wish. */
static bool
is_one_line(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ')
			return false;
	return true;
}

/* Asks for the file @name of a unit that was compiled in @folder. */
static int
ask(struct split_units *splits, const char *folder, const char *name)
{
	char *wish = NULL;
	int fd = -ENOENT;

	if (!is_one_line(folder) || !is_one_line(name))
		return -ENOENT;
	if (asprintf(&wish, "%s\n%s", folder, name) < 0)
		return -ENOMEM;
	if (strlen(wish) < MESSAGE_TEXT_MAX)
		fd = splits->open_cb(splits->context, TABLE_WANTS_UNIT, wish);
	free(wish);
	return fd;
}

static int
find_own(struct split_units *splits, uint64_t id, const char *folder, const char *name,
    struct split_unit **ret_unit)
{
	struct split_file *file;
	struct failure why;
	Dwarf_Die first;
	int fd = ask(splits, folder, name), r;

	if (fd < 0) {
		miss(splits, name, "is not there");
		return fd == -ENOMEM ? fd : 0;
	}
	r = file_open(fd, &file, &why);
	if (r < 0) {
		miss(splits, name, why.text);
		return r == -ENOMEM ? r : 0;
	}
	if (!find_in_file(file, id, &first)) {
		miss(splits, name, "is of another build");
		file_free(file);
		return 0;
	}
	*ret_unit = make(file, &first, NULL);
	if (*ret_unit == NULL) {
		file_free(file);
		return -ENOMEM;
	}
	(*ret_unit)->own = file;
	return 0;
}

int
split_units_find(struct split_units *splits, Dwarf_Die *skeleton,
    const struct die_strings *strings, struct split_unit **ret_unit)
{
	char *name =
	    die_strings_of_unit(strings, skeleton, DW_AT_dwo_name, DW_AT_GNU_dwo_name);
	char *folder;
	int r;

	*ret_unit = NULL;
	if (name == NULL)
		return 0;
	folder = die_strings_of_unit(strings, skeleton, DW_AT_comp_dir, 0);
	r = find_in_package(splits, id_of(skeleton), ret_unit);
	if (r == 0 && *ret_unit == NULL)
		r = find_own(splits, id_of(skeleton), folder != NULL ? folder : "",
		    name, ret_unit);
	free(folder);
	free(name);
	return r;
}
