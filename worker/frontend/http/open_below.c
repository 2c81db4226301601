/* SPDX-License-Identifier: MIT
 * Opening files below a directory descriptor; in the front-end.
 */
#include "config.h"

#include "open_below.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "descriptor.h"
#include "banned.h"

int
open_below(int directory, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	if (directory < 0)
		return -ENOENT;
	do
		fd = syscall(SYS_openat2, directory, path, &how, sizeof(how));
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return -errno;
	if (!descriptor_for_file((int)fd)) {
		close((int)fd);
		return -EMFILE;
	}
	return (int)fd;
}

/* Called for every request of the page: no printf. */
static char *
put_hex(char *to, uint64_t value)
{
	do {
		*to++ = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value != 0);
	return to;
}

void
open_below_etag(const struct stat *st, char ret_etag[OPEN_BELOW_ETAG_MAX])
{
	uint64_t when = (uint64_t)st->st_mtim.tv_sec * UINT64_C(1000000000) +
	    (uint64_t)st->st_mtim.tv_nsec;
	char *at = ret_etag;

	*at++ = '"';
	at = put_hex(at, when);
	*at++ = '-';
	at = put_hex(at, (uint64_t)st->st_size);
	*at++ = '-';
	at = put_hex(at, (uint64_t)st->st_ino);
	*at++ = '"';
	*at = '\0';
}
