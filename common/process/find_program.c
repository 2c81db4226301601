/* SPDX-License-Identifier: MIT
 * Looking for a program as execvp() does; in the supervisor and the runner.
 */
#include "config.h"

#include "find_program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "banned.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int
check_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	/* access() would say yes to root if any bit is set, and so does exec. */
	return S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0 ? 0 : -EACCES;
}

int
find_program(const char *name, char *ret_path, size_t size)
{
	const char *path = getenv("PATH"), *end;
	int n, r = -ENOENT;

	if (strchr(name, '/') != NULL) {
		n = snprintf(ret_path, size, "%s", name);
		return n >= 0 && (size_t)n < size ? check_program(ret_path)
						  : -ENAMETOOLONG;
	}
	if (path == NULL || path[0] == '\0')
		path = DEFAULT_PATH;
	for (; r < 0 && *path != '\0'; path = *end == ':' ? end + 1 : end) {
		end = strchrnul(path, ':');
		n = snprintf(ret_path, size, "%.*s/%s", (int)(end - path), path, name);
		if (n >= 0 && (size_t)n < size)
			r = check_program(ret_path);
	}
	return r;
}
