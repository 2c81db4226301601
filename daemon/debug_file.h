/* SPDX-License-Identifier: MIT
 * Finding an executable's separate debug file, where gdb would look for it; in the
 * supervisor. Whether it is the right one the symbolizer tells.
 */
#ifndef FUZZSUP_DEBUG_FILE_H
#define FUZZSUP_DEBUG_FILE_H

#include "string_list.h"

/* Opens the debug file that @wish (build ID in hex, line feed, name; either may be empty,
 * and whoever wrote it is not trusted) describes: by build ID below @roots; by name beside
 * @executable, in .debug there, and in its folder below @roots. Returns the descriptor or
 * -ENOENT. */
int debug_file_open(
    const struct string_list *roots, const char *executable, const char *wish);

#endif
