/* SPDX-License-Identifier: MIT
 * Keeping the inputs of Zig's crashes; in the minder of an instance, and in a process that
 * is the job's user.
 */
#include "config.h"

#include "zig_crash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "become.h"
#include "hash.h"
#include "banned.h"

#define FILES_MAX 4096
#define INPUT_MAX (64 << 20)

/* Source: Zig 0.16 lib/std/Build/abi.zig, MmapInputHeader; the input follows. */
struct __attribute__((packed)) input_header {
	uint64_t pcs_hash;
	uint32_t instance;
	uint32_t test;
	uint32_t len;
};
_Static_assert(sizeof(struct input_header) == 20, "input header");

static int
write_all(int fd, const unsigned char *bytes, size_t len)
{
	ssize_t n;

	for (; len > 0; bytes += n, len -= (size_t)n) {
		n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return -errno;
	}
	return 0;
}

/* The same crash twice is one file. */
static int
keep(int artifacts, const unsigned char *bytes, size_t len, char *name)
{
	int fd, r;

	snprintf(name, ZIG_CRASH_NAME, "crash-%016llx",
	    (unsigned long long)hash_bytes(HASH_SEED, bytes, len));
	fd = openat(artifacts, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	r = write_all(fd, bytes, len);
	close(fd);
	if (r < 0)
		unlinkat(artifacts, name, 0);
	return r;
}

static int
keep_input(int input, int artifacts, size_t len, char *name)
{
	unsigned char *bytes = malloc(len);
	int r = -ENOMEM;

	if (bytes != NULL)
		r = pread(input, bytes, len, sizeof(struct input_header)) ==
			(ssize_t)len
		    ? keep(artifacts, bytes, len, name)
		    : -EIO;
	free(bytes);
	return r;
}

/* -EAGAIN: it is another's. */
static int
look_at(int input, const struct zig_task *task, int artifacts, bool crashed, char *name)
{
	const uint32_t none = 0;
	struct input_header header;
	struct stat st;
	int r = -ENOENT;

	/* Who runs holds its lock. */
	if (flock(input, LOCK_EX | LOCK_NB) != 0 || fstat(input, &st) != 0 ||
	    !S_ISREG(st.st_mode) ||
	    pread(input, &header, sizeof(header), 0) != sizeof(header) ||
	    header.instance != task->instance || header.len == 0)
		return -EAGAIN;
	if (crashed)
		r = header.len > INPUT_MAX ||
			header.len > (uint64_t)st.st_size - sizeof(header)
		    ? -EFBIG
		    : keep_input(input, artifacts, header.len, name);
	/* Or the next that ends would take it for its own. */
	if (pwrite(input, &none, sizeof(none), offsetof(struct input_header, len)) !=
	    sizeof(none))
		return r < 0 ? r : -errno;
	return r;
}

static int
find(const struct launch *launch, bool crashed, char *name)
{
	int artifacts = openat(launch->folder, "artifacts",
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int cache = open(launch->zig.cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int input, r = -EAGAIN;
	char path[24];

	if (artifacts < 0 || cache < 0)
		return -errno;
	for (unsigned i = 0; i < FILES_MAX && r == -EAGAIN; i++) {
		snprintf(path, sizeof(path), "f/in%x", i);
		input =
		    openat(cache, path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (input < 0)
			return -errno;
		r = look_at(input, &launch->zig, artifacts, crashed, name);
		close(input);
	}
	return r == -EAGAIN ? -ENOENT : r;
}

struct answer {
	int r;
	char name[ZIG_CRASH_NAME];
};

static _Noreturn void
answer(const struct launch *launch, bool crashed, int to)
{
	struct answer answer = { .r = become_user(&launch->user) };

	if (answer.r == 0 && chdir(launch->directory) != 0)
		answer.r = -errno;
	if (answer.r == 0)
		answer.r = find(launch, crashed, answer.name);
	_exit(write(to, &answer, sizeof(answer)) == sizeof(answer) ? 0 : 1);
}

int
zig_crash_save(const struct launch *launch, bool crashed, char ret_name[ZIG_CRASH_NAME])
{
	struct answer heard = { .r = -EIO };
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		answer(launch, crashed, ends[1]);
	close(ends[1]);
	if (pid > 0 && read(ends[0], &heard, sizeof(heard)) != sizeof(heard))
		heard.r = -EIO;
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	if (heard.r == 0)
		snprintf(
		    ret_name, ZIG_CRASH_NAME, "%.*s", ZIG_CRASH_NAME - 1, heard.name);
	return heard.r;
}
