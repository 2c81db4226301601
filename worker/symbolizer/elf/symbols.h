/* SPDX-License-Identifier: MIT
 * Names by address from .symtab, or .dynsym where that was stripped; in the symbolizer.
 */
#ifndef FUZZSUP_SYMBOLS_H
#define FUZZSUP_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "elf_image.h"

struct symbols;

struct symbol {
	uint64_t address;
	uint64_t size;         /* 0: up to the next one */
	struct byte_text name; /* as the linker knows it; in the image */
	size_t place;          /* in the table */
	struct byte_text file; /* of a local symbol, as STT_FILE says; else absent */
};

/* Reads them; an image without any gives an empty table. Returns 0, or a negative errno
 * with @failure said. */
int symbols_read(
    struct elf_image *image, struct symbols **ret_symbols, struct failure *failure);
void symbols_free(struct symbols *symbols);

/* All of them by address, no two at the same one. */
const struct symbol *symbols_list(const struct symbols *symbols, size_t *ret_len);

/* The symbol that covers @address; NULL if there is none. */
const struct symbol *symbols_find(const struct symbols *symbols, uint64_t address);

/* Where a search by name stands. Zeroed at its start. */
struct symbols_named {
	uint64_t address, size; /* of the symbol that was found last */
	size_t next;
	bool was_begun;
};

/* Finds the next symbol that the linker calls @name, whatever lies at its address besides.
 * Returns false behind the last one, or when out of memory. */
bool symbols_find_named(
    struct symbols *symbols, struct byte_text name, struct symbols_named *named);

#endif
