/* SPDX-License-Identifier: MIT
 * Finished tables on disk; in the symbolizer.
 */
#include "config.h"

#include "table_cache.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash.h"
#include "pages.h"
#include "shared_memory.h"
#include "source_table.h"
#include "banned.h"

#define CACHE_MAGIC UINT32_C(0x43545a46) /* "FZTC" */
#define CACHE_VERSION 1

struct cache_header {
	uint32_t magic;
	uint32_t version;
	uint64_t checksum; /* of this header with 0 here, and of the table's bytes */
	uint64_t table_size;
	uint64_t file_size;
	int64_t mtime_ns;
	uint64_t pcs_hash;
	uint64_t wanted_hash;
	uint32_t table_version;
	uint32_t build_id_len;
	unsigned char build_id[64];
};

static struct cache_header
header_for(const struct table_key *key)
{
	struct cache_header header;

	memset(&header, 0, sizeof(header));
	header.magic = CACHE_MAGIC;
	header.version = CACHE_VERSION;
	header.table_version = SOURCE_TABLE_VERSION;
	header.file_size = key->file_size;
	header.mtime_ns = key->mtime_ns;
	header.pcs_hash = key->pcs_hash;
	header.wanted_hash = key->wanted_hash;
	header.build_id_len = (uint32_t)byte_reader_left(&key->build_id);
	memcpy(header.build_id, key->build_id.at, header.build_id_len);
	return header;
}

static bool
is_usable(const struct table_key *key)
{
	size_t len = byte_reader_left(&key->build_id);

	return len > 0 && len <= sizeof(((struct cache_header *)NULL)->build_id);
}

static uint64_t
checksum(struct cache_header header, const void *table, size_t len)
{
	header.checksum = 0;
	return hash_bytes(hash_bytes(HASH_SEED, &header, sizeof(header)), table, len);
}

/* All of @len bytes or -ENOENT: a file that ends early is a damaged one. */
static int
read_all(int fd, void *data, size_t len, off_t offset)
{
	char *to = data;
	ssize_t n;

	while (len > 0) {
		n = pread(fd, to, len, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOENT;
		to += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

/* Whether @found is what @key asks for; its size is believed if the file has it. */
static bool
is_wanted(const struct cache_header *found, const struct table_key *key, int file)
{
	struct cache_header wanted = header_for(key);
	struct stat st;

	wanted.checksum = found->checksum;
	wanted.table_size = found->table_size;
	return memcmp(&wanted, found, sizeof(wanted)) == 0 && fstat(file, &st) == 0 &&
	    st.st_size >= (off_t)sizeof(wanted) && found->table_size > 0 &&
	    found->table_size == (uint64_t)st.st_size - sizeof(wanted);
}

static int
seal_copy(const void *data, size_t len, int *ret_fd)
{
	int fd = shared_memory_create("source-table"), r;

	if (fd < 0)
		return fd;
	r = shared_memory_append(fd, data, len);
	if (r == 0)
		r = shared_memory_seal(fd);
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

int
table_cache_load(int file, const struct table_key *key, int *ret_table)
{
	struct cache_header header;
	void *table;
	int r;

	if (!is_usable(key))
		return -ENOENT;
	r = read_all(file, &header, sizeof(header), 0);
	if (r < 0)
		return r;
	if (!is_wanted(&header, key, file))
		return -ENOENT;
	table = pages_new(header.table_size);
	if (table == NULL)
		return -ENOMEM;
	r = read_all(file, table, header.table_size, sizeof(header));
	if (r == 0 && checksum(header, table, header.table_size) != header.checksum)
		r = -ENOENT;
	if (r == 0)
		r = seal_copy(table, header.table_size, ret_table);
	pages_free(table, header.table_size);
	return r;
}

static int
write_cache(int file, const struct cache_header *header, const void *table)
{
	int r;

	if (ftruncate(file, 0) != 0 || lseek(file, 0, SEEK_SET) < 0)
		return -errno;
	r = shared_memory_append(file, header, sizeof(*header));
	if (r == 0)
		r = shared_memory_append(file, table, header->table_size);
	return r;
}

int
table_cache_store(int file, const struct table_key *key, int table)
{
	struct cache_header header;
	const void *data;
	size_t len;
	int r;

	if (!is_usable(key))
		return 0;
	r = shared_memory_map_sealed(table, &data, &len);
	if (r < 0)
		return r;
	header = header_for(key);
	header.table_size = len;
	header.checksum = checksum(header, data, len);
	r = write_cache(file, &header, data);
	munmap((void *)data, len);
	if (r < 0 && ftruncate(file, 0) != 0)
		return -errno;
	return r;
}
