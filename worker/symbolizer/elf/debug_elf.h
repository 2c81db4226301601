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

/* Copies the sections out of @image, inflated; a .debug_str that string_section.h calls large
 * is left out. Returns 0; -ENOENT with @failure said if there is no .debug_info; or another
 * negative errno with @failure said. */
int debug_elf_open(
    struct elf_image *image, struct debug_elf **ret_elf, struct failure *failure);

/* The same of a file for split units, .dwo or a package: .debug_info.dwo, .debug_abbrev.dwo
 * and .debug_rnglists.dwo. @prepare, if not NULL, may change the first one before libdw sees
 * it. */
int debug_elf_open_split(struct elf_image *image,
    void (*prepare)(void *context, unsigned char *info, size_t len), void *context,
    struct debug_elf **ret_elf, struct failure *failure);
void debug_elf_free(struct debug_elf *elf);

/* Live as long as @elf: what libdw makes of it, and the bytes of a section, none where that
 * was not copied. */
Dwarf *debug_elf_dwarf(const struct debug_elf *elf);
struct byte_reader debug_elf_bytes(const struct debug_elf *elf, const char *name);

#endif
