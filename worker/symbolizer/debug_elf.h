/* SPDX-License-Identifier: MIT
 * What libdw gets to see of an executable: an ELF image in memory that we wrote, with the
 * few sections that functions and inlined calls are described in; in the symbolizer.
 */
#ifndef FUZZSUP_DEBUG_ELF_H
#define FUZZSUP_DEBUG_ELF_H

#include <elfutils/libdw.h>

#include "elf_image.h"
#include "failure.h"

struct debug_elf;

/* Copies the sections out of @image, inflated. Returns 0; -ENOENT with @failure said if
 * there is no .debug_info; or another negative errno with @failure said. */
int debug_elf_open(
    struct elf_image *image, struct debug_elf **ret_elf, struct failure *failure);
void debug_elf_free(struct debug_elf *elf);

/* Lives as long as @elf. */
Dwarf *debug_elf_dwarf(const struct debug_elf *elf);

#endif
