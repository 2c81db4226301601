/* SPDX-License-Identifier: MIT
 * Whether a file may be one that a linker or a copy still writes.
 */
#ifndef FUZZSUP_UNFINISHED_H
#define FUZZSUP_UNFINISHED_H

/* -ETXTBSY: somebody has @path open for writing (told to its owner and to root alone, where
 * the file system has leases). -ENOEXEC: it is an ELF file, and shorter than its headers say.
 * @ret_why is a clause about "it" then. 0: nothing speaks for it, or it cannot be read. */
int unfinished_file(const char *path, const char **ret_why);

#endif
