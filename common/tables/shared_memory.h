/* SPDX-License-Identifier: MIT
 * Sealed memfds: how tables, PC lists and WASM modules travel between processes.
 */
#ifndef FUZZSUP_SHARED_MEMORY_H
#define FUZZSUP_SHARED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A new memfd, close-on-exec, sealable; @name is only for /proc. Returns it or -errno. */
int shared_memory_create(const char *name);

/* Writes all of @data at the end of @fd. Faster than filling a map. 0 or -errno. */
int shared_memory_append(int fd, const void *data, size_t len);

/* The same, and zeros behind it: shared_memory_aligned(@len) bytes. */
int shared_memory_append_aligned(int fd, const void *data, size_t len);

/* @len, or the next multiple of 8. */
static inline uint64_t
shared_memory_aligned(uint64_t len)
{
	return (len + 7) & ~UINT64_C(7);
}

/* Seals @fd against every change. Fails with -EBUSY while somebody maps it writable. */
int shared_memory_seal(int fd);

/* 0 if @fd is a memfd that carries all of @seals, -EPROTO if not, or another negative errno. */
int shared_memory_has_seals(int fd, int seals);

/* The same for those of shared_memory_seal(). */
int shared_memory_is_sealed(int fd);

/* Maps a memfd that must carry the seals of shared_memory_seal(), so that it can neither
 * change nor shrink under the reader. Does not keep @fd; munmap() ends it. An empty one
 * gives a NULL map. Returns 0, -EPROTO if a seal is missing, or -errno. */
int shared_memory_map_sealed(int fd, const void **ret_data, size_t *ret_len);

/* True if @len elements of @each bytes at @offset lie inside of @size bytes, aligned. */
bool shared_memory_fits(uint64_t offset, uint64_t len, uint64_t each, uint64_t size);

#endif
