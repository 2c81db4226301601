/* SPDX-License-Identifier: MIT
 * The shared directory's only writer; in the supervisor.
 */
#include "config.h"

#include "directory_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared_memory.h"
#include "banned.h"

struct directory_writer {
	int fd;
	unsigned slot;
	struct directory *page;
};

/* The half that readers do not look at gets the next generation, then `committed` names
 * it. Partner of the release: the acquire of `committed` in a reader, before and after
 * its copy. */
static void
write_generation(struct directory *page, uint64_t generation,
    const struct directory_target *targets, size_t len)
{
	struct directory_half *half = &page->halves[generation & 1];

	half->generation = 0;
	atomic_thread_fence(memory_order_release);
	half->targets_len = (uint32_t)len;
	if (len > 0)
		memcpy(half->targets, targets, len * sizeof(*targets));
	atomic_thread_fence(memory_order_release);
	half->generation = generation;
	atomic_store_explicit(&page->committed, generation, memory_order_release);
}

static int
prepare(struct directory_writer *writer)
{
	struct directory *page;
	int r;

	if (ftruncate(writer->fd, sizeof(*page)) != 0 ||
	    fcntl(writer->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
		0)
		return -errno;
	page = mmap(
	    NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, writer->fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	writer->page = page;
	page->magic = DIRECTORY_MAGIC;
	page->version = DIRECTORY_VERSION;
	page->size = sizeof(*page);
	r = shared_lock_init(&page->lock);
	if (r == 0)
		write_generation(page, 1, NULL, 0);
	return r;
}

int
directory_writer_new(unsigned slot, struct directory_writer **ret_writer)
{
	struct directory_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (writer == NULL)
		return -ENOMEM;
	writer->slot = slot;
	writer->fd = shared_memory_create("fuzzsupd-directory");
	r = writer->fd < 0 ? writer->fd : prepare(writer);
	if (r < 0) {
		directory_writer_free(writer);
		return r;
	}
	*ret_writer = writer;
	return 0;
}

void
directory_writer_free(struct directory_writer *writer)
{
	if (writer == NULL)
		return;
	if (writer->page != NULL)
		munmap(writer->page, sizeof(*writer->page));
	if (writer->fd >= 0)
		close(writer->fd);
	free(writer);
}

int
directory_writer_fd(const struct directory_writer *writer)
{
	return writer->fd;
}

const struct directory *
directory_writer_page(const struct directory_writer *writer)
{
	return writer->page;
}

int
directory_writer_commit(
    struct directory_writer *writer, const struct directory_target *targets, size_t len)
{
	struct directory *page = writer->page;
	uint64_t committed;

	if (len > DIRECTORY_TARGETS_MAX)
		return -E2BIG;
	if (shared_lock_take(&page->lock, writer->slot, 0) < 0)
		return -EAGAIN;
	committed = atomic_load_explicit(&page->committed, memory_order_relaxed);
	write_generation(page, committed + 1, targets, len);
	shared_lock_give(&page->lock, writer->slot);
	return 0;
}

int
directory_writer_recover(struct directory_writer *writer, unsigned slot)
{
	return shared_lock_recover(&writer->page->lock, slot);
}
