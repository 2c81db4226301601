/* SPDX-License-Identifier: MIT
 * The folder of finished source-location tables; in the supervisor.
 */
#include "config.h"

#include "cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hash.h"
#include "log.h"
#include "make_folder.h"
#include "privs.h"
#include "banned.h"

#define SUFFIX ".table"

/* Output: 0 or -ENAMETOOLONG. */
static int
folder_path(const char *state_dir, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/tables", state_dir);

	return len > 0 && (size_t)len < size ? 0 : -ENAMETOOLONG;
}

static bool
is_table(const char *name)
{
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	return len == 16 + suffix && strcmp(name + len - suffix, SUFFIX) == 0;
}

void
cache_prune(const char *state_dir)
{
	const time_t oldest = time(NULL) - CACHE_DAYS * 86400;
	char path[PATH_MAX];
	struct dirent *entry;
	struct stat st;
	DIR *folder;

	if (folder_path(state_dir, path, sizeof(path)) < 0)
		return;
	folder = opendir(path);
	if (folder == NULL)
		return;
	while ((entry = readdir(folder)) != NULL)
		if (is_table(entry->d_name) &&
		    fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    S_ISREG(st.st_mode) && st.st_mtime < oldest &&
		    unlinkat(dirfd(folder), entry->d_name, 0) != 0)
			log_warning("%s/%s cannot be removed: %s", path, entry->d_name,
			    strerror(errno));
	closedir(folder);
}

int
cache_open(const char *state_dir, const char *executable, const char *entry_points,
    uint64_t pcs_hash)
{
	char folder[PATH_MAX], path[PATH_MAX + 64];
	uint64_t name;
	int fd, r;

	r = folder_path(state_dir, folder, sizeof(folder));
	if (r < 0)
		return r;
	r = make_folder(folder, 0700);
	if (r < 0)
		return r;
	name = hash_bytes(HASH_SEED, executable, strlen(executable));
	name = hash_bytes(name, entry_points, strlen(entry_points));
	name = hash_bytes(name, &pcs_hash, sizeof(pcs_hash));
	snprintf(path, sizeof(path), "%s/%016" PRIx64 SUFFIX, folder, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return -errno;
	/* It is in use: cache_prune() looks at this time. */
	futimens(fd, NULL);
	return fd;
}
