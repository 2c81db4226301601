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

#include "clock.h"
#include "line_shapes.h"
#include "open_below.h"
#include "packed.h"
#include "reply.h"
#include "source_names.h"
#include "streamed_reply.h"
#include "target.h"
#include "wire.h"
#include "banned.h"

#define TEXT_MAX (32 << 20) /* bytes of one source */
#define STEP_TEXT (256 << 10)
#define SHAPES_MAX (UINT32_C(256) << 20) /* bytes of all; 2 % of the texts are usual */
#define LOOKS 64 /* at sources a step: some tenths of a millisecond */
#define CHUNK_SIZE (128 << 10)
#define NO_ROOT SIZE_MAX

struct place {
	size_t root; /* NO_ROOT: below none */
	char *below; /* without a slash at its end */
};

struct source_shapes {
	unsigned references;
	uint64_t
	    number; /* of all that were made, by this process and by those before */
	struct target_blocks *blocks;
	struct descriptor **roots; /* references of our own */
	size_t roots_len;
	struct place *directories;
	uint32_t files_len, next; /* next: the file that is read next */
	uint32_t *starts;         /* files_len + 1: where each one's bytes begin */
	unsigned char *bytes;
	uint32_t len, size;
	char *exclude;  /* prefixes, one a line */
	bool *excluded; /* by file that was read */
	int64_t built_ms;
	struct timespec *read_at; /* by file that was read: when it had been changed */
	struct source_changes changes, round; /* round: of the looks up to .looked */
	uint32_t looked;
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
source_shapes_new(struct target_blocks *blocks, const struct source_roots *roots,
    const char *exclude, int64_t built_ms)
{
	const struct wire_blocks *h = blocks->table.header;
	struct source_shapes *shapes = calloc(1, sizeof(*shapes));

	if (shapes == NULL)
		return NULL;
	shapes->references = 1;
	shapes->number = (uint64_t)clock_ns(CLOCK_REALTIME);
	shapes->blocks = target_blocks_ref(blocks);
	shapes->built_ms = built_ms;
	shapes->files_len = h->files_len;
	shapes->starts = calloc((size_t)h->files_len + 1, sizeof(*shapes->starts));
	shapes->directories =
	    calloc((size_t)h->directories_len + 1, sizeof(*shapes->directories));
	shapes->roots = calloc(roots->len + 1, sizeof(struct descriptor *));
	shapes->excluded = calloc((size_t)h->files_len + 1, sizeof(bool));
	shapes->read_at = calloc((size_t)h->files_len + 1, sizeof(*shapes->read_at));
	shapes->exclude = strdup(exclude);
	if (shapes->starts == NULL || shapes->directories == NULL ||
	    shapes->roots == NULL || shapes->excluded == NULL ||
	    shapes->read_at == NULL || shapes->exclude == NULL ||
	    place_directories(shapes, roots) < 0) {
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
	free(shapes->excluded);
	free(shapes->read_at);
	free(shapes->exclude);
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

/* Takes @fd, of file @number. Returns how many bytes it read. */
static size_t
read_text(struct source_shapes *shapes, uint32_t number, int fd, const char *name)
{
	char *text = NULL;
	size_t len = 0;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		shapes->read_at[number] = st.st_mtim;
		if (source_is_changed(&st, shapes->built_ms))
			shapes->changes.changed++;
		else if (st.st_size <= TEXT_MAX)
			text = malloc((size_t)st.st_size + 1);
	}
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

static const char *
name_of(const struct source_shapes *shapes, uint32_t number)
{
	const struct block_table *table = &shapes->blocks->table;

	return table->strings + table->files[number].basename;
}

/* Of file @number, below its root; the caller frees it. NULL: it is below none. */
static char *
path_of(const struct source_shapes *shapes, uint32_t number, int *ret_root)
{
	const struct wire_file *file = &shapes->blocks->table.files[number];
	const struct place *place = &shapes->directories[file->directory];
	const char *name = name_of(shapes, number);
	char *path;

	if (place->root == NO_ROOT || strchr(name, '/') != NULL ||
	    asprintf(&path, "%s%s%s", place->below, place->below[0] != '\0' ? "/" : "",
		name) < 0)
		return NULL;
	*ret_root = shapes->roots[place->root]->fd;
	return path;
}

static size_t
read_file(struct source_shapes *shapes, uint32_t number)
{
	const char *name = name_of(shapes, number);
	int root, fd = -1;
	char *path = path_of(shapes, number, &root);

	if (path == NULL)
		return 0;
	shapes->excluded[number] = source_is_excluded(path, shapes->exclude);
	if (source_language_of(name) != SOURCE_UNKNOWN) {
		fd = open_below(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
		shapes->changes.missing += fd < 0;
	}
	free(path);
	return fd >= 0 ? read_text(shapes, number, fd, name) : 0;
}

static void
look_at(struct source_shapes *shapes, uint32_t number)
{
	const struct timespec *then = &shapes->read_at[number];
	int root, fd;
	char *path;
	struct stat st;

	if (source_language_of(name_of(shapes, number)) == SOURCE_UNKNOWN)
		return;
	path = path_of(shapes, number, &root);
	if (path == NULL)
		return;
	fd = open_below(root, path, O_PATH);
	free(path);
	if (fd < 0 || fstat(fd, &st) < 0)
		shapes->round.missing++;
	else if (source_is_changed(&st, shapes->built_ms) ||
	    (then->tv_sec != 0 &&
		(then->tv_sec != st.st_mtim.tv_sec ||
		    then->tv_nsec != st.st_mtim.tv_nsec)))
		shapes->round.changed++;
	if (fd >= 0)
		close(fd);
}

bool
source_shapes_look(struct source_shapes *shapes)
{
	const uint32_t len = shapes->files_len;

	if (shapes->next < len)
		return true;
	if (shapes->looked == 0)
		shapes->round = (struct source_changes){ 0 };
	for (uint32_t i = 0; i < LOOKS && shapes->looked < len; i++)
		look_at(shapes, shapes->looked++);
	if (shapes->looked < len)
		return false;
	shapes->changes = shapes->round;
	shapes->looked = 0;
	return true;
}

struct source_changes
source_shapes_changes(const struct source_shapes *shapes)
{
	return shapes->changes;
}

bool
source_shapes_excludes(const struct source_shapes *shapes, uint32_t file)
{
	return shapes->excluded[file];
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

static const char type[] = "application/octet-stream";

/* Of one answer: what comes next. */
struct teller {
	struct source_shapes *shapes;
	uint32_t next; /* file */
	bool has_head, done;
};

struct job {
	struct streamed_reply reply;
	struct teller *teller;
	struct evbuffer *chunk;
};

static void
add_record(struct evbuffer *to, uint32_t file, const unsigned char *bytes, size_t len)
{
	const struct wire_shapes_of of = { .file = file, .len = (uint32_t)len };

	evbuffer_add(to, &of, sizeof(of));
	evbuffer_add(to, bytes, len);
}

/* As struct packed_source has it. */
static int
tell_more(void *context, struct evbuffer *to)
{
	const struct wire_shapes head = { .magic = WIRE_SHAPES_MAGIC, .version = 1 };
	struct teller *teller = context;
	const bool all = source_shapes_step(teller->shapes);
	const size_t before = evbuffer_get_length(to);
	const unsigned char *bytes;
	size_t len;

	if (teller->done)
		return 0;
	if (!teller->has_head)
		evbuffer_add(to, &head, sizeof(head));
	teller->has_head = true;
	while (teller->next < teller->shapes->next &&
	    evbuffer_get_length(to) - before < CHUNK_SIZE) {
		bytes = source_shapes_of(teller->shapes, teller->next, &len);
		if (len > 0)
			add_record(to, teller->next, bytes, len);
		teller->next++;
	}
	teller->done = all && teller->next == teller->shapes->files_len;
	/* A part of nothing would be the end, which is a record of its own. */
	if (teller->done || evbuffer_get_length(to) == before)
		add_record(
		    to, teller->done ? WIRE_SHAPES_END : WIRE_SHAPES_NONE, NULL, 0);
	return 1;
}

/* Bytes of all that tell_more() tells; 0: some sources are yet to be read. */
static unsigned long long
told_size(const struct source_shapes *shapes)
{
	unsigned long long size =
	    sizeof(struct wire_shapes) + sizeof(struct wire_shapes_of) + shapes->len;

	for (uint32_t i = 0; i < shapes->files_len; i++)
		if (shapes->starts[i + 1] > shapes->starts[i])
			size += sizeof(struct wire_shapes_of);
	return shapes->next == shapes->files_len ? size : 0;
}

static void
teller_free(void *context)
{
	struct teller *teller = context;

	source_shapes_unref(teller->shapes);
	free(teller);
}

static struct teller *
teller_new(struct target *target)
{
	struct source_shapes *shapes = target_shapes(target);
	struct teller *teller = shapes != NULL ? calloc(1, sizeof(*teller)) : NULL;

	if (teller != NULL)
		teller->shapes = source_shapes_ref(shapes);
	return teller;
}

static void
make_cb(void *arg)
{
	struct job *job = arg;

	tell_more(job->teller, job->chunk);
}

static void
done_cb(void *arg)
{
	struct job *job = arg;

	teller_free(job->teller);
	evbuffer_free(job->chunk);
	reply_memory_give(CHUNK_SIZE);
	free(job);
}

/* Takes @teller. */
static void
serve_plain(struct evhttp_request *request, struct teller *teller)
{
	struct job *job = calloc(1, sizeof(*job));
	struct evbuffer *chunk = evbuffer_new();

	if (job == NULL || chunk == NULL || !reply_memory_take(CHUNK_SIZE)) {
		teller_free(teller);
		free(job);
		if (chunk != NULL)
			evbuffer_free(chunk);
		reply_text(request, 503, REPLY_NO_MEMORY);
		return;
	}
	*job = (struct job){ .teller = teller, .chunk = chunk };
	job->reply = (struct streamed_reply){ .request = request,
		.chunk = chunk,
		.make_cb = make_cb,
		.done_cb = done_cb,
		.arg = job };
	reply_headers(request, type);
	evhttp_add_header(
	    evhttp_request_get_output_headers(request), "vary", "accept-encoding");
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		evhttp_send_reply(request, 200, "OK", NULL);
		done_cb(job);
		return;
	}
	streamed_reply_start(&job->reply);
}

void
source_shapes_serve(struct evhttp_request *request, struct target *target)
{
	struct packed_source source = { tell_more, teller_free, NULL, 0 };
	struct teller *teller;
	char etag[96];

	if (target == NULL || target->blocks == NULL) {
		target_refuse_lines(request, target);
		return;
	}
	teller = teller_new(target);
	if (teller == NULL) {
		reply_text(request, 503, REPLY_NO_MEMORY);
		return;
	}
	/* How long they are shows when they are read: sources are text, and many. */
	if (!packed_wanted(request, SIZE_MAX)) {
		serve_plain(request, teller);
		return;
	}
	source.context = teller;
	source.size = told_size(teller->shapes);
	/* These are of one reading of the sources. */
	snprintf(etag, sizeof(etag), "\"s%llx-%llx\"",
	    (unsigned long long)target->table_generation,
	    (unsigned long long)teller->shapes->number);
	packed_serve(request, type, etag, &source);
}
