/* SPDX-License-Identifier: MIT
 * The PC table of an executable; in the symbolizer.
 */
#include "config.h"

#include "pc_table.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coverage_map.h"
#include "pages.h"
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

/* Sections are gone through in parts of this size, a multiple of all entries' sizes. */
#define PART ((size_t)96 << 10)

/* The table, and where it lies at link time. */
struct raw_table {
	struct elf_image *image;
	struct elf_section section;
	size_t each;    /* bytes of an entry, a power of two */
	unsigned shift; /* of each */
	uint64_t *pcs;  /* the first word of each */
	uint32_t len;
	unsigned char *part; /* PART bytes */
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
relocate(struct raw_table *table, const struct machine *machine, size_t size,
    const struct elf_section *symbols)
{
	Elf64_Rela rela;
	uint64_t offset, value;
	uint32_t type;

	for (size_t i = 0; i < size / sizeof(rela); i++) {
		memcpy(&rela, table->part + i * sizeof(rela), sizeof(rela));
		offset = rela.r_offset - table->section.header.sh_addr;
		if (offset >= table->section.size || (offset & (table->each - 1)) != 0)
			continue;
		type = (uint32_t)ELF64_R_TYPE(rela.r_info);
		value = (uint64_t)rela.r_addend;
		if (type == machine->absolute)
			value += symbol_value(symbols, ELF64_R_SYM(rela.r_info));
		else if (type != machine->relative)
			continue;
		table->pcs[offset >> table->shift] =
		    value; /* a division takes longer */
	}
}

/* Reads the part of @section at @offset into the table's buffer. */
static int
read_part(struct raw_table *table, const struct elf_section *section, uint64_t offset,
    size_t *ret_size, struct failure *failure)
{
	*ret_size = section->size - offset < PART ? section->size - offset : PART;
	return elf_image_read(
	    table->image, section, offset, table->part, *ret_size, failure);
}

static int
apply_section(struct raw_table *table, const struct machine *machine,
    const struct elf_section *relocations, struct failure *failure)
{
	struct elf_section symbols = { 0 };
	size_t size;
	int r = 0;

	if (elf_image_section_at(
		table->image, relocations->header.sh_link, &symbols, failure) < 0)
		symbols = (struct elf_section){ 0 };
	for (uint64_t at = 0; r == 0 && at < relocations->size; at += PART) {
		r = read_part(table, relocations, at, &size, failure);
		if (r == 0)
			relocate(table, machine, size, &symbols);
	}
	return r;
}

/* In a position-independent executable the addends of .rela.dyn are the link-time
 * addresses. Where the linker wrote RELR the section holds them already. */
static int
apply_relocations(struct raw_table *table, struct failure *failure)
{
	const struct machine *machine = find_machine(table->image);
	struct elf_section relocations;
	size_t index = 0;
	int r;

	if (!elf_image_is_position_independent(table->image))
		return 0;
	if (machine == NULL)
		return failure_say(failure, ENOTSUP,
		    "relocations of ELF machine %u are not known: build with -no-pie",
		    elf_image_machine(table->image));
	while ((r = elf_image_find_next(
		    table->image, SHT_RELA, &index, &relocations, failure)) == 0) {
		if ((relocations.header.sh_flags & SHF_ALLOC) != 0)
			r = apply_section(table, machine, &relocations, failure);
		if (r < 0)
			return r;
	}
	return r == -ENOENT ? 0 : r;
}

/* Every second word is flags in Clang's table. */
static int
read_entries(struct raw_table *table, struct failure *failure)
{
	uint32_t place = 0;
	size_t size;
	int r;

	for (uint64_t at = 0; at < table->section.size; at += PART) {
		r = read_part(table, &table->section, at, &size, failure);
		if (r < 0)
			return r;
		for (size_t i = 0; i < size; i += table->each)
			memcpy(
			    &table->pcs[place++], table->part + i, sizeof(*table->pcs));
	}
	return 0;
}

static int
check_pcs(const struct raw_table *table, struct failure *failure)
{
	for (uint32_t i = 0; i < table->len; i++)
		if (table->pcs[i] != 0)
			return 0;
	return failure_say(failure, ENOTSUP,
	    "all addresses in its PC table are 0: its relocations are packed in a way "
	    "that is not understood; link without -Wl,--pack-dyn-relocs=android");
}

static int
check_size(const struct elf_section *section, const char *name, size_t each,
    struct failure *failure)
{
	if ((section->header.sh_flags & SHF_COMPRESSED) != 0)
		return failure_say(failure, EINVAL,
		    "section %s at offset 0x%llx is compressed, which nothing can be "
		    "that a program uses: build it again",
		    name, (unsigned long long)section->header.sh_offset);
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
fill(struct raw_table *table, struct failure *failure)
{
	int r;

	if (table->pcs == NULL || table->part == NULL)
		return failure_say(
		    failure, ENOMEM, "out of memory for %u PCs", table->len);
	r = read_entries(table, failure);
	if (r == 0)
		r = apply_relocations(table, failure);
	if (r == 0)
		r = check_pcs(table, failure);
	return r;
}

static int
read_table(struct elf_image *image, const char *name, size_t each, uint64_t **ret_pcs,
    uint32_t *ret_len, struct failure *failure)
{
	struct raw_table table = {
		.image = image, .each = each, .shift = (unsigned)__builtin_ctzl(each)
	};
	int r = elf_image_find(image, name, &table.section, failure);

	if (r == -ENOENT)
		return failure_say(failure, ENOENT,
		    "section %s has no bytes in the file: this is a file with debug "
		    "information only; name the executable itself",
		    name);
	if (r == 0)
		r = check_size(&table.section, name, each, failure);
	if (r == 0)
		r = check_counters(image, name, table.section.size / each, failure);
	if (r < 0)
		return r;
	table.len = (uint32_t)(table.section.size / each);
	table.pcs = pages_new(table.len * sizeof(*table.pcs));
	table.part = malloc(PART);
	r = fill(&table, failure);
	free(table.part);
	if (r < 0) {
		pages_free(table.pcs, table.len * sizeof(*table.pcs));
		return r;
	}
	*ret_pcs = table.pcs;
	*ret_len = table.len;
	return 0;
}

/* The version of the Zig whose own backend and linker made it, which write no PC tables and
 * leave "zig 0.15.2" among the comments; empty if it was another one. */
static void
find_zig_version(struct elf_image *image, char *ret_version, size_t size)
{
	static const char zig[] = "zig ";
	struct elf_section section;
	struct failure unsaid = { 0 };
	const unsigned char *at;
	size_t len = 0;

	ret_version[0] = '\0';
	if (elf_image_section(image, ".comment", &section, &unsaid) < 0)
		return;
	at = memmem(section.data, section.size, zig, strlen(zig));
	if (at == NULL)
		return;
	at += strlen(zig);
	while (at < section.data + section.size && len + 1 < size &&
	    (isalnum(*at) || *at == '.' || *at == '-' || *at == '+'))
		ret_version[len++] = (char)*at++;
	ret_version[len] = '\0';
}

static int
say_no_table(struct elf_image *image, struct failure *failure)
{
	char version[32];

	find_zig_version(image, version, sizeof(version));
	if (version[0] != '\0')
		return failure_say(failure, ENOENT,
		    "no PC table: Zig %s built it with its own backend, which "
		    "writes none; build it with .use_llvm = true and .fuzz = true "
		    "(zig test -fllvm -ffuzz)",
		    version);
	return failure_say(failure, ENOENT,
	    "no PC table: compile it with -fsanitize-coverage=...,pc-table, as "
	    "README.md "
	    "says for its fuzzer");
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
	return say_no_table(image, failure);
}
