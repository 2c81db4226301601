/* SPDX-License-Identifier: MIT
 * Serving single source files; in the front-end.
 */
#include "config.h"

#include "source_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/http.h>

#include "log.h"
#include "open_below.h"
#include "reply.h"
#include "target.h"
#include "banned.h"

#define SOURCE_SIZE_MAX (64 << 20) /* bytes; no compiler is fed with more */

/* Reads as much as is there, at most @size: the file may have shrunk since. */
static int
read_into(struct evbuffer *body, int fd, size_t size)
{
	struct evbuffer_iovec space;
	ssize_t part;
	size_t len = 0;

	if (size == 0)
		return 0;
	if (evbuffer_reserve_space(body, (ev_ssize_t)size, &space, 1) != 1)
		return -ENOMEM;
	while (len < size) {
		part = read(fd, (char *)space.iov_base + len, size - len);
		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			break;
		len += (size_t)part;
	}
	space.iov_len = len;
	return evbuffer_commit_space(body, &space, 1) == 0 ? 0 : -ENOMEM;
}

static int
serve_open_file(struct evhttp_request *request, int fd)
{
	char etag[OPEN_BELOW_ETAG_MAX];
	struct evbuffer *body;
	struct stat st;
	int r;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > SOURCE_SIZE_MAX)
		return -EINVAL;
	body = evbuffer_new();
	if (body == NULL)
		return -ENOMEM;
	r = read_into(body, fd, (size_t)st.st_size);
	if (r == 0) {
		open_below_etag(&st, etag);
		reply_body(request, "text/plain; charset=utf-8", etag, body);
	}
	evbuffer_free(body);
	return r;
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
	fd = open_below(file->root->fd, file->below, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	r = fd < 0 ? fd : serve_open_file(request, fd);
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		log_debug("source file %s of %s: %s",
		    log_quote(file->below, strlen(file->below), quoted, sizeof(quoted)),
		    target->entry.name, strerror(-r));
		reply_not_found(request);
	}
}
