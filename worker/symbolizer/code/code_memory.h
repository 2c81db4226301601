/* SPDX-License-Identifier: MIT
 * Bytes of an executable by their link-time address; in the symbolizer.
 */
#ifndef FUZZSUP_CODE_MEMORY_H
#define FUZZSUP_CODE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "elf_image.h"

struct code_memory;

/* Over the sections of @image, which must live as long; each is read when it is first asked
 * for. Returns 0 or -ENOMEM. */
int code_memory_new(struct elf_image *image, struct code_memory **ret_memory);
void code_memory_free(struct code_memory *memory);

/* What is stored at @address, and how many bytes of its section there are from there on; NULL:
 * nothing is, or it cannot be read. */
const unsigned char *code_memory_at(
    struct code_memory *memory, uint64_t address, size_t *ret_left);

#endif
