/* SPDX-License-Identifier: MIT
 * Opens and reads coverage files; in the collector.
 */
#include "config.h"

#include "coverage_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "coverage_map.h"
#include "hash.h"
#include "banned.h"

struct verdict {
	char *reason;
	size_t size;
};

bool
coverage_file_is_name(const char *name)
{
	return strlen(name) == 16 && strspn(name, "0123456789abcdef") == 16;
}

static __attribute__((format(printf, 3, 4))) enum coverage_status
say(struct verdict *verdict, enum coverage_status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(verdict->reason, verdict->size, format, args);
	va_end(args);
	return status;
}

static enum coverage_status
check_inode(
    const struct stat *st, const struct coverage_owner *owner, struct verdict *verdict)
{
	if (!S_ISREG(st->st_mode))
		return say(verdict, COVERAGE_REFUSED, "not a regular file");
	if (st->st_uid != 0 && st->st_uid != owner->service &&
	    st->st_uid != owner->directory &&
	    (owner->allows == NULL || !owner->allows(owner->context, st->st_uid)))
		return say(verdict, COVERAGE_REFUSED,
		    "belongs to uid %u, who owns neither its directory nor the "
		    "executable",
		    (unsigned)st->st_uid);
	if ((uint64_t)st->st_size < sizeof(struct coverage_map_header))
		return say(verdict, COVERAGE_UNFINISHED, "is still empty");
	return COVERAGE_SOUND;
}

/* A file of 32-bit words, or one of a newer layout, has a length that tells it apart. */
static enum coverage_status
check_length(
    const struct coverage_map_header *header, uint64_t size, struct verdict *verdict)
{
	uint32_t narrow[3];

	if (header->pcs_len > 0 && header->pcs_len <= COVERAGE_MAP_PCS_MAX &&
	    size == coverage_map_size(header->pcs_len))
		return COVERAGE_SOUND;
	/* Before a count of 0 is believed: there its first bits stand. */
	memcpy(narrow, header, sizeof(narrow));
	if (narrow[2] > 0 &&
	    size == 12 + (UINT64_C(31) + narrow[2]) / 32 * 4 + UINT64_C(4) * narrow[2])
		return say(verdict, COVERAGE_REFUSED,
		    "is of a 32-bit program, which is not supported");
	if (header->pcs_len == 0)
		return say(verdict, COVERAGE_UNFINISHED, "has no PCs yet");
	if (header->pcs_len > COVERAGE_MAP_PCS_MAX)
		return say(verdict, COVERAGE_REFUSED,
		    "claims %llu PCs: no known layout; remove it",
		    (unsigned long long)header->pcs_len);
	return say(verdict, COVERAGE_REFUSED,
	    "has %llu bytes where its %llu PCs want %llu: damaged or of an unknown "
	    "layout",
	    (unsigned long long)size, (unsigned long long)header->pcs_len,
	    (unsigned long long)coverage_map_size(header->pcs_len));
}

static enum coverage_status
check_content(struct coverage_file *file, uint64_t size, struct verdict *verdict)
{
	struct coverage_map_header header;
	enum coverage_status status;

	if (pread(file->fd, &header, sizeof(header), 0) != sizeof(header))
		return say(
		    verdict, COVERAGE_UNFINISHED, "its header cannot be read yet");
	status = check_length(&header, size, verdict);
	if (status != COVERAGE_SOUND)
		return status;
	file->pcs_len = (uint32_t)header.pcs_len;
	file->pcs_hash = HASH_SEED;
	return COVERAGE_SOUND;
}

enum coverage_status
coverage_file_open(int directory, const char *name, const struct coverage_owner *owner,
    struct coverage_file *ret_file, char *reason, size_t reason_size)
{
	struct verdict verdict = { reason, reason_size };
	enum coverage_status status;
	struct stat st;

	*ret_file = (struct coverage_file){ .fd = -1 };
	/* O_NONBLOCK: a FIFO must not hold us up; O_NOFOLLOW: nor a link lead us off. */
	ret_file->fd =
	    openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (ret_file->fd < 0 && errno == ENOENT)
		return say(&verdict, COVERAGE_GONE, "is gone");
	if (ret_file->fd < 0)
		return errno == ELOOP ? say(&verdict, COVERAGE_REFUSED,
					    "is a symbolic link, not followed")
				      : say(&verdict, COVERAGE_REFUSED,
					    "cannot be opened: %s", strerror(errno));
	status = fstat(ret_file->fd, &st) != 0
	    ? say(&verdict, COVERAGE_REFUSED, "cannot be looked at: %s",
		  strerror(errno))
	    : check_inode(&st, owner, &verdict);
	if (status == COVERAGE_SOUND)
		status = check_content(ret_file, (uint64_t)st.st_size, &verdict);
	ret_file->device = st.st_dev;
	ret_file->inode = st.st_ino;
	ret_file->size = (uint64_t)st.st_size;
	ret_file->changed_ns =
	    st.st_ctim.tv_sec * INT64_C(1000000000) + st.st_ctim.tv_nsec;
	if (status != COVERAGE_SOUND)
		coverage_file_close(ret_file);
	return status;
}

void
coverage_file_close(struct coverage_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

int
coverage_file_read(const struct coverage_file *file, uint64_t *ret_n_runs,
    uint64_t *ret_unique_runs, uint64_t *words)
{
	struct coverage_map_header header;
	size_t bits = 8 * coverage_map_words(file->pcs_len);
	struct iovec parts[] = { { &header, sizeof(header) }, { words, bits } };
	ssize_t n = preadv(file->fd, parts, 2, 0);

	if (n != (ssize_t)(sizeof(header) + bits) || header.pcs_len != file->pcs_len)
		return -ENODATA;
	/* Nobody owns the bits behind the last PC: whatever stands there is not coverage. */
	if (file->pcs_len % 64 != 0)
		words[file->pcs_len / 64] &= (UINT64_C(1) << file->pcs_len % 64) - 1;
	*ret_n_runs = header.n_runs;
	*ret_unique_runs = header.unique_runs;
	return 0;
}

int
coverage_file_check_length(const struct coverage_file *file)
{
	struct stat st;

	return fstat(file->fd, &st) == 0 &&
		(uint64_t)st.st_size == coverage_map_size(file->pcs_len)
	    ? 0
	    : -ENODATA;
}

int
coverage_file_pcs(
    const struct coverage_file *file, uint32_t at, uint64_t *pcs, uint32_t len)
{
	size_t size = 8 * (size_t)len, done = 0;
	off_t from = (off_t)(sizeof(struct coverage_map_header) +
	    8 * coverage_map_words(file->pcs_len) + 8 * (uint64_t)at);
	ssize_t n;

	while (done < size) {
		n = pread(
		    file->fd, (char *)pcs + done, size - done, from + (off_t)done);
		if (n <= 0)
			return n == 0 ? -ENODATA : -errno;
		done += (size_t)n;
	}
	return 0;
}

uint32_t
coverage_file_part(const struct coverage_file *file, uint32_t at)
{
	uint32_t left = file->pcs_len - at;

	return left < COVERAGE_PART ? left : COVERAGE_PART;
}

int
coverage_file_next(
    struct coverage_file *file, uint64_t pcs[COVERAGE_PART], uint32_t *ret_len)
{
	uint32_t len = coverage_file_part(file, file->pcs_read);
	int r = coverage_file_pcs(file, file->pcs_read, pcs, len);

	if (r < 0)
		return r;
	file->pcs_hash = hash_bytes(file->pcs_hash, pcs, 8 * (size_t)len);
	file->pcs_read += len;
	*ret_len = len;
	return 0;
}

uint64_t
coverage_pcs_hash(const uint64_t *pcs, size_t len)
{
	uint64_t hash = HASH_SEED;

	for (size_t i = 0; i < len; i += COVERAGE_PART)
		hash = hash_bytes(hash, pcs + i,
		    8 * (len - i < COVERAGE_PART ? len - i : COVERAGE_PART));
	return hash;
}
