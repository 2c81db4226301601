/* SPDX-License-Identifier: MIT
 * Finding an executable's separate debug file, the alternate one and those of split units; in the supervisor and
 * in fuzzsupctl.
 */
#include "config.h"

#include "debug_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "banned.h"

#define ID_DIGITS_MAX 160
#define ELF_MAGIC "\177ELF"

struct search {
	const struct string_list *roots;
	const char *executable;
	char folder[PATH_MAX]; /* of the executable, or whatever names the file */
};

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* Opens the file at the three parts' path unless it is the executable itself. */
static int
try(const struct search *search, const char *a, const char *b, const char *c)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s%s%s", a, b, c);

	if (len < 0 || (size_t)len >= sizeof(path) ||
	    strcmp(path, search->executable) == 0)
		return -1;
	return open(path, OPEN_FLAGS);
}

/* The folder of the executable. */
static void
set_folder(struct search *search)
{
	const char *slash = strrchr(search->executable, '/');

	snprintf(search->folder, sizeof(search->folder), "%.*s",
	    slash != NULL ? (int)(slash - search->executable) : 1,
	    slash != NULL ? search->executable : ".");
}

/* @wish: hex digits up to the line feed. */
/* How many hex digits @wish's first line has; 0: it is no build ID. */
static size_t
id_digits(const char *wish)
{
	const size_t len = strspn(wish, "0123456789abcdef");

	return len > 2 && len <= ID_DIGITS_MAX && wish[len] == '\n' ? len : 0;
}

static int
by_build_id(const struct search *search, const char *wish)
{
	const size_t len = id_digits(wish);
	char name[256];
	int fd = -1;

	if (len == 0)
		return -1;
	snprintf(name, sizeof(name), "/.build-id/%.2s/%.*s.debug", wish, (int)len - 2,
	    wish + 2);
	for (size_t i = 0; fd < 0 && i < search->roots->len; i++)
		fd = try(search, search->roots->items[i], name, "");
	return fd;
}

static int
by_name(const struct search *search, const char *name)
{
	char path[PATH_MAX];
	int fd = try(search, search->folder, "/", name);

	if (fd < 0)
		fd = try(search, search->folder, "/.debug/", name);
	snprintf(path, sizeof(path), "%.3800s/%.255s", search->folder, name);
	for (size_t i = 0; fd < 0 && i < search->roots->len; i++)
		fd = try(search, search->roots->items[i], path, "");
	return fd;
}

int
debug_file_open(
    const struct string_list *roots, const char *executable, const char *wish)
{
	struct search search = { .roots = roots, .executable = executable };
	const char *name = strchr(wish, '\n');
	int fd;

	set_folder(&search);
	fd = by_build_id(&search, wish);
	if (fd < 0 && name != NULL && name[1] != '\0' && name[1] != '.' &&
	    strchr(name + 1, '/') == NULL)
		fd = by_name(&search, name + 1);
	return fd >= 0 ? fd : -ENOENT;
}

int
debug_file_open_build(const struct string_list *roots, const char *wish)
{
	const struct search search = { .roots = roots, .executable = "" };
	const size_t len = id_digits(wish);
	char names[3][256];
	int fd = by_build_id(&search, wish);

	if (len == 0)
		return -ENOENT;
	snprintf(names[0], sizeof(names[0]), "/.build-id/%.2s/%.*s", wish, (int)len - 2,
	    wish + 2);
	snprintf(names[1], sizeof(names[1]), "/%.*s/debuginfo", (int)len, wish);
	snprintf(names[2], sizeof(names[2]), "/%.*s/executable", (int)len, wish);
	for (size_t name = 0; name < 3; name++)
		for (size_t i = 0; fd < 0 && i < roots->len; i++)
			fd = try(&search, roots->items[i], names[name], "");
	return fd >= 0 ? fd : -ENOENT;
}

/* ---- alternate files ---- */

/* Takes "." and ".." out of an absolute path, in place. */
static void
normalize(char *path)
{
	char *to = path;
	size_t len;

	for (const char *at = path; *at != '\0'; at += len) {
		at += strspn(at, "/");
		len = strcspn(at, "/");
		if (len == 2 && at[0] == '.' && at[1] == '.') {
			while (to > path && *--to != '/')
				;
		} else if (len > 0 && !(len == 1 && at[0] == '.')) {
			*to++ = '/';
			memmove(to, at, len);
			to += len;
		}
	}
	*to = '\0';
}

/* Opens the file at @path, a normalized one, if it lies below @root; no link leads out. */
static int
open_below(const char *root, const char *path)
{
	struct open_how how = {
		.flags = OPEN_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	size_t len = strlen(root);
	int directory;
	long fd;

	while (len > 0 && root[len - 1] == '/')
		len--;
	if (strncmp(path, root, len) != 0 || path[len] != '/')
		return -1;
	directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return -1;
	do
		fd = syscall(SYS_openat2, directory, path + len + 1, &how, sizeof(how));
	while (fd < 0 && errno == EINTR);
	close(directory);
	return (int)fd;
}

/* A root may be a link. */
static int
open_below_root(const char *root, const char *path)
{
	char real[PATH_MAX];
	int fd = open_below(root, path);

	return fd < 0 && realpath(root, real) != NULL ? open_below(real, path) : fd;
}

/* The real folder of the file behind @fd: debug files are often found by links. */
static bool
find_folder(int fd, char *folder, size_t size)
{
	char link[64], *slash;
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, folder, size - 1);
	if (len <= 0 || folder[0] != '/')
		return false;
	folder[len] = '\0';
	slash = strrchr(folder, '/');
	*slash = '\0';
	return true;
}

int
debug_file_open_alternate(const struct string_list *roots, int fd, const char *wish)
{
	struct search search = { .roots = roots, .executable = "" };
	const char *name = strchr(wish, '\n');
	char path[2 * PATH_MAX];
	int found = by_build_id(&search, wish);

	if (found >= 0)
		return found;
	if (name == NULL || name[1] == '\0' || strlen(++name) >= PATH_MAX ||
	    !find_folder(fd, search.folder, sizeof(search.folder)))
		return -ENOENT;
	snprintf(
	    path, sizeof(path), "%s/%s", name[0] == '/' ? "" : search.folder, name);
	normalize(path);
	found = open_below(search.folder, path);
	for (size_t i = 0; found < 0 && i < roots->len; i++)
		found = open_below_root(roots->items[i], path);
	return found >= 0 ? found : -ENOENT;
}

/* ---- split units ---- */

int
debug_file_open_package(const struct string_list *roots, const char *executable)
{
	struct search search = { .roots = roots, .executable = executable };
	int fd = try(&search, executable, ".dwp", "");

	for (size_t i = 0; fd < 0 && i < roots->len; i++)
		fd = try(&search, roots->items[i], executable, ".dwp");
	return fd >= 0 ? fd : -ENOENT;
}

/* Who wrote the name is not trusted: whatever else he names is no object file. */
static bool
is_object(int fd)
{
	unsigned char magic[sizeof(ELF_MAGIC) - 1];
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
	    memcmp(magic, ELF_MAGIC, sizeof(magic)) == 0;
}

static int
try_object(const struct search *search, const char *a, const char *b, const char *c)
{
	int fd = try(search, a, b, c);

	if (fd >= 0 && !is_object(fd)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool
has_ending(const char *name, const char *ending)
{
	const size_t len = strlen(name), wanted = strlen(ending);

	return len > wanted && strcmp(name + len - wanted, ending) == 0;
}

int
debug_file_open_unit(
    const struct string_list *roots, const char *executable, const char *wish)
{
	struct search search = { .roots = roots, .executable = executable };
	const char *name = strchr(wish, '\n'), *base;
	char folder[PATH_MAX];
	int fd = -1;

	if (name == NULL || name - wish >= PATH_MAX)
		return -ENOENT;
	snprintf(folder, sizeof(folder), "%.*s/", (int)(name - wish), wish);
	name++;
	if (!has_ending(name, ".dwo") && !has_ending(name, ".o"))
		return -ENOENT;
	base = strrchr(name, '/');
	base = base != NULL ? base + 1 : name;
	set_folder(&search);
	if (name[0] == '/')
		fd = try_object(&search, name, "", "");
	else if (wish[0] == '/')
		fd = try_object(&search, folder, name, "");
	if (fd < 0)
		fd = try_object(&search, search.folder, "/", name);
	if (fd < 0)
		fd = try_object(&search, search.folder, "/", base);
	for (size_t i = 0; fd < 0 && i < roots->len; i++) {
		if (name[0] != '/' && wish[0] == '/')
			fd = try_object(&search, roots->items[i], folder, name);
		if (fd < 0)
			fd = try_object(&search, roots->items[i], "/", name);
		if (fd < 0)
			fd = try_object(&search, roots->items[i], "/", base);
	}
	return fd >= 0 ? fd : -ENOENT;
}
