/* SPDX-License-Identifier: MIT
 * Serving single source files; in the front-end.
 */
#include "config.h"

#include "source_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/http.h>

#include "log.h"
#include "open_below.h"
#include "packed.h"
#include "reply.h"
#include "streamed_reply.h"
#include "target.h"
#include "banned.h"

#define SOURCE_SIZE_MAX (64 << 20) /* bytes; no compiler is fed with more */
#define PART_SIZE (128 << 10)      /* bytes; smaller files are answered at once */

/* A large file that is under way to clients: they share its descriptor, and each has one
 * part of it in memory, however slow it reads. */
struct open_file {
	LIST_ENTRY(open_file) link;
	unsigned references;
	struct stat stat; /* as all of them were told */
	int fd;
};

struct reader {
	struct streamed_reply reply;
	struct open_file *file;
	struct evbuffer *part;
	off_t offset;
};

static LIST_HEAD(, open_file) open_files = LIST_HEAD_INITIALIZER(open_files);

/* ---- large files ---- */

static bool
is_unchanged(const struct stat *was, const struct stat *is)
{
	return was->st_dev == is->st_dev && was->st_ino == is->st_ino &&
	    was->st_size == is->st_size && was->st_mtim.tv_sec == is->st_mtim.tv_sec &&
	    was->st_mtim.tv_nsec == is->st_mtim.tv_nsec;
}

/* Takes @fd, also on failure; NULL without memory. */
static struct open_file *
open_file_ref(int fd, const struct stat *st)
{
	struct open_file *file;

	LIST_FOREACH(file, &open_files, link)
		if (is_unchanged(&file->stat, st)) {
			close(fd);
			file->references++;
			return file;
		}
	file = malloc(sizeof(*file));
	if (file == NULL) {
		close(fd);
		return NULL;
	}
	*file = (struct open_file){ .references = 1, .stat = *st, .fd = fd };
	LIST_INSERT_HEAD(&open_files, file, link);
	return file;
}

static void
open_file_unref(struct open_file *file)
{
	if (--file->references > 0)
		return;
	LIST_REMOVE(file, link);
	close(file->fd);
	free(file);
}

static void
done_cb(void *arg)
{
	struct reader *reader = arg;

	reply_memory_give(PART_SIZE);
	open_file_unref(reader->file);
	evbuffer_free(reader->part);
	free(reader);
}

/* Reads @size bytes at @offset. Returns 0, -EIO if they are not there any more, or
 * another negative errno. */
static int
read_at(int fd, char *to, size_t size, off_t offset)
{
	size_t len = 0;
	ssize_t n;

	while (len < size) {
		n = pread(fd, to + len, size - len, offset + (off_t)len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		len += (size_t)n;
	}
	return 0;
}

/* The next part; parts of two states of a file would be neither. */
static void
make_cb(void *arg)
{
	struct reader *reader = arg;
	const off_t left = reader->file->stat.st_size - reader->offset;
	const size_t size = left < PART_SIZE ? (size_t)left : PART_SIZE;
	struct evbuffer_iovec space;
	struct stat now;

	if (size == 0)
		return;
	reader->reply.failed =
	    evbuffer_reserve_space(reader->part, (ev_ssize_t)size, &space, 1) != 1 ||
	    read_at(reader->file->fd, space.iov_base, size, reader->offset) < 0 ||
	    fstat(reader->file->fd, &now) != 0 ||
	    !is_unchanged(&reader->file->stat, &now);
	if (reader->reply.failed)
		return;
	space.iov_len = size;
	evbuffer_commit_space(reader->part, &space, 1);
	reader->offset += (off_t)size;
}

/* Takes @fd. */
static void
serve_large(struct evhttp_request *request, int fd, const struct stat *st,
    const char *type, const char *etag)
{
	struct open_file *file = open_file_ref(fd, st);
	struct reader *reader = calloc(1, sizeof(*reader));
	struct evbuffer *part = evbuffer_new();

	if (file == NULL || reader == NULL || part == NULL ||
	    !reply_memory_take(PART_SIZE)) {
		if (file != NULL)
			open_file_unref(file);
		if (part != NULL)
			evbuffer_free(part);
		free(reader);
		reply_text(request, 503, REPLY_NO_MEMORY);
		return;
	}
	*reader = (struct reader){
		.reply = { .request = request,
		    .chunk = part,
		    .make_cb = make_cb,
		    .done_cb = done_cb,
		    .arg = reader },
		.file = file,
		.part = part,
	};
	if (reply_without_body(request, type, etag, (size_t)st->st_size))
		done_cb(reader);
	else
		streamed_reply_start(&reader->reply);
}

/* ---- by gzip ---- */

struct text {
	struct open_file *file;
	off_t offset;
};

static int
more_text(void *context, struct evbuffer *to)
{
	struct text *text = context;
	const off_t left = text->file->stat.st_size - text->offset;
	const size_t size = left < PART_SIZE ? (size_t)left : PART_SIZE;
	struct evbuffer_iovec space;
	struct stat now;
	int r;

	if (size == 0)
		return 0;
	if (evbuffer_reserve_space(to, (ev_ssize_t)size, &space, 1) != 1)
		return -ENOMEM;
	r = read_at(text->file->fd, space.iov_base, size, text->offset);
	if (r < 0)
		return r;
	if (fstat(text->file->fd, &now) != 0 || !is_unchanged(&text->file->stat, &now))
		return -EIO;
	space.iov_len = size;
	evbuffer_commit_space(to, &space, 1);
	text->offset += (off_t)size;
	return 1;
}

static void
release_text(void *context)
{
	struct text *text = context;

	open_file_unref(text->file);
	free(text);
}

/* Takes @fd. */
static void
serve_packed(struct evhttp_request *request, int fd, const struct stat *st,
    const char *type, const char *etag)
{
	struct text *text = malloc(sizeof(*text));
	const struct packed_source source = { more_text, release_text, text,
		(unsigned long long)st->st_size };

	if (text == NULL) {
		close(fd);
		reply_text(request, 503, REPLY_NO_MEMORY);
		return;
	}
	*text = (struct text){ .file = open_file_ref(fd, st) };
	if (text->file == NULL) {
		free(text);
		reply_text(request, 503, REPLY_NO_MEMORY);
		return;
	}
	packed_serve(request, type, etag, &source);
}

/* ---- all files ---- */

static void
serve_small(struct evhttp_request *request, int fd, const struct stat *st,
    const char *type, const char *etag)
{
	const size_t size = (size_t)st->st_size;
	char *bytes = malloc(size + 1);

	if (bytes != NULL && read_at(fd, bytes, size, 0) < 0) {
		/* It is being written: what was said of its size is no more true. */
		free(bytes);
		reply_text(request, 503, "the file changes just now; try again\n");
	} else {
		reply_bytes(request, type, etag, bytes, size);
	}
	close(fd);
}

/* Takes @fd. Returns 0, or a negative errno if nothing was answered. */
static int
serve_open_file(struct evhttp_request *request, int fd, int64_t built_ms)
{
	static const char type[] = "text/plain; charset=utf-8";
	char etag[OPEN_BELOW_ETAG_MAX];
	struct stat st;
	int r = 0;

	if (fstat(fd, &st) != 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > SOURCE_SIZE_MAX)
		r = -EINVAL;
	if (r < 0) {
		close(fd);
		return r;
	}
	open_below_etag(&st, etag);
	if (source_is_changed(&st, built_ms))
		evhttp_add_header(evhttp_request_get_output_headers(request),
		    "x-fuzzsup-changed", "1");
	if (packed_wanted(request, (unsigned long long)st.st_size)) {
		serve_packed(request, fd, &st, type, etag);
		return 0;
	}
	evhttp_add_header(
	    evhttp_request_get_output_headers(request), "vary", "accept-encoding");
	if (st.st_size <= PART_SIZE)
		serve_small(request, fd, &st, type, etag);
	else
		serve_large(request, fd, &st, type, etag);
	return 0;
}

void
source_file_serve(
    struct evhttp_request *request, struct target *target, const char *name)
{
	const struct source_list *list = target_sources(target);
	const struct source_file *file =
	    list != NULL ? source_list_find(list, name) : NULL;
	char quoted[512];
	int fd, r;

	if (file == NULL) {
		reply_not_found(request);
		return;
	}
	fd = open_below(
	    file->root->directory->fd, file->below, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	r = fd < 0 ? fd : serve_open_file(request, fd, target->built_ms);
	if (r == -EMFILE || r == -ENFILE) {
		reply_text(request, 503, REPLY_NO_DESCRIPTORS);
	} else if (r < 0) {
		log_debug("source file %s of %s: %s",
		    log_quote(file->below, strlen(file->below), quoted, sizeof(quoted)),
		    target->entry.name, strerror(-r));
		reply_not_found(request);
	}
}
