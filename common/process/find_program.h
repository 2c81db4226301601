/* SPDX-License-Identifier: MIT
 * Which file a name is executed as.
 */
#ifndef FUZZSUP_FIND_PROGRAM_H
#define FUZZSUP_FIND_PROGRAM_H

#include <stddef.h>

/* By its path if @name has a slash, else in PATH. -ENOENT; -EACCES if it cannot be executed;
 * @ret_path, of @size bytes, is then still where it was looked for last. */
int find_program(const char *name, char *ret_path, size_t size);

#endif
