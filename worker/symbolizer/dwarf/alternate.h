/* SPDX-License-Identifier: MIT
 * What an image has in an alternate file, which dwz -m made of what several executables
 * have in common; in the symbolizer.
 */
#ifndef FUZZSUP_ALTERNATE_H
#define FUZZSUP_ALTERNATE_H

#include <stdbool.h>

#include "elf_image.h"
#include "failure.h"

/* True if lines of @image need the alternate file: build directories lie there. From
 * DWARF 5 on line tables have their own. */
bool alternate_is_wanted(struct elf_image *image);

/* Opens the alternate file behind @fd, which must stay open for as long as the image
 * lives, and checks that it is that of @image. Returns 0, or a negative errno with
 * @failure said. */
int alternate_open(int fd, struct elf_image *image, struct elf_image **ret_alternate,
    struct failure *failure);

#endif
