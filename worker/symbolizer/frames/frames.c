/* SPDX-License-Identifier: MIT
 * Addresses to frames; in the symbolizer. Functions and inlined calls come from
 * .debug_info by libdw, lines from our own decoder, and the outermost name from the symbol
 * table, which also knows what was written in assembler.
 */
#include "config.h"

#include "frames.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alternate.h"
#include "code_call.h"
#include "code_memory.h"
#include "debug_elf.h"
#include "debug_link.h"
#include "demangle.h"
#include "elf_image.h"
#include "frame_unit.h"
#include "split_units.h"
#include "string_section.h"
#include "symbols.h"
#include "unit_functions.h"
#include "unit_lines.h"
#include "unit_ranges.h"
#include "banned.h"

/* Rows and functions that are kept of all units; beyond it all are forgotten and read
 * again when they are asked for. */
#define KEPT_MAX ((size_t)1 << 24)

/* A file that was asked for. */
struct file {
	int fd; /* -1: none */
	struct elf_image *image;
};

struct frames {
	struct elf_image *image;
	struct file split;     /* separate debug file */
	struct file alternate; /* alternate one */
	struct symbols *symbols;
	struct code_memory *code;   /* NULL: nobody asked yet */
	const struct symbol *named; /* whose name was told last; NULL: none */
	char *name;
	struct debug_elf *alternate_debug; /* NULL: there is none */
	struct debug_elf *debug;           /* NULL: the same */
	struct unit_ranges *ranges;        /* NULL: the same */
	struct frame_unit_sources sources;
	struct frame_unit *units;
	size_t kept;
	size_t budget; /* unit_functions.h; since all units were forgotten */
	size_t budget_max;
	struct frame found[FUNCTIONS_CHAIN_MAX];
	size_t found_len;
};

/* ---- opening ---- */

/* Where its debug information is. */
static struct elf_image *
debug_image(const struct frames *frames)
{
	return frames->split.image != NULL ? frames->split.image : frames->image;
}

/* An executable without debug information may have it in a file of its own. That this is
 * not there, or not the right one, is a remark. */
static void
open_split(struct frames *frames, frames_open_cb open_cb, void *context,
    struct failure *remark)
{
	struct elf_image *split = NULL;
	struct failure text;
	uint64_t size;

	if (elf_image_has(frames->image, ".debug_info", &size) ||
	    !debug_link_describe(frames->image, text.text, sizeof(text.text)))
		return;
	frames->split.fd = open_cb(context, TABLE_WANTS_DEBUG, text.text);
	if (frames->split.fd < 0)
		return;
	if (elf_image_open(frames->split.fd, &split, &text) < 0)
		failure_add(remark, "its separate debug file: %s", text.text);
	else if (debug_link_check(frames->image, split, frames->split.fd, &text) < 0)
		failure_add(remark, "%s", text.text);
	else
		frames->split.image = split;
	if (frames->split.image == NULL)
		elf_image_free(split);
}

/* Names, and functions that are inlined, may lie in an alternate file: the same. */
static void
open_alternate(struct frames *frames, frames_open_cb open_cb, void *context,
    struct failure *remark)
{
	struct file *file = &frames->alternate;
	struct failure text;

	if (!debug_link_describe_alternate(
		debug_image(frames), text.text, sizeof(text.text)))
		return;
	file->fd = open_cb(context, TABLE_WANTS_ALTERNATE, text.text);
	if (file->fd < 0)
		failure_add(remark,
		    "the file of its .gnu_debugaltlink (dwz -m) is not there: names "
		    "are missing");
	else if (alternate_open(file->fd, debug_image(frames), &file->image, &text) <
		0 ||
	    debug_elf_open(file->image, &frames->alternate_debug, &text) < 0)
		failure_add(remark, "the file of its .gnu_debugaltlink: %s", text.text);
	else
		frames->sources.strings.alternate_str =
		    elf_image_bytes(file->image, ".debug_str");
}

static int
read_symbols(struct frames *frames, struct failure *remark)
{
	uint64_t size;

	/* strip(1) takes .symtab away, too. */
	return symbols_read(elf_image_has(frames->image, ".symtab", &size)
		? frames->image
		: debug_image(frames),
	    &frames->symbols, remark);
}

/* Where units are read from. */
static int
open_sources(struct frames *frames, struct elf_image *image, struct failure *remark)
{
	const struct debug_elf *debug = frames->debug;
	struct frame_unit_sources *sources = &frames->sources;
	struct byte_reader lines = debug_elf_bytes(debug, ".debug_line");
	uint64_t size;

	sources->dwarf = debug_elf_dwarf(debug);
	sources->image = frames->image;
	sources->info = debug_elf_bytes(debug, ".debug_info");
	sources->str_offsets = debug_elf_bytes(debug, ".debug_str_offsets");
	sources->lines =
	    (struct elf_section){ .data = lines.at, .size = byte_reader_left(&lines) };
	sources->strings.line_str = debug_elf_bytes(debug, ".debug_line_str");
	sources->strings.str = debug_elf_bytes(debug, ".debug_str");
	sources->functions = (struct unit_functions_sources){
		.abbrev = debug_elf_bytes(debug, ".debug_abbrev"),
		.addr = debug_elf_bytes(debug, ".debug_addr"),
		.ranges = debug_elf_bytes(debug, ".debug_ranges"),
		.rnglists = debug_elf_bytes(debug, ".debug_rnglists"),
		.budget = &frames->budget,
	};
	/* A range takes no less than a byte in .debug_info, two in a list. */
	frames->budget_max = byte_reader_left(&sources->info) +
	    byte_reader_left(&sources->functions.ranges) +
	    byte_reader_left(&sources->functions.rnglists);
	frames->budget = frames->budget_max;
	return elf_image_has(image, ".debug_str", &size) &&
		string_section_is_large(size)
	    ? string_section_open(&sources->str, image, ".debug_str", remark)
	    : 0;
}

static int
read_ranges(struct frames *frames, struct elf_image *image, struct failure *remark)
{
	const struct unit_ranges_sources sources = {
		.dwarf = frames->sources.dwarf,
		.image = frames->image,
		.aranges = elf_image_bytes(image, ".debug_aranges"),
		.lines = debug_elf_bytes(frames->debug, ".debug_line"),
	};
	int r = unit_ranges_read(&sources, &frames->ranges);

	if (r == 0)
		frames->units = calloc(
		    unit_ranges_units(frames->ranges) + 1, sizeof(*frames->units));
	if (r < 0 || frames->units == NULL)
		return failure_say(
		    remark, ENOMEM, "out of memory for its debug information");
	if (unit_ranges_are_empty(frames->ranges))
		failure_say(remark, 0,
		    "no unit of its debug information names any code: it may be "
		    "damaged; build it again");
	return 0;
}

static int
open_debug(struct frames *frames, struct failure *remark)
{
	struct elf_image *image = debug_image(frames);
	int r = debug_elf_open(image, &frames->debug, remark);

	if (r < 0)
		return r;
	if (frames->alternate_debug != NULL)
		dwarf_setalt(debug_elf_dwarf(frames->debug),
		    debug_elf_dwarf(frames->alternate_debug));
	r = open_sources(frames, image, remark);
	return r == 0 ? read_ranges(frames, image, remark) : r;
}

static void
forget_units(struct frames *frames)
{
	for (size_t i = 0;
	    frames->units != NULL && i < unit_ranges_units(frames->ranges); i++)
		frame_unit_forget(&frames->units[i]);
	frames->kept = 0;
	frames->budget = frames->budget_max;
}

/* Names of symbols are told without any of it. */
static void
close_debug(struct frames *frames)
{
	forget_units(frames);
	free(frames->units);
	frames->units = NULL;
	unit_ranges_free(frames->ranges);
	frames->ranges = NULL;
	string_section_free(&frames->sources.str);
	debug_elf_free(frames->debug);
	frames->debug = NULL;
}

static bool
has_symbols(const struct frames *frames)
{
	size_t len;

	symbols_list(frames->symbols, &len);
	return len > 0;
}

int
frames_open(int fd, frames_open_cb open_cb, void *context, struct frames **ret_frames,
    struct failure *remark)
{
	struct frames *frames = calloc(1, sizeof(*frames));
	struct failure text = { "" };
	int r;

	if (frames == NULL)
		return failure_say(remark, ENOMEM, "out of memory");
	frames->split.fd = frames->alternate.fd = -1;
	frames->sources.splits = split_units_new(open_cb, context);
	if (frames->sources.splits == NULL) {
		frames_free(frames);
		return failure_say(remark, ENOMEM, "out of memory");
	}
	remark->text[0] = '\0';
	r = elf_image_open(fd, &frames->image, remark);
	if (r == 0) {
		open_split(frames, open_cb, context, remark);
		open_alternate(frames, open_cb, context, remark);
		r = read_symbols(frames, remark);
	}
	if (r < 0) {
		frames_free(frames);
		return r;
	}
	r = open_debug(frames, &text);
	if (text.text[0] != '\0')
		failure_add(remark, "%s", text.text);
	if (r < 0)
		close_debug(frames);
	if (r < 0 && r != -ENOENT && !has_symbols(frames)) {
		frames_free(frames);
		return r;
	}
	*ret_frames = frames;
	return 0;
}

static void
forget_found(struct frames *frames)
{
	for (size_t i = 0; i < frames->found_len; i++) {
		free(frames->found[i].function);
		free(frames->found[i].file);
		frames->found[i] = (struct frame){ 0 };
	}
	frames->found_len = 0;
}

static void
file_close(struct file *file)
{
	elf_image_free(file->image);
	if (file->fd >= 0)
		close(file->fd);
}

void
frames_free(struct frames *frames)
{
	if (frames == NULL)
		return;
	forget_found(frames);
	close_debug(frames);
	split_units_free(frames->sources.splits);
	debug_elf_free(frames->alternate_debug);
	free(frames->name);
	symbols_free(frames->symbols);
	code_memory_free(frames->code);
	file_close(&frames->alternate);
	file_close(&frames->split);
	elf_image_free(frames->image);
	free(frames);
}

/* ---- units ---- */

static int
read_unit(struct frames *frames, size_t number)
{
	struct frame_unit *unit = &frames->units[number];
	int r;

	if (unit->functions != NULL)
		return 0;
	if (frames->kept > KEPT_MAX)
		forget_units(frames);
	/* What is left of one that was read in part. */
	frame_unit_forget(unit);
	r = frame_unit_read(
	    &frames->sources, unit_ranges_die(frames->ranges, number), unit);
	frames->kept += frame_unit_len(unit);
	return r;
}

/* ---- frames ---- */

static uint64_t
number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value = 0;

	if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value) != 0)
		return 0;
	return value;
}

static char *
path_of(const struct frame_unit *unit, uint64_t file)
{
	if (unit->lines == NULL)
		return NULL;
	return demangle_make_printable(
	    unit_lines_path(unit->lines, file, unit->directory));
}

/* The innermost frame has the row's place. */
static void
take_row(const struct frame_unit *unit, uint64_t address, struct frame *frame)
{
	const struct line_row *row = NULL;

	if (unit->lines != NULL)
		row = unit_lines_find(unit->lines, address);
	if (row == NULL)
		return;
	frame->file = path_of(unit, row->file);
	if (frame->file == NULL)
		return;
	frame->line = row->line;
	frame->column = row->column;
}

/* The others have the place of the call that was inlined into them. */
static void
take_call(const struct frame_unit *unit, Dwarf_Die *call, struct frame *frame)
{
	frame->file = path_of(unit, number(call, DW_AT_call_file));
	frame->line = number(call, DW_AT_call_line);
	frame->column = number(call, DW_AT_call_column);
}

static int
find_chain(struct frames *frames, const struct frame_unit *unit, uint64_t address,
    Dwarf_Die chain[FUNCTIONS_CHAIN_MAX], size_t *ret_len)
{
	const size_t before = frame_unit_len(unit);
	int r;

	if (unit->functions == NULL)
		return 0;
	r = unit_functions_chain(unit->functions, address, chain, ret_len);
	frames->kept += frame_unit_len(unit) - before;
	return r;
}

static int
take_unit(struct frames *frames, size_t number_of_unit, uint64_t address)
{
	const struct frame_unit *unit = &frames->units[number_of_unit];
	Dwarf_Die chain[FUNCTIONS_CHAIN_MAX];
	struct frame *frame;
	const char *name;
	size_t len = 0;
	int r = read_unit(frames, number_of_unit);

	if (r == 0)
		r = find_chain(frames, unit, address, chain, &len);
	if (r == -ENOMEM)
		return r;
	frames->found_len = len > 0 ? len : 1;
	take_row(unit, address, &frames->found[0]);
	for (size_t i = 0; i < len; i++) {
		frame = &frames->found[i];
		name =
		    unit_functions_name(&chain[len - 1 - i], frame_unit_strings(unit));
		if (name != NULL)
			frame->function = demangle(name, strlen(name));
		if (i > 0)
			take_call(unit, &chain[len - i], frame);
	}
	return r;
}

static int
take_units(struct frames *frames, uint64_t address)
{
	size_t unit;
	int r = unit_ranges_find(frames->ranges, address, &unit);

	if (r == -ENOENT)
		r = unit_ranges_find_elsewhere(frames->ranges, address, &unit);
	if (r == 0)
		r = take_unit(frames, unit, address);
	return r == -ENOENT ? 0 : r;
}

/* Name of @symbol for free(); NULL when out of memory. Who asks for all of a function asks for
 * its name each time, and demangling takes longer than all else. */
static char *
name_of(struct frames *frames, const struct symbol *symbol)
{
	if (frames->named != symbol) {
		free(frames->name);
		frames->name = demangle(symbol->name.text, symbol->name.len);
		frames->named = frames->name != NULL ? symbol : NULL;
	}
	return frames->name != NULL ? strdup(frames->name) : NULL;
}

/* The symbol table has the last word about the outermost function. */
static void
take_symbol(struct frames *frames, uint64_t address)
{
	struct frame *frame = &frames->found[frames->found_len - 1];
	const struct symbol *symbol = symbols_find(frames->symbols, address);

	if (symbol == NULL || symbol->name.text == NULL)
		return;
	free(frame->function);
	frame->function = name_of(frames, symbol);
	if (frame->file == NULL && symbol->file.len > 0)
		frame->file = demangle_make_printable(
		    strndup(symbol->file.text, symbol->file.len));
}

int
frames_find(struct frames *frames, uint64_t address, const struct frame **ret_frames,
    size_t *ret_len)
{
	int r = 0;

	forget_found(frames);
	frames->found_len = 1;
	if (frames->ranges != NULL)
		r = take_units(frames, address);
	if (r == -ENOMEM)
		return r;
	take_symbol(frames, address);
	*ret_frames = frames->found;
	*ret_len = frames->found_len;
	return r;
}

const char *
frames_remark(struct frames *frames)
{
	return split_units_remark(frames->sources.splits);
}

/* ---- what lies behind ---- */

struct elf_image *
frames_image(const struct frames *frames)
{
	return frames->image;
}

struct symbols *
frames_symbols(const struct frames *frames)
{
	return frames->symbols;
}

bool
frames_are_movable(const struct frames *frames)
{
	return elf_image_is_position_independent(frames->image);
}

bool
frames_have_code(const struct frames *frames, uint64_t address)
{
	return elf_image_is_code(frames->image, address);
}

bool
frames_is_behind_call(struct frames *frames, uint64_t address)
{
	const unsigned char *code = NULL;
	size_t left = 0;

	if (address < CODE_CALL_MAX)
		return true;
	if (frames->code == NULL && code_memory_new(frames->image, &frames->code) < 0)
		return true;
	for (size_t len = CODE_CALL_MAX; code == NULL && len > 0; len--) {
		code = code_memory_at(frames->code, address - len, &left);
		if (code != NULL && left >= len)
			return code_call_ends(
			    elf_image_machine(frames->image), code, len);
	}
	return true;
}
