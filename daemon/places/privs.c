/* SPDX-License-Identifier: MIT
 * Users, limits and coverage directories; in the supervisor.
 */
#include "config.h"

#include "privs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coverage_map.h"
#include "log.h"
#include "banned.h"

void
privs_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warning(
		    "cannot raise the limit of open files: %s", strerror(errno));
}

int
privs_open_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

void
privs_control_path(const struct conf *conf, char *ret_path, size_t size)
{
	const char *runtime = getenv("RUNTIME_DIRECTORY");

	if (conf->control != NULL)
		snprintf(ret_path, size, "%s", conf->control);
	else
		snprintf(ret_path, size, "%s/control",
		    runtime != NULL && runtime[0] == '/' ? runtime : conf->state_dir);
}

/* ---- coverage directories ---- */

static int
open_doorbell(int dir, const char *path)
{
	bool made = mkfifoat(dir, COVERAGE_DOORBELL, 0666) == 0;
	struct stat st;
	int fd;

	fd = openat(
	    dir, COVERAGE_DOORBELL, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		log_debug(
		    "coverage directory %s has no doorbell: %s", path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode)) {
		log_warning(
		    "%s/%s is not a FIFO; remove it: without it new coverage is seen "
		    "later",
		    path, COVERAGE_DOORBELL);
		close(fd);
		return -1;
	}
	if (made && fchmod(fd, 0666) != 0)
		log_debug("%s/%s: mode: %s", path, COVERAGE_DOORBELL, strerror(errno));
	return fd;
}

int
privs_open_coverage(const char *path, struct coverage_place *ret_place)
{
	struct coverage_place place = { .dir = -1, .doorbell = -1 };
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (stat(path, &st) != 0)
		return -errno;
	if (slash == NULL || strlen(path) >= sizeof(place.path))
		return -ENAMETOOLONG;
	snprintf(place.path, sizeof(place.path), "%s", path);
	if (!S_ISDIR(st.st_mode)) {
		if (strlen(slash + 1) >= sizeof(place.file))
			return -ENAMETOOLONG;
		snprintf(place.file, sizeof(place.file), "%.255s", slash + 1);
		place.path[slash == path ? 1 : slash - path] = '\0';
	}
	place.dir = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place.dir < 0)
		return -errno;
	place.doorbell = open_doorbell(place.dir, place.path);
	*ret_place = place;
	return 0;
}
