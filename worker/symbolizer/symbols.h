/* SPDX-License-Identifier: MIT
 * Names by address from .symtab, or .dynsym where that was stripped; in the symbolizer.
 */
#ifndef FUZZSUP_SYMBOLS_H
#define FUZZSUP_SYMBOLS_H

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

#endif
