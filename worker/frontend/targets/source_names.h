/* SPDX-License-Identifier: MIT
 * What clients call source files: a directory below a source root becomes LABEL/rest,
 * where LABEL is the root's last component, made unique among the target's roots. The
 * source index, the tar's members and /src/ all use these names.
 */
#ifndef FUZZSUP_SOURCE_NAMES_H
#define FUZZSUP_SOURCE_NAMES_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "descriptor.h"
#include "source_table.h"

/* The files of a target as its tables name them: paths of the machine that it was built on. */
struct source_paths {
	const uint32_t *directories; /* offsets into strings */
	const struct wire_file *files;
	const char *strings;
	uint32_t directories_len, files_len, string_bytes_len;
};

struct source_root {
	char *configured; /* as the configuration names it */
	char *real;       /* without symbolic links */
	char *label;
	struct descriptor *directory; /* O_PATH; answers under way keep it */
};

struct source_roots {
	struct source_root *roots;
	size_t len;
};

#define SOURCE_ROOTS_MAX 256

/* Adds a root; takes @fd, also on failure. Returns 0, -E2BIG or -ENOMEM. */
int source_roots_add(
    struct source_roots *roots, const char *configured, const char *real, int fd);
void source_roots_free(struct source_roots *roots);

/* Name of @directory, a table's, for clients; the caller frees it. Returns 0 and the
 * number of the root, -ENOENT if it is below none (it keeps its own name then, and is
 * never served), or -ENOMEM. */
int source_directory_name(const struct source_roots *roots, const char *directory,
    char **ret_name, size_t *ret_root);

/* True if it was changed after @built_ms (Unix; 0: not known), when its executable was: other
 * lines may stand at its numbers. */
bool source_is_changed(const struct stat *st, int64_t built_ms);

/* Whether @below, a path below its root, begins with one of @exclude, which stand one a line. */
bool source_is_excluded(const char *below, const char *exclude);

struct source_file {
	const char *name;  /* for clients */
	const char *below; /* the part of it below the root */
	const struct source_root *root;
};

/* Those of a target that lie below roots, sorted by name, each once. */
struct source_list {
	size_t len;
	char *text;
	struct source_file *files;
};

/* @roots must outlive the list's use of root descriptors. Returns 0 or -ENOMEM. */
int source_list_new(const struct source_paths *paths, const struct source_roots *roots,
    struct source_list **ret_list);
void source_list_free(struct source_list *list);

/* The file called @name, or NULL. */
const struct source_file *source_list_find(
    const struct source_list *list, const char *name);

#endif
