/* SPDX-License-Identifier: MIT
 * What clients call source files; in the front-end.
 */
#include "config.h"

#include "source_names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "route.h"
#include "banned.h"

/* ---- roots ---- */

static bool
label_taken(const struct source_roots *roots, const char *label)
{
	for (size_t i = 0; i < roots->len; i++)
		if (strcmp(roots->roots[i].label, label) == 0)
			return true;
	return false;
}

/* Last component of @path, if it can be one of a clean name. */
static char *
last_component(const char *path)
{
	size_t end = strlen(path), start;
	char *name;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/'; start--)
		;
	name = strndup(path + start, end - start);
	if (name != NULL && name[0] != '\0' && !route_clean_path(name))
		name[0] = '\0';
	return name;
}

static char *
unique_label(const struct source_roots *roots, const char *configured, const char *real)
{
	char *base = last_component(configured), *label = NULL;

	if (base != NULL && base[0] == '\0') {
		free(base);
		base = last_component(real);
	}
	if (base == NULL)
		return NULL;
	if (asprintf(&label, "%s", base[0] != '\0' ? base : "root") < 0)
		label = NULL;
	for (unsigned n = 2; label != NULL && label_taken(roots, label); n++) {
		free(label);
		if (asprintf(&label, "%s-%u", base[0] != '\0' ? base : "root", n) < 0)
			label = NULL;
	}
	free(base);
	return label;
}

static void
free_root(struct source_root *root)
{
	free(root->configured);
	free(root->real);
	free(root->label);
	descriptor_unref(root->directory);
}

int
source_roots_add(
    struct source_roots *roots, const char *configured, const char *real, int fd)
{
	struct source_root root = { 0 }, *grown;

	if (roots->len == SOURCE_ROOTS_MAX) {
		close(fd);
		return -E2BIG;
	}
	root.directory = descriptor_new(fd);
	root.configured = strdup(configured);
	root.real = strdup(real);
	root.label = unique_label(roots, configured, real);
	grown = reallocarray(roots->roots, roots->len + 1, sizeof(*grown));
	if (grown != NULL)
		roots->roots = grown;
	if (grown == NULL || root.directory == NULL || root.configured == NULL ||
	    root.real == NULL || root.label == NULL) {
		free_root(&root);
		return -ENOMEM;
	}
	roots->roots[roots->len++] = root;
	return 0;
}

void
source_roots_free(struct source_roots *roots)
{
	for (size_t i = 0; i < roots->len; i++)
		free_root(&roots->roots[i]);
	free(roots->roots);
	*roots = (struct source_roots){ 0 };
}

/* ---- directories ---- */

/* What of @directory stands behind @root, without the slash; NULL if it is not below. */
static const char *
below(const char *directory, const char *root, size_t *ret_matched)
{
	size_t len = strlen(root);

	while (len > 0 && root[len - 1] == '/')
		len--;
	if (root[0] != '/' || strncmp(directory, root, len) != 0 ||
	    (directory[len] != '/' && directory[len] != '\0'))
		return NULL;
	*ret_matched = len;
	return directory + len + (directory[len] == '/');
}

/* The root that reaches deepest, by its configured or its real path. */
static const char *
deepest_root(const struct source_roots *roots, const char *directory, size_t *ret_root)
{
	const char *rest = NULL, *candidate;
	size_t best = 0, matched = 0;

	for (size_t i = 0; i < roots->len; i++) {
		const char *paths[] = { roots->roots[i].configured,
			roots->roots[i].real };

		for (size_t k = 0; k < 2; k++) {
			candidate = below(directory, paths[k], &matched);
			if (candidate == NULL || (rest != NULL && matched <= best))
				continue;
			rest = candidate;
			best = matched;
			*ret_root = i;
		}
	}
	return rest;
}

int
source_directory_name(const struct source_roots *roots, const char *directory,
    char **ret_name, size_t *ret_root)
{
	const char *rest = directory;
	size_t root = 0;

	if (directory[0] == '/')
		rest = deepest_root(roots, directory, &root);
	else if (strcmp(directory, ".") == 0)
		rest = "";
	if (rest == NULL || roots->len == 0 ||
	    (rest[0] != '\0' && !route_clean_path(rest)))
		return -ENOENT;
	if (asprintf(ret_name, "%s%s%s", roots->roots[root].label,
		rest[0] != '\0' ? "/" : "", rest) < 0)
		return -ENOMEM;
	*ret_root = root;
	return 0;
}

bool
source_is_changed(const struct stat *st, int64_t built_ms)
{
	const int64_t changed_ms =
	    (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;

	return built_ms != 0 && changed_ms > built_ms;
}

bool
source_is_excluded(const char *below, const char *exclude)
{
	size_t len;

	for (; *exclude != '\0'; exclude += len + (exclude[len] == '\n')) {
		len = strcspn(exclude, "\n");
		if (len > 0 && strncmp(below, exclude, len) == 0)
			return true;
	}
	return false;
}

/* ---- the list of files ---- */

struct directory_names {
	char **names; /* NULL: below no root */
	size_t *roots;
	size_t len;
};

static void
free_directory_names(struct directory_names *names)
{
	for (size_t i = 0; i < names->len && names->names != NULL; i++)
		free(names->names[i]);
	free(names->names);
	free(names->roots);
}

static int
name_directories(const struct source_paths *paths, const struct source_roots *roots,
    struct directory_names *names)
{
	int r;

	names->len = paths->directories_len;
	names->names = calloc(names->len + 1, sizeof(char *));
	names->roots = calloc(names->len + 1, sizeof(size_t));
	if (names->names == NULL || names->roots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < names->len; i++) {
		r = source_directory_name(roots, paths->strings + paths->directories[i],
		    &names->names[i], &names->roots[i]);
		if (r == -ENOMEM)
			return r;
	}
	return 0;
}

static int
compare_files(const void *left, const void *right)
{
	const struct source_file *a = left, *b = right;

	return strcmp(a->name, b->name);
}

/* Room for the names of all files that can be served; 0 files give 1 byte. */
static size_t
text_size(const struct source_paths *paths, const struct directory_names *names)
{
	size_t size = 1;

	for (size_t i = 0; i < paths->files_len; i++) {
		const char *directory = names->names[paths->files[i].directory];

		if (directory != NULL)
			size += strlen(directory) + 1 +
			    strlen(paths->strings + paths->files[i].basename) + 1;
	}
	return size;
}

static void
fill_list(struct source_list *list, const struct source_paths *paths,
    const struct source_roots *roots, const struct directory_names *names)
{
	char *at = list->text;

	for (size_t i = 0; i < paths->files_len; i++) {
		const struct wire_file *file = &paths->files[i];
		const char *directory = names->names[file->directory];
		const char *basename = paths->strings + file->basename;
		const struct source_root *root =
		    &roots->roots[names->roots[file->directory]];
		size_t directory_len, basename_len = strlen(basename);

		if (directory == NULL || !route_clean_path(basename))
			continue;
		directory_len = strlen(directory);
		memcpy(at, directory, directory_len);
		at[directory_len] = '/';
		memcpy(at + directory_len + 1, basename, basename_len + 1);
		list->files[list->len++] = (struct source_file){
			.name = at,
			.below = at + strlen(root->label) + 1,
			.root = root,
		};
		at += directory_len + basename_len + 2;
	}
}

static void
sort_and_deduplicate(struct source_list *list)
{
	size_t kept = 0;

	if (list->len == 0)
		return;
	qsort(list->files, list->len, sizeof(list->files[0]), compare_files);
	for (size_t i = 1; i < list->len; i++)
		if (strcmp(list->files[i].name, list->files[kept].name) != 0)
			list->files[++kept] = list->files[i];
	list->len = kept + 1;
}

int
source_list_new(const struct source_paths *paths, const struct source_roots *roots,
    struct source_list **ret_list)
{
	struct directory_names names = { 0 };
	struct source_list *list = calloc(1, sizeof(*list));
	int r = -ENOMEM;

	if (list == NULL)
		return -ENOMEM;
	r = name_directories(paths, roots, &names);
	if (r < 0)
		goto out;
	list->text = malloc(text_size(paths, &names));
	list->files = calloc((size_t)paths->files_len + 1, sizeof(list->files[0]));
	if (list->text == NULL || list->files == NULL) {
		r = -ENOMEM;
		goto out;
	}
	fill_list(list, paths, roots, &names);
	sort_and_deduplicate(list);
	*ret_list = list;
	list = NULL;
out:
	source_list_free(list);
	free_directory_names(&names);
	return r;
}

void
source_list_free(struct source_list *list)
{
	if (list == NULL)
		return;
	free(list->text);
	free(list->files);
	free(list);
}

const struct source_file *
source_list_find(const struct source_list *list, const char *name)
{
	const struct source_file wanted = { .name = name };

	return bsearch(
	    &wanted, list->files, list->len, sizeof(list->files[0]), compare_files);
}
