/* SPDX-License-Identifier: MIT
 * Copying the shared directory; in the front-end.
 */
#include "config.h"

#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "shared_memory.h"
#include "banned.h"

#define ATTEMPTS 3 /* at an unlocked copy, before the loop goes on with other things */

int
snapshot_open(struct snapshot *snapshot, int fd, unsigned slot)
{
	struct directory *directory;
	struct stat st;

	if (slot >= SHARED_LOCK_SLOTS)
		return -EINVAL;
	if (fstat(fd, &st) != 0)
		return -errno;
	if ((uint64_t)st.st_size < sizeof(*directory) ||
	    shared_memory_has_seals(fd, F_SEAL_SHRINK) < 0)
		return -EPROTO;
	/* Writable: the lock lies in it. */
	directory =
	    mmap(NULL, sizeof(*directory), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (directory == MAP_FAILED)
		return -errno;
	if (directory->magic != DIRECTORY_MAGIC ||
	    directory->version != DIRECTORY_VERSION ||
	    directory->size != sizeof(*directory)) {
		munmap(directory, sizeof(*directory));
		return -EPROTO;
	}
	*snapshot = (struct snapshot){ .directory = directory, .slot = slot };
	return 0;
}

void
snapshot_close(struct snapshot *snapshot)
{
	if (snapshot->directory != NULL)
		munmap(snapshot->directory, sizeof(*snapshot->directory));
	free(snapshot->targets);
	*snapshot = (struct snapshot){ 0 };
}

/* Nothing that is read from shared memory is trusted to be terminated or in range. */
static void
mend(struct directory_target *target)
{
	target->name[sizeof(target->name) - 1] = '\0';
	target->reason[sizeof(target->reason) - 1] = '\0';
	if (target->build_id_len > sizeof(target->build_id))
		target->build_id_len = sizeof(target->build_id);
}

/* Copies the committed half. Without the lock the copy is only good if `committed`,
 * which the writer flips before it fills this half again, is still the same after it. */
static int
copy_half(const struct snapshot *snapshot, struct directory_target *to, size_t *ret_len,
    uint64_t *ret_generation)
{
	struct directory *directory = snapshot->directory;
	uint64_t committed =
	    atomic_load_explicit(&directory->committed, memory_order_acquire);
	const struct directory_half *half = &directory->halves[committed & 1];
	size_t len = half->targets_len;
	uint64_t generation = half->generation;

	if (len > DIRECTORY_TARGETS_MAX || generation != committed)
		return -EAGAIN;
	memcpy(to, half->targets, len * sizeof(*to));
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&directory->committed, memory_order_relaxed) !=
	    committed)
		return -EAGAIN;
	*ret_len = len;
	*ret_generation = committed;
	return 0;
}

int
snapshot_refresh(struct snapshot *snapshot)
{
	struct directory *directory = snapshot->directory;
	struct directory_target *copy, *fitting;
	uint64_t generation;
	size_t len;
	bool locked;
	int r = -EAGAIN;

	if (atomic_load(&directory->committed) == snapshot->generation)
		return 0;
	copy = malloc(sizeof(*copy) * DIRECTORY_TARGETS_MAX);
	if (copy == NULL)
		return -EAGAIN;
	locked = shared_lock_take(&directory->lock, snapshot->slot, 0) == 0;
	for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++)
		r = copy_half(snapshot, copy, &len, &generation);
	if (locked)
		shared_lock_give(&directory->lock, snapshot->slot);
	if (r < 0) {
		free(copy);
		return r;
	}
	for (size_t i = 0; i < len; i++)
		mend(&copy[i]);
	free(snapshot->targets);
	/* Only as much as is used; where that fails the large one does, too. */
	fitting = reallocarray(copy, len + 1, sizeof(*copy));
	snapshot->targets = fitting != NULL ? fitting : copy;
	snapshot->len = len;
	snapshot->generation = generation;
	return 1;
}
