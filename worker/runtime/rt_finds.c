/* SPDX-License-Identifier: MIT
 * Appends a record for each run that reached something new; in the fuzzed process.
 */
#include "rt_finds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "coverage_map.h"
#include "find_file.h"
#include "rt_module.h"
#include "rt_scan.h"
#include "sha1.h"

/* Whose bits lie where. */
static struct owner {
	const struct coverage_map_header *map;
	size_t pcs_len;
	uint8_t build_id[FIND_BUILD_ID_MAX];
	uint8_t build_id_len;
} owners[RT_MODULES_MAX];
static size_t owners_len;
static char path[PATH_MAX];
static uint64_t file_max; /* bytes: who writes more is killed by SIGXFSZ, not told */
static const void *input;
static size_t input_size = SIZE_MAX;       /* it is in standard input */
static uint8_t from_stdin[FIND_INPUT_MAX]; /* touched where it is needed alone */

void
fuzzsup_rt_finds_begin(size_t pcs)
{
	const char *wanted = getenv("FUZZSUP_FINDS");
	struct rlimit limit;
	void *bits;

	if (wanted == NULL || wanted[0] != '/' || pcs == 0 ||
	    (size_t)snprintf(path, sizeof(path), "%s", wanted) >= sizeof(path) - 3)
		return;
	/* As many as there can be; pages that are never written cost nothing. */
	bits = mmap(NULL, pcs * sizeof(uint64_t), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bits == MAP_FAILED)
		return;
	file_max = getrlimit(RLIMIT_FSIZE, &limit) == 0 ? limit.rlim_cur : UINT64_MAX;
	fuzzsup_rt_news.size = pcs;
	fuzzsup_rt_news.bits = bits;
}

void
fuzzsup_rt_finds_add(
    const struct coverage_map_header *map, const struct rt_module *module)
{
	struct owner *owner = &owners[owners_len];

	if (owners_len == RT_MODULES_MAX)
		return;
	owner->map = map;
	owner->pcs_len = module->len;
	owner->build_id_len =
	    (uint8_t)(module->build_id_len < FIND_BUILD_ID_MAX ? module->build_id_len
							       : FIND_BUILD_ID_MAX);
	memcpy(owner->build_id, module->build_id, owner->build_id_len);
	owners_len++;
}

void
fuzzsup_rt_finds_input(const void *data, size_t size)
{
	input = data;
	input_size = size;
}

void
fuzzsup_rt_finds_from_stdin(void)
{
	input_size = SIZE_MAX;
}

/* AFL++'s, of a target that reads its input itself. */
static bool
read_stdin(void)
{
	struct stat st;
	ssize_t n;

	if (fstat(STDIN_FILENO, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > FIND_INPUT_MAX)
		return false;
	n = pread(STDIN_FILENO, from_stdin, sizeof(from_stdin), 0);
	if (n < 0)
		return false;
	input = from_stdin;
	input_size = (size_t)n;
	return true;
}

/* The one that has been filled makes room for a new one. Who of several processes does it holds
 * the lock of the file that still has the name. */
static void
turn_over(int fd)
{
	char older[PATH_MAX + 2];
	struct stat held, there;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return;
	if (fstat(fd, &held) == 0 && stat(path, &there) == 0 &&
	    held.st_ino == there.st_ino && held.st_dev == there.st_dev) {
		snprintf(older, sizeof(older), "%s.1", path);
		rename(path, older);
	}
}

static int
open_file(uint64_t more)
{
	struct stat st;
	int fd = -1;

	for (int i = 0; i < 2; i++) {
		fd = open(path,
		    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		    0644);
		if (fd < 0)
			return -1;
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    (uint64_t)st.st_size + more <= FIND_FILE_MAX)
			break;
		if (S_ISREG(st.st_mode) && st.st_size > 0 && i == 0)
			turn_over(fd);
		close(fd);
		fd = -1;
	}
	if (fd >= 0 && (uint64_t)st.st_size + more > file_max) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* In place of their addresses: PC indexes of @owner among the news; returns how many. */
static size_t
take_indexes(const struct owner *owner, uint32_t *to)
{
	const uint64_t first = (uint64_t)(uintptr_t)(owner->map + 1) * 8;
	const struct rt_news *news = &fuzzsup_rt_news;
	size_t len = 0;

	for (size_t i = 0; i < news->len; i++) {
		/* Read before it is written: both may be one place. */
		const uint64_t index = news->bits[i] - first;

		if (index < owner->pcs_len)
			to[len++] = (uint32_t)index;
	}
	return len;
}

static void
append(const struct owner *owner, const uint8_t *digest, const uint32_t *pcs,
    size_t pcs_len, bool with_input)
{
	static const uint64_t zeros;
	struct find_header header = { .magic = FIND_MAGIC,
		.input_size = input_size,
		.kept = with_input ? (uint32_t)input_size : 0,
		.pcs_len = (uint32_t)pcs_len,
		.build_id_len = owner->build_id_len };
	struct iovec parts[4] = { { &header, sizeof(header) },
		{ (void *)(uintptr_t)pcs, 4 * pcs_len },
		{ (void *)(uintptr_t)input, header.kept },
		{ (void *)(uintptr_t)&zeros, 0 } };
	struct timespec now;
	int fd;

	clock_gettime(CLOCK_REALTIME, &now);
	header.ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	header.size = (uint32_t)find_record_size(header.pcs_len, header.kept);
	memcpy(header.sha1, digest, sizeof(header.sha1));
	memcpy(header.build_id, owner->build_id, owner->build_id_len);
	parts[3].iov_len = header.size - sizeof(header) - 4 * pcs_len - header.kept;
	fd = open_file(header.size);
	if (fd < 0)
		return;
	/* A part of a record, of a full disk, is told from a whole one by its size. */
	if (writev(fd, parts, 4) < 0 && errno == EINTR)
		writev(fd, parts, 4);
	close(fd);
}

static void
note_module(const struct owner *owner, const uint8_t *digest, uint32_t *pcs)
{
	const size_t len = take_indexes(owner, pcs);

	for (size_t i = 0; i < len; i += FIND_PCS_MAX)
		append(owner, digest, pcs + i,
		    len - i < FIND_PCS_MAX ? len - i : FIND_PCS_MAX,
		    i == 0 && input_size <= FIND_INPUT_MAX);
}

/* Room for @len indexes: in the place of the addresses, which nobody needs behind them, where there is one
 * module. Not from the heap: what ends a run may be in the middle of it. NULL: there is none. */
static uint32_t *
take_room(size_t len)
{
	void *room;

	if (owners_len == 1)
		return (uint32_t *)(void *)fuzzsup_rt_news.bits;
	room = mmap(NULL, len * sizeof(uint32_t), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return room != MAP_FAILED ? room : NULL;
}

void
fuzzsup_rt_finds_note(void)
{
	struct rt_news *news = &fuzzsup_rt_news;
	uint8_t digest[SHA1_BYTES];
	const bool reads = input_size == SIZE_MAX;
	const size_t len = news->len;
	int saved = errno;
	uint32_t *pcs;

	if (len == 0)
		return;
	pcs = !reads || read_stdin() ? take_room(len) : NULL;
	if (pcs != NULL) {
		sha1(input, input_size, digest);
		for (size_t i = 0; i < owners_len; i++)
			note_module(&owners[i], digest, pcs);
	}
	if (pcs != NULL && owners_len != 1)
		munmap(pcs, len * sizeof(*pcs));
	if (reads)
		fuzzsup_rt_finds_from_stdin();
	news->len = 0;
	errno = saved;
}
