/* SPDX-License-Identifier: MIT
 * Descriptors that several answers share, and who may have how many of them.
 *
 * New descriptors take the lowest free number, so that numbers say how many are in use.
 * Connections may have those below a mark; then come some for files that answers are
 * read from, then some for guests: connections that are answered at once; the rest are
 * for what the supervisor sends.
 */
#ifndef FUZZSUP_DESCRIPTOR_H
#define FUZZSUP_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>

struct descriptor {
	unsigned references;
	int fd;
};

/* Takes @fd, also on failure. Returns NULL without memory. */
struct descriptor *descriptor_new(int fd);
struct descriptor *descriptor_ref(struct descriptor *descriptor);
/* Closes it with the last reference; NULL is fine. */
void descriptor_unref(struct descriptor *descriptor);

/* Shares @max numbers out. Until it is called everybody may have all. */
void descriptor_share_out(size_t max);

/* May a connection, a file, a guest have the number @fd? */
bool descriptor_for_connection(int fd);
bool descriptor_for_file(int fd);
bool descriptor_for_guest(int fd);

/* The number that the next descriptor would have, or -EMFILE or -ENFILE. */
int descriptor_next(void);

/* Reserves a descriptor for a file that is opened later: close it right before. Returns
 * it, or -EMFILE or -ENFILE. */
int descriptor_reserve(void);

#endif
