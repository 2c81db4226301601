/* SPDX-License-Identifier: MIT
 * Streaming tar archives of sources; in the front-end.
 *
 * Each step makes one chunk and waits until the client has taken it, so that an archive
 * costs one chunk of memory, and the loop one short read a step.
 */
#include "config.h"

#include "sources_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/http.h>

#include "descriptor.h"
#include "log.h"
#include "open_below.h"
#include "reply.h"
#include "streamed_reply.h"
#include "target.h"
#include "banned.h"

#define CHUNK_SIZE (128 << 10) /* bytes a step */

/* A copy of what is needed of a target's list: the target may go meanwhile. */
struct member {
	char *name;
	const char *below; /* within name */
	int root;          /* index into roots */
};

struct job {
	struct streamed_reply reply;
	struct archive *archive;
	struct evbuffer *chunk; /* what libarchive wrote since the last step */
	struct member *members;
	size_t members_len, next;
	struct descriptor **roots; /* references of our own */
	size_t roots_len;
	int fd;       /* of the member under way; -1: none */
	int spare;    /* else: reserved for the next one, so that none is left out */
	bool counted; /* among the memory of answers */
	uint64_t left;
	bool closed; /* the trailer is written */
	char *block;
};

static void
job_free(struct job *job)
{
	if (job == NULL)
		return;
	/* In the middle of a member closing pads its rest, which is not to be written;
	 * archive_write_fail() instead would leak the filter's state. */
	job->closed = true;
	if (job->archive != NULL)
		archive_write_free(job->archive);
	if (job->chunk != NULL)
		evbuffer_free(job->chunk);
	for (size_t i = 0; i < job->members_len; i++)
		free(job->members[i].name);
	for (size_t i = 0; i < job->roots_len; i++)
		descriptor_unref(job->roots[i]);
	if (job->fd >= 0)
		close(job->fd);
	if (job->spare >= 0)
		close(job->spare);
	if (job->counted)
		reply_memory_give(2 * CHUNK_SIZE);
	free(job->members);
	free(job->roots);
	free(job->block);
	free(job);
}

/* ---- making ---- */

static la_ssize_t
write_cb(struct archive *archive, void *arg, const void *data, size_t len)
{
	struct job *job = arg;

	if (job->closed || evbuffer_add(job->chunk, data, len) != 0) {
		archive_set_error(archive, ENOMEM, "out of memory");
		return ARCHIVE_FATAL;
	}
	return (la_ssize_t)len;
}

/* Unblocked, so that each write reaches the chunk at once. */
static int
open_archive(struct job *job)
{
	job->archive = archive_write_new();
	if (job->archive == NULL)
		return -ENOMEM;
	if (archive_write_set_format_pax_restricted(job->archive) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(job->archive, 0) != ARCHIVE_OK ||
	    archive_write_open(job->archive, job, NULL, write_cb, NULL) != ARCHIVE_OK)
		return -ENOMEM;
	return 0;
}

static int
copy_list(struct job *job, struct target *target)
{
	struct source_list *list = target != NULL ? target_sources(target) : NULL;

	if (list == NULL)
		return 0;
	job->roots = calloc(target->roots.len + 1, sizeof(struct descriptor *));
	job->members = calloc(list->len + 1, sizeof(*job->members));
	if (job->roots == NULL || job->members == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < target->roots.len; i++)
		job->roots[job->roots_len++] =
		    descriptor_ref(target->roots.roots[i].directory);
	for (size_t i = 0; i < list->len; i++) {
		struct member *member = &job->members[i];

		member->name = strdup(list->files[i].name);
		if (member->name == NULL)
			return -ENOMEM;
		job->members_len++;
		member->below =
		    member->name + (list->files[i].below - list->files[i].name);
		member->root = (int)(list->files[i].root - target->roots.roots);
	}
	return 0;
}

/* Returns 0, -ENOMEM, -EMFILE or -ENFILE. */
static int
job_new(struct target *target, struct job **ret_job)
{
	struct job *job = calloc(1, sizeof(*job));
	int r = -ENOMEM;

	if (job == NULL)
		return -ENOMEM;
	job->fd = -1;
	job->spare = descriptor_reserve();
	if (job->spare < 0) {
		r = job->spare;
		goto fail;
	}
	job->counted = reply_memory_take(2 * CHUNK_SIZE);
	job->chunk = evbuffer_new();
	job->block = malloc(CHUNK_SIZE);
	if (!job->counted || job->chunk == NULL || job->block == NULL ||
	    open_archive(job) < 0 || copy_list(job, target) < 0)
		goto fail;
	*ret_job = job;
	return 0;
fail:
	job_free(job);
	return r;
}

/* ---- members ---- */

static void
skip(const struct member *member, const char *why)
{
	char quoted[512];

	log_warning("sources.tar: %s left out: %s",
	    log_quote(member->name, strlen(member->name), quoted, sizeof(quoted)), why);
}

static int
write_header(struct job *job, const struct member *member, const struct stat *st)
{
	struct archive_entry *entry = archive_entry_new();
	int r;

	if (entry == NULL)
		return -ENOMEM;
	archive_entry_copy_pathname(entry, member->name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, st->st_size);
	archive_entry_set_mtime(entry, st->st_mtim.tv_sec, 0);
	r = archive_write_header(job->archive, entry);
	archive_entry_free(entry);
	return r >= ARCHIVE_WARN ? 0 : -EIO;
}

/* Closes @fd, and keeps its number for the next member: nobody else can take it in
 * between. */
static void
close_member(struct job *job, int fd)
{
	close(fd);
	job->spare = descriptor_reserve();
}

/* Opens the next member and writes its header. Failures skip it. */
static void
begin_member(struct job *job)
{
	const struct member *member = &job->members[job->next++];
	struct stat st;
	int fd;

	if (job->spare >= 0)
		close(job->spare);
	job->spare = -1;
	fd = open_below(job->roots[member->root]->fd, member->below,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		skip(member, strerror(-fd));
		job->spare = descriptor_reserve();
	} else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		skip(member, "not a regular file");
		close_member(job, fd);
	} else if (write_header(job, member, &st) < 0) {
		skip(member, archive_error_string(job->archive));
		close_member(job, fd);
	} else {
		job->fd = fd;
		job->left = (uint64_t)st.st_size;
	}
}

static void
end_member(struct job *job)
{
	const struct member *member = &job->members[job->next - 1];
	char quoted[512];

	/* What is missing of the length in the header is padded with zeros. */
	if (job->left > 0)
		log_warning(
		    "sources.tar: %s shrank while it was read; padded with zeros",
		    log_quote(
			member->name, strlen(member->name), quoted, sizeof(quoted)));
	archive_write_finish_entry(job->archive);
	close_member(job, job->fd);
	job->fd = -1;
	job->left = 0;
}

/* One read of the member under way. */
static void
continue_member(struct job *job)
{
	size_t want = job->left < CHUNK_SIZE ? (size_t)job->left : CHUNK_SIZE;
	ssize_t got = 0;

	if (want > 0) {
		got = read(job->fd, job->block, want);
		if (got < 0 && errno == EINTR)
			return;
	}
	if (got > 0 && archive_write_data(job->archive, job->block, (size_t)got) == got)
		job->left -= (uint64_t)got;
	else
		got = 0;
	if (got <= 0 || job->left == 0)
		end_member(job);
}

static void
make_cb(void *arg)
{
	struct job *job = arg;

	while (evbuffer_get_length(job->chunk) < CHUNK_SIZE) {
		if (job->fd >= 0) {
			continue_member(job);
		} else if (job->next < job->members_len) {
			begin_member(job);
		} else {
			if (!job->closed)
				archive_write_close(job->archive);
			job->closed = true;
			return;
		}
	}
}

/* ---- sending ---- */

static void
done_cb(void *arg)
{
	job_free(arg);
}

void
sources_tar_serve(struct evhttp_request *request, struct target *target)
{
	struct job *job;
	int r;

	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		reply_headers(request, "application/x-tar");
		evhttp_send_reply(request, 200, "OK", NULL);
		return;
	}
	r = job_new(target, &job);
	if (r < 0) {
		reply_text(request, 503, "%s",
		    r == -ENOMEM ? REPLY_NO_MEMORY : REPLY_NO_DESCRIPTORS);
		return;
	}
	reply_headers(request, "application/x-tar");
	job->reply = (struct streamed_reply){ .request = request,
		.chunk = job->chunk,
		.make_cb = make_cb,
		.done_cb = done_cb,
		.arg = job };
	streamed_reply_start(&job->reply);
}
