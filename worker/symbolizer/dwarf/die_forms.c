/* SPDX-License-Identifier: MIT
 * Forms of DWARF 2 to 5, and GNU's; in the symbolizer.
 */
#include "config.h"

#include "die_forms.h"

#include <dwarf.h>

#include "banned.h"

int
die_form_size(const struct die_format *format, uint64_t form)
{
	const int offset = format->dwarf64 ? 8 : 4;

	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return 0;
	case DW_FORM_data1:
	case DW_FORM_flag:
	case DW_FORM_ref1:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return 1;
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return 2;
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return 3;
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_ref_sup4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
		return 4;
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case DW_FORM_ref_sup8:
		return 8;
	case DW_FORM_data16:
		return 16;
	case DW_FORM_addr:
		return format->address_size;
	case DW_FORM_ref_addr:
		return format->version <= 2 ? format->address_size : offset;
	case DW_FORM_strp:
	case DW_FORM_strp_sup:
	case DW_FORM_line_strp:
	case DW_FORM_sec_offset:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		return offset;
	default:
		return -1;
	}
}

bool
die_form_is_leb(uint64_t form)
{
	switch (form) {
	case DW_FORM_sdata:
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		return true;
	default:
		return false;
	}
}

bool
die_form_skip(const struct die_format *format, uint64_t form, struct byte_reader *info)
{
	int size = die_form_size(format, form);

	if (size >= 0) {
		byte_reader_skip(info, (uint64_t)size);
		return !info->bad;
	}
	if (die_form_is_leb(form)) {
		byte_reader_uleb(info);
		return !info->bad;
	}
	switch (form) {
	case DW_FORM_string:
		byte_reader_text(info);
		break;
	case DW_FORM_block:
	case DW_FORM_exprloc:
		byte_reader_skip(info, byte_reader_uleb(info));
		break;
	case DW_FORM_block1:
		byte_reader_skip(info, byte_reader_u8(info));
		break;
	case DW_FORM_block2:
		byte_reader_skip(info, byte_reader_u16(info));
		break;
	case DW_FORM_block4:
		byte_reader_skip(info, byte_reader_u32(info));
		break;
	default:
		byte_reader_spoil(info);
		break;
	}
	return !info->bad;
}

static uint64_t
three_bytes(struct byte_reader *info)
{
	const uint64_t first = byte_reader_u8(info), second = byte_reader_u8(info);
	const uint64_t third = byte_reader_u8(info);

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return first | second << 8 | third << 16;
#else
	return first << 16 | second << 8 | third;
#endif
}

bool
die_form_number(const struct die_format *format, uint64_t form,
    struct byte_reader *info, uint64_t *ret_number)
{
	if (die_form_is_leb(form)) {
		*ret_number = form == DW_FORM_sdata ? (uint64_t)byte_reader_sleb(info)
						    : byte_reader_uleb(info);
		return !info->bad;
	}
	if (form == DW_FORM_data16)
		return false;
	switch (die_form_size(format, form)) {
	case 1:
		*ret_number = byte_reader_u8(info);
		break;
	case 2:
		*ret_number = byte_reader_u16(info);
		break;
	case 3:
		*ret_number = three_bytes(info);
		break;
	case 4:
		*ret_number = byte_reader_u32(info);
		break;
	case 8:
		*ret_number = byte_reader_u64(info);
		break;
	default:
		return false;
	}
	return !info->bad;
}
