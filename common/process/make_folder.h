/* SPDX-License-Identifier: MIT
 * Folders, with what is missing above them.
 */
#ifndef FUZZSUP_MAKE_FOLDER_H
#define FUZZSUP_MAKE_FOLDER_H

#include <sys/types.h>

/* Makes @path with @mode, and what is missing above it with 0755. Returns 0, also if it was
 * there, or a negative errno. */
int make_folder(const char *path, mode_t mode);

#endif
