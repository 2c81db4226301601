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

#include "find_file.h"
#include "banned.h"

#define LOOKS_MAX 4096
#define CLOCK_STEP_MS 20 /* times of files come from a clock that is so much coarser */
#define HAND_OVER_DEPTH 16

int
job_folder_open(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* ---- for its user ---- */

static void hand_over(int parent, const char *name, uid_t from,
    const struct job_spec *spec, unsigned depth);

static void
hand_over_all(int folder, uid_t from, const struct job_spec *spec, unsigned depth)
{
	DIR *directory = fdopendir(folder);
	const struct dirent *entry;

	if (directory == NULL) {
		close(folder);
		return;
	}
	while ((entry = readdir(directory)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			hand_over(folder, entry->d_name, from, spec, depth);
	closedir(directory);
}

/* What was @from's and has one name alone: a second name could be anybody's file. */
static void
hand_over(int parent, const char *name, uid_t from, const struct job_spec *spec,
    unsigned depth)
{
	int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), folder;
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid == from &&
	    (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink == 1)) &&
	    fchownat(fd, "", spec->uid, spec->gid, AT_EMPTY_PATH) == 0 &&
	    S_ISDIR(st.st_mode) && depth < HAND_OVER_DEPTH) {
		folder = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (folder >= 0)
			hand_over_all(folder, from, spec, depth + 1);
	}
	close(fd);
}

/* Below folders of the job's user anything may lie: links are never followed. */
static int
make_one(int folder, const char *name, const struct job_spec *spec)
{
	if (mkdirat(folder, name, 0755) != 0)
		return errno == EEXIST ? 0 : -errno;
	if (geteuid() == 0 &&
	    fchownat(folder, name, spec->uid, spec->gid, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	return 0;
}

/* As the service makes it when it starts: jobs of other users write there, too, so it is
 * nobody's of them, and none may remove what another one wrote. In a child alone: it has the
 * umask to itself. */
static void
make_shared(const char *path)
{
	const bool root = geteuid() == 0;
	const mode_t before = umask(root ? 0 : 022);

	mkdir(path, root ? 01777 : 0755);
	umask(before);
}

/* One below the job's own, which another user may have had. */
static int
make_own(int folder, const char *name, const struct job_spec *spec)
{
	int r = make_one(folder, name, spec);
	struct stat st;

	if (r == 0 && geteuid() == 0 &&
	    fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode) && st.st_uid != spec->uid)
		hand_over(folder, name, st.st_uid, spec, 0);
	return r;
}

/* What folders hold is not looked for. */
static bool
may_be_input(int folder, const char *name)
{
	struct stat st;

	return name[0] != '.' && fstatat(folder, name, &st, 0) == 0 &&
	    (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size > 0));
}

static bool
is_empty(int folder)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;
	bool empty = true;

	if (directory == NULL) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	while (empty && (entry = readdir(directory)) != NULL)
		empty = !may_be_input(folder, entry->d_name);
	closedir(directory);
	return empty;
}

/* Of the byte that most parsers take for text. */
int
job_folder_add_input(int folder, uid_t uid, gid_t gid)
{
	int fd, r = 0;

	if (!is_empty(folder))
		return 0;
	fd = openat(
	    folder, "seed", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	if (write(fd, "0", 1) != 1 || (geteuid() == 0 && fchown(fd, uid, gid) != 0))
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
		r = make_one(AT_FDCWD, path, spec);
	if (r < 0)
		return r;
	fd = path != NULL
	    ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
	    : openat(folder, "corpus", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (engine->wants_seed && spec->seeds.len == 0)
		r = job_folder_add_input(fd, spec->uid, spec->gid);
	close(fd);
	return r;
}

int
job_folder_prepare(int folder, const char *path, const struct engine *engine,
    const struct job_spec *spec, char *ret_why, size_t why_size)
{
	int r = make_own(folder, "work", spec);

	if (r == 0)
		r = make_own(folder, FIND_FOLDER, spec);
	for (size_t i = 0; engine->folders[i] != NULL && r == 0; i++)
		r = make_own(folder, engine->folders[i], spec);
	if (r < 0) {
		snprintf(ret_why, why_size, "below %.200s: %s", path, strerror(-r));
		return r;
	}
	/* Whether that was well is seen when it is written to. */
	if (spec->coverage_dir != NULL)
		make_shared(spec->coverage_dir);
	r = prepare_corpus(folder, engine, spec);
	if (r < 0)
		snprintf(ret_why, why_size, "corpus %.200s: %s",
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
