/* SPDX-License-Identifier: MIT
 * Compressed ELF sections (SHF_COMPRESSED), zlib and zstd, with a cap against bombs; in
 * the symbolizer.
 */
#ifndef FUZZSUP_INFLATE_H
#define FUZZSUP_INFLATE_H

#include <stddef.h>

#include "failure.h"

struct inflated; /* list of buffers */

/* Inflates @data, the whole of a compressed 64-bit section that is called @name, into a
 * buffer that is hung into @list. Returns 0, or a negative errno with @failure said. */
int inflate_section(const char *name, const void *data, size_t len,
    struct inflated **list, const unsigned char **ret_data, size_t *ret_len,
    struct failure *failure);

/* Frees all buffers of @list. */
void inflated_free(struct inflated *list);

#endif
