/* SPDX-License-Identifier: MIT
 * Addresses of entry points; in the symbolizer.
 */
#include "config.h"

#include "entry_points.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

/* Symbols asked for in one job; a message has room for more lines than anybody means. */
#define NAMES_MAX 512

struct name {
	const char *text;
	size_t len;
	bool found;
	bool by_default; /* nobody asked for it: no remark if it is not there */
};

struct search {
	struct entry_points points;
	size_t names_len;
	struct name names[NAMES_MAX];
};

static const char *const defaults[] = {
	"LLVMFuzzerTestOneInput",
	"__real_LLVMFuzzerTestOneInput",
};

static void
add_address(struct entry_points *points, uint64_t address)
{
	/* Before the search: a hostile table can name it millions of times. */
	if (points->len == ENTRY_POINTS_MAX)
		return;
	for (uint32_t i = 0; i < points->len; i++)
		if (points->addresses[i] == address)
			return;
	points->addresses[points->len++] = address;
}

static void
add_name(struct search *search, const char *text, size_t len, bool by_default)
{
	for (size_t i = 0; i < search->names_len; i++)
		if (search->names[i].len == len &&
		    memcmp(search->names[i].text, text, len) == 0)
			return;
	if (search->names_len < NAMES_MAX)
		search->names[search->names_len++] =
		    (struct name){ .text = text, .len = len, .by_default = by_default };
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads "0x1234"; false if @text is no address. */
static bool
parse_address(const char *text, size_t len, uint64_t *ret_address)
{
	uint64_t address = 0;

	if (len < 3 || len > 18 || text[0] != '0' || (text[1] | 0x20) != 'x')
		return false;
	for (size_t i = 2; i < len; i++) {
		int digit = hex_digit(text[i]);

		if (digit < 0)
			return false;
		address = address << 4 | (unsigned)digit;
	}
	*ret_address = address;
	return true;
}

static void
read_wanted(struct search *search, const char *wanted, size_t len)
{
	const char *end = wanted + len, *line_end;
	uint64_t address;
	size_t n;

	for (; wanted < end; wanted = line_end + 1) {
		line_end = memchr(wanted, '\n', (size_t)(end - wanted));
		line_end = line_end != NULL ? line_end : end;
		n = (size_t)(line_end - wanted);
		if (n == 0)
			continue;
		if (parse_address(wanted, n, &address))
			add_address(&search->points, address);
		else
			add_name(search, wanted, n, false);
	}
}

/* Compares the name of one symbol with all that are wanted. */
static void
match(struct search *search, const struct elf_section *strings, const Elf64_Sym *symbol)
{
	const char *text;
	size_t left;

	if (symbol->st_shndx == SHN_UNDEF || symbol->st_name >= strings->size ||
	    symbol->st_value == 0 || ELF64_ST_TYPE(symbol->st_info) == STT_TLS)
		return;
	text = (const char *)strings->data + symbol->st_name;
	left = strings->size - symbol->st_name;
	for (size_t i = 0; i < search->names_len; i++) {
		struct name *name = &search->names[i];

		/* The first byte tells most apart without a call. */
		if (name->len >= left || text[0] != name->text[0] ||
		    memcmp(text, name->text, name->len) != 0 || text[name->len] != '\0')
			continue;
		name->found = true;
		add_address(&search->points, symbol->st_value);
	}
}

static void
match_all(struct search *search, struct elf_image *image, uint32_t type)
{
	struct elf_section symbols, strings;
	struct failure ignored;
	Elf64_Sym symbol;
	size_t index = 0;

	if (elf_image_next(image, type, &index, &symbols, &ignored) < 0 ||
	    elf_image_section_at(image, symbols.header.sh_link, &strings, &ignored) < 0)
		return;
	for (size_t i = 0; i < symbols.size / sizeof(symbol); i++) {
		memcpy(&symbol, symbols.data + i * sizeof(symbol), sizeof(symbol));
		match(search, &strings, &symbol);
	}
}

int
entry_points_find(struct elf_image *image, const char *wanted, size_t len,
    struct entry_points *ret_points, struct failure *remarks)
{
	struct search *search = calloc(1, sizeof(*search));

	if (search == NULL)
		return -ENOMEM;
	search->points.addresses = calloc(ENTRY_POINTS_MAX, sizeof(uint64_t));
	if (search->points.addresses == NULL) {
		free(search);
		return -ENOMEM;
	}
	read_wanted(search, wanted, len);
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		add_name(search, defaults[i], strlen(defaults[i]), true);
	match_all(search, image, SHT_SYMTAB);
	match_all(search, image, SHT_DYNSYM);
	for (size_t i = 0; i < search->names_len; i++)
		if (!search->names[i].found && !search->names[i].by_default)
			failure_add(remarks,
			    "entry point %.*s is in no symbol table of the executable: "
			    "give "
			    "its address as 0x…, or do not strip",
			    (int)search->names[i].len, search->names[i].text);
	*ret_points = search->points;
	free(search);
	return 0;
}

void
entry_points_free(struct entry_points *points)
{
	free(points->addresses);
	*points = (struct entry_points){ 0 };
}
