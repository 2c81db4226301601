/* SPDX-License-Identifier: MIT
 * What unwinders read of a function.
 */
#include "config.h"

#include "landing_pads.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

#include "grow.h"
#include "banned.h"

/* One function that has a table of call sites. */
struct pads_of {
	uint64_t start, end;
	uint64_t table; /* address */
};

struct landing_pads {
	struct code_memory *memory;
	struct pads_of *list; /* ascending */
	size_t len, size;
};

/* What a CIE says of its FDEs. */
struct common {
	unsigned pointers, tables; /* encodings */
	bool has_length, has_table;
};

/* ---- values ---- */

/* Reads a number of @encoding, whatever it counts from. */
static uint64_t
read_encoded(struct byte_reader *reader, unsigned encoding)
{
	uint16_t half;
	uint32_t word;

	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return byte_reader_u64(reader);
	case DW_EH_PE_uleb128:
		return byte_reader_uleb(reader);
	case DW_EH_PE_sleb128:
		return (uint64_t)byte_reader_sleb(reader);
	case DW_EH_PE_udata2:
		return byte_reader_u16(reader);
	case DW_EH_PE_sdata2:
		half = byte_reader_u16(reader);
		return (uint64_t)(int64_t)(int16_t)half;
	case DW_EH_PE_udata4:
		return byte_reader_u32(reader);
	case DW_EH_PE_sdata4:
		word = byte_reader_u32(reader);
		return (uint64_t)(int64_t)(int32_t)word;
	default:
		byte_reader_spoil(reader);
		return 0;
	}
}

/* The same for an address; @here: that of @reader's place. 0: none, or of a kind that no linker
 * makes in executables. */
static uint64_t
read_pointer(struct byte_reader *reader, unsigned encoding, uint64_t here)
{
	const uint64_t value = read_encoded(reader, encoding);

	if (value == 0 || (encoding & DW_EH_PE_indirect) != 0)
		return 0;
	switch (encoding & 0x70) {
	case DW_EH_PE_absptr:
		return value;
	case DW_EH_PE_pcrel:
		return here + value;
	default:
		byte_reader_spoil(reader);
		return 0;
	}
}

/* ---- .eh_frame ---- */

struct frames {
	struct byte_reader section;
	uint64_t address; /* of the section */
	const unsigned char *last_cie;
	struct common common; /* of it */
};

static uint64_t
address_of(const struct frames *frames, const unsigned char *at)
{
	return frames->address + (uint64_t)(at - frames->section.at);
}

/* @reader: behind the CIE's ID. */
static bool
read_common(struct byte_reader reader, struct common *ret_common)
{
	const unsigned version = byte_reader_u8(&reader);
	struct byte_text text = byte_reader_text(&reader);
	struct common common = { .tables = DW_EH_PE_omit };

	if (version >= 4)
		byte_reader_skip(&reader, 2);
	byte_reader_uleb(&reader); /* alignments */
	byte_reader_sleb(&reader);
	if (version == 1)
		byte_reader_u8(&reader);
	else
		byte_reader_uleb(&reader); /* return address */
	if (reader.bad || (text.len > 0 && text.text[0] != 'z'))
		return false;
	common.has_length = text.len > 0;
	if (common.has_length)
		byte_reader_uleb(&reader);
	for (size_t i = 1; i < text.len && !reader.bad; i++) {
		unsigned encoding;

		switch (text.text[i]) {
		case 'R':
			common.pointers = byte_reader_u8(&reader);
			break;
		case 'L':
			common.tables = byte_reader_u8(&reader);
			common.has_table = common.tables != DW_EH_PE_omit;
			break;
		case 'P':
			encoding = byte_reader_u8(&reader);
			read_encoded(&reader, encoding);
			break;
		case 'S': /* a signal's frame, and others that say nothing more */
		case 'B':
		case 'G':
			break;
		default:
			return false;
		}
	}
	*ret_common = common;
	return !reader.bad;
}

/* The CIE that lies @distance before @at. */
static bool
find_common(struct frames *frames, const unsigned char *at, uint64_t distance)
{
	struct byte_reader reader = frames->section;
	uint64_t length;
	bool dwarf64;

	if (distance == 0 || distance > (uint64_t)(at - frames->section.at))
		return false;
	if (frames->last_cie == at - distance)
		return true;
	frames->last_cie = NULL;
	reader.at = at - distance;
	length = byte_reader_unit_length(&reader, &dwarf64);
	reader = byte_reader_cut(&reader, length);
	if (byte_reader_u32(&reader) != 0 || reader.bad ||
	    !read_common(reader, &frames->common))
		return false;
	frames->last_cie = at - distance;
	return true;
}

static int
add(struct landing_pads *pads, const struct pads_of *function)
{
	if (!grow((void **)&pads->list, pads->len, &pads->size, sizeof(*pads->list)))
		return -ENOMEM;
	pads->list[pads->len++] = *function;
	return 0;
}

/* @reader: behind the FDE's pointer to its CIE. */
static int
take_frame(struct landing_pads *pads, struct frames *frames, struct byte_reader reader)
{
	const struct common *common = &frames->common;
	struct pads_of function;

	function.start =
	    read_pointer(&reader, common->pointers, address_of(frames, reader.at));
	function.end = function.start + read_encoded(&reader, common->pointers & 0x0f);
	if (common->has_length)
		byte_reader_uleb(&reader);
	if (reader.bad || !common->has_table)
		return 0;
	function.table =
	    read_pointer(&reader, common->tables, address_of(frames, reader.at));
	if (reader.bad || function.table == 0 || function.start == 0 ||
	    function.end <= function.start)
		return 0;
	return add(pads, &function);
}

static int
read_frames(struct landing_pads *pads, struct frames *frames)
{
	struct byte_reader reader = frames->section, frame;
	const unsigned char *at;
	uint64_t length, distance;
	bool dwarf64;
	int r = 0;

	while (r == 0 && byte_reader_left(&reader) > 0) {
		length = byte_reader_unit_length(&reader, &dwarf64);
		if (length == 0)
			break; /* the end */
		frame = byte_reader_cut(&reader, length);
		at = frame.at;
		distance = byte_reader_u32(&frame);
		if (reader.bad)
			break;
		/* 0: a CIE itself. */
		if (!frame.bad && distance != 0 && find_common(frames, at, distance))
			r = take_frame(pads, frames, frame);
	}
	return r;
}

static int
compare(const void *a, const void *b)
{
	const struct pads_of *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

int
landing_pads_new(
    struct elf_image *image, struct code_memory *memory, struct landing_pads **ret_pads)
{
	struct landing_pads *pads = calloc(1, sizeof(*pads));
	struct elf_section section;
	struct failure ignored;
	struct frames frames = { 0 };
	int r = 0;

	if (pads == NULL)
		return -ENOMEM;
	pads->memory = memory;
	if (elf_image_section(image, ".eh_frame", &section, &ignored) == 0) {
		frames.section = byte_reader_over(section.data, section.size);
		frames.address = section.header.sh_addr;
		r = read_frames(pads, &frames);
	}
	if (r < 0) {
		landing_pads_free(pads);
		return r;
	}
	if (pads->len > 0)
		qsort(pads->list, pads->len, sizeof(*pads->list), compare);
	*ret_pads = pads;
	return 0;
}

void
landing_pads_free(struct landing_pads *pads)
{
	if (pads == NULL)
		return;
	free(pads->list);
	free(pads);
}

/* ---- .gcc_except_table ---- */

static const struct pads_of *
find(const struct landing_pads *pads, uint64_t address)
{
	size_t low = 0, high = pads->len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (pads->list[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address >= pads->list[low - 1].end)
		return NULL;
	return &pads->list[low - 1];
}

void
call_sites_start(
    const struct landing_pads *pads, uint64_t address, struct call_sites *ret_sites)
{
	const struct pads_of *function = find(pads, address);
	struct call_sites sites = { 0 };
	struct byte_reader reader;
	const unsigned char *data;
	size_t left;
	uint64_t length;

	*ret_sites = sites;
	if (function == NULL)
		return;
	data = code_memory_at(pads->memory, function->table, &left);
	if (data == NULL)
		return;
	reader = byte_reader_over(data, left);
	/* Pads that count from elsewhere; no compiler asks for that. */
	if (byte_reader_u8(&reader) != DW_EH_PE_omit)
		return;
	if (byte_reader_u8(&reader) != DW_EH_PE_omit)
		byte_reader_uleb(&reader); /* where its types are */
	sites.encoding = byte_reader_u8(&reader);
	length = byte_reader_uleb(&reader);
	sites.table = byte_reader_cut(&reader, length);
	sites.function = function->start;
	sites.has_table = !reader.bad;
	if (sites.has_table)
		*ret_sites = sites;
}

enum call_throws
call_sites_ask(struct call_sites *sites, uint64_t address)
{
	uint64_t start, len;

	if (!sites->has_table)
		return THROWS_OUT;
	while (!sites->is_over && address >= sites->end) {
		sites->is_over = byte_reader_left(&sites->table) == 0;
		if (sites->is_over)
			break;
		start = read_encoded(&sites->table, sites->encoding);
		len = read_encoded(&sites->table, sites->encoding);
		sites->pad = read_encoded(&sites->table, sites->encoding);
		sites->pad += sites->pad != 0 ? sites->function : 0;
		byte_reader_uleb(&sites->table); /* what it catches */
		sites->start = sites->function + start;
		sites->end = sites->start + len;
		/* A table that nobody can read says nothing of what follows. */
		if (sites->table.bad)
			sites->has_table = false;
		if (!sites->has_table)
			return THROWS_OUT;
	}
	/* Where none is named no exception can pass. */
	if (sites->is_over || address < sites->start)
		return THROWS_NEVER;
	return sites->pad != 0 ? THROWS_TO_PAD : THROWS_OUT;
}
