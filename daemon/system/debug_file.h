/* SPDX-License-Identifier: MIT
 * Finding an executable's separate debug file, the alternate one and those of split units,
 * where gdb would look for them; in the supervisor and in fuzzsupctl. Whether it is the right one the
 * symbolizer tells.
 */
#ifndef FUZZSUP_DEBUG_FILE_H
#define FUZZSUP_DEBUG_FILE_H

#include "string_list.h"

/* The only root unless somebody names others. */
#define DEBUG_FILE_ROOT "/usr/lib/debug"

/* Opens the debug file that @wish (build ID in hex, line feed, name; either may be empty,
 * and whoever wrote it is not trusted) describes: by build ID below @roots; by name beside
 * @executable, in .debug there, and in its folder below @roots. Returns the descriptor or
 * -ENOENT. */
int debug_file_open(
    const struct string_list *roots, const char *executable, const char *wish);

/* The same for the alternate file that is named in the file behind @fd, an executable or
 * its debug file: by build ID below @roots; by its path, absolute or from the folder of
 * that file, if it leads below that folder or one of @roots. */
int debug_file_open_alternate(
    const struct string_list *roots, int fd, const char *wish);

/* The same for the package of the split units of @executable, NAME.dwp: beside it, and in its
 * folder below @roots. */
int debug_file_open_package(const struct string_list *roots, const char *executable);

/* The same for the file of one split unit: @wish is the folder that it was compiled in, a
 * line feed and the file's name. By that path; by name, in full and without its folders, below
 * the executable's folder and below @roots; and by that path below @roots. Nothing else than an
 * ELF file with the ending .dwo or .o is opened. */
int debug_file_open_unit(
    const struct string_list *roots, const char *executable, const char *wish);

/* Opens what is kept of the build whose ID, in hex, is @wish's first line: its debug file,
 * or the executable itself, below @roots in .build-id, or as debuginfod keeps them. Returns
 * the descriptor or -ENOENT. */
int debug_file_open_build(const struct string_list *roots, const char *wish);

#endif
