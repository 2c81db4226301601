/* SPDX-License-Identifier: MIT
 * Coverage directories; in the supervisor.
 *
 * Of directories that the configuration names the service must know which ones it made: one
 * that an administrator made is as they want it, whoever may write there. Their names are
 * kept in state-dir.
 */
#include "config.h"

#include "coverage_dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "coverage_map.h"
#include "log.h"
#include "make_folder.h"
#include "privs.h"
#include "banned.h"

#define MADE "coverage-dirs" /* in state-dir: a path each line */

/* Jobs of any user write into what root made. */
static mode_t
shared_mode(void)
{
	return geteuid() == 0 ? 01777 : 0755;
}

/* ---- what was made by us ---- */

static FILE *
open_made(const struct conf *conf, const char *mode)
{
	char path[PATH_MAX];

	if (conf->state_dir == NULL ||
	    snprintf(path, sizeof(path), "%s/" MADE, conf->state_dir) >=
		(int)sizeof(path))
		return NULL;
	return fopen(path, mode);
}

static bool
was_made(const struct conf *conf, const char *real)
{
	FILE *file = open_made(conf, "re");
	char line[PATH_MAX + 1];
	bool found = false;

	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		found = strcmp(line, real) == 0;
	}
	if (file != NULL)
		fclose(file);
	return found;
}

static void
note_made(const struct conf *conf, const char *path)
{
	char real[PATH_MAX];
	FILE *file;
	bool written;

	if (realpath(path, real) == NULL || strchr(real, '\n') != NULL ||
	    was_made(conf, real))
		return;
	/* The first that is made in state-dir. */
	make_folder(conf->state_dir, 0755);
	file = open_made(conf, "ae");
	written = file != NULL && fprintf(file, "%s\n", real) > 0;
	if (file == NULL || fclose(file) != 0 || !written)
		log_warning("coverage directory %s: that the service made it cannot be "
			    "noted in state-dir: %s",
		    path, strerror(errno));
}

/* ---- making ---- */

/* Past the umask; only for what is ours, and never through a link. */
static void
set_mode(const char *path, mode_t mode)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    (st.st_mode & 07777) != mode && fchmod(fd, mode) != 0)
		log_warning("coverage directory %s: mode: %s", path, strerror(errno));
	close(fd);
}

static int
make(const char *path, mode_t mode)
{
	int r = make_folder(path, mode);

	if (r == 0)
		set_mode(path, mode);
	return r;
}

/* Somebody else has changed what was made by us, as by chown: jobs of other users would be
 * locked out. @real has no links, and is to have none when it is opened. */
static void
set_right(const char *real)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS };
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, real, &how, sizeof(how));
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 &&
	    (st.st_uid != geteuid() || (st.st_mode & 07777) != shared_mode())) {
		if (fchown(fd, geteuid(), getegid()) != 0 ||
		    fchmod(fd, shared_mode()) != 0)
			log_warning("coverage directory %s: its owner and mode cannot "
				    "be set right: %s",
			    real, strerror(errno));
		else
			log_notice("coverage directory %s: owner and mode are again as "
				   "the service made it",
			    real);
	}
	close(fd);
}

static int
make_configured(const struct conf *conf, const char *path)
{
	char real[PATH_MAX];
	struct stat st;
	int r;

	if (stat(path, &st) == 0) {
		if (realpath(path, real) != NULL && was_made(conf, real))
			set_right(real);
		return 0;
	}
	r = make(path, shared_mode());
	if (r == 0)
		note_made(conf, path);
	return r;
}

static bool
is_user_dir(const char *path)
{
	char own[64];

	snprintf(own, sizeof(own), "%s%u", COVERAGE_USER_DIR, (unsigned)geteuid());
	return strcmp(path, own) == 0;
}

int
coverage_dirs_make_again(const struct conf *conf, const char *path)
{
	if (conf->coverage_dirs.len > 0)
		return make_configured(conf, path);
	if (is_user_dir(path))
		return make(path, 0700);
	if (strcmp(path, COVERAGE_SYSTEM_DIR) != 0)
		return make_folder(path, 0755); /* FUZZSUP_DIR */
	/* Any other user's service may read what root's has made. */
	return geteuid() == 0 ? make(path, 01777) : -ENOENT;
}

static void
make_first(const struct conf *conf, const char *path)
{
	int r = coverage_dirs_make_again(conf, path);

	if (r < 0 && r != -ENOENT)
		log_warning(
		    "coverage directory %s cannot be made: %s", path, strerror(-r));
}

bool
coverage_dirs_is_trap(const char *path)
{
	struct stat st;

	return is_user_dir(path) && lstat(path, &st) == 0 &&
	    (!S_ISDIR(st.st_mode) || st.st_uid != geteuid());
}

int
coverage_dirs_make(const struct conf *conf, struct string_list *list)
{
	const char *environment = getenv("FUZZSUP_DIR");
	struct stat st;
	char own[64];
	int r;

	if (conf->coverage_dirs.len > 0) {
		for (size_t i = 0; i < conf->coverage_dirs.len; i++)
			make_first(conf, conf->coverage_dirs.items[i]);
		return string_list_copy(list, &conf->coverage_dirs);
	}
	if (environment != NULL && environment[0] == '/') {
		make_folder(environment, 0755);
		return string_list_add(list, environment);
	}
	make_first(conf, COVERAGE_SYSTEM_DIR);
	r = string_list_add(list, COVERAGE_SYSTEM_DIR);
	snprintf(own, sizeof(own), "%s%u", COVERAGE_USER_DIR, (unsigned)geteuid());
	make_first(conf, own);
	if (r == 0 && lstat(own, &st) == 0 && !coverage_dirs_is_trap(own))
		return string_list_add(list, own);
	log_warning("coverage directory %s is not used: it is not a directory of user "
		    "%u; remove it, or set coverage-dir",
	    own, (unsigned)geteuid());
	return r;
}
