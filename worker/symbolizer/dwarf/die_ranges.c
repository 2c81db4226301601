/* SPDX-License-Identifier: MIT
 * Ranges of DWARF 2 to 5; in the symbolizer. By hand, since libdw takes a split unit's for
 * ones that count from 0 unless it has opened both of its files itself.
 */
#include "config.h"

#include "die_ranges.h"

#include <dwarf.h>

#include "banned.h"

/* Reads an address of the machine. */
static uint64_t
read_address(const struct die_format *format, struct byte_reader *reader)
{
	if (format->address_size == 8)
		return byte_reader_u64(reader);
	if (format->address_size == 4)
		return byte_reader_u32(reader);
	byte_reader_spoil(reader);
	return 0;
}

/* Outputs the @index-th of the unit's addresses; false if there is none. */
static bool
indexed_address(const struct die_ranges_sources *sources,
    const struct die_format *format, uint64_t index, uint64_t *ret_address)
{
	struct byte_reader addr = sources->addr;

	if (format->address_size == 0 || index > UINT64_MAX / 8 - 1)
		return false;
	byte_reader_skip(&addr, sources->addr_base);
	byte_reader_skip(&addr, index * format->address_size);
	*ret_address = read_address(format, &addr);
	return !addr.bad;
}

static bool
is_constant(uint64_t form)
{
	switch (form) {
	case DW_FORM_data1:
	case DW_FORM_data2:
	case DW_FORM_data4:
	case DW_FORM_data8:
	case DW_FORM_udata:
	case DW_FORM_sdata:
	case DW_FORM_implicit_const:
		return true;
	default:
		return false;
	}
}

/* Outputs what @value stands for: an address, or a number of one. */
static bool
find_address(const struct die_ranges_sources *sources, const struct die_format *format,
    uint64_t form, uint64_t value, uint64_t *ret_address)
{
	switch (form) {
	case DW_FORM_addr:
		*ret_address = value;
		return true;
	case DW_FORM_addrx:
	case DW_FORM_addrx1:
	case DW_FORM_addrx2:
	case DW_FORM_addrx3:
	case DW_FORM_addrx4:
	case DW_FORM_GNU_addr_index:
		return indexed_address(sources, format, value, ret_address);
	default:
		return false;
	}
}

/* Finds the list that @code names. */
static struct byte_reader
find_list(const struct die_ranges_sources *sources, const struct die_format *format,
    const struct die_code *code)
{
	const bool old = format->version < 5;
	struct byte_reader list = old ? sources->ranges : sources->rnglists, entry;
	uint64_t offset = code->ranges, each = format->dwarf64 ? 8 : 4;

	if (code->ranges_form == DW_FORM_rnglistx) {
		entry = sources->rnglists;
		if (offset > UINT64_MAX / 8 - 1)
			byte_reader_spoil(&entry);
		byte_reader_skip(&entry, sources->rnglists_base);
		byte_reader_skip(&entry, offset * each);
		offset = byte_reader_offset(&entry, format->dwarf64);
		byte_reader_skip(&list, sources->rnglists_base);
		if (entry.bad)
			byte_reader_spoil(&list);
	} else if (old) {
		byte_reader_skip(&list, sources->ranges_base);
	}
	byte_reader_skip(&list, offset);
	return list;
}

void
die_ranges_start(struct die_ranges *ranges, const struct die_ranges_sources *sources,
    const struct die_format *format, const struct die_code *code)
{
	*ranges = (struct die_ranges){
		.sources = sources, .format = *format, .base = sources->low
	};
	if (code->low_form != 0 && code->high_form != 0) {
		ranges->is_over = !find_address(
		    sources, format, code->low_form, code->low, &ranges->start);
		if (is_constant(code->high_form))
			ranges->end = ranges->start + code->high;
		else if (!find_address(sources, format, code->high_form, code->high,
			     &ranges->end))
			ranges->is_over = true;
	} else if (code->ranges_form != 0) {
		ranges->is_list = true;
		ranges->list = find_list(sources, format, code);
	} else {
		ranges->is_over = true;
	}
}

/* Pairs, of which one may be a new base. */
static bool
next_old(struct die_ranges *ranges, uint64_t *ret_start, uint64_t *ret_end)
{
	const uint64_t mark =
	    ranges->format.address_size == 4 ? UINT32_MAX : UINT64_MAX;
	uint64_t start = read_address(&ranges->format, &ranges->list);
	uint64_t end = read_address(&ranges->format, &ranges->list);

	if (ranges->list.bad || (start == 0 && end == 0)) {
		ranges->is_over = true;
		return false;
	}
	if (start == mark) {
		ranges->base = end;
		*ret_start = *ret_end = 0;
		return true;
	}
	*ret_start = ranges->base + start;
	*ret_end = ranges->base + end;
	return true;
}

/* Kinds of entries. */
static bool
next_new(struct die_ranges *ranges, uint64_t *ret_start, uint64_t *ret_end)
{
	const struct die_format *format = &ranges->format;
	struct byte_reader *list = &ranges->list;
	const unsigned kind = byte_reader_u8(list);
	uint64_t start = 0, end = 0;
	bool known = true;

	switch (kind) {
	case DW_RLE_base_addressx:
		known = indexed_address(
		    ranges->sources, format, byte_reader_uleb(list), &ranges->base);
		break;
	case DW_RLE_base_address:
		ranges->base = read_address(format, list);
		break;
	case DW_RLE_startx_endx:
		known = indexed_address(
			    ranges->sources, format, byte_reader_uleb(list), &start) &&
		    indexed_address(
			ranges->sources, format, byte_reader_uleb(list), &end);
		break;
	case DW_RLE_startx_length:
		known = indexed_address(
		    ranges->sources, format, byte_reader_uleb(list), &start);
		end = start + byte_reader_uleb(list);
		break;
	case DW_RLE_offset_pair:
		start = ranges->base + byte_reader_uleb(list);
		end = ranges->base + byte_reader_uleb(list);
		break;
	case DW_RLE_start_end:
		start = read_address(format, list);
		end = read_address(format, list);
		break;
	case DW_RLE_start_length:
		start = read_address(format, list);
		end = start + byte_reader_uleb(list);
		break;
	default: /* DW_RLE_end_of_list among them */
		known = false;
		break;
	}
	ranges->is_over = !known || list->bad;
	*ret_start = start;
	*ret_end = end;
	return !ranges->is_over;
}

bool
die_ranges_next(struct die_ranges *ranges, uint64_t *ret_start, uint64_t *ret_end)
{
	if (ranges->is_over)
		return false;
	if (ranges->is_list)
		return ranges->format.version < 5
		    ? next_old(ranges, ret_start, ret_end)
		    : next_new(ranges, ret_start, ret_end);
	ranges->is_over = true;
	*ret_start = ranges->start;
	*ret_end = ranges->end;
	return true;
}
