/* SPDX-License-Identifier: MIT
 * Files and folders of inputs that whoever asks cannot read; in the child of a probe.
 *
 * The look is bounded: who lets another read one of a thousand lets him mostly read all.
 */
#include "config.h"

#include "probe_inputs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "banned.h"

#define NAMES_MAX 1000
#define LOOK_MS 100
#define DEPTH_MAX 8

/* What a folder is to who reads it. */
enum role {
	ALL, /* its files and those of all folders below are inputs */
	TOP, /* as the replay driver's: inputs, or AFL++'s instances, or a queue/ */
	INSTANCE, /* only its queue/ is of interest */
	QUEUE,    /* its files are inputs */
};

struct look {
	struct probe_unread *unread;
	unsigned names;
	int64_t until_ms;
};

/* The least name is told, so that the same one is at the next look. */
static void
note(struct look *look, const char *folder, const char *name, bool is_folder)
{
	struct probe_unread *unread = look->unread;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return;
	if (unread->count++ > 0 && strcmp(path, unread->path) >= 0)
		return;
	memcpy(unread->path, path, sizeof(path));
	unread->is_folder = is_folder;
}

/* Of what a link leads to where all is read; the driver follows none. 0: nothing that
 * would be read. */
static mode_t
kind_of(int at, const struct dirent *entry, enum role role)
{
	struct stat st;

	if (entry->d_type == DT_DIR)
		return S_IFDIR;
	if (entry->d_type == DT_REG)
		return S_IFREG;
	if (entry->d_type != DT_UNKNOWN && (entry->d_type != DT_LNK || role != ALL))
		return 0;
	if (fstatat(at, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	if (S_ISLNK(st.st_mode) &&
	    (role != ALL || fstatat(at, entry->d_name, &st, 0) != 0 ||
		S_ISDIR(st.st_mode)))
		return 0;
	return st.st_mode & S_IFMT;
}

static bool
has_queue(int at, enum role role)
{
	struct stat st;

	return role == TOP && fstatat(at, "queue", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode);
}

/* False: nobody reads what is in it. */
static bool
role_below(enum role role, const char *name, enum role *ret_role)
{
	*ret_role = role;
	if (role == ALL)
		return true;
	*ret_role = strcmp(name, "queue") == 0 ? QUEUE : INSTANCE;
	return role == TOP || (role == INSTANCE && *ret_role == QUEUE);
}

static void look_through(
    struct look *look, int at, const char *path, enum role role, unsigned depth);

static void
look_below(struct look *look, int at, const char *path, const char *name,
    enum role role, unsigned depth)
{
	char below[PATH_MAX];
	int fd;

	if (!role_below(role, name, &role) || depth == DEPTH_MAX ||
	    snprintf(below, sizeof(below), "%s/%s", path, name) >= (int)sizeof(below))
		return;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && faccessat(fd, ".", X_OK, 0) == 0)
		look_through(look, fd, below, role, depth + 1);
	else if (errno == EACCES)
		note(look, path, name, true);
	if (fd >= 0)
		close(fd);
}

static void
look_at(struct look *look, int at, const char *path, const struct dirent *entry,
    enum role role, unsigned depth, bool has_inputs)
{
	const mode_t kind = kind_of(at, entry, role);

	if (kind == S_IFDIR)
		look_below(look, at, path, entry->d_name, role, depth);
	else if (kind == S_IFREG && has_inputs &&
	    faccessat(at, entry->d_name, R_OK, 0) != 0 && errno == EACCES)
		note(look, path, entry->d_name, false);
}

/* Leaves @at open. */
static void
look_through(
    struct look *look, int at, const char *path, enum role role, unsigned depth)
{
	const bool has_inputs = role != INSTANCE && !has_queue(at, role);
	int copy = fcntl(at, F_DUPFD_CLOEXEC, 0);
	DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;

	if (directory == NULL) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(directory)) != NULL && look->names < NAMES_MAX &&
	    clock_ms(CLOCK_MONOTONIC) < look->until_ms) {
		look->names++;
		if (entry->d_name[0] != '.')
			look_at(look, at, path, entry, role, depth, has_inputs);
	}
	closedir(directory);
}

void
probe_inputs(const char *path, bool is_replayed, struct probe_unread *ret_unread)
{
	struct look look = { .unread = ret_unread,
		.until_ms = clock_ms(CLOCK_MONOTONIC) + LOOK_MS };
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret_unread = (struct probe_unread){ .count = 0 };
	/* That one itself cannot be read is another question. */
	if (fd < 0)
		return;
	look_through(&look, fd, path, is_replayed ? TOP : ALL, 0);
	close(fd);
}
