/* SPDX-License-Identifier: MIT
 * The page's files; in the front-end.
 */
#include "config.h"

#include "static_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/http.h>

#include "open_below.h"
#include "packed.h"
#include "reply.h"
#include "banned.h"

#define FILE_SIZE_MAX (16 << 20) /* bytes; nothing of a page is larger */
#define CACHE_LEN 64             /* files; a page has a dozen */

struct content {
	unsigned references; /* the cache, and answers under way */
	size_t len;
	char data[];
};

struct cached {
	char *path;
	char etag[OPEN_BELOW_ETAG_MAX];
	struct stat stat; /* when it was read */
	struct content *content;
};

struct static_files {
	int directory;
	size_t next; /* the place that is used again when all are taken */
	struct cached cache[CACHE_LEN];
};

static const char *
content_type(const char *path)
{
	static const struct {
		const char *extension, *type;
	} types[] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".wasm", "application/wasm" },
		{ ".svg", "image/svg+xml" },
		{ ".png", "image/png" },
		{ ".ico", "image/x-icon" },
		{ ".json", "application/json" },
		{ ".webmanifest", "application/manifest+json" },
		{ ".woff2", "font/woff2" },
		{ ".txt", "text/plain; charset=utf-8" },
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(dot, types[i].extension) == 0)
			return types[i].type;
	return NULL;
}

static void
content_unref(struct content *content)
{
	if (content != NULL && --content->references == 0)
		free(content);
}

static void
content_unref_cb(const void *data, size_t len, void *content)
{
	(void)data;
	(void)len;
	content_unref(content);
}

static void
forget(struct cached *cached)
{
	free(cached->path);
	content_unref(cached->content);
	*cached = (struct cached){ 0 };
}

struct static_files *
static_files_new(void)
{
	struct static_files *files = calloc(1, sizeof(*files));

	if (files != NULL)
		files->directory = -1;
	return files;
}

void
static_files_free(struct static_files *files)
{
	if (files == NULL)
		return;
	static_files_set_directory(files, -1);
	free(files);
}

void
static_files_set_directory(struct static_files *files, int fd)
{
	for (size_t i = 0; i < CACHE_LEN; i++)
		forget(&files->cache[i]);
	if (files->directory >= 0)
		close(files->directory);
	files->directory = fd;
}

/* Reads all of @fd as it is now; a file that is being replaced may be shorter than its
 * length said. */
static struct content *
read_content(int fd, const struct stat *st)
{
	struct content *content;
	ssize_t part;

	if (!S_ISREG(st->st_mode) || st->st_size > FILE_SIZE_MAX)
		return NULL;
	content = malloc(sizeof(*content) + (size_t)st->st_size);
	if (content == NULL)
		return NULL;
	content->references = 1;
	content->len = 0;
	while (content->len < (size_t)st->st_size) {
		part = read(fd, content->data + content->len,
		    (size_t)st->st_size - content->len);
		if (part <= 0)
			break;
		content->len += (size_t)part;
	}
	return content;
}

static struct cached *
find_cached(struct static_files *files, const char *path)
{
	for (size_t i = 0; i < CACHE_LEN; i++)
		if (files->cache[i].path != NULL &&
		    strcmp(files->cache[i].path, path) == 0)
			return &files->cache[i];
	return NULL;
}

/* The place for @path in the cache, filled from the file as it is now. Returns 0, or a
 * negative errno. */
static int
load(struct static_files *files, const char *path, struct cached **ret_cached)
{
	struct cached *cached = find_cached(files, path);
	struct content *content = NULL;
	struct stat st;
	int fd;

	fd = open_below(files->directory, path, O_RDONLY | O_NONBLOCK);
	if (fd == -EMFILE || fd == -ENFILE)
		return fd;
	if (fd >= 0 && fstat(fd, &st) == 0)
		content = read_content(fd, &st);
	if (fd >= 0)
		close(fd);
	if (cached == NULL) {
		cached = &files->cache[files->next];
		files->next = (files->next + 1) % CACHE_LEN;
	}
	forget(cached);
	if (content == NULL)
		return -ENOENT;
	cached->path = strdup(path);
	cached->content = content;
	cached->stat = st;
	open_below_etag(&st, cached->etag);
	if (cached->path == NULL) {
		forget(cached);
		return -ENOMEM;
	}
	*ret_cached = cached;
	return 0;
}

/* One call says whether a file is still the one that was read. It opens nothing, so it
 * need not be kept below the directory. */
static bool
unchanged(const struct static_files *files, const struct cached *cached)
{
	struct statx now;

	return statx(files->directory, cached->path, 0,
		   STATX_MTIME | STATX_SIZE | STATX_INO, &now) == 0 &&
	    now.stx_mtime.tv_sec == cached->stat.st_mtim.tv_sec &&
	    now.stx_mtime.tv_nsec == (uint32_t)cached->stat.st_mtim.tv_nsec &&
	    now.stx_size == (uint64_t)cached->stat.st_size &&
	    now.stx_ino == (uint64_t)cached->stat.st_ino;
}

/* The file as it is now. Returns 0, -ENOENT if there is none that a page could have, or
 * another negative errno. */
static int
look_up(struct static_files *files, const char *path, struct cached **ret_cached)
{
	struct cached *cached = find_cached(files, path);

	if (cached == NULL || !unchanged(files, cached))
		return load(files, path, ret_cached);
	*ret_cached = cached;
	return 0;
}

void
static_files_serve(
    struct static_files *files, struct evhttp_request *request, const char *path)
{
	const char *type = content_type(path);
	struct cached *cached = NULL;
	struct evbuffer *body;
	int r = type != NULL ? look_up(files, path, &cached) : -ENOENT;

	if (r == -EMFILE || r == -ENFILE) {
		reply_text(request, 503, REPLY_NO_DESCRIPTORS);
		return;
	}
	if (r < 0) {
		reply_not_found(request);
		return;
	}
	body = evbuffer_new();
	if (body == NULL ||
	    evbuffer_add_reference(body, cached->content->data, cached->content->len,
		content_unref_cb, cached->content) != 0) {
		reply_text(request, 503, REPLY_NO_MEMORY);
	} else {
		cached->content->references++;
		packed_reply_body(request, type, cached->etag, body);
	}
	if (body != NULL)
		evbuffer_free(body);
}
