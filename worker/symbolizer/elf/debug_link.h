/* SPDX-License-Identifier: MIT
 * Separate debug files, and alternate ones, which dwz -m makes of what several have in
 * common: what an executable says of its own, and whether a file is it; in the symbolizer.
 */
#ifndef FUZZSUP_DEBUG_LINK_H
#define FUZZSUP_DEBUG_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "elf_image.h"
#include "failure.h"

/* Writes two lines to @text: the build ID in hex, and the name of .gnu_debuglink; either
 * may be empty. Returns false if both are. */
bool debug_link_describe(struct elf_image *image, char *text, size_t size);

/* Whether @debug, read from @fd, was split off from @image: by build ID or, where @image
 * has none, by the CRC of .gnu_debuglink over all of @fd. Returns 0, or a negative errno
 * with @failure said. */
int debug_link_check(
    struct elf_image *image, struct elf_image *debug, int fd, struct failure *failure);

/* The same two lines for the alternate file of @image, which is an executable or its
 * separate debug file; the name may be a path, absolute or from the folder of @image. */
bool debug_link_describe_alternate(struct elf_image *image, char *text, size_t size);

/* Whether @alternate is that file, by its ID. Returns 0, or a negative errno with @failure
 * said. */
int debug_link_check_alternate(
    struct elf_image *image, struct elf_image *alternate, struct failure *failure);

#endif
