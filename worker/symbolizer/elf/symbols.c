/* SPDX-License-Identifier: MIT
 * Symbol tables; in the symbolizer. Which of several symbols at one address counts is
 * decided as LLVM does it: the largest, of these the last.
 */
#include "config.h"

#include "symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "banned.h"

/* A symbol by its name. */
struct named {
	uint32_t hash;
	uint32_t place; /* in the table */
};

struct symbols {
	struct symbol *list; /* by address, each once */
	size_t len;
	struct elf_section table, strings;
	struct named *named; /* by hash; NULL: nobody asked yet */
	size_t named_len;
};

static struct byte_text
name_at(const struct elf_section *strings, uint32_t offset)
{
	struct byte_reader reader = byte_reader_over(strings->data, strings->size);

	byte_reader_skip(&reader, offset);
	/* No name is longer, and a table without NULs must not be searched again and
	 * again. */
	if (byte_reader_left(&reader) > 65536)
		reader.end = reader.at + 65536;
	return byte_reader_text(&reader);
}

static bool
is_wanted(const Elf64_Sym *symbol)
{
	switch (ELF64_ST_TYPE(symbol->st_info)) {
	case STT_NOTYPE:
	case STT_FUNC:
	case STT_OBJECT:
	case STT_GNU_IFUNC:
		return symbol->st_shndx != SHN_UNDEF &&
		    symbol->st_shndx < SHN_LORESERVE;
	default:
		return false;
	}
}

/* Whether a name is an assembler's note on what lies behind it: $x code, $d data, $a and $t
 * code of 32 bits, perhaps with a dot and anything, on RISC-V also with the extensions that
 * hold there; and the labels that RISC-V's linkers need for differences. */
static bool
is_mapping(unsigned machine, const Elf64_Sym *symbol, struct byte_text name)
{
	const bool is_riscv = machine == EM_RISCV;

	if (!(machine == EM_AARCH64 || machine == EM_ARM || machine == EM_CSKY ||
		is_riscv) ||
	    ELF64_ST_TYPE(symbol->st_info) != STT_NOTYPE ||
	    ELF64_ST_BIND(symbol->st_info) != STB_LOCAL || name.len < 2)
		return false;
	if (is_riscv && name.text[0] == '.' && name.text[1] == 'L')
		return true;
	if (name.text[0] != '$' || memchr("adtx", name.text[1], 4) == NULL)
		return false;
	return name.len == 2 || name.text[2] == '.' ||
	    (is_riscv && name.len > 4 && memcmp(name.text, "$xrv", 4) == 0);
}

static int
compare_symbols(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static void
sort(struct symbols *symbols)
{
	struct symbol *list = symbols->list;
	size_t kept = 0;

	if (symbols->len == 0)
		return;
	qsort(list, symbols->len, sizeof(*list), compare_symbols);
	for (size_t i = 1; i < symbols->len; i++) {
		if (list[i].address != list[kept].address)
			kept++;
		list[kept] = list[i];
	}
	symbols->len = kept + 1;
}

/* What GCC's LTO leaves in debug sections has offsets there, and no addresses. */
static int
take(struct elf_image *image, struct symbols *symbols, const struct elf_section *table,
    const struct elf_section *strings)
{
	const unsigned machine = elf_image_machine(image);
	const size_t count = table->size / sizeof(Elf64_Sym);
	struct byte_text file = { 0 }, name;
	Elf64_Sym symbol;
	bool local;

	symbols->list = calloc(count + 1, sizeof(*symbols->list));
	if (symbols->list == NULL)
		return -ENOMEM;
	symbols->table = *table;
	symbols->strings = *strings;
	for (size_t i = 0; i < count; i++) {
		memcpy(&symbol, table->data + i * sizeof(symbol), sizeof(symbol));
		local = ELF64_ST_BIND(symbol.st_info) == STB_LOCAL;
		name = name_at(strings, symbol.st_name);
		if (ELF64_ST_TYPE(symbol.st_info) == STT_FILE)
			file = name;
		else if (is_wanted(&symbol) && !is_mapping(machine, &symbol, name) &&
		    elf_image_is_loaded(image, symbol.st_shndx))
			symbols->list[symbols->len++] = (struct symbol){
				.address = symbol.st_value,
				.size = symbol.st_size,
				.name = name,
				.place = i,
				.file = local ? file : (struct byte_text){ 0 },
			};
	}
	sort(symbols);
	return 0;
}

static int
read_table(struct elf_image *image, struct symbols *symbols, uint32_t type,
    struct failure *failure)
{
	struct elf_section table, strings;
	size_t index = 0;
	int r = elf_image_next(image, type, &index, &table, failure);

	if (r == 0)
		r = elf_image_section_at(
		    image, table.header.sh_link, &strings, failure);
	if (r == 0) {
		r = take(image, symbols, &table, &strings);
		if (r < 0)
			return failure_say(
			    failure, ENOMEM, "out of memory for its symbols");
	}
	return r == -ENOENT ? 0 : r;
}

int
symbols_read(
    struct elf_image *image, struct symbols **ret_symbols, struct failure *failure)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));
	int r;

	if (symbols == NULL)
		return failure_say(failure, ENOMEM, "out of memory");
	r = read_table(image, symbols, SHT_SYMTAB, failure);
	if (r == 0 && symbols->list == NULL)
		r = read_table(image, symbols, SHT_DYNSYM, failure);
	if (r < 0) {
		symbols_free(symbols);
		return r;
	}
	*ret_symbols = symbols;
	return 0;
}

void
symbols_free(struct symbols *symbols)
{
	if (symbols == NULL)
		return;
	free(symbols->named);
	free(symbols->list);
	free(symbols);
}

const struct symbol *
symbols_find(const struct symbols *symbols, uint64_t address)
{
	size_t low = 0, high = symbols->len, middle;
	const struct symbol *found;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (symbols->list[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	found = &symbols->list[low - 1];
	return found->size == 0 || address - found->address < found->size ? found
									  : NULL;
}

const struct symbol *
symbols_list(const struct symbols *symbols, size_t *ret_len)
{
	*ret_len = symbols->len;
	return symbols->list;
}

/* ---- by name ---- */

static Elf64_Sym
symbol_at(const struct symbols *symbols, size_t place)
{
	Elf64_Sym symbol;

	memcpy(&symbol, symbols->table.data + place * sizeof(symbol), sizeof(symbol));
	return symbol;
}

static int
compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static bool
index_names(struct symbols *symbols)
{
	const size_t count = symbols->table.size / sizeof(Elf64_Sym);
	struct byte_text name;
	Elf64_Sym symbol;

	if (symbols->named != NULL)
		return true;
	symbols->named = calloc(count + 1, sizeof(*symbols->named));
	if (symbols->named == NULL)
		return false;
	for (size_t i = 0; i < count && i <= UINT32_MAX; i++) {
		symbol = symbol_at(symbols, i);
		if (!is_wanted(&symbol))
			continue;
		name = name_at(&symbols->strings, symbol.st_name);
		if (name.len > 0)
			symbols->named[symbols->named_len++] = (struct named){
				.hash = (uint32_t)hash_bytes(
				    HASH_SEED, name.text, name.len),
				.place = (uint32_t)i,
			};
	}
	if (symbols->named_len > 0)
		qsort(symbols->named, symbols->named_len, sizeof(*symbols->named),
		    compare_named);
	return true;
}

/* The first with that hash, or where it would be. */
static size_t
first_with(const struct symbols *symbols, uint32_t hash)
{
	size_t low = 0, high = symbols->named_len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (symbols->named[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
symbols_find_named(
    struct symbols *symbols, struct byte_text name, struct symbols_named *named)
{
	const uint32_t hash =
	    name.len > 0 ? (uint32_t)hash_bytes(HASH_SEED, name.text, name.len) : 0;
	struct byte_text found;
	Elf64_Sym symbol;

	if (name.len == 0 || !index_names(symbols))
		return false;
	if (!named->was_begun)
		named->next = first_with(symbols, hash);
	named->was_begun = true;
	while (named->next < symbols->named_len &&
	    symbols->named[named->next].hash == hash) {
		symbol = symbol_at(symbols, symbols->named[named->next++].place);
		found = name_at(&symbols->strings, symbol.st_name);
		if (found.len != name.len ||
		    memcmp(found.text, name.text, name.len) != 0)
			continue;
		named->address = symbol.st_value;
		named->size = symbol.st_size;
		return true;
	}
	return false;
}
