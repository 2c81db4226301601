/* SPDX-License-Identifier: MIT
 * A pure decode of all line programs of an executable, as a textbook writes it: maps the
 * file, runs every opcode, keeps no row. What symbolizing takes besides is what it costs to
 * have questions. Trusts its input.
 *
 *   t/bench/decode EXECUTABLE
 */
#include "config.h"

#include <dwarf.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t rows, sum;

static uint64_t
number(const unsigned char **at, size_t len)
{
	uint64_t value = 0;

	memcpy(&value, *at, len);
	*at += len;
	return value;
}

static uint64_t
uleb(const unsigned char **at)
{
	uint64_t value = 0;
	unsigned shift = 0;

	do {
		value |= (uint64_t)(**at & 0x7f) << shift;
		shift += 7;
	} while (*(*at)++ & 0x80);
	return value;
}

static int64_t
sleb(const unsigned char **at)
{
	const unsigned char *begin = *at;
	uint64_t value = uleb(at);
	unsigned bits = 7 * (unsigned)(*at - begin);

	if (bits < 64 && (value >> (bits - 1) & 1) != 0)
		value |= UINT64_MAX << bits;
	return (int64_t)value;
}

static void
run(const unsigned char *at, const unsigned char *end, unsigned base, int line_base,
    unsigned range, unsigned instruction)
{
	uint64_t address = 0, file = 1, column = 0, line = 1, len;
	const unsigned char *next;
	unsigned opcode;

	while (at < end) {
		opcode = *at++;
		if (opcode >= base) {
			address += (opcode - base) / range * instruction;
			line += (uint64_t)(line_base + (int)((opcode - base) % range));
			rows++;
			sum += address ^ line ^ column ^ file;
			continue;
		}
		switch (opcode) {
		case 0:
			len = uleb(&at);
			next = at + len;
			if (*at == DW_LNE_set_address) {
				at++;
				address = number(&at, 8);
			} else if (*at == DW_LNE_end_sequence) {
				address = column = 0;
				file = line = 1;
			}
			at = next;
			break;
		case DW_LNS_copy:
			rows++;
			sum += address ^ line ^ column ^ file;
			break;
		case DW_LNS_advance_pc:
			address += uleb(&at) * instruction;
			break;
		case DW_LNS_advance_line:
			line += (uint64_t)sleb(&at);
			break;
		case DW_LNS_set_file:
			file = uleb(&at);
			break;
		case DW_LNS_set_column:
			column = uleb(&at);
			break;
		case DW_LNS_const_add_pc:
			address += (255 - base) / range * instruction;
			break;
		case DW_LNS_fixed_advance_pc:
			address += number(&at, 2);
			break;
		case DW_LNS_set_isa:
			uleb(&at);
			break;
		default:
			break;
		}
	}
}

static void
run_all(const unsigned char *at, const unsigned char *end)
{
	const unsigned char *unit_end, *program;
	unsigned version, instruction, range, base;
	int line_base;
	uint64_t len;

	while (at < end) {
		len = number(&at, 4); /* nobody writes the 64-bit form */
		unit_end = at + len;
		version = (unsigned)number(&at, 2);
		at += version >= 5 ? 2 : 0;
		len = number(&at, 4);
		program = at + len;
		instruction = *at++;
		at += version >= 4 ? 2 : 1;
		line_base = (int8_t)*at++;
		range = *at++;
		base = *at++;
		run(program, unit_end, base, line_base, range, instruction);
		at = unit_end;
	}
}

int
main(int argc, char **argv)
{
	const unsigned char *file;
	const Elf64_Ehdr *header;
	const Elf64_Shdr *sections;
	struct stat st;
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || fstat(fd, &st) != 0)
		return 2;
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (file == MAP_FAILED)
		return 2;
	header = (const void *)file;
	sections = (const void *)(file + header->e_shoff);
	for (unsigned i = 0; i < header->e_shnum; i++) {
		const char *names =
		    (const char *)file + sections[header->e_shstrndx].sh_offset;

		if (strcmp(names + sections[i].sh_name, ".debug_line") == 0)
			run_all(file + sections[i].sh_offset,
			    file + sections[i].sh_offset + sections[i].sh_size);
	}
	printf(
	    "%llu rows, sum %llx\n", (unsigned long long)rows, (unsigned long long)sum);
	return rows == 0;
}
