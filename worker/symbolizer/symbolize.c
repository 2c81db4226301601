/* SPDX-License-Identifier: MIT
 * One job: an executable in, its source-location table out; in the symbolizer.
 */
#include "config.h"

#include "symbolize.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "alternate.h"
#include "coverage_map.h"
#include "debug_link.h"
#include "elf_image.h"
#include "entry_points.h"
#include "hash.h"
#include "log.h"
#include "path_table.h"
#include "pages.h"
#include "pc_sort.h"
#include "pc_table.h"
#include "resolve.h"
#include "shared_memory.h"
#include "table_cache.h"
#include "table_writer.h"
#include "banned.h"

struct job {
	struct elf_image *image;
	struct elf_image *split;     /* separate debug file; NULL: there is none */
	struct elf_image *alternate; /* NULL: the same */
	uint64_t *pcs;
	uint32_t pcs_len;
	uint64_t *sorted;
	uint32_t *order;
	struct wire_location *locations;
	struct path_table *paths;
	struct entry_points entries;
};

/* Copies the PCs of a coverage file, which the collector laid into @fd. */
static int
take_list(struct job *job, int fd, struct failure *text)
{
	const void *data;
	size_t size;
	int r = pc_table_check(job->image, text);

	if (r < 0)
		return r;
	r = shared_memory_map_sealed(fd, &data, &size);
	if (r < 0)
		return failure_say(
		    text, -r, "the list of PCs cannot be mapped: %s", strerror(-r));
	if (size == 0 || size % 8 != 0 || size / 8 > COVERAGE_MAP_PCS_MAX) {
		r = failure_say(text, EINVAL,
		    "the list of PCs has %zu bytes: neither 1 to %llu PCs of 8 bytes",
		    size, (unsigned long long)COVERAGE_MAP_PCS_MAX);
	} else {
		job->pcs = pages_new(size);
		job->pcs_len = (uint32_t)(size / 8);
		if (job->pcs != NULL)
			memcpy(job->pcs, data, size);
		else
			r = failure_say(
			    text, ENOMEM, "out of memory for %u PCs", job->pcs_len);
	}
	if (data != NULL)
		munmap((void *)data, size);
	return r;
}

static int
allocate_and_sort(struct job *job, struct failure *text)
{
	job->sorted = pages_new(job->pcs_len * sizeof(*job->sorted));
	job->order = pages_new(job->pcs_len * sizeof(*job->order));
	job->locations = pages_new(job->pcs_len * sizeof(*job->locations));
	if (job->sorted == NULL || job->order == NULL || job->locations == NULL ||
	    path_table_new(&job->paths) < 0)
		return failure_say(
		    text, ENOMEM, "out of memory for %u PCs", job->pcs_len);
	/* The locations, of which none is known yet, have more than the room it takes. */
	static_assert(sizeof(*job->locations) >= sizeof(uint64_t), "spare");
	pc_sort(job->pcs, job->pcs_len, job->sorted, job->order,
	    (uint64_t *)(void *)job->locations);
	return 0;
}

/* Where lines are. */
static struct elf_image *
debug_image(const struct job *job)
{
	return job->split != NULL ? job->split : job->image;
}

static int
resolve(struct job *job, struct failure *text)
{
	const struct resolve_job resolve_job = {
		.alternate = job->alternate,
		.sorted = job->sorted,
		.order = job->order,
		.len = job->pcs_len,
		.paths = job->paths,
		.locations = job->locations,
	};

	return resolve_lines(debug_image(job), &resolve_job, text);
}

static int
write_table(const struct job *job, int *ret_table, struct failure *text)
{
	const struct table_content content = {
		.pcs = job->pcs,
		.order = job->order,
		.locations = job->locations,
		.pcs_len = job->pcs_len,
		.paths = job->paths,
		.entries = job->entries.addresses,
		.entries_len = job->entries.len,
		.build_id = elf_image_build_id(job->image),
	};
	int r;

	r = table_write(&content, ret_table);
	if (r < 0)
		return failure_say(text, -r, "writing the table: %s", strerror(-r));
	return 0;
}

/* Of the PC list that came with the request. */
static uint64_t
hash_list(int fd)
{
	const void *data;
	uint64_t hash;
	size_t len;

	if (fd < 0 || shared_memory_map_sealed(fd, &data, &len) < 0 || data == NULL)
		return 0;
	hash = hash_bytes(HASH_SEED, data, len);
	munmap((void *)data, len);
	return hash;
}

static int
make_key(struct elf_image *image, const struct symbolize_request *request,
    struct table_key *ret_key)
{
	struct stat st;

	if (fstat(request->executable, &st) != 0)
		return -errno;
	*ret_key = (struct table_key){
		.build_id = elf_image_build_id(image),
		.file_size = (uint64_t)st.st_size,
		.mtime_ns =
		    st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec,
		.pcs_hash = hash_list(request->pcs),
		.wanted_hash =
		    hash_bytes(HASH_SEED, request->wanted, request->wanted_len),
	};
	return 0;
}

/* Where the executable has no lines of its own. Returns TABLE_OK if it has, or if its
 * separate debug file is open. */
static enum table_status
open_split(
    struct job *job, const struct symbolize_request *request, struct failure *text)
{
	uint64_t size;

	/* What is compressed in a way that is not read is there all the same. */
	if ((elf_image_has(job->image, ".debug_line", &size) && size > 0) ||
	    elf_image_is_zdebug(job->image))
		return TABLE_OK;
	if (request->debug < 0)
		return debug_link_describe(job->image, text->text, sizeof(text->text))
		    ? TABLE_WANTS_DEBUG
		    : TABLE_OK;
	if (elf_image_open(request->debug, &job->split, text) < 0 ||
	    debug_link_check(job->image, job->split, request->debug, text) < 0)
		return TABLE_FAILED;
	return TABLE_OK;
}

/* Where build directories lie in an alternate file. Without it, or with a wrong one, there
 * still are lines, and a remark. */
static enum table_status
open_alternate(
    struct job *job, const struct symbolize_request *request, struct failure *text)
{
	struct elf_image *image = debug_image(job);
	struct failure why;

	if (!alternate_is_wanted(image))
		return TABLE_OK;
	if (request->alternate < 0 && !request->no_alternate)
		return debug_link_describe_alternate(
			   image, text->text, sizeof(text->text))
		    ? TABLE_WANTS_ALTERNATE
		    : TABLE_OK;
	if (request->alternate < 0)
		failure_add(text,
		    "the file of its .gnu_debugaltlink (dwz -m) lies neither below its "
		    "folder nor below debug-roots");
	else if (alternate_open(request->alternate, image, &job->alternate, &why) < 0)
		failure_add(text, "the file of its .gnu_debugaltlink: %s", why.text);
	return TABLE_OK;
}

static int
find_entry_points(
    struct job *job, const struct symbolize_request *request, struct failure *text)
{
	uint64_t size;
	/* strip(1) takes .symtab away, too. */
	struct elf_image *image =
	    job->split != NULL && !elf_image_has(job->image, ".symtab", &size)
	    ? job->split
	    : job->image;
	int r = entry_points_find(
	    image, request->wanted, request->wanted_len, &job->entries, text);

	return r < 0 ? failure_say(text, -r, "entry points: %s", strerror(-r)) : 0;
}

/* Its PCs may come from a coverage file, which must be of this build. */
static enum table_status
lack_pc_table(const struct job *job, struct failure *text)
{
	struct byte_reader id = elf_image_build_id(job->image);
	size_t used = strlen(text->text);

	used += (size_t)snprintf(text->text + used, sizeof(text->text) - used, "\n");
	while (byte_reader_left(&id) > 0 && used + 2 < sizeof(text->text))
		used += (size_t)snprintf(text->text + used, sizeof(text->text) - used,
		    "%02x", byte_reader_u8(&id));
	return TABLE_NO_PC_TABLE;
}

static enum table_status
make_table(struct job *job, const struct symbolize_request *request, int *ret_table,
    struct failure *text)
{
	enum table_status status;
	int r;

	if (request->pcs >= 0) {
		r = take_list(job, request->pcs, text);
	} else {
		r = pc_table_read(job->image, &job->pcs, &job->pcs_len, text);
		if (r == -ENOENT)
			return lack_pc_table(job, text);
	}
	if (r < 0)
		return TABLE_FAILED;
	status = open_split(job, request, text);
	if (status == TABLE_OK)
		status = open_alternate(job, request, text);
	if (status != TABLE_OK)
		return status;
	r = allocate_and_sort(job, text);
	if (r == 0)
		r = resolve(job, text);
	if (r == 0)
		r = find_entry_points(job, request, text);
	if (r == 0)
		r = write_table(job, ret_table, text);
	return r == 0 ? TABLE_OK : TABLE_FAILED;
}

static enum table_status
run(struct job *job, const struct symbolize_request *request, int *ret_table,
    struct failure *text)
{
	enum table_status status;
	struct table_key key;
	bool keep;
	int r = elf_image_open(request->executable, &job->image, text);

	if (r < 0)
		return TABLE_FAILED;
	keep = request->cache >= 0 && make_key(job->image, request, &key) == 0;
	if (keep && table_cache_load(request->cache, &key, ret_table) == 0)
		return TABLE_OK;
	status = make_table(job, request, ret_table, text);
	/* A remark may be of something that passes; another debug file changes nothing
	 * in the key. */
	keep = keep && job->split == NULL && job->alternate == NULL &&
	    status == TABLE_OK && text->text[0] == '\0';
	r = keep ? table_cache_store(request->cache, &key, *ret_table) : 0;
	if (r < 0)
		log_warning("a finished table cannot be kept: %s", strerror(-r));
	return status;
}

enum table_status
symbolize(const struct symbolize_request *request, int *ret_table, struct failure *text)
{
	struct job job = { 0 };
	enum table_status status;

	text->text[0] = '\0';
	status = run(&job, request, ret_table, text);
	pages_free(job.pcs, job.pcs_len * sizeof(*job.pcs));
	pages_free(job.sorted, job.pcs_len * sizeof(*job.sorted));
	pages_free(job.order, job.pcs_len * sizeof(*job.order));
	pages_free(job.locations, job.pcs_len * sizeof(*job.locations));
	path_table_free(job.paths);
	entry_points_free(&job.entries);
	elf_image_free(job.alternate);
	elf_image_free(job.split);
	elf_image_free(job.image);
	return status;
}
