/* SPDX-License-Identifier: MIT
 * Finding an executable's separate debug file; in the supervisor.
 */
#include "config.h"

#include "debug_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "banned.h"

struct search {
	const struct string_list *roots;
	const char *executable;
	char folder[PATH_MAX]; /* of the executable */
};

/* Opens the file at the three parts' path unless it is the executable itself. */
static int
try(const struct search *search, const char *a, const char *b, const char *c)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s%s%s", a, b, c);

	if (len < 0 || (size_t)len >= sizeof(path) ||
	    strcmp(path, search->executable) == 0)
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static int
by_build_id(const struct search *search, const char *id)
{
	char name[256];
	int fd = -1;

	snprintf(name, sizeof(name), "/.build-id/%.2s/%.160s.debug", id, id + 2);
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
	const char *slash = strrchr(executable, '/'), *name = strchr(wish, '\n');
	size_t id_len = strspn(wish, "0123456789abcdef");
	char id[160];
	int fd = -1;

	snprintf(search.folder, sizeof(search.folder), "%.*s",
	    slash != NULL ? (int)(slash - executable) : 1,
	    slash != NULL ? executable : ".");
	if (id_len > 2 && id_len < sizeof(id) && wish[id_len] == '\n') {
		snprintf(id, sizeof(id), "%.*s", (int)id_len, wish);
		fd = by_build_id(&search, id);
	}
	if (fd < 0 && name != NULL && name[1] != '\0' && name[1] != '.' &&
	    strchr(name + 1, '/') == NULL)
		fd = by_name(&search, name + 1);
	return fd >= 0 ? fd : -ENOENT;
}
