/* SPDX-License-Identifier: MIT
 * Lengths of x86-64 instructions, and where they lead; in the symbolizer.
 *
 * By Intel's manual, volume 2, appendix A (opcode maps) and chapter 2 (encodings). A table has
 * two bits for each opcode: whether a ModRM byte follows, and which immediate.
 */
#include "config.h"

#include <string.h>

#include "code_step.h"
#include "banned.h"

enum operand {
	NONE,
	B, /* one byte */
	W, /* two */
	Z, /* four; two with the prefix 66 */
	V, /* as Z, but eight with REX.W */
	D, /* four */
	O, /* an address: eight, four with the prefix 67 */
	E, /* three: ENTER */
	IMMEDIATES,
};

enum {
	M = 16,      /* ModRM */
	BAD = 32,    /* no instruction in 64-bit mode */
	PREFIX = 64, /* or an escape: never looked up */
};

static const unsigned char one_byte[256] = {
	/* 00 */ M,
	M,
	M,
	M,
	B,
	Z,
	BAD,
	BAD,
	M,
	M,
	M,
	M,
	B,
	Z,
	BAD,
	PREFIX,
	/* 10 */ M,
	M,
	M,
	M,
	B,
	Z,
	BAD,
	BAD,
	M,
	M,
	M,
	M,
	B,
	Z,
	BAD,
	BAD,
	/* 20 */ M,
	M,
	M,
	M,
	B,
	Z,
	PREFIX,
	BAD,
	M,
	M,
	M,
	M,
	B,
	Z,
	PREFIX,
	BAD,
	/* 30 */ M,
	M,
	M,
	M,
	B,
	Z,
	PREFIX,
	BAD,
	M,
	M,
	M,
	M,
	B,
	Z,
	PREFIX,
	BAD,
	/* 40 */ PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	/* 50 */ 0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* 60 */ BAD,
	BAD,
	PREFIX,
	M,
	PREFIX,
	PREFIX,
	PREFIX,
	PREFIX,
	Z,
	M | Z,
	B,
	M | B,
	0,
	0,
	0,
	0,
	/* 70 */ B,
	B,
	B,
	B,
	B,
	B,
	B,
	B,
	B,
	B,
	B,
	B,
	B,
	B,
	B,
	B,
	/* 80 */ M | B,
	M | Z,
	BAD,
	M | B,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	/* 90 */ 0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	BAD,
	0,
	0,
	0,
	0,
	0,
	/* a0 */ O,
	O,
	O,
	O,
	0,
	0,
	0,
	0,
	B,
	Z,
	0,
	0,
	0,
	0,
	0,
	0,
	/* b0 */ B,
	B,
	B,
	B,
	B,
	B,
	B,
	B,
	V,
	V,
	V,
	V,
	V,
	V,
	V,
	V,
	/* c0 */ M | B,
	M | B,
	W,
	0,
	PREFIX,
	PREFIX,
	M | B,
	M | Z,
	E,
	0,
	W,
	0,
	0,
	B,
	BAD,
	0,
	/* d0 */ M,
	M,
	M,
	M,
	BAD,
	BAD,
	BAD,
	0,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	/* e0 */ B,
	B,
	B,
	B,
	B,
	B,
	B,
	B,
	D,
	D,
	BAD,
	B,
	0,
	0,
	0,
	0,
	/* f0 */ PREFIX,
	0,
	PREFIX,
	PREFIX,
	0,
	0,
	M,
	M,
	0,
	0,
	0,
	0,
	0,
	0,
	M,
	M,
};

/* 0F xx */
static const unsigned char two_bytes[256] = {
	/* 00 */ M,
	M,
	M,
	M,
	BAD,
	0,
	0,
	0,
	0,
	0,
	BAD,
	0,
	BAD,
	M,
	0,
	M | B,
	/* 10 */ M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	/* 20 */ M,
	M,
	M,
	M,
	BAD,
	BAD,
	BAD,
	BAD,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	/* 30 */ 0,
	0,
	0,
	0,
	0,
	0,
	BAD,
	0,
	PREFIX,
	BAD,
	PREFIX,
	BAD,
	BAD,
	BAD,
	BAD,
	BAD,
	/* 40 */ M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	/* 50 */ M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	/* 60 */ M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	/* 70 */ M | B,
	M | B,
	M | B,
	M | B,
	M,
	M,
	M,
	0,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	/* 80 */ D,
	D,
	D,
	D,
	D,
	D,
	D,
	D,
	D,
	D,
	D,
	D,
	D,
	D,
	D,
	D,
	/* 90 */ M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	/* a0 */ 0,
	0,
	0,
	M,
	M | B,
	M,
	M,
	M,
	0,
	0,
	0,
	M,
	M | B,
	M,
	M,
	M,
	/* b0 */ M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M | B,
	M,
	M,
	M,
	M,
	M,
	/* c0 */ M,
	M,
	M | B,
	M,
	M | B,
	M | B,
	M | B,
	M,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	/* d0 */ M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	/* e0 */ M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	/* f0 */ M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
	M,
};

/* What stands before the opcode, and which opcode it is. */
struct head {
	const unsigned char *at; /* the opcode, then behind it */
	bool is_short;           /* prefix 66 */
	bool has_short_address;  /* prefix 67 */
	unsigned char rex;
	unsigned map; /* 0: one byte; 1: 0F; 2: 0F 38; 3: 0F 3A; others by number */
	bool is_vex;
	unsigned char opcode;
};

static bool
is_prefix(unsigned char byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65: /* segments */
	case 0x66:
	case 0x67:
	case 0xf0:
	case 0xf2:
	case 0xf3:
		return true;
	default:
		return false;
	}
}

/* VEX, EVEX and XOP: payload bytes that hold the map, then the opcode. */
static bool
read_vex(struct head *head, const unsigned char *end)
{
	const unsigned char kind = head->at[0];
	const unsigned payload = kind == 0xc5 ? 1 : kind == 0x62 ? 3 : 2;

	if ((size_t)(end - head->at) < payload + 2)
		return false;
	head->is_vex = true;
	head->map = kind == 0xc5 ? 1
	    : kind == 0x62       ? head->at[1] & 7
				 : head->at[1] & 31;
	head->opcode = head->at[payload + 1];
	head->at += payload + 2;
	return true;
}

/* Moves @head behind the opcode; false if it is cut. */
static bool
read_head(struct head *head, const unsigned char *end)
{
	while (head->at < end && is_prefix(*head->at)) {
		head->is_short = head->is_short || *head->at == 0x66;
		head->has_short_address = head->has_short_address || *head->at == 0x67;
		head->at++;
	}
	while (head->at < end && (*head->at & 0xf0) == 0x40)
		head->rex = *head->at++;
	if (head->at >= end)
		return false;
	if (*head->at == 0xc4 || *head->at == 0xc5 || *head->at == 0x62 ||
	    (*head->at == 0x8f && end - head->at > 1 && (head->at[1] & 31) >= 8))
		return read_vex(head, end);
	head->opcode = *head->at++;
	if (head->opcode != 0x0f)
		return true;
	if (head->at >= end)
		return false;
	head->map = 1;
	head->opcode = *head->at++;
	if (head->opcode != 0x38 && head->opcode != 0x3a)
		return true;
	if (head->at >= end)
		return false;
	head->map = head->opcode == 0x38 ? 2 : 3;
	head->opcode = *head->at++;
	return true;
}

static unsigned
form_of(const struct head *head)
{
	switch (head->map) {
	case 0:
		return one_byte[head->opcode];
	case 1:
		/* Masks of AVX-512 are a mere move by what is Jcc and SETcc without VEX. */
		if (head->is_vex)
			return head->opcode == 0x77 ? 0u
						    : M | (two_bytes[head->opcode] & B);
		return two_bytes[head->opcode];
	case 2:
	case 5:
	case 6:
	case 9:
		return M;
	case 3:
	case 8:
		return M | B;
	case 10:
		return M | D;
	default:
		return BAD;
	}
}

/* Bytes of ModRM, SIB and displacement; 0 if they are cut. */
static size_t
modrm_len(const unsigned char *at, const unsigned char *end)
{
	const size_t left = (size_t)(end - at);
	unsigned mod, rm;
	size_t len = 1;

	if (left == 0)
		return 0;
	mod = at[0] >> 6;
	rm = at[0] & 7;
	if (mod == 3)
		return 1;
	if (rm == 4) {
		if (left < 2)
			return 0;
		len++;
		if (mod == 0 && (at[1] & 7) == 5)
			len += 4;
	} else if (mod == 0 && rm == 5) {
		len += 4;
	}
	len += mod == 1 ? 1 : mod == 2 ? 4 : 0;
	return len <= left ? len : 0;
}

static size_t
immediate_len(const struct head *head, unsigned form)
{
	const bool is_short = head->is_short && (head->rex & 8) == 0;

	switch (form & 15) {
	case B:
		return 1;
	case W:
		return 2;
	case Z:
		return is_short ? 2 : 4;
	case V:
		return (head->rex & 8) != 0 ? 8 : is_short ? 2 : 4;
	case D:
		return 4;
	case O:
		return head->has_short_address ? 4 : 8;
	case E:
		return 3;
	default:
		return 0;
	}
}

/* TEST alone has an immediate among F6 and F7. */
static unsigned
form_by_modrm(const struct head *head, unsigned form)
{
	if (head->map != 0 || head->is_vex || (head->opcode & 0xfe) != 0xf6 ||
	    (*head->at >> 3 & 7) > 1)
		return form;
	return form | (head->opcode == 0xf6 ? (unsigned)B : (unsigned)Z);
}

static int32_t
int32_at(const unsigned char *at)
{
	int32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* ---- what it means ---- */

/* LEA of an address beside the code, and loads by it of four bytes, as compilers make them
 * where they jump by a table. @next: address behind the instruction. */
static void
leave_trail(const struct head *head, const unsigned char *modrm, uint64_t next,
    struct code_trail *trail)
{
	const unsigned reg = (unsigned)(modrm[0] >> 3 & 7) | (head->rex & 4u) << 1;
	const unsigned mod = modrm[0] >> 6, rm = modrm[0] & 7;

	if (head->opcode == 0x8d) {
		trail->starts[reg] = mod == 0 && rm == 5
		    ? next + (uint64_t)(int64_t)int32_at(modrm + 1)
		    : 0;
		return;
	}
	if (mod == 3 || rm != 4)
		return;
	if (head->opcode == 0x63 && modrm[1] >> 6 == 2 && mod == 0 &&
	    (modrm[1] & 7) != 5) {
		trail->table = trail->base =
		    trail->starts[(modrm[1] & 7u) | (head->rex & 1u) << 3];
		trail->entry_size = 4;
	} else if (head->opcode == 0x8b && modrm[1] >> 6 == 3 && mod == 0 &&
	    (modrm[1] & 7) == 5) {
		trail->table = (uint64_t)(int64_t)int32_at(modrm + 2);
		trail->base = 0;
		trail->entry_size = 8;
	} else {
		return;
	}
	trail->loaded_at = next;
}

static enum code_kind
kind_of_ff(const unsigned char *modrm, uint64_t next, struct code_trail *trail)
{
	switch (modrm[0] >> 3 & 7) {
	case 2:
		return CODE_CALL;
	case 4:
		if (modrm[0] >> 6 == 0 && (modrm[0] & 7) == 4 && modrm[1] >> 6 == 3 &&
		    (modrm[1] & 7) == 5) {
			trail->table = (uint64_t)(int64_t)int32_at(modrm + 2);
			trail->base = 0;
			trail->entry_size = 8;
			trail->loaded_at = next;
		}
		return CODE_LEAP;
	case 5:
		return CODE_LEAP;
	default:
		return CODE_PLAIN;
	}
}

static enum code_kind
kind_of_one_byte(const struct head *head, const unsigned char *modrm, uint64_t next,
    struct code_trail *trail)
{
	switch (head->opcode) {
	case 0x63:
	case 0x8b:
	case 0x8d:
		leave_trail(head, modrm, next, trail);
		return CODE_PLAIN;
	case 0x70:
	case 0x71:
	case 0x72:
	case 0x73:
	case 0x74:
	case 0x75:
	case 0x76:
	case 0x77:
	case 0x78:
	case 0x79:
	case 0x7a:
	case 0x7b:
	case 0x7c:
	case 0x7d:
	case 0x7e:
	case 0x7f:
	case 0xe0:
	case 0xe1:
	case 0xe2:
	case 0xe3:
		return CODE_BRANCH;
	case 0xc7:
		return modrm[0] == 0xf8 ? CODE_BRANCH : CODE_PLAIN; /* XBEGIN */
	case 0xe8:
		return CODE_CALL;
	case 0xe9:
	case 0xeb:
		return CODE_JUMP;
	case 0xc2:
	case 0xc3:
	case 0xca:
	case 0xcb:
	case 0xcf:
		return CODE_RETURN;
	case 0xcc:
		return CODE_PADDING;
	case 0xf4:
		return CODE_END;
	case 0x90:
		return CODE_PADDING;
	case 0xff:
		return kind_of_ff(modrm, next, trail);
	default:
		return CODE_PLAIN;
	}
}

static enum code_kind
kind_of(const struct head *head, const unsigned char *modrm, uint64_t next,
    struct code_trail *trail)
{
	if (head->is_vex || head->map > 1)
		return CODE_PLAIN;
	if (head->map == 0)
		return kind_of_one_byte(head, modrm, next, trail);
	if ((head->opcode & 0xf0) == 0x80)
		return CODE_BRANCH;
	if (head->opcode == 0x1f)
		return CODE_PADDING; /* the long NOP */
	return head->opcode == 0x0b || head->opcode == 0xb9 || head->opcode == 0xff
	    ? CODE_END
	    : CODE_PLAIN;
}

static uint64_t
target_of(const unsigned char *behind, size_t size, uint64_t next)
{
	return next +
	    (uint64_t)(size == 1 ? (int64_t)(signed char)behind[-1]
				 : (int64_t)int32_at(behind - 4));
}

/* The byte beside the code that is loaded, stored or changed; 0: none is. @next: address behind
 * the instruction. */
static uint64_t
touched_by(const struct head *head, const unsigned char *modrm, uint64_t next)
{
	if (head->is_vex || modrm[0] >> 6 != 0 || (modrm[0] & 7) != 5)
		return 0;
	if (head->map == 1 ? head->opcode != 0xb6
			   : head->map != 0 ||
		    (head->opcode != 0x00 && head->opcode != 0x80 &&
			head->opcode != 0x88 && head->opcode != 0x8a &&
			head->opcode != 0xc6 && head->opcode != 0xfe))
		return 0;
	return next + (uint64_t)(int64_t)int32_at(modrm + 1);
}

struct code_step
x86_64_step(const unsigned char *at, const unsigned char *end, uint64_t address,
    struct code_trail *trail)
{
	struct head head = { .at = at };
	struct code_step step = { .kind = CODE_PLAIN };
	const unsigned char *modrm;
	size_t rest = 0, immediate;
	unsigned form;

	if (end - at > 15)
		end = at + 15; /* none is longer */
	if (!read_head(&head, end))
		return step;
	form = form_of(&head);
	if ((form & (BAD | PREFIX)) != 0)
		return step;
	modrm = head.at;
	if ((form & M) != 0) {
		rest = modrm_len(head.at, end);
		if (rest == 0)
			return step;
		form = form_by_modrm(&head, form);
	}
	immediate = immediate_len(&head, form);
	if (rest + immediate > (size_t)(end - head.at))
		return step;
	step.len = (unsigned)((size_t)(head.at - at) + rest + immediate);
	step.kind = kind_of(&head, modrm, address + step.len, trail);
	if (rest > 0)
		step.touched = touched_by(&head, modrm, address + step.len);
	if (step.kind != CODE_BRANCH && step.kind != CODE_JUMP &&
	    step.kind != CODE_CALL)
		return step;
	if (immediate > 0) {
		step.target = target_of(at + step.len, immediate, address + step.len);
	} else if (modrm[0] >> 6 == 0 && (modrm[0] & 7) == 5) {
		step.by_slot = true;
		step.target =
		    address + step.len + (uint64_t)(int64_t)int32_at(modrm + 1);
	}
	return step;
}

/* jmp *slot(%rip) */
uint64_t
x86_64_slot_of_stub(const unsigned char *at, size_t left, uint64_t address)
{
	if (left < 6 || at[0] != 0xff || at[1] != 0x25)
		return 0;
	return address + 6 + (uint64_t)(int64_t)int32_at(at + 2);
}
