/* SPDX-License-Identifier: MIT
 * Sealed memfds; in every process.
 */
#include "config.h"

#include "shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banned.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int
shared_memory_create(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd >= 0 ? fd : -errno;
}

int
shared_memory_append(int fd, const void *data, size_t len)
{
	const char *bytes = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

int
shared_memory_append_aligned(int fd, const void *data, size_t len)
{
	static const char zeros[8];
	int r = shared_memory_append(fd, data, len);

	return r < 0 ? r
		     : shared_memory_append(
			   fd, zeros, (size_t)(shared_memory_aligned(len) - len));
}

int
shared_memory_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) == 0 ? 0 : -errno;
}

int
shared_memory_has_seals(int fd, int seals)
{
	/* -1, of what is no memfd, has all bits. */
	int has = fcntl(fd, F_GET_SEALS);

	if (has < 0)
		return errno == EINVAL ? -EPROTO : -errno;
	return (has & seals) == seals ? 0 : -EPROTO;
}

int
shared_memory_is_sealed(int fd)
{
	return shared_memory_has_seals(fd, SEALS);
}

int
shared_memory_map_sealed(int fd, const void **ret_data, size_t *ret_len)
{
	struct stat st;
	void *data;
	int r = shared_memory_is_sealed(fd);

	if (r < 0)
		return r;
	if (fstat(fd, &st) != 0)
		return -errno;
	if (st.st_size == 0) {
		*ret_data = NULL;
		*ret_len = 0;
		return 0;
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	*ret_data = data;
	*ret_len = (size_t)st.st_size;
	return 0;
}

bool
shared_memory_fits(uint64_t offset, uint64_t len, uint64_t each, uint64_t size)
{
	return offset % 8 == 0 && offset <= size && len <= (size - offset) / each;
}
