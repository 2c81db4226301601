/* SPDX-License-Identifier: MIT
 * The only way in which the front-end opens a file: below a directory descriptor that it
 * was sent.
 */
#ifndef FUZZSUP_OPEN_BELOW_H
#define FUZZSUP_OPEN_BELOW_H

#include <sys/stat.h>

/* Opens @path below @directory, which no link and no ".." can leave. Adds O_CLOEXEC.
 * Returns the descriptor or a negative errno; -EMFILE also where
 * the rest is for others (descriptor.h). */
int open_below(int directory, const char *path, int flags);

#define OPEN_BELOW_ETAG_MAX 64

/* A quoted ETag that changes whenever the file does. */
void open_below_etag(const struct stat *st, char ret_etag[OPEN_BELOW_ETAG_MAX]);

#endif
