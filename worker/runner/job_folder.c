/* SPDX-License-Identifier: MIT
 * What lies around a job; in the runner.
 */
#include "config.h"

#include "job_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banned.h"

#define LOOKS_MAX 4096
#define CLOCK_STEP_MS 20 /* times of files come from a clock that is so much coarser */

int
job_folder_open(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Below folders of the job's user anything may lie: links are never followed. */
static int
make_folder(int folder, const char *name, const struct job_spec *spec)
{
	if (mkdirat(folder, name, 0755) != 0)
		return errno == EEXIST ? 0 : -errno;
	if (geteuid() == 0 &&
	    fchownat(folder, name, spec->uid, spec->gid, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	return 0;
}

static bool
is_empty(int folder)
{
	DIR *directory = fdopendir(dup(folder));
	const struct dirent *entry;
	bool empty = true;

	if (directory == NULL)
		return false;
	while (empty && (entry = readdir(directory)) != NULL)
		empty = entry->d_name[0] == '.';
	closedir(directory);
	return empty;
}

/* One input, of the byte that most parsers take for text. */
static int
add_seed(int corpus, const struct job_spec *spec)
{
	int fd, r = 0;

	if (!is_empty(corpus))
		return 0;
	fd = openat(
	    corpus, "seed", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (write(fd, "0", 1) != 1 ||
	    (geteuid() == 0 && fchown(fd, spec->uid, spec->gid) != 0))
		r = -errno;
	close(fd);
	return r;
}

static int
prepare_corpus(int folder, const struct engine *engine, const struct job_spec *spec)
{
	const char *path = spec->corpus.len > 0 ? spec->corpus.items[0] : NULL;
	int fd, r = 0;

	if (engine->follows)
		return 0;
	if (path != NULL)
		r = make_folder(AT_FDCWD, path, spec);
	if (r < 0)
		return r;
	fd = path != NULL
	    ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
	    : openat(folder, "corpus", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (engine->wants_seed && spec->seeds.len == 0)
		r = add_seed(fd, spec);
	close(fd);
	return r;
}

int
job_folder_prepare(int folder, const char *path, const struct engine *engine,
    const struct job_spec *spec, char *ret_why, size_t why_size)
{
	int r = make_folder(folder, "work", spec);

	for (size_t i = 0; engine->folders[i] != NULL && r == 0; i++)
		r = make_folder(folder, engine->folders[i], spec);
	if (r < 0) {
		snprintf(ret_why, why_size, "its folder %.60s: %s", path, strerror(-r));
		return r;
	}
	r = prepare_corpus(folder, engine, spec);
	if (r < 0)
		snprintf(ret_why, why_size, "its corpus %.60s: %s",
		    spec->corpus.len > 0 ? spec->corpus.items[0] : "", strerror(-r));
	return r;
}

static bool
is_since(int folder, const char *name, int64_t since_ms)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) &&
	    (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 +
		    CLOCK_STEP_MS >=
		since_ms;
}

bool
job_folder_has_since(int folder, const char *name, int64_t since_ms)
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	unsigned looks = 0;
	bool found = false;

	if (directory == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!found && (entry = readdir(directory)) != NULL)
		found = ++looks > LOOKS_MAX || is_since(fd, entry->d_name, since_ms);
	closedir(directory);
	return found;
}
