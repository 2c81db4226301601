/* SPDX-License-Identifier: MIT
 * Shapes of sources; in the front-end.
 *
 * A file is read and lexed in one go, which takes some three milliseconds a megabyte; files are
 * so one after the other, a step each, so that a target of many costs the loop little at a time.
 */
#include "config.h"

#include "source_shapes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/http.h>

#include "line_shapes.h"
#include "open_below.h"
#include "reply.h"
#include "source_names.h"
#include "streamed_reply.h"
#include "target.h"
#include "wire.h"
#include "banned.h"

#define TEXT_MAX (32 << 20) /* bytes of one source */
#define STEP_TEXT (256 << 10)
#define SHAPES_MAX (UINT32_C(256) << 20) /* bytes of all; 2 % of the texts are usual */
#define CHUNK_SIZE (128 << 10)
#define NO_ROOT SIZE_MAX

struct place {
	size_t root; /* NO_ROOT: below none */
	char *below; /* without a slash at its end */
};

struct source_shapes {
	unsigned references;
	struct target_blocks *blocks;
	struct descriptor **roots; /* references of our own */
	size_t roots_len;
	struct place *directories;
	uint32_t files_len, next; /* next: the file that is read next */
	uint32_t *starts;         /* files_len + 1: where each one's bytes begin */
	unsigned char *bytes;
	uint32_t len, size;
	int64_t built_ms;
};

/* ---- beginning and end ---- */

static int
place_directories(struct source_shapes *shapes, const struct source_roots *roots)
{
	const struct block_table *table = &shapes->blocks->table;
	char *name;
	int r;

	for (uint32_t i = 0; i < table->header->directories_len; i++) {
		struct place *place = &shapes->directories[i];

		place->root = NO_ROOT;
		r = source_directory_name(
		    roots, table->strings + table->directories[i], &name, &place->root);
		if (r == -ENOENT) {
			place->root = NO_ROOT;
			continue;
		}
		if (r < 0)
			return r;
		/* Behind the root's label. */
		place->below = strchr(name, '/') != NULL ? strdup(strchr(name, '/') + 1)
							 : strdup("");
		free(name);
		if (place->below == NULL)
			return -ENOMEM;
	}
	return 0;
}

struct source_shapes *
source_shapes_new(
    struct target_blocks *blocks, const struct source_roots *roots, int64_t built_ms)
{
	const struct wire_blocks *h = blocks->table.header;
	struct source_shapes *shapes = calloc(1, sizeof(*shapes));

	if (shapes == NULL)
		return NULL;
	shapes->references = 1;
	shapes->blocks = target_blocks_ref(blocks);
	shapes->built_ms = built_ms;
	shapes->files_len = h->files_len;
	shapes->starts = calloc((size_t)h->files_len + 1, sizeof(*shapes->starts));
	shapes->directories =
	    calloc((size_t)h->directories_len + 1, sizeof(*shapes->directories));
	shapes->roots = calloc(roots->len + 1, sizeof(struct descriptor *));
	if (shapes->starts == NULL || shapes->directories == NULL ||
	    shapes->roots == NULL || place_directories(shapes, roots) < 0) {
		source_shapes_unref(shapes);
		return NULL;
	}
	for (size_t i = 0; i < roots->len; i++)
		shapes->roots[shapes->roots_len++] =
		    descriptor_ref(roots->roots[i].directory);
	return shapes;
}

struct source_shapes *
source_shapes_ref(struct source_shapes *shapes)
{
	shapes->references++;
	return shapes;
}

void
source_shapes_unref(struct source_shapes *shapes)
{
	if (shapes == NULL || --shapes->references > 0)
		return;
	for (uint32_t i = 0; shapes->directories != NULL &&
	    i < shapes->blocks->table.header->directories_len;
	    i++)
		free(shapes->directories[i].below);
	for (size_t i = 0; i < shapes->roots_len; i++)
		descriptor_unref(shapes->roots[i]);
	target_blocks_unref(shapes->blocks);
	free(shapes->directories);
	free(shapes->roots);
	free(shapes->starts);
	free(shapes->bytes);
	free(shapes);
}

/* ---- one file ---- */

static int
reserve(struct source_shapes *shapes, size_t more)
{
	const uint64_t wanted = (uint64_t)shapes->len + more;
	unsigned char *larger;

	if (wanted <= shapes->size)
		return 0;
	if (wanted > SHAPES_MAX)
		return -ENOSPC;
	larger = realloc(shapes->bytes, wanted + wanted / 2);
	if (larger == NULL)
		return -ENOMEM;
	shapes->bytes = larger;
	shapes->size = (uint32_t)(wanted + wanted / 2);
	return 0;
}

/* What has more shapes than bytes is no source. */
static void
add_text(struct source_shapes *shapes, const char *text, size_t len, const char *name)
{
	unsigned char *made = malloc(line_shapes_max(len));
	size_t made_len;

	if (made == NULL)
		return;
	made_len = line_shapes_read(text, len, source_language_of(name), made);
	if (made_len <= len && reserve(shapes, made_len) == 0) {
		memcpy(shapes->bytes + shapes->len, made, made_len);
		shapes->len += (uint32_t)made_len;
	}
	free(made);
}

static bool
is_of_the_build(const struct source_shapes *shapes, const struct stat *st)
{
	const int64_t changed_ms =
	    (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;

	return S_ISREG(st->st_mode) && st->st_size <= TEXT_MAX &&
	    (shapes->built_ms == 0 || changed_ms <= shapes->built_ms);
}

/* Takes @fd. Returns how many bytes it read. */
static size_t
read_text(struct source_shapes *shapes, int fd, const char *name)
{
	char *text = NULL;
	size_t len = 0;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == 0 && is_of_the_build(shapes, &st))
		text = malloc((size_t)st.st_size + 1);
	while (text != NULL && len < (size_t)st.st_size) {
		n = read(fd, text + len, (size_t)st.st_size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	close(fd);
	if (text != NULL)
		add_text(shapes, text, len, name);
	free(text);
	return len;
}

static size_t
read_file(struct source_shapes *shapes, uint32_t number)
{
	const struct block_table *table = &shapes->blocks->table;
	const struct wire_file *file = &table->files[number];
	const struct place *place = &shapes->directories[file->directory];
	const char *name = table->strings + file->basename;
	char *path;
	int fd;

	if (place->root == NO_ROOT || source_language_of(name) == SOURCE_UNKNOWN ||
	    strchr(name, '/') != NULL)
		return 0;
	if (asprintf(&path, "%s%s%s", place->below, place->below[0] != '\0' ? "/" : "",
		name) < 0)
		return 0;
	fd = open_below(
	    shapes->roots[place->root]->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	free(path);
	return fd >= 0 ? read_text(shapes, fd, name) : 0;
}

bool
source_shapes_step(struct source_shapes *shapes)
{
	size_t text = 0;

	while (shapes->next < shapes->files_len && text < STEP_TEXT) {
		/* What cannot be read costs a system call. */
		text += 1024 + read_file(shapes, shapes->next);
		shapes->starts[++shapes->next] = shapes->len;
	}
	return shapes->next == shapes->files_len;
}

const unsigned char *
source_shapes_of(const struct source_shapes *shapes, uint32_t file, size_t *ret_len)
{
	*ret_len =
	    file < shapes->next ? shapes->starts[file + 1] - shapes->starts[file] : 0;
	return *ret_len > 0 ? shapes->bytes + shapes->starts[file] : NULL;
}

/* ---- shapes.bin ---- */

struct job {
	struct streamed_reply reply;
	struct source_shapes *shapes;
	struct evbuffer *chunk;
	uint32_t next; /* file */
	bool done;
};

static void
add_record(
    struct evbuffer *chunk, uint32_t file, const unsigned char *bytes, size_t len)
{
	const struct wire_shapes_of of = { .file = file, .len = (uint32_t)len };

	evbuffer_add(chunk, &of, sizeof(of));
	evbuffer_add(chunk, bytes, len);
}

static void
make_cb(void *arg)
{
	struct job *job = arg;
	const bool all = source_shapes_step(job->shapes);
	const unsigned char *bytes;
	size_t len;

	if (job->done)
		return;
	while (job->next < job->shapes->next &&
	    evbuffer_get_length(job->chunk) < CHUNK_SIZE) {
		bytes = source_shapes_of(job->shapes, job->next, &len);
		if (len > 0)
			add_record(job->chunk, job->next, bytes, len);
		job->next++;
	}
	job->done = all && job->next == job->shapes->files_len;
	/* A chunk of nothing would be the end, which is a record of its own. */
	if (job->done || evbuffer_get_length(job->chunk) == 0)
		add_record(job->chunk, job->done ? WIRE_SHAPES_END : WIRE_SHAPES_NONE,
		    NULL, 0);
}

static void
done_cb(void *arg)
{
	struct job *job = arg;

	source_shapes_unref(job->shapes);
	if (job->chunk != NULL)
		evbuffer_free(job->chunk);
	reply_memory_give(CHUNK_SIZE);
	free(job);
}

void
source_shapes_serve(struct evhttp_request *request, struct target *target)
{
	const struct wire_shapes head = { .magic = WIRE_SHAPES_MAGIC, .version = 1 };
	struct source_shapes *shapes = target_shapes(target);
	struct job *job = calloc(1, sizeof(*job));

	if (shapes == NULL || job == NULL || !reply_memory_take(CHUNK_SIZE)) {
		free(job);
		if (target->blocks == NULL)
			target_refuse_lines(request, target);
		else
			reply_text(request, 503, REPLY_NO_MEMORY);
		return;
	}
	job->shapes = source_shapes_ref(shapes);
	job->chunk = evbuffer_new();
	if (job->chunk == NULL || evbuffer_add(job->chunk, &head, sizeof(head)) != 0) {
		done_cb(job);
		reply_text(request, 503, REPLY_NO_MEMORY);
		return;
	}
	reply_headers(request, "application/octet-stream");
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		evhttp_send_reply(request, 200, "OK", NULL);
		done_cb(job);
		return;
	}
	job->reply = (struct streamed_reply){ .request = request,
		.chunk = job->chunk,
		.make_cb = make_cb,
		.done_cb = done_cb,
		.arg = job };
	streamed_reply_start(&job->reply);
}
