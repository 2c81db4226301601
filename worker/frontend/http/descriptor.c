/* SPDX-License-Identifier: MIT
 * Shared descriptors, and shares of them; in the front-end.
 */
#include "config.h"

#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "banned.h"

#define RESERVED_MAX 64 /* numbers that are not for connections */

static struct {
	int connections, files, guests; /* the first number that each may not have */
} shares = { INT_MAX, INT_MAX, INT_MAX };

struct descriptor *
descriptor_new(int fd)
{
	struct descriptor *descriptor = malloc(sizeof(*descriptor));

	if (descriptor == NULL) {
		close(fd);
		return NULL;
	}
	*descriptor = (struct descriptor){ 1, fd };
	return descriptor;
}

struct descriptor *
descriptor_ref(struct descriptor *descriptor)
{
	descriptor->references++;
	return descriptor;
}

void
descriptor_unref(struct descriptor *descriptor)
{
	if (descriptor == NULL || --descriptor->references > 0)
		return;
	if (descriptor->fd >= 0)
		close(descriptor->fd);
	free(descriptor);
}

void
descriptor_share_out(size_t max)
{
	const int len = max < INT_MAX ? (int)max : INT_MAX;
	const int reserved = len / 8 < RESERVED_MAX ? len / 8 : RESERVED_MAX;

	shares.connections = len - reserved;
	shares.files = shares.connections + reserved / 2;
	shares.guests = shares.files + reserved / 8 + 1;
}

bool
descriptor_for_connection(int fd)
{
	return fd < shares.connections;
}

bool
descriptor_for_file(int fd)
{
	return fd < shares.files;
}

bool
descriptor_for_guest(int fd)
{
	return fd < shares.guests;
}

int
descriptor_next(void)
{
	/* Descriptor 0 is /dev/null in every worker. */
	int probe = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	if (probe < 0)
		return -errno;
	close(probe);
	return probe;
}

int
descriptor_reserve(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return -errno;
	if (!descriptor_for_file(fd)) {
		close(fd);
		return -EMFILE;
	}
	return fd;
}
