/* SPDX-License-Identifier: MIT
 * Calls, looked at from behind; in the symbolizer. No instruction can be read backwards, but
 * what would be a call is one nearly always.
 */
#include "config.h"

#include "code_call.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "banned.h"

/* The length of "call r/m64" whose second byte is at @modrm. */
static size_t
indirect_len(const unsigned char *modrm, size_t left)
{
	const unsigned mod = modrm[0] >> 6, rm = modrm[0] & 7;
	size_t len = 2;

	if (mod == 3)
		return len;
	if (rm == 4) {
		if (left < 2)
			return 0;
		len++;
		if (mod == 0 && (modrm[1] & 7) == 5)
			len += 4;
	} else if (mod == 0 && rm == 5) {
		len += 4;
	}
	return len + (mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

static bool
x86_64_call_ends(const unsigned char *code, size_t len)
{
	const unsigned char *end = code + len;

	if (len >= 5 && end[-5] == 0xe8)
		return true;
	for (size_t i = 2; i <= len; i++)
		if (end[-(ptrdiff_t)i] == 0xff &&
		    (end[1 - (ptrdiff_t)i] >> 3 & 7) == 2 &&
		    indirect_len(end + 1 - i, i - 1) == i)
			return true;
	return false;
}

/* bl, and blr with and without pointer authentication */
static bool
aarch64_call_ends(const unsigned char *code, size_t len)
{
	uint32_t word;

	if (len < sizeof(word))
		return false;
	memcpy(&word, code + len - sizeof(word), sizeof(word));
	return (word & 0xfc000000) == 0x94000000 || (word & 0xfffffc1f) == 0xd63f0000 ||
	    (word & 0xfefff800) == 0xd63f0800;
}

bool
code_call_knows(unsigned machine)
{
	return machine == EM_X86_64 || machine == EM_AARCH64;
}

bool
code_call_ends(unsigned machine, const unsigned char *code, size_t len)
{
	switch (machine) {
	case EM_X86_64:
		return x86_64_call_ends(code, len);
	case EM_AARCH64:
		return aarch64_call_ends(code, len);
	default:
		return true;
	}
}
