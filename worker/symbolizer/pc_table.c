/* SPDX-License-Identifier: MIT
 * The PC table of an executable; in the symbolizer.
 */
#include "config.h"

#include "pc_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coverage_map.h"
#include "banned.h"

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

#define CLANG_PCS "__sancov_pcs"
#define ZIG_PCS "__sancov_pcs1"

/* Relocations that put an address into a word of data. */
static const struct machine {
	unsigned machine;
	uint32_t relative; /* base + addend */
	uint32_t absolute; /* symbol + addend */
} machines[] = {
	{ EM_X86_64, R_X86_64_RELATIVE, R_X86_64_64 },
	{ EM_AARCH64, R_AARCH64_RELATIVE, R_AARCH64_ABS64 },
	{ EM_RISCV, R_RISCV_RELATIVE, R_RISCV_64 },
	{ EM_PPC64, R_PPC64_RELATIVE, R_PPC64_ADDR64 },
	{ EM_S390, R_390_RELATIVE, R_390_64 },
	{ EM_LOONGARCH, 3, 2 },
};

/* The table as bytes, and where it lies at link time. */
struct raw_table {
	uint64_t address;
	uint64_t *words; /* a copy: relocations are put into it */
	size_t size;
};

int
pc_table_check(const struct elf_image *image, struct failure *failure)
{
	uint64_t clang_size, zig_size;

	if (!elf_image_has(image, CLANG_PCS, &clang_size) ||
	    !elf_image_has(image, ZIG_PCS, &zig_size) || clang_size == 0 ||
	    zig_size == 0)
		return 0;
	return failure_say(failure, EINVAL,
	    "it holds both Zig's PC table (" ZIG_PCS ", %llu entries) and Clang's "
	    "(" CLANG_PCS
	    ", %llu entries), but their counters share one section, so that "
	    "coverage would be shown at wrong places: build the C part as a module "
	    "with "
	    ".fuzz = false, or fuzz it on its own with libFuzzer",
	    (unsigned long long)(zig_size / 8), (unsigned long long)(clang_size / 16));
}

/* Each PC belongs to one counter; anything else is a table that was torn apart. */
static int
check_counters(const struct elf_image *image, const char *pcs, uint64_t len,
    struct failure *failure)
{
	static const struct {
		const char *name;
		unsigned each;
	} counters[] = {
		{ "__sancov_cntrs", 1 },
		{ "__sancov_bools", 1 },
		{ "__sancov_guards", 4 },
	};
	uint64_t size;

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		if (!elf_image_has(image, counters[i].name, &size) || size == 0)
			continue;
		if (size / counters[i].each != len)
			return failure_say(failure, EINVAL,
			    "%s has %llu entries, but %s has %llu: some objects were "
			    "compiled with other -fsanitize-coverage options; build "
			    "all of "
			    "them with the same (inline-8bit-counters,pc-table)",
			    pcs, (unsigned long long)len, counters[i].name,
			    (unsigned long long)(size / counters[i].each));
	}
	return 0;
}

static const struct machine *
find_machine(const struct elf_image *image)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].machine == elf_image_machine(image))
			return &machines[i];
	return NULL;
}

static uint64_t
symbol_value(const struct elf_section *symbols, uint64_t index)
{
	Elf64_Sym symbol;

	if (symbols->data == NULL || index >= symbols->size / sizeof(symbol))
		return 0;
	memcpy(&symbol, symbols->data + index * sizeof(symbol), sizeof(symbol));
	return symbol.st_shndx != SHN_UNDEF ? symbol.st_value : 0;
}

static void
relocate(const struct raw_table *table, const struct machine *machine,
    const struct elf_section *relocations, const struct elf_section *symbols)
{
	Elf64_Rela rela;
	uint64_t offset, value;
	uint32_t type;

	for (size_t i = 0; i < relocations->size / sizeof(rela); i++) {
		memcpy(&rela, relocations->data + i * sizeof(rela), sizeof(rela));
		offset = rela.r_offset - table->address;
		if (rela.r_offset < table->address || offset >= table->size ||
		    offset % 8 != 0)
			continue;
		type = (uint32_t)ELF64_R_TYPE(rela.r_info);
		value = (uint64_t)rela.r_addend;
		if (type == machine->absolute)
			value += symbol_value(symbols, ELF64_R_SYM(rela.r_info));
		else if (type != machine->relative)
			continue;
		table->words[offset / 8] = value;
	}
}

/* In a position-independent executable the addends of .rela.dyn are the link-time
 * addresses. Where the linker wrote RELR the section holds them already. */
static int
apply_relocations(
    struct elf_image *image, const struct raw_table *table, struct failure *failure)
{
	const struct machine *machine = find_machine(image);
	struct elf_section relocations, symbols;
	size_t index = 0;
	int r;

	if (!elf_image_is_position_independent(image))
		return 0;
	if (machine == NULL)
		return failure_say(failure, ENOTSUP,
		    "relocations of ELF machine %u are not known: build with -no-pie",
		    elf_image_machine(image));
	while (
	    (r = elf_image_next(image, SHT_RELA, &index, &relocations, failure)) == 0) {
		if ((relocations.header.sh_flags & SHF_ALLOC) == 0)
			continue;
		if (elf_image_section_at(
			image, relocations.header.sh_link, &symbols, failure) < 0)
			symbols = (struct elf_section){ 0 };
		relocate(table, machine, &relocations, &symbols);
	}
	return r == -ENOENT ? 0 : r;
}

/* Every second word is flags in Clang's table. */
static int
take_pcs(const struct raw_table *table, size_t each, uint64_t **ret_pcs,
    uint32_t *ret_len, struct failure *failure)
{
	size_t len = table->size / each, known = 0;
	uint64_t *pcs = table->words;

	for (size_t i = 0; i < len; i++) {
		pcs[i] = table->words[i * (each / 8)];
		known += pcs[i] != 0;
	}
	if (known == 0)
		return failure_say(failure, ENOTSUP,
		    "all addresses in its PC table are 0: its relocations are packed "
		    "in a "
		    "way that is not understood; link without "
		    "-Wl,--pack-dyn-relocs=android");
	*ret_pcs = pcs;
	*ret_len = (uint32_t)len;
	return 0;
}

static int
check_size(const struct elf_section *section, const char *name, size_t each,
    struct failure *failure)
{
	if (section->size % each != 0 || section->size == 0)
		return failure_say(failure, EINVAL,
		    "section %s at offset 0x%llx: its size %zu is no multiple of %zu",
		    name, (unsigned long long)section->header.sh_offset, section->size,
		    each);
	if (section->size / each > COVERAGE_MAP_PCS_MAX)
		return failure_say(failure, EFBIG,
		    "section %s: %zu PCs are more than %llu", name,
		    section->size / each, (unsigned long long)COVERAGE_MAP_PCS_MAX);
	return 0;
}

static int
read_table(struct elf_image *image, const char *name, size_t each, uint64_t **ret_pcs,
    uint32_t *ret_len, struct failure *failure)
{
	struct raw_table table = { 0 };
	struct elf_section section;
	int r;

	r = elf_image_section(image, name, &section, failure);
	if (r == -ENOENT)
		return failure_say(failure, ENOENT,
		    "section %s has no bytes in the file: this is a file with debug "
		    "information only; name the executable itself",
		    name);
	if (r == 0)
		r = check_size(&section, name, each, failure);
	if (r == 0)
		r = check_counters(image, name, section.size / each, failure);
	if (r < 0)
		return r;
	table.address = section.header.sh_addr;
	table.size = section.size;
	table.words = malloc(section.size);
	if (table.words == NULL)
		return failure_say(
		    failure, ENOMEM, "out of memory for %zu PCs", section.size / each);
	memcpy(table.words, section.data, section.size);
	r = apply_relocations(image, &table, failure);
	if (r == 0)
		r = take_pcs(&table, each, ret_pcs, ret_len, failure);
	if (r < 0)
		free(table.words);
	return r;
}

int
pc_table_read(struct elf_image *image, uint64_t **ret_pcs, uint32_t *ret_len,
    struct failure *failure)
{
	uint64_t size;
	int r = pc_table_check(image, failure);

	if (r < 0)
		return r;
	if (elf_image_has(image, CLANG_PCS, &size) && size > 0)
		return read_table(image, CLANG_PCS, 16, ret_pcs, ret_len, failure);
	if (elf_image_has(image, ZIG_PCS, &size) && size > 0)
		return read_table(image, ZIG_PCS, 8, ret_pcs, ret_len, failure);
	return failure_say(failure, ENOENT,
	    "it has no PC table (section " CLANG_PCS "): build with clang "
	    "-fsanitize=fuzzer, or with "
	    "-fsanitize-coverage=inline-8bit-counters,pc-table");
}
