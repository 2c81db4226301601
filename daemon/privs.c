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
#include "make_folder.h"
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

<<<<<<< HEAD
static void
make_coverage_dir(const char *path, mode_t mode)
{
	int r = make_folder(path, mode), fd;

	if (r < 0) {
		log_warning(
		    "coverage directory %s cannot be made: %s", path, strerror(-r));
		return;
	}
	/* Past the umask; only for what is ours, and never through a link. */
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		struct stat st;

		if (fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
		    (st.st_mode & 07777) != mode && fchmod(fd, mode) != 0)
			log_warning(
			    "coverage directory %s: mode: %s", path, strerror(errno));
		close(fd);
	}
}

/* One that the configuration names, and perhaps an administrator has made: then it is as
 * they want it. Jobs of any user write into ours. */
static void
make_configured_dir(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		make_coverage_dir(path, geteuid() == 0 ? 01777 : 0755);
}

/* /tmp is everybody's: what is not our own directory there is a trap. */
static bool
is_own_folder(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid())
		return true;
	log_warning(
	    "coverage directory %s is not used: it is not a directory of user %u; "
	    "remove it, or set coverage-dir",
	    path, (unsigned)geteuid());
	return false;
}

int
privs_coverage_dirs(const struct conf *conf, struct string_list *list)
{
	const char *environment = getenv("FUZZSUP_DIR");
	char own[64];
	int r;

	if (conf->coverage_dirs.len > 0) {
		for (size_t i = 0; i < conf->coverage_dirs.len; i++)
			make_configured_dir(conf->coverage_dirs.items[i]);
		return string_list_copy(list, &conf->coverage_dirs);
	}
	if (environment != NULL && environment[0] == '/') {
		make_folder(environment, 0755);
		return string_list_add(list, environment);
	}
	if (geteuid() == 0)
		make_coverage_dir(COVERAGE_SYSTEM_DIR, 01777);
	r = string_list_add(list, COVERAGE_SYSTEM_DIR);
	snprintf(own, sizeof(own), "%s%u", COVERAGE_USER_DIR, (unsigned)geteuid());
	make_coverage_dir(own, 0700);
	return r == 0 && is_own_folder(own) ? string_list_add(list, own) : r;
}

=======
>>>>>>> 77e22137de4917ef3ac8400bd2107cefb9f20dd6
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
